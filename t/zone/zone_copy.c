
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <stdarg.h>
#include <stdio.h>
#include "zone.h"


#define ZONE_MAX_FAULTS                40


int
zone_known(zone_t *zone, const void *addr, size_t size, const char *what)
{
    ngx_uint_t  n;

    n = ((uintptr_t) addr - zone->base) / ZONE_UNIT;

    if (zone->flags[n] & ZONE_KNOWN) {
        zone_fault(zone, "%s %p is there twice", what, addr);
        return -1;
    }

    zone->flags[n] |= ZONE_KNOWN;
    zone->sizes[n] = size;

    return 0;
}


void *
zone_at(zone_t *zone, const void *addr, size_t size)
{
    uintptr_t  offset;

    offset = (uintptr_t) addr - zone->base;

    if ((uintptr_t) addr < zone->base || offset % ZONE_UNIT
        || offset > zone->size || size > zone->size - offset)
    {
        zone_fault(zone, "%p is not in the zone", addr);
        return NULL;
    }

    return zone->copy + offset;
}


u_char *
zone_flags(zone_t *zone, const void *addr)
{
    return &zone->flags[((uintptr_t) addr - zone->base) / ZONE_UNIT];
}


void
zone_fault(zone_t *zone, const char *fmt, ...)
{
    va_list  args;

    if (zone->faults++ >= ZONE_MAX_FAULTS) {
        return;
    }

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);

    putchar('\n');
}


uint32_t
zone_hash(u_char *p, size_t len)
{
    size_t    i;
    uint32_t  h, k;

    h = (uint32_t) len;

    for (i = 0; i + 4 <= len; i += 4) {
        k = (uint32_t) p[i] | (uint32_t) p[i + 1] << 8
            | (uint32_t) p[i + 2] << 16 | (uint32_t) p[i + 3] << 24;

        k *= 0x5bd1e995;
        k ^= k >> 24;

        h = (h * 0x5bd1e995) ^ (k * 0x5bd1e995);
    }

    if (i < len) {

        for (k = 0; len > i; len--) {
            k = k << 8 | p[len - 1];
        }

        h = (h ^ k) * 0x5bd1e995;
    }

    h ^= h >> 13;
    h *= 0x5bd1e995;

    return h ^ (h >> 15);
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * The slab pool, as ngx_slab.c keeps it, whose constants are its own: pages
 * are free, or begin or go on an allocation of whole pages, or hold chunks of
 * one size, with a map of those in use.
 */


#include "zone.h"


#define ZONE_PAGE_MASK                 3
#define ZONE_PAGE                      0
#define ZONE_BIG                       1
#define ZONE_EXACT                     2
#define ZONE_SMALL                     3

#define ZONE_BITS                      (8 * sizeof(uintptr_t))

#define ZONE_BUSY                      (~(uintptr_t) 0)
#define ZONE_START                     ((uintptr_t) 1 << (ZONE_BITS - 1))

#define ZONE_MAP_SHIFT                 (ZONE_BITS / 2)
#define ZONE_SHIFT_MASK                0xf

#define ZONE_SLOTS                     16

#define zone_page_type(page)           ((page)->prev & ZONE_PAGE_MASK)


typedef struct {
    zone_t                            *zone;
    ngx_slab_pool_t                   *pool;
    ngx_slab_page_t                   *pages;      /* in the copy */
    ngx_uint_t                         npages;
    ngx_uint_t                         nslots;
    ngx_uint_t                         exact;      /* shift */

    /* what was found in the pages */
    ngx_uint_t                         free;
    ngx_uint_t                         runs;
    ngx_uint_t                         total[ZONE_SLOTS];
    ngx_uint_t                         used[ZONE_SLOTS];
    ngx_uint_t                         open[ZONE_SLOTS];
} zone_slab_t;


static int zone_slab_header(zone_slab_t *slab);
static ngx_uint_t zone_slab_page(zone_slab_t *slab, ngx_uint_t n);
static ngx_uint_t zone_slab_free_run(zone_slab_t *slab, ngx_uint_t n);
static ngx_uint_t zone_slab_busy_run(zone_slab_t *slab, ngx_uint_t n);
static void zone_slab_chunks(zone_slab_t *slab, ngx_uint_t n);
static ngx_uint_t zone_slab_map(zone_slab_t *slab, ngx_uint_t n,
    ngx_uint_t *shift, uintptr_t *map);
static void zone_slab_found(zone_slab_t *slab, uintptr_t addr, size_t size);
static void zone_slab_free_list(zone_slab_t *slab);
static void zone_slab_slot_list(zone_slab_t *slab, ngx_uint_t slot);
static void zone_slab_lost(zone_slab_t *slab);


ngx_uint_t
zone_check_slab(zone_t *zone, ngx_slab_pool_t *pool)
{
    ngx_uint_t   n, slot;
    zone_slab_t  slab;

    ngx_memzero(&slab, sizeof(zone_slab_t));

    slab.zone = zone;
    slab.pool = pool;

    if (zone_slab_header(&slab) != 0) {
        return 0;
    }

    for (n = 0; n < slab.npages; /* void */ ) {
        n += zone_slab_page(&slab, n);
    }

    if (slab.free != pool->pfree) {
        zone_fault(zone, "slab: %lu pages are free, it says %lu",
                   slab.free, pool->pfree);
    }

    zone_slab_free_list(&slab);

    for (slot = 0; slot < slab.nslots; slot++) {
        zone_slab_slot_list(&slab, slot);
    }

    zone_slab_lost(&slab);

    return slab.free;
}


static int
zone_slab_header(zone_slab_t *slab)
{
    zone_t           *zone;
    uintptr_t         start, pages, size;
    ngx_slab_pool_t  *pool;

    zone = slab->zone;
    pool = slab->pool;

    if (pool->min_shift != 3 || pool->min_size != 8) {
        zone_fault(zone, "slab: the least size is %zu", pool->min_size);
        return -1;
    }

    slab->nslots = ngx_pagesize_shift - pool->min_shift;
    slab->exact = ngx_pagesize_shift - 6;

    if (sizeof(uintptr_t) == 4) {
        slab->exact++;
    }

    pages = zone->base + sizeof(ngx_slab_pool_t)
            + slab->nslots * (sizeof(ngx_slab_page_t)
                              + sizeof(ngx_slab_stat_t));

    if ((uintptr_t) pool->pages != pages
        || (uintptr_t) pool->stats
           != pages - slab->nslots * sizeof(ngx_slab_stat_t))
    {
        zone_fault(zone, "slab: pages or stats are not in their place");
        return -1;
    }

    start = (uintptr_t) pool->start;
    size = (uintptr_t) pool->last - pages;
    slab->npages = size / sizeof(ngx_slab_page_t);

    if (start % ngx_pagesize || size % sizeof(ngx_slab_page_t)
        || start < (uintptr_t) pool->last || start - pages > zone->size
        || slab->npages == 0
        || slab->npages > zone->size / ngx_pagesize
        || start + slab->npages * ngx_pagesize > (uintptr_t) pool->end)
    {
        zone_fault(zone, "slab: start %p, end %p, last %p can't be",
                   pool->start, pool->end, pool->last);
        return -1;
    }

    slab->pages = zone_at(zone, pool->pages, size);

    return slab->pages ? 0 : -1;
}


/* returns how many pages this was */

static ngx_uint_t
zone_slab_page(zone_slab_t *slab, ngx_uint_t n)
{
    ngx_slab_page_t  *page;

    page = &slab->pages[n];

    if (zone_page_type(page) != ZONE_PAGE || page->prev == ZONE_PAGE) {

        if (page->prev == ZONE_PAGE) {
            return zone_slab_busy_run(slab, n);
        }

        zone_slab_chunks(slab, n);
        return 1;
    }

    return zone_slab_free_run(slab, n);
}


static ngx_uint_t
zone_slab_free_run(zone_slab_t *slab, ngx_uint_t n)
{
    ngx_uint_t        i, len;
    uintptr_t         first;
    ngx_slab_page_t  *page;

    page = &slab->pages[n];
    len = page->slab;

    if (page->next == NULL || len == 0 || len > slab->npages - n) {
        zone_fault(slab->zone, "slab: page %lu is a free run of %lx", n, len);
        return 1;
    }

    for (i = 1; i < len; i++) {
        if (page[i].slab || page[i].next
            || zone_page_type(&page[i]) != ZONE_PAGE)
        {
            zone_fault(slab->zone, "slab: page %lu in free run %lu is in use",
                       n + i, n);
            return 1;
        }
    }

    /* the last one tells where the run begins, but in the very first run */

    first = (uintptr_t) (slab->pool->pages + n);

    if (len > 1 && page[len - 1].prev != first
        && !(n == 0 && len == slab->npages))
    {
        zone_fault(slab->zone, "slab: the end of free run %lu leads to %lx",
                   n, (long) page[len - 1].prev);
    }

    *zone_flags(slab->zone, slab->pool->pages + n) |= ZONE_FREE;

    slab->free += len;
    slab->runs++;

    return len;
}


static ngx_uint_t
zone_slab_busy_run(zone_slab_t *slab, ngx_uint_t n)
{
    uintptr_t         addr;
    ngx_uint_t        i, len;
    ngx_slab_page_t  *page;

    page = &slab->pages[n];
    len = page->slab & ~ZONE_START;

    if (!(page->slab & ZONE_START) || page->next || len == 0
        || len > slab->npages - n)
    {
        zone_fault(slab->zone, "slab: page %lu is in use, by %lx", n,
                   (long) page->slab);
        return 1;
    }

    for (i = 1; i < len; i++) {
        if (page[i].slab != ZONE_BUSY || page[i].prev != ZONE_PAGE
            || page[i].next)
        {
            zone_fault(slab->zone, "slab: page %lu in run %lu is free",
                       n + i, n);
            return 1;
        }
    }

    addr = (uintptr_t) slab->pool->start + n * ngx_pagesize;

    zone_slab_found(slab, addr, len * ngx_pagesize);

    return len;
}


static void
zone_slab_chunks(zone_slab_t *slab, ngx_uint_t n)
{
    uintptr_t    addr, map[ZONE_BITS];
    ngx_uint_t   i, count, shift, slot, own, used;

    count = zone_slab_map(slab, n, &shift, map);

    if (count == 0) {
        return;
    }

    addr = (uintptr_t) slab->pool->start + n * ngx_pagesize;
    slot = shift - slab->pool->min_shift;
    own = 0;
    used = 0;

    if (shift < slab->exact) {

        /* the map is in the first chunks */

        own = (count / 8) >> shift;
        own = own ? own : 1;
    }

    for (i = 0; i < count; i++) {

        if (!(map[i / ZONE_BITS] & ((uintptr_t) 1 << (i % ZONE_BITS)))) {

            if (i < own) {
                zone_fault(slab->zone, "slab: the map of page %lu is free", n);
            }

            continue;
        }

        if (i >= own) {
            used++;
            zone_slab_found(slab, addr + (i << shift), (size_t) 1 << shift);
        }
    }

    if (used == 0) {
        zone_fault(slab->zone, "slab: page %lu has nothing in use", n);
    }

    if ((used == count - own) != (slab->pages[n].next == NULL)) {
        zone_fault(slab->zone, "slab: page %lu has %lu of %lu in use, and is "
                   "%sin a list", n, used, count - own,
                   slab->pages[n].next ? "" : "not ");
    }

    slab->open[slot] += (slab->pages[n].next != NULL);
    slab->total[slot] += count - own;
    slab->used[slot] += used;
}


/* how many chunks there are, their size and the map of them; 0 is a fault */

static ngx_uint_t
zone_slab_map(zone_slab_t *slab, ngx_uint_t n, ngx_uint_t *shift,
    uintptr_t *map)
{
    u_char           *p;
    size_t            size;
    ngx_uint_t        count;
    ngx_slab_page_t  *page;

    page = &slab->pages[n];
    *shift = slab->exact;

    switch (zone_page_type(page)) {

    case ZONE_EXACT:
        map[0] = page->slab;
        return ZONE_BITS;

    case ZONE_BIG:
        *shift = page->slab & ZONE_SHIFT_MASK;
        map[0] = page->slab >> ZONE_MAP_SHIFT;

        if (*shift <= slab->exact || *shift >= ngx_pagesize_shift) {
            break;
        }

        return ngx_pagesize >> *shift;

    default: /* ZONE_SMALL */
        *shift = page->slab & ZONE_SHIFT_MASK;

        if (*shift < slab->pool->min_shift || *shift >= slab->exact) {
            break;
        }

        count = ngx_pagesize >> *shift;
        size = count / 8;

        if (size > ZONE_BITS * sizeof(uintptr_t)) {
            break;
        }

        p = zone_at(slab->zone, slab->pool->start + n * ngx_pagesize, size);
        if (p == NULL) {
            return 0;
        }

        ngx_memcpy(map, p, size);
        return count;
    }

    zone_fault(slab->zone, "slab: page %lu of type %lu has chunks of %lu bits",
               n, (long) zone_page_type(page), *shift);
    return 0;
}


/* an allocation: is it known, and was it made for what is there? */

static void
zone_slab_found(zone_slab_t *slab, uintptr_t addr, size_t size)
{
    size_t      need, fit;
    u_char     *flags;
    ngx_uint_t  i;

    flags = zone_flags(slab->zone, (void *) addr);
    i = (addr - slab->zone->base) / ZONE_UNIT;

    if (!(*flags & ZONE_KNOWN)) {
        zone_fault(slab->zone, "leak: %zu bytes at %lx belong to nothing",
                   size, (long) addr);
        return;
    }

    *flags |= ZONE_FOUND;

    need = slab->zone->sizes[i];

    if (need > ngx_pagesize / 2) {
        fit = ngx_align(need, ngx_pagesize);

    } else {
        for (fit = slab->pool->min_size; fit < need; fit *= 2) { /* void */ }
    }

    if (fit != size) {
        zone_fault(slab->zone, "what is at %lx needs %zu bytes and has %zu",
                   (long) addr, need, size);
    }
}


static void
zone_slab_free_list(zone_slab_t *slab)
{
    u_char           *flags;
    uintptr_t         prev;
    ngx_uint_t        n, count;
    ngx_slab_page_t  *page, *head, *p;

    head = (ngx_slab_page_t *)
               (slab->zone->base + offsetof(ngx_slab_pool_t, free));
    prev = (uintptr_t) head;
    count = 0;

    for (page = slab->pool->free.next; page != head; page = p->next) {
        n = page - slab->pool->pages;

        if (page < slab->pool->pages || n >= slab->npages
            || page != slab->pool->pages + n)
        {
            zone_fault(slab->zone, "slab: %p is in the free list", page);
            return;
        }

        p = &slab->pages[n];
        flags = zone_flags(slab->zone, page);

        if (!(*flags & ZONE_FREE)) {
            zone_fault(slab->zone, "slab: page %lu is in the free list, and "
                       "begins no free run or is there twice", n);
            return;
        }

        *flags &= ~ZONE_FREE;

        if (p->prev != prev) {
            zone_fault(slab->zone, "slab: free run %lu leads back to %lx", n,
                       (long) p->prev);
        }

        prev = (uintptr_t) page;
        count++;
    }

    if (count != slab->runs) {
        zone_fault(slab->zone, "slab: %lu free runs are not in the list",
                   slab->runs - count);
    }
}


static void
zone_slab_slot_list(zone_slab_t *slab, ngx_uint_t slot)
{
    uintptr_t         prev, type;
    ngx_uint_t        n, count, shift;
    ngx_slab_page_t  *slots, *page, *head, *p;
    ngx_slab_stat_t  *stat;

    shift = slot + slab->pool->min_shift;
    type = (shift < slab->exact) ? ZONE_SMALL
           : (shift == slab->exact) ? ZONE_EXACT : ZONE_BIG;

    head = (ngx_slab_page_t *) (slab->zone->base + sizeof(ngx_slab_pool_t))
           + slot;

    slots = zone_at(slab->zone, head, sizeof(ngx_slab_page_t));
    prev = (uintptr_t) head | type;
    count = 0;

    for (page = slots->next; page != head; page = p->next) {
        n = page - slab->pool->pages;

        if (page < slab->pool->pages || n >= slab->npages
            || page != slab->pool->pages + n || ++count > slab->npages)
        {
            zone_fault(slab->zone, "slab: %p is in the list of %d bytes", page,
                       1 << shift);
            return;
        }

        p = &slab->pages[n];

        if (p->prev != prev
            || (type != ZONE_EXACT && (p->slab & ZONE_SHIFT_MASK) != shift))
        {
            zone_fault(slab->zone, "slab: page %lu, %lx and %lx, is in the "
                       "list of %d bytes", n, (long) p->slab, (long) p->prev,
                       1 << shift);
        }

        prev = (uintptr_t) page | type;
    }

    if (count != slab->open[slot]) {
        zone_fault(slab->zone, "slab: %lu pages are in the list of %d bytes, "
                   "%lu should be", count, 1 << shift, slab->open[slot]);
    }

    stat = zone_at(slab->zone, slab->pool->stats + slot,
                   sizeof(ngx_slab_stat_t));

    if (stat->total != slab->total[slot] || stat->used != slab->used[slot]) {
        zone_fault(slab->zone, "slab: %lu of %lu times %d bytes are in use, "
                   "it says %lu of %lu", slab->used[slot], slab->total[slot],
                   1 << shift, stat->used, stat->total);
    }
}


/* what is known, but is not allocated, or not by itself */

static void
zone_slab_lost(zone_slab_t *slab)
{
    u_char      *flags;
    ngx_uint_t   i;

    flags = slab->zone->flags;

    for (i = 0; i < slab->zone->size / ZONE_UNIT; i++) {

        if ((flags[i] & ZONE_KNOWN) && !(flags[i] & ZONE_FOUND)) {
            zone_fault(slab->zone, "what is at %lx, %u bytes, was freed",
                       (long) (slab->zone->base + i * ZONE_UNIT),
                       slab->zone->sizes[i]);
        }
    }
}

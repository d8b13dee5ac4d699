
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include "zone.h"


void
zone_check_count(zone_t *zone, const char *what, ngx_uint_t n,
    ngx_uint_t said)
{
    if (said != n) {
        zone_fault(zone, "there are %lu %s, it says %lu", n, what, said);
    }
}


u_char *
zone_check_area(zone_t *zone, ngx_openclaw_zone_sh_t *sh,
    ngx_openclaw_stats_t *stats)
{
    ngx_uint_t  n;

    n = sh->nstats;

    if (n == 0 || n > NGX_MAX_PROCESSES
        || zone_at(zone, stats, n * sizeof(ngx_openclaw_stats_t)) == NULL)
    {
        zone_fault(zone, "there are counters of %lu workers", n);
        return NULL;
    }

    return (u_char *) (stats + n);
}


void
zone_check_stats(zone_t *zone, ngx_openclaw_zone_sh_t *sh,
    ngx_openclaw_zone_worker_t *worker)
{
    size_t                 i;
    ngx_atomic_t          *gauge;
    ngx_openclaw_stats_t  *stats;

    stats = zone_at(zone, sh->stats,
                    sh->nstats * sizeof(ngx_openclaw_stats_t));

    if (stats == NULL || worker->slot >= sh->nstats
        || !stats[worker->slot].used)
    {
        zone_fault(zone, "worker %d has counters %lu", (int) worker->pid,
                   worker->slot);
    }

    gauge = (ngx_atomic_t *) &worker->gauges;

    for (i = 0; i < sizeof(worker->gauges) / sizeof(ngx_atomic_t); i++) {

        if ((ngx_atomic_int_t) gauge[i] < 0) {
            zone_fault(zone, "gauge %lu of worker %d is %ld", (ngx_uint_t) i,
                       (int) worker->pid, (long) gauge[i]);
        }
    }
}

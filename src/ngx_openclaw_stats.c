
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_stats.h>


static ngx_openclaw_stats_t         ngx_openclaw_stats_own;
static ngx_openclaw_stats_gauges_t  ngx_openclaw_stats_own_gauges;

ngx_openclaw_stats_t         *ngx_openclaw_stats = &ngx_openclaw_stats_own;
ngx_openclaw_stats_gauges_t  *ngx_openclaw_stats_gauges =
                                               &ngx_openclaw_stats_own_gauges;


/* of the buckets; the last one takes whatever is longer than the others do */

ngx_openclaw_stats_bound_t
    ngx_openclaw_stats_bounds[NGX_OPENCLAW_STATS_BUCKETS] =
{
    { 5, ngx_string("0.005") },
    { 10, ngx_string("0.01") },
    { 25, ngx_string("0.025") },
    { 50, ngx_string("0.05") },
    { 100, ngx_string("0.1") },
    { 250, ngx_string("0.25") },
    { 500, ngx_string("0.5") },
    { 1000, ngx_string("1") },
    { 2500, ngx_string("2.5") },
    { 5000, ngx_string("5") },
    { 10000, ngx_string("10") },
    { 30000, ngx_string("30") },
    { 60000, ngx_string("60") },
    { 300000, ngx_string("300") },
    { 1800000, ngx_string("1800") },
    { NGX_MAX_INT_T_VALUE, ngx_string("+Inf") }
};


void
ngx_openclaw_stats_observe(ngx_openclaw_stats_histogram_t *histogram,
    ngx_msec_t msec)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_OPENCLAW_STATS_BUCKETS - 1; i++) {
        if (msec <= ngx_openclaw_stats_bounds[i].msec) {
            break;
        }
    }

    (void) ngx_atomic_fetch_add(&histogram->buckets[i], 1);
    (void) ngx_atomic_fetch_add(&histogram->msec, (ngx_atomic_int_t) msec);
}


void
ngx_openclaw_stats_attach(ngx_openclaw_stats_t *stats)
{
    stats->used = 1;

    ngx_openclaw_stats = stats;
}


void
ngx_openclaw_stats_publish(ngx_openclaw_stats_gauges_t *gauges)
{
    if (gauges == NULL) {
        gauges = &ngx_openclaw_stats_own_gauges;
    }

    *gauges = *ngx_openclaw_stats_gauges;

    ngx_openclaw_stats_gauges = gauges;
}


void
ngx_openclaw_stats_sum(void *all, void *one, size_t size)
{
    size_t         i;
    ngx_atomic_t  *to, *from;

    to = all;
    from = one;

    for (i = 0; i < size / sizeof(ngx_atomic_t); i++) {
        to[i] += from[i];
    }
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_zone.h>


ngx_openclaw_zone_gateway_t *
ngx_openclaw_zone_gateway_locked(ngx_openclaw_zone_t *zone, ngx_str_t *name)
{
    ngx_queue_t                  *q;
    ngx_openclaw_zone_gateway_t  *g;

    for (q = ngx_queue_head(&zone->sh->gateways);
         q != ngx_queue_sentinel(&zone->sh->gateways);
         q = ngx_queue_next(q))
    {
        g = ngx_queue_data(q, ngx_openclaw_zone_gateway_t, queue);

        if (g->len == name->len
            && ngx_memcmp(g->name, name->data, name->len) == 0)
        {
            return g;
        }
    }

    return NULL;
}


ngx_openclaw_zone_gateway_t *
ngx_openclaw_zone_add_gateway_locked(ngx_openclaw_zone_t *zone,
    ngx_str_t *name)
{
    time_t                        now;
    ngx_queue_t                  *q, *next;
    ngx_openclaw_zone_gateway_t  *g;

    now = ngx_time();

    /* some may be configured no more */

    for (q = ngx_queue_head(&zone->sh->gateways);
         q != ngx_queue_sentinel(&zone->sh->gateways);
         q = next)
    {
        next = ngx_queue_next(q);
        g = ngx_queue_data(q, ngx_openclaw_zone_gateway_t, queue);

        if (now - g->last > zone->inactive) {
            ngx_openclaw_zone_forget_gateway_locked(zone, g);
        }
    }

    g = ngx_openclaw_zone_alloc_locked(zone,
                                   offsetof(ngx_openclaw_zone_gateway_t, name)
                                   + name->len);
    if (g == NULL) {
        return NULL;
    }

    g->fails = 0;
    g->last = now;
    g->down = 0;
    g->len = name->len;
    ngx_memcpy(g->name, name->data, name->len);

    ngx_queue_insert_tail(&zone->sh->gateways, &g->queue);

    return g;
}


void
ngx_openclaw_zone_forget_gateway_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_gateway_t *g)
{
    ngx_queue_remove(&g->queue);
    ngx_slab_free_locked(zone->shpool, g);
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_session_gateway.h>
#include <ngx_openclaw_session_internal.h>


static ngx_uint_t ngx_openclaw_gateway_choose_locked(
    ngx_openclaw_gateways_t *gateways, uint32_t hash, uint64_t tried,
    ngx_uint_t *down);
static ngx_uint_t ngx_openclaw_gateway_best(ngx_openclaw_gateways_t *gateways,
    uint32_t hash, uint64_t tried);


ngx_openclaw_gateway_t *
ngx_openclaw_gateway_pick(ngx_openclaw_gateways_t *gateways, uint32_t hash,
    uint64_t *tried, ngx_uint_t *down)
{
    ngx_uint_t  n;

    *down = 0;

    if (gateways->nelts > 1 && gateways->max_fails
        && ngx_openclaw_session.zone)
    {
        ngx_openclaw_session_lock();
        n = ngx_openclaw_gateway_choose_locked(gateways, hash, *tried, down);
        ngx_openclaw_session_unlock();

    } else {
        n = ngx_openclaw_gateway_best(gateways, hash, *tried);
    }

    if (n == gateways->nelts) {
        return NULL;
    }

    *tried |= (uint64_t) 1 << n;

    return &gateways->elts[n];
}


static ngx_uint_t
ngx_openclaw_gateway_choose_locked(ngx_openclaw_gateways_t *gateways,
    uint32_t hash, uint64_t tried, ngx_uint_t *down)
{
    time_t                        now;
    uint64_t                      skip;
    ngx_uint_t                    i, n;
    ngx_openclaw_zone_t          *zone;
    ngx_openclaw_zone_gateway_t  *g;

    zone = ngx_openclaw_session.zone;
    now = ngx_time();
    skip = 0;

    for (i = 0; i < gateways->nelts; i++) {
        g = ngx_openclaw_zone_gateway_locked(zone, &gateways->elts[i].name);

        if (g && g->down && now - g->last <= gateways->fail_timeout) {
            skip |= (uint64_t) 1 << i;
        }
    }

    n = ngx_openclaw_gateway_best(gateways, hash, tried | skip);

    if (n == gateways->nelts) {

        /* better than to give up, and one that is back is found at once */

        n = ngx_openclaw_gateway_best(gateways, hash, tried);

        if (n == gateways->nelts) {
            return n;
        }
    }

    g = ngx_openclaw_zone_gateway_locked(zone, &gateways->elts[n].name);

    if (g && g->down) {

        /* one turn finds out, others wait for what it finds */

        g->last = now;
        *down = 1;
    }

    return n;
}


static ngx_uint_t
ngx_openclaw_gateway_best(ngx_openclaw_gateways_t *gateways, uint32_t hash,
    uint64_t tried)
{
    uint32_t                 pair[2], score, max;
    ngx_uint_t               i, best;
    ngx_openclaw_gateway_t  *gateway;

    gateway = gateways->elts;
    best = gateways->nelts;
    max = 0;
    pair[0] = hash;

    for (i = 0; i < gateways->nelts; i++) {

        if (tried & ((uint64_t) 1 << i)) {
            continue;
        }

        pair[1] = gateway[i].hash;
        score = ngx_murmur_hash2((u_char *) pair, sizeof(pair));

        /* in case of a tie the order they are in must not matter, either */

        if (best == gateways->nelts || score > max
            || (score == max
                && ngx_strcmp(gateway[i].name.data, gateway[best].name.data)
                   > 0))
        {
            best = i;
            max = score;
        }
    }

    return best;
}


void
ngx_openclaw_gateway_works(ngx_openclaw_gateway_t *gateway, ngx_log_t *log)
{
    ngx_uint_t                    up;
    ngx_openclaw_zone_t          *zone;
    ngx_openclaw_zone_gateway_t  *g;

    zone = ngx_openclaw_session.zone;
    up = 0;

    if (zone == NULL) {
        return;
    }

    ngx_openclaw_session_lock();

    g = ngx_openclaw_zone_gateway_locked(zone, &gateway->name);

    if (g) {
        up = g->down;
        ngx_openclaw_zone_forget_gateway_locked(zone, g);
    }

    ngx_openclaw_session_unlock();

    if (up) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "gateway \"%V\" enabled again", &gateway->name);
    }
}


void
ngx_openclaw_gateway_fails(ngx_openclaw_gateways_t *gateways,
    ngx_openclaw_gateway_t *gateway, ngx_log_t *log)
{
    ngx_uint_t                    down;
    ngx_openclaw_zone_t          *zone;
    ngx_openclaw_zone_gateway_t  *g;

    zone = ngx_openclaw_session.zone;
    down = 0;

    if (gateways->nelts == 1 || gateways->max_fails == 0 || zone == NULL) {
        return;
    }

    ngx_openclaw_session_lock();

    g = ngx_openclaw_zone_gateway_locked(zone, &gateway->name);

    if (g == NULL) {
        g = ngx_openclaw_zone_add_gateway_locked(zone, &gateway->name);
    }

    if (g) {

        if (!g->down && ngx_time() - g->last > gateways->fail_timeout) {
            g->fails = 0;
        }

        g->fails++;
        g->last = ngx_time();

        if (!g->down && g->fails >= gateways->max_fails) {
            g->down = 1;
            down = 1;
        }
    }

    ngx_openclaw_session_unlock();

    if (down) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "gateway \"%V\" temporarily disabled, for %T seconds",
                      &gateway->name, gateways->fail_timeout);
    }
}

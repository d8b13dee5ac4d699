
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_openclaw_session_internal.h>


static ngx_int_t ngx_openclaw_session_connect_locked(
    ngx_openclaw_place_t *place, ngx_uint_t max);
static void ngx_openclaw_session_no_room(void);


ngx_int_t
ngx_openclaw_session_rate(u_char *who, ngx_uint_t rate, ngx_uint_t burst,
    ngx_uint_t *excess)
{
    ngx_int_t                    rc;
    ngx_openclaw_session_ctx_t  *ctx;

    ctx = &ngx_openclaw_session;
    *excess = 0;

    if (ctx->zone == NULL) {
        return NGX_ERROR;
    }

    ngx_openclaw_session_lock();
    rc = ngx_openclaw_zone_rate_locked(ctx->zone, who, rate, burst, excess);
    ngx_openclaw_session_unlock();

    if (rc == NGX_ERROR) {
        ngx_openclaw_session_no_room();
    }

    return rc;
}


ngx_int_t
ngx_openclaw_session_connect(ngx_openclaw_place_t *place, ngx_uint_t max)
{
    ngx_int_t                    rc;
    ngx_openclaw_session_ctx_t  *ctx;

    ctx = &ngx_openclaw_session;

    if (ctx->zone == NULL
        || ngx_openclaw_session_register((ngx_cycle_t *) ngx_cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_openclaw_session_lock();
    rc = ngx_openclaw_session_connect_locked(place, max);
    ngx_openclaw_session_unlock();

    if (rc == NGX_ERROR) {
        ngx_openclaw_session_no_room();
    }

    return rc;
}


static ngx_int_t
ngx_openclaw_session_connect_locked(ngx_openclaw_place_t *place,
    ngx_uint_t max)
{
    ngx_openclaw_zone_t         *zone;
    ngx_openclaw_session_ctx_t  *ctx;
    ngx_openclaw_zone_sender_t  *sender;

    ctx = &ngx_openclaw_session;
    zone = ctx->zone;

    sender = ngx_openclaw_zone_sender_locked(zone, place->who, 0);

    if (sender && sender->connections >= max) {
        return NGX_BUSY;
    }

    place->shared = ngx_openclaw_zone_add_connection_locked(zone, ctx->worker,
                                                            place->who);
    if (place->shared == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_insert_tail(&ctx->places, &place->queue);
    place->counted = 1;

    return NGX_OK;
}


void
ngx_openclaw_session_disconnect(ngx_openclaw_place_t *place)
{
    if (!place->counted) {
        return;
    }

    ngx_openclaw_session_lock();

    if (place->shared) {
        ngx_openclaw_zone_remove_connection_locked(ngx_openclaw_session.zone,
                                                   place->shared);
        place->shared = NULL;
    }

    ngx_queue_remove(&place->queue);
    place->counted = 0;

    ngx_openclaw_session_unlock();
}


void
ngx_openclaw_session_connect_anew_locked(void)
{
    ngx_queue_t                 *q;
    ngx_openclaw_place_t        *place;
    ngx_openclaw_session_ctx_t  *ctx;

    ctx = &ngx_openclaw_session;

    for (q = ngx_queue_head(&ctx->places);
         q != ngx_queue_sentinel(&ctx->places);
         q = ngx_queue_next(q))
    {
        place = ngx_queue_data(q, ngx_openclaw_place_t, queue);

        /* with no room, it does not count: that is no reason to close it */

        if (place->shared == NULL) {
            place->shared = ngx_openclaw_zone_add_connection_locked(ctx->zone,
                                                    ctx->worker, place->who);
        }
    }
}


static void
ngx_openclaw_session_no_room(void)
{
    ngx_openclaw_session_ctx_t  *ctx;

    ctx = &ngx_openclaw_session;

    ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                  "could not allocate sender%s", ctx->zone->sh->log_ctx);
}

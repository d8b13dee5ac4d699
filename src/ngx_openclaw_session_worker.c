
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_openclaw_session_internal.h>


/* how many workers are copied out of the zone at a time */

#define NGX_OPENCLAW_SESSION_PEERS          16


/* what is known of another worker while the zone is not locked */

typedef struct {
    ngx_openclaw_zone_worker_t        *worker;
    ngx_pid_t                          pid;
    ngx_uint_t                         epoch;
    ngx_openclaw_post_address_t        address;
} ngx_openclaw_session_peer_t;


static ngx_uint_t ngx_openclaw_session_wakes_locked(
    ngx_openclaw_session_peer_t *peers);
static void ngx_openclaw_session_peer_locked(
    ngx_openclaw_session_peer_t *peer, ngx_openclaw_zone_worker_t *worker);
static ngx_uint_t ngx_openclaw_session_wake(ngx_openclaw_session_peer_t *peers,
    ngx_uint_t n);
static void ngx_openclaw_session_reap_locked(
    ngx_openclaw_session_peer_t *peers, ngx_uint_t n);
static void ngx_openclaw_session_gauges(ngx_openclaw_zone_sh_t *sh,
    ngx_openclaw_stats_view_t *view);


ngx_openclaw_session_ctx_t  ngx_openclaw_session;


ngx_int_t
ngx_openclaw_session_register(ngx_cycle_t *cycle)
{
    ngx_openclaw_session_ctx_t  *ctx;

    ctx = &ngx_openclaw_session;

    if (ctx->worker) {
        return NGX_OK;
    }

    if (ctx->address.len == 0
        && ngx_openclaw_post_init_process(cycle, ngx_openclaw_session_woken,
                                          NULL, &ctx->address)
           != NGX_OK)
    {
        ctx->address.len = 0;
        return NGX_ERROR;
    }

    ngx_openclaw_session_lock();
    ctx->worker = ngx_openclaw_zone_register_locked(ctx->zone, &ctx->address,
                                                    &ctx->listen);
    ngx_openclaw_session_unlock();

    if (ctx->worker == NULL) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                      "could not register worker process%s",
                      ctx->zone->sh->log_ctx);
        return NGX_ERROR;
    }

    ngx_openclaw_stats_publish(&ctx->worker->gauges);

    return NGX_OK;
}


void
ngx_openclaw_session_listen(ngx_openclaw_post_address_t *address)
{
    ngx_openclaw_session_ctx_t  *ctx;

    ctx = &ngx_openclaw_session;

    ctx->listen = *address;

    if (ctx->worker) {
        ngx_openclaw_session_lock();
        ctx->worker->listen = *address;
        ngx_openclaw_session_unlock();
    }
}


ngx_uint_t
ngx_openclaw_session_worker(ngx_pid_t pid)
{
    ngx_uint_t               i;
    ngx_openclaw_zone_sh_t  *sh;

    if (ngx_openclaw_session.zone == NULL || pid <= 0) {
        return 0;
    }

    sh = ngx_openclaw_session.zone->sh;

    for (i = 0; i < sh->nworkers; i++) {

        if (sh->workers[i].pid == pid) {
            return 1;
        }
    }

    return 0;
}


void
ngx_openclaw_session_gone(ngx_openclaw_owner_t *owner)
{
    ngx_uint_t                    i, n;
    ngx_openclaw_zone_sh_t       *sh;
    ngx_openclaw_zone_worker_t   *worker;
    ngx_openclaw_session_peer_t   peer;

    if (ngx_openclaw_session.zone == NULL) {
        return;
    }

    sh = ngx_openclaw_session.zone->sh;
    n = 0;

    ngx_openclaw_session_lock();

    for (i = 0; i < sh->nworkers; i++) {
        worker = &sh->workers[i];

        if (worker->pid == owner->pid && worker->epoch == owner->epoch
            && worker != ngx_openclaw_session.worker)
        {
            ngx_openclaw_session_peer_locked(&peer, worker);
            n = 1;
            break;
        }
    }

    ngx_openclaw_session_unlock();

    if (ngx_openclaw_session_wake(&peer, n)) {
        ngx_openclaw_session_lock();
        ngx_openclaw_session_reap_locked(&peer, 1);
        ngx_openclaw_session_unlock();
    }
}


void
ngx_openclaw_session_lock(void)
{
    ngx_queue_t                 *q;
    ngx_openclaw_place_t        *place;
    ngx_openclaw_ticket_t       *ticket;
    ngx_openclaw_zone_sh_t      *sh;
    ngx_openclaw_session_ctx_t  *ctx;

    ctx = &ngx_openclaw_session;
    sh = ctx->zone->sh;

    if (ngx_openclaw_zone_lock(ctx->zone) == NGX_AGAIN) {
        ctx->cleared = 1;
    }

    if (ctx->generation != sh->generation) {
        ctx->generation = sh->generation;

        for (q = ngx_queue_head(&ctx->tickets);
             q != ngx_queue_sentinel(&ctx->tickets);
             q = ngx_queue_next(q))
        {
            ticket = ngx_queue_data(q, ngx_openclaw_ticket_t, queue);
            ticket->shared = NULL;
        }

        for (q = ngx_queue_head(&ctx->places);
             q != ngx_queue_sentinel(&ctx->places);
             q = ngx_queue_next(q))
        {
            place = ngx_queue_data(q, ngx_openclaw_place_t, queue);
            place->shared = NULL;
        }
    }

    if (ctx->worker && ctx->worker->missing) {
        ngx_openclaw_session_enter_anew_locked();
    }
}


void
ngx_openclaw_session_unlock(void)
{
    ngx_uint_t                    n, dead, more;
    ngx_openclaw_zone_worker_t   *worker;
    ngx_openclaw_session_ctx_t   *ctx;
    ngx_openclaw_session_peer_t   peers[NGX_OPENCLAW_SESSION_PEERS];

    ctx = &ngx_openclaw_session;

    for ( ;; ) {
        worker = ctx->worker;

        if (worker && !ngx_queue_empty(&worker->told)) {
            ngx_post_event(&ctx->look, &ngx_posted_next_events);
        }

        if ((worker == NULL || worker->missing || ctx->waiting)
            && !ctx->watch.timer_set)
        {
            ngx_add_timer(&ctx->watch, NGX_OPENCLAW_SESSION_WATCH);
        }

        n = ngx_openclaw_session_wakes_locked(peers);
        more = !ngx_queue_empty(&ctx->zone->sh->wakes);

        ngx_openclaw_zone_unlock(ctx->zone);

        if (ctx->cleared) {
            ctx->cleared = 0;
            ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                          "a process died while it changed sessions, they are "
                          "entered anew%s", ctx->zone->sh->log_ctx);
        }

        dead = ngx_openclaw_session_wake(peers, n);

        if (dead == 0 && !more) {
            return;
        }

        ngx_openclaw_session_lock();
        ngx_openclaw_session_reap_locked(peers, dead);
    }
}


static ngx_uint_t
ngx_openclaw_session_wakes_locked(ngx_openclaw_session_peer_t *peers)
{
    ngx_uint_t                   n;
    ngx_queue_t                 *q;
    ngx_openclaw_zone_sh_t      *sh;
    ngx_openclaw_zone_worker_t  *worker;

    sh = ngx_openclaw_session.zone->sh;
    n = 0;

    while (n < NGX_OPENCLAW_SESSION_PEERS && !ngx_queue_empty(&sh->wakes)) {
        q = ngx_queue_head(&sh->wakes);
        worker = ngx_queue_data(q, ngx_openclaw_zone_worker_t, queue);

        ngx_queue_remove(q);
        worker->waking = 0;

        if (worker != ngx_openclaw_session.worker) {
            ngx_openclaw_session_peer_locked(&peers[n++], worker);
        }
    }

    return n;
}


void
ngx_openclaw_session_sweep(void)
{
    ngx_uint_t                    i, n;
    ngx_openclaw_zone_sh_t       *sh;
    ngx_openclaw_zone_worker_t   *worker;
    ngx_openclaw_session_peer_t   peers[NGX_OPENCLAW_SESSION_PEERS];

    sh = ngx_openclaw_session.zone->sh;
    i = 0;

    while (i < sh->nworkers) {

        ngx_openclaw_session_lock();

        for (n = 0; i < sh->nworkers && n < NGX_OPENCLAW_SESSION_PEERS; i++) {
            worker = &sh->workers[i];

            if (worker->pid && worker != ngx_openclaw_session.worker) {
                ngx_openclaw_session_peer_locked(&peers[n++], worker);
            }
        }

        ngx_openclaw_session_unlock();

        n = ngx_openclaw_session_wake(peers, n);

        if (n) {
            ngx_openclaw_session_lock();
            ngx_openclaw_session_reap_locked(peers, n);
            ngx_openclaw_session_unlock();
        }
    }
}


static void
ngx_openclaw_session_peer_locked(ngx_openclaw_session_peer_t *peer,
    ngx_openclaw_zone_worker_t *worker)
{
    peer->worker = worker;
    peer->pid = worker->pid;
    peer->epoch = worker->epoch;
    peer->address = worker->address;
}


/*
 * Wakes workers, puts the dead ones in front and returns their number.  The
 * socket is closed when a process ends, before it becomes a zombie, and a pid
 * may belong to another process by now: either proof is enough.
 */

static ngx_uint_t
ngx_openclaw_session_wake(ngx_openclaw_session_peer_t *peers, ngx_uint_t n)
{
    ngx_log_t   *log;
    ngx_uint_t   i, dead;

    log = ngx_cycle->log;
    dead = 0;

    for (i = 0; i < n; i++) {

        if ((kill(peers[i].pid, 0) == -1 && ngx_errno == NGX_ESRCH)
            || ngx_openclaw_post_wake(&peers[i].address, log) == NGX_DECLINED)
        {
            ngx_log_error(NGX_LOG_INFO, log, 0, "worker process %P is gone",
                          peers[i].pid);

            peers[dead++] = peers[i];
        }
    }

    return dead;
}


static void
ngx_openclaw_session_reap_locked(ngx_openclaw_session_peer_t *peers,
    ngx_uint_t n)
{
    ngx_uint_t                   i;
    ngx_openclaw_zone_t         *zone;
    ngx_openclaw_zone_worker_t  *worker;

    zone = ngx_openclaw_session.zone;

    for (i = 0; i < n; i++) {
        worker = peers[i].worker;

        /* it may have left by itself, or been reaped by another process */

        if (worker->pid && worker->epoch == peers[i].epoch) {
            ngx_openclaw_zone_unregister_locked(zone, worker);
        }
    }
}


ngx_int_t
ngx_openclaw_session_stats(ngx_openclaw_zone_t *zone, ngx_pool_t *pool,
    ngx_openclaw_stats_view_t *view)
{
    ngx_uint_t                    i, pages;
    ngx_slab_pool_t              *shpool;
    ngx_openclaw_zone_sh_t       *sh;
    ngx_openclaw_stats_worker_t  *worker;

    sh = zone->sh;
    shpool = zone->shpool;

    view->zone.sessions[NGX_OPENCLAW_STATS_ACTIVE] = sh->nactive;
    view->zone.sessions[NGX_OPENCLAW_STATS_IDLE] = sh->nidle;
    view->zone.answers = sh->nanswers;

    pages = shpool->last - shpool->pages;

    view->zone.pages[NGX_OPENCLAW_STATS_FREE] = shpool->pfree;
    view->zone.pages[NGX_OPENCLAW_STATS_USED] = pages
                                 - view->zone.pages[NGX_OPENCLAW_STATS_FREE];

    view->nworkers = 0;

    view->workers = ngx_pcalloc(pool, sh->nstats
                                      * sizeof(ngx_openclaw_stats_worker_t));
    if (view->workers == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < sh->nstats; i++) {

        if (!sh->stats[i].used) {
            continue;
        }

        worker = &view->workers[view->nworkers++];

        worker->number = i;
        worker->stats = sh->stats[i];
    }

    ngx_openclaw_session_gauges(sh, view);

    return NGX_OK;
}


/* a process that has died may still be there until it is reaped */

static void
ngx_openclaw_session_gauges(ngx_openclaw_zone_sh_t *sh,
    ngx_openclaw_stats_view_t *view)
{
    ngx_pid_t                     pid;
    ngx_uint_t                    i, n;
    ngx_openclaw_stats_gauges_t   gauges;
    ngx_openclaw_stats_worker_t  *worker;

    for (i = 0; i < sh->nworkers; i++) {
        pid = sh->workers[i].pid;
        gauges = sh->workers[i].gauges;

        if (pid == 0 || (kill(pid, 0) == -1 && ngx_errno == NGX_ESRCH)) {
            continue;
        }

        for (n = 0; n < view->nworkers; n++) {
            worker = &view->workers[n];

            if (worker->number == sh->workers[i].slot) {
                worker->processes++;
                ngx_openclaw_stats_sum(&worker->gauges, &gauges,
                                       sizeof(ngx_openclaw_stats_gauges_t));
                break;
            }
        }
    }
}

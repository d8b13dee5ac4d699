
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_openclaw_zone.h>


/* how often a worker that waits looks whether the others are alive */

#define NGX_OPENCLAW_SESSION_WATCH          1000

/* how many handlers are called before other events have their turn */

#define NGX_OPENCLAW_SESSION_HANDLERS       64

/* how many workers are copied out of the zone at a time */

#define NGX_OPENCLAW_SESSION_PEERS          16


/* what is known of another worker while the zone is not locked */

typedef struct {
    ngx_openclaw_zone_worker_t        *worker;
    ngx_pid_t                          pid;
    ngx_uint_t                         epoch;
    ngx_openclaw_post_address_t        address;
} ngx_openclaw_session_peer_t;


/* this worker */

typedef struct {
    ngx_openclaw_zone_t               *zone;
    ngx_openclaw_zone_worker_t        *worker;      /* NULL: not registered */
    ngx_uint_t                         generation;  /* that was seen last */
    ngx_openclaw_post_address_t        address;     /* no len: no socket */
    ngx_queue_t                        tickets;     /* in order of arrival */
    ngx_uint_t                         waiting;     /* of them */
    ngx_event_t                        look;        /* some were told */
    ngx_event_t                        watch;
    ngx_connection_t                   connection;  /* for debug logging */
    unsigned                           cleared:1;   /* to be logged */
} ngx_openclaw_session_ctx_t;


static ngx_int_t ngx_openclaw_session_register(ngx_cycle_t *cycle);

static void ngx_openclaw_session_woken(void *data);
static void ngx_openclaw_session_look(ngx_event_t *ev);
static ngx_openclaw_ticket_t *ngx_openclaw_session_told_locked(
    ngx_openclaw_ticket_e *what);
static void ngx_openclaw_session_watch(ngx_event_t *ev);

static void ngx_openclaw_session_lock(void);
static void ngx_openclaw_session_unlock(void);
static ngx_uint_t ngx_openclaw_session_wakes_locked(
    ngx_openclaw_session_peer_t *peers);

static void ngx_openclaw_session_sweep(void);
static void ngx_openclaw_session_peer_locked(
    ngx_openclaw_session_peer_t *peer, ngx_openclaw_zone_worker_t *worker);
static ngx_uint_t ngx_openclaw_session_wake(ngx_openclaw_session_peer_t *peers,
    ngx_uint_t n);
static void ngx_openclaw_session_reap_locked(
    ngx_openclaw_session_peer_t *peers, ngx_uint_t n);

static ngx_openclaw_entry_e ngx_openclaw_session_enter_locked(
    ngx_openclaw_ticket_t *ticket, ngx_uint_t max);
static void ngx_openclaw_session_enter_anew_locked(void);
static ngx_uint_t ngx_openclaw_session_match(ngx_openclaw_zone_ticket_t *t,
    ngx_str_t *sender_id, ngx_str_t *message_id);


static ngx_openclaw_session_ctx_t  ngx_openclaw_session;


ngx_openclaw_zone_t *
ngx_openclaw_session_zone(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    time_t inactive, void *tag)
{
    return ngx_openclaw_zone_create(cf, name, size, inactive, tag);
}


ngx_int_t
ngx_openclaw_session_init_process(ngx_cycle_t *cycle,
    ngx_openclaw_zone_t *zone)
{
    ngx_openclaw_session_ctx_t  *ctx;

    ctx = &ngx_openclaw_session;

    ngx_memzero(ctx, sizeof(ngx_openclaw_session_ctx_t));

    ctx->zone = zone;
    ngx_queue_init(&ctx->tickets);

    ctx->connection.fd = (ngx_socket_t) -1;

    ctx->look.handler = ngx_openclaw_session_look;
    ctx->look.data = &ctx->connection;
    ctx->look.log = cycle->log;

    ctx->watch.handler = ngx_openclaw_session_watch;
    ctx->watch.data = &ctx->connection;
    ctx->watch.log = cycle->log;
    ctx->watch.cancelable = 1;

    (void) ngx_openclaw_session_register(cycle);

    /* this worker may be there instead of one that has died */

    ngx_openclaw_session_sweep();

    return NGX_OK;
}


void
ngx_openclaw_session_exit_process(ngx_cycle_t *cycle)
{
    ngx_queue_t                 *q;
    ngx_openclaw_ticket_t       *ticket;
    ngx_openclaw_session_ctx_t  *ctx;

    ctx = &ngx_openclaw_session;

    if (ctx->zone == NULL) {
        return;
    }

    while (!ngx_queue_empty(&ctx->tickets)) {
        q = ngx_queue_head(&ctx->tickets);
        ngx_queue_remove(q);

        ticket = ngx_queue_data(q, ngx_openclaw_ticket_t, queue);
        ticket->entered = 0;
    }

    if (ctx->worker) {
        ngx_openclaw_session_lock();
        ngx_openclaw_zone_unregister_locked(ctx->zone, ctx->worker);
        ctx->worker = NULL;
        ngx_openclaw_session_unlock();
    }

    ngx_openclaw_post_exit_process(cycle);

    if (ctx->watch.timer_set) {
        ngx_del_timer(&ctx->watch);
    }

    if (ctx->look.posted) {
        ngx_delete_posted_event(&ctx->look);
    }

    ctx->zone = NULL;
}


ngx_int_t
ngx_openclaw_session_key(ngx_pool_t *pool, ngx_str_t *agent, ngx_uint_t group,
    ngx_str_t *id, ngx_str_t *key)
{
    u_char         *p, ch;
    size_t          len, i;

    static u_char   hex[] = "0123456789abcdef";

    len = sizeof("agent::websocket:direct:") - 1 + agent->len + id->len * 3;

    key->data = ngx_pnalloc(pool, len + 1);
    if (key->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(key->data, "agent:%V:websocket:%s:", agent,
                    group ? "group" : "direct");

    for (i = 0; i < id->len; i++) {
        ch = id->data[i];

        if ((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
            || ch == '.' || ch == '_' || ch == '-')
        {
            *p++ = ch;
            continue;
        }

        *p++ = '%';
        *p++ = hex[ch >> 4];
        *p++ = hex[ch & 0xf];
    }

    *p = '\0';
    key->len = p - key->data;

    return NGX_OK;
}


ngx_openclaw_entry_e
ngx_openclaw_session_enter(ngx_openclaw_ticket_t *ticket, ngx_uint_t max,
    ngx_openclaw_owner_t *owner, ngx_openclaw_answer_t *answer)
{
    ngx_openclaw_entry_e         rc;
    ngx_openclaw_session_ctx_t  *ctx;

    ctx = &ngx_openclaw_session;

    if (ctx->zone == NULL
        || ngx_openclaw_session_register((ngx_cycle_t *) ngx_cycle) != NGX_OK)
    {
        return NGX_OPENCLAW_ENTRY_ZONE_FULL;
    }

    ngx_openclaw_session_lock();
    rc = ngx_openclaw_session_enter_locked(ticket, max);
    ngx_openclaw_session_unlock();

    if (rc == NGX_OPENCLAW_ENTRY_ZONE_FULL) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "could not allocate session%s", ctx->zone->sh->log_ctx);

        /* there may be room that dead workers have taken */

        if (!ctx->watch.timer_set) {
            ngx_add_timer(&ctx->watch, NGX_OPENCLAW_SESSION_WATCH);
        }
    }

    return rc;
}


void
ngx_openclaw_session_end(ngx_openclaw_ticket_t *ticket,
    ngx_openclaw_answer_t *answer, size_t max)
{
    ticket->ended = 1;
}


ngx_openclaw_ticket_t *
ngx_openclaw_session_own(ngx_str_t *key, ngx_str_t *sender_id,
    ngx_str_t *message_id)
{
    return NULL;
}


void
ngx_openclaw_session_gone(ngx_openclaw_owner_t *owner)
{
    ngx_openclaw_session_sweep();
}


void
ngx_openclaw_session_listen(ngx_openclaw_post_address_t *address)
{
    /* void */
}


ngx_uint_t
ngx_openclaw_session_worker(ngx_pid_t pid)
{
    return 0;
}


void
ngx_openclaw_session_release(ngx_openclaw_ticket_t *ticket,
    ngx_openclaw_answer_t *answer, size_t max)
{
    ngx_openclaw_session_ctx_t  *ctx;

    if (!ticket->entered) {
        return;
    }

    ctx = &ngx_openclaw_session;

    ngx_openclaw_session_lock();

    if (ticket->shared) {
        ngx_openclaw_zone_remove_locked(ctx->zone, ticket->shared);
        ticket->shared = NULL;
    }

    ngx_queue_remove(&ticket->queue);
    ticket->entered = 0;

    if (!ticket->granted) {
        ctx->waiting--;
    }

    ngx_openclaw_zone_expire_locked(ctx->zone);

    ngx_openclaw_session_unlock();
}


ngx_uint_t
ngx_openclaw_session_abort(ngx_str_t *key, ngx_str_t *sender_id,
    ngx_str_t *message_id)
{
    ngx_uint_t                    n;
    ngx_queue_t                  *q;
    ngx_openclaw_zone_t          *zone;
    ngx_openclaw_zone_ticket_t   *t;
    ngx_openclaw_zone_session_t  *session;

    n = 0;
    zone = ngx_openclaw_session.zone;

    if (zone == NULL) {
        return 0;
    }

    ngx_openclaw_session_lock();

    session = ngx_openclaw_zone_find_locked(zone, key);

    if (session == NULL) {
        ngx_openclaw_session_unlock();
        return 0;
    }

    for (q = ngx_queue_head(&session->tickets);
         q != ngx_queue_sentinel(&session->tickets);
         q = ngx_queue_next(q))
    {
        t = ngx_queue_data(q, ngx_openclaw_zone_ticket_t, queue);

        if (ngx_openclaw_session_match(t, sender_id,
                                       message_id->len ? message_id : NULL))
        {
            if (!t->aborted) {
                t->aborted = 1;
                ngx_openclaw_zone_tell_locked(zone, t);
            }

            n++;
        }
    }

    ngx_openclaw_session_unlock();

    return n;
}


static ngx_int_t
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
    ctx->worker = ngx_openclaw_zone_register_locked(ctx->zone, &ctx->address);
    ngx_openclaw_session_unlock();

    if (ctx->worker == NULL) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                      "could not register worker process%s",
                      ctx->zone->sh->log_ctx);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_openclaw_session_woken(void *data)
{
    ngx_openclaw_session_look(&ngx_openclaw_session.look);
}


static void
ngx_openclaw_session_look(ngx_event_t *ev)
{
    ngx_uint_t              n;
    ngx_openclaw_ticket_t  *ticket;
    ngx_openclaw_ticket_e   what;

    /*
     * A handler may enter, release and abort any tickets.  What is left after
     * so many of them waits for the next round of the event loop: unlocking
     * the zone posts this event while something is told.
     */

    for (n = 0; n < NGX_OPENCLAW_SESSION_HANDLERS; n++) {

        if (ngx_openclaw_session.worker == NULL) {
            return;
        }

        ngx_openclaw_session_lock();
        ticket = ngx_openclaw_session_told_locked(&what);
        ngx_openclaw_session_unlock();

        if (ticket == NULL) {
            return;
        }

        ticket->handler(ticket, what);
    }
}


static ngx_openclaw_ticket_t *
ngx_openclaw_session_told_locked(ngx_openclaw_ticket_e *what)
{
    ngx_queue_t                 *q;
    ngx_openclaw_ticket_t       *ticket;
    ngx_openclaw_zone_ticket_t  *t;
    ngx_openclaw_zone_worker_t  *worker;

    worker = ngx_openclaw_session.worker;

    while (!ngx_queue_empty(&worker->told)) {
        q = ngx_queue_head(&worker->told);
        t = ngx_queue_data(q, ngx_openclaw_zone_ticket_t, told);
        ticket = t->ticket;

        /* an aborted turn must not start: it remains here until looked at */

        if (t->aborted && !ticket->aborted) {
            ticket->aborted = 1;
            *what = NGX_OPENCLAW_TICKET_ABORTED;
            return ticket;
        }

        ngx_queue_remove(q);
        t->telling = 0;

        if (t->granted && !ticket->granted) {
            ticket->granted = 1;
            ngx_openclaw_session.waiting--;
            *what = NGX_OPENCLAW_TICKET_GRANTED;
            return ticket;
        }
    }

    return NULL;
}


static void
ngx_openclaw_session_watch(ngx_event_t *ev)
{
    (void) ngx_openclaw_session_register((ngx_cycle_t *) ngx_cycle);

    ngx_openclaw_session_sweep();

    /* who dies before it has sent a wake-up leaves its work undone */

    ngx_openclaw_session_look(&ngx_openclaw_session.look);
}


/*
 * Locks the zone and makes sure that this worker's tickets are in it: the
 * zone may have been cleared since the last time.
 */

static void
ngx_openclaw_session_lock(void)
{
    ngx_queue_t                 *q;
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
    }

    if (ctx->worker && ctx->worker->missing) {
        ngx_openclaw_session_enter_anew_locked();
    }
}


/*
 * Unlocks the zone and wakes all workers that are to be woken.  Those that
 * turn out to be dead are reaped, which may have others woken.
 */

static void
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


/* looks whether the other workers are alive, and reaps those that are not */

static void
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


static ngx_openclaw_entry_e
ngx_openclaw_session_enter_locked(ngx_openclaw_ticket_t *ticket,
    ngx_uint_t max)
{
    ngx_queue_t                  *q;
    ngx_openclaw_zone_t          *zone;
    ngx_openclaw_session_ctx_t   *ctx;
    ngx_openclaw_zone_ticket_t   *t;
    ngx_openclaw_zone_session_t  *session;

    ctx = &ngx_openclaw_session;
    zone = ctx->zone;

    ngx_openclaw_zone_expire_locked(zone);

    session = ngx_openclaw_zone_get_locked(zone, &ticket->key);
    if (session == NULL) {
        return NGX_OPENCLAW_ENTRY_ZONE_FULL;
    }

    for (q = ngx_queue_head(&session->tickets);
         q != ngx_queue_sentinel(&session->tickets);
         q = ngx_queue_next(q))
    {
        t = ngx_queue_data(q, ngx_openclaw_zone_ticket_t, queue);

        if (ngx_openclaw_session_match(t, &ticket->sender_id,
                                       &ticket->message_id))
        {
            return NGX_OPENCLAW_ENTRY_DUPLICATE;
        }
    }

    /* the first ticket is not one of those that wait, or not for long */

    if (session->ntickets > max) {
        return NGX_OPENCLAW_ENTRY_QUEUE_FULL;
    }

    ticket->number = ++zone->sh->number;

    t = ngx_openclaw_zone_add_locked(zone, session, ctx->worker, ticket);
    if (t == NULL) {
        return NGX_OPENCLAW_ENTRY_ZONE_FULL;
    }

    ngx_queue_insert_tail(&ctx->tickets, &ticket->queue);
    ticket->shared = t;
    ticket->entered = 1;

    if (session->ntickets == 1 && zone->sh->missing == 0) {
        t->granted = 1;
        ticket->granted = 1;
        return NGX_OPENCLAW_ENTRY_GRANTED;
    }

    ctx->waiting++;

    return NGX_OPENCLAW_ENTRY_WAITING;
}


/* the zone was cleared: this worker's tickets go in again as they were */

static void
ngx_openclaw_session_enter_anew_locked(void)
{
    ngx_queue_t                  *q;
    ngx_openclaw_ticket_t        *ticket;
    ngx_openclaw_session_ctx_t   *ctx;
    ngx_openclaw_zone_session_t  *session;

    ctx = &ngx_openclaw_session;

    for (q = ngx_queue_head(&ctx->tickets);
         q != ngx_queue_sentinel(&ctx->tickets);
         q = ngx_queue_next(q))
    {
        ticket = ngx_queue_data(q, ngx_openclaw_ticket_t, queue);

        if (ticket->shared) {
            continue;
        }

        session = ngx_openclaw_zone_get_locked(ctx->zone, &ticket->key);

        /* with no room, the worker remains missing and tries again */

        if (session == NULL) {
            return;
        }

        ticket->shared = ngx_openclaw_zone_add_locked(ctx->zone, session,
                                                      ctx->worker, ticket);
        if (ticket->shared == NULL) {
            return;
        }
    }

    ngx_openclaw_zone_found_locked(ctx->zone, ctx->worker);
}


static ngx_uint_t
ngx_openclaw_session_match(ngx_openclaw_zone_ticket_t *t,
    ngx_str_t *sender_id, ngx_str_t *message_id)
{
    u_char  *sender;

    sender = t->ids + t->message_len;

    if (t->sender_len != sender_id->len
        || ngx_memcmp(sender, sender_id->data, sender_id->len) != 0)
    {
        return 0;
    }

    if (message_id == NULL) {
        return 1;
    }

    return t->message_len == message_id->len
           && ngx_memcmp(t->ids, message_id->data, message_id->len) == 0;
}

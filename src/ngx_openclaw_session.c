
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_openclaw_session_internal.h>


/* how many handlers are called before other events have their turn */

#define NGX_OPENCLAW_SESSION_HANDLERS       64


static ngx_openclaw_entry_e ngx_openclaw_session_enter_locked(
    ngx_openclaw_ticket_t *ticket, ngx_uint_t max,
    ngx_openclaw_owner_t *owner, ngx_openclaw_answer_t *answer, size_t size);
static ngx_uint_t ngx_openclaw_session_turns_locked(
    ngx_openclaw_ticket_t *ticket);
static ngx_openclaw_entry_e ngx_openclaw_session_look_up_locked(
    ngx_openclaw_zone_session_t *session, ngx_openclaw_ticket_t *ticket,
    ngx_openclaw_owner_t *owner, ngx_openclaw_answer_t *answer, size_t size);
static ngx_openclaw_zone_ticket_t *ngx_openclaw_session_find_locked(
    ngx_openclaw_zone_session_t *session, ngx_str_t *sender_id,
    ngx_str_t *message_id);
static void ngx_openclaw_session_end_locked(ngx_openclaw_ticket_t *ticket,
    ngx_openclaw_answer_t *answer, size_t max);

static void ngx_openclaw_session_look(ngx_event_t *ev);
static ngx_openclaw_ticket_t *ngx_openclaw_session_told_locked(
    ngx_openclaw_ticket_e *what);
static void ngx_openclaw_session_watch(ngx_event_t *ev);


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
    ngx_queue_init(&ctx->places);

    ctx->connection.fd = (ngx_socket_t) -1;

    ctx->look.handler = ngx_openclaw_session_look;
    ctx->look.data = &ctx->connection;
    ctx->look.log = cycle->log;

    ctx->watch.handler = ngx_openclaw_session_watch;
    ctx->watch.data = &ctx->connection;
    ctx->watch.log = cycle->log;
    ctx->watch.cancelable = 1;

    ngx_openclaw_stats_attach(&zone->sh->stats[ngx_worker
                                               % zone->sh->nstats]);

    (void) ngx_openclaw_session_register(cycle);

    /* this worker may be there instead of one that has died */

    ngx_openclaw_session_sweep();

    return NGX_OK;
}


void
ngx_openclaw_session_exit_process(ngx_cycle_t *cycle)
{
    ngx_queue_t                 *q;
    ngx_openclaw_place_t        *place;
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

    while (!ngx_queue_empty(&ctx->places)) {
        q = ngx_queue_head(&ctx->places);
        ngx_queue_remove(q);

        place = ngx_queue_data(q, ngx_openclaw_place_t, queue);
        place->counted = 0;
    }

    ngx_openclaw_stats_publish(NULL);

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
    size_t                       size;
    ngx_openclaw_entry_e         entry;
    ngx_openclaw_session_ctx_t  *ctx;

    ctx = &ngx_openclaw_session;

    ngx_memzero(answer, sizeof(ngx_openclaw_answer_t));
    size = 0;

    if (ctx->zone == NULL
        || ngx_openclaw_session_register((ngx_cycle_t *) ngx_cycle) != NGX_OK)
    {
        return NGX_OPENCLAW_ENTRY_ZONE_FULL;
    }

    for ( ;; ) {
        ngx_openclaw_session_lock();
        entry = ngx_openclaw_session_enter_locked(ticket, max, owner, answer,
                                                  size);
        ngx_openclaw_session_unlock();

        if (entry != NGX_OPENCLAW_ENTRY_ANSWERED || answer->text.len <= size) {
            break;
        }

        /* no memory is asked for while the zone is locked: once more */

        if (answer->text.data) {
            ngx_free(answer->text.data);
        }

        size = answer->text.len;

        answer->text.data = ngx_alloc(size, ngx_cycle->log);

        if (answer->text.data == NULL) {
            answer->code = NGX_OPENCLAW_INTERNAL_ERROR;
            answer->text.len = 0;
            return entry;
        }
    }

    if (entry != NGX_OPENCLAW_ENTRY_ANSWERED && answer->text.data) {
        ngx_free(answer->text.data);
        ngx_str_null(&answer->text);
    }

    if (entry == NGX_OPENCLAW_ENTRY_ZONE_FULL) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "could not allocate session%s", ctx->zone->sh->log_ctx);

        /* there may be room that dead workers have taken */

        if (!ctx->watch.timer_set) {
            ngx_add_timer(&ctx->watch, NGX_OPENCLAW_SESSION_WATCH);
        }
    }

    return entry;
}


static ngx_openclaw_entry_e
ngx_openclaw_session_enter_locked(ngx_openclaw_ticket_t *ticket,
    ngx_uint_t max, ngx_openclaw_owner_t *owner, ngx_openclaw_answer_t *answer,
    size_t size)
{
    ngx_openclaw_zone_t          *zone;
    ngx_openclaw_entry_e          entry;
    ngx_openclaw_session_ctx_t   *ctx;
    ngx_openclaw_zone_ticket_t   *t;
    ngx_openclaw_zone_session_t  *session;

    ctx = &ngx_openclaw_session;
    zone = ctx->zone;

    ngx_openclaw_zone_expire_locked(zone);

    session = ngx_openclaw_zone_find_locked(zone, &ticket->key);

    if (session) {
        entry = ngx_openclaw_session_look_up_locked(session, ticket, owner,
                                                    answer, size);

        if (entry != NGX_OPENCLAW_ENTRY_WAITING) {
            return entry;
        }

        /* the first ticket is not one of those that wait, or not for long */

        if (session->ntickets > max) {
            return NGX_OPENCLAW_ENTRY_QUEUE_FULL;
        }
    }

    if (ngx_openclaw_session_turns_locked(ticket) >= ticket->turns) {
        return NGX_OPENCLAW_ENTRY_SENDER_FULL;
    }

    /* with no room for a ticket that was there before, there is none now */

    if (ctx->worker->missing) {
        return NGX_OPENCLAW_ENTRY_ZONE_FULL;
    }

    session = ngx_openclaw_zone_get_locked(zone, &ticket->key);
    if (session == NULL) {
        return NGX_OPENCLAW_ENTRY_ZONE_FULL;
    }

    ticket->number = ++zone->sh->number;
    ticket->granted = 0;
    ticket->aborted = 0;
    ticket->ended = 0;

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


static ngx_uint_t
ngx_openclaw_session_turns_locked(ngx_openclaw_ticket_t *ticket)
{
    ngx_openclaw_zone_sender_t  *sender;

    if (!ticket->counted) {
        return 0;
    }

    sender = ngx_openclaw_zone_sender_locked(ngx_openclaw_session.zone,
                                             ticket->who, 0);

    return sender ? sender->turns : 0;
}


/* WAITING: there is neither an answer to the message nor a turn of it */

static ngx_openclaw_entry_e
ngx_openclaw_session_look_up_locked(ngx_openclaw_zone_session_t *session,
    ngx_openclaw_ticket_t *ticket, ngx_openclaw_owner_t *owner,
    ngx_openclaw_answer_t *answer, size_t size)
{
    ngx_openclaw_zone_answer_t  *a;
    ngx_openclaw_zone_ticket_t  *t;

    a = ngx_openclaw_zone_answer_locked(session, &ticket->sender_id,
                                        &ticket->message_id);
    if (a) {

        if (ngx_memcmp(a->message.digest, ticket->digest,
                       NGX_OPENCLAW_DIGEST_LEN)
            != 0)
        {
            return NGX_OPENCLAW_ENTRY_DUPLICATE;
        }

        answer->code = a->code;
        answer->text.len = a->len;

        if (a->len <= size) {
            ngx_openclaw_zone_copy_locked(a, answer->text.data);
        }

        return NGX_OPENCLAW_ENTRY_ANSWERED;
    }

    t = ngx_openclaw_session_find_locked(session, &ticket->sender_id,
                                         &ticket->message_id);
    if (t == NULL) {
        return NGX_OPENCLAW_ENTRY_WAITING;
    }

    if (ngx_memcmp(t->message.digest, ticket->digest, NGX_OPENCLAW_DIGEST_LEN)
        != 0)
    {
        return NGX_OPENCLAW_ENTRY_DUPLICATE;
    }

    owner->ticket = (t->worker == ngx_openclaw_session.worker) ? t->ticket
                                                               : NULL;
    owner->pid = t->worker->pid;
    owner->epoch = t->worker->epoch;
    owner->address = t->worker->listen;
    owner->number = t->number;

    return NGX_OPENCLAW_ENTRY_TAKEN;
}


static ngx_openclaw_zone_ticket_t *
ngx_openclaw_session_find_locked(ngx_openclaw_zone_session_t *session,
    ngx_str_t *sender_id, ngx_str_t *message_id)
{
    ngx_queue_t                 *q;
    ngx_openclaw_zone_ticket_t  *t;

    for (q = ngx_queue_head(&session->tickets);
         q != ngx_queue_sentinel(&session->tickets);
         q = ngx_queue_next(q))
    {
        t = ngx_queue_data(q, ngx_openclaw_zone_ticket_t, queue);

        if (!t->ended && !t->twin
            && ngx_openclaw_zone_match(&t->message, sender_id, message_id))
        {
            return t;
        }
    }

    return NULL;
}


void
ngx_openclaw_session_end(ngx_openclaw_ticket_t *ticket,
    ngx_openclaw_answer_t *answer, size_t max)
{
    if (!ticket->entered) {
        return;
    }

    ngx_openclaw_session_lock();
    ngx_openclaw_session_end_locked(ticket, answer, max);
    ngx_openclaw_session_unlock();
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

    ngx_openclaw_session_end_locked(ticket, answer, max);

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


static void
ngx_openclaw_session_end_locked(ngx_openclaw_ticket_t *ticket,
    ngx_openclaw_answer_t *answer, size_t max)
{
    if (ticket->ended) {
        return;
    }

    ticket->ended = 1;

    /* there may have been no room for it after the zone was cleared */

    if (ticket->shared == NULL) {
        return;
    }

    if (answer && answer->text.len > max) {
        answer = NULL;
    }

    ngx_openclaw_zone_end_locked(ngx_openclaw_session.zone, ticket->shared,
                                 answer);
}


ngx_openclaw_ticket_t *
ngx_openclaw_session_own(ngx_str_t *key, ngx_str_t *sender_id,
    ngx_str_t *message_id)
{
    ngx_openclaw_ticket_t        *ticket;
    ngx_openclaw_session_ctx_t   *ctx;
    ngx_openclaw_zone_ticket_t   *t;
    ngx_openclaw_zone_session_t  *session;

    ctx = &ngx_openclaw_session;
    ticket = NULL;

    if (ctx->worker == NULL) {
        return NULL;
    }

    ngx_openclaw_session_lock();

    session = ngx_openclaw_zone_find_locked(ctx->zone, key);

    if (session) {
        t = ngx_openclaw_session_find_locked(session, sender_id, message_id);

        if (t && t->worker == ctx->worker) {
            ticket = t->ticket;
        }
    }

    ngx_openclaw_session_unlock();

    return ticket;
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

        if (!t->ended
            && ngx_openclaw_zone_match(&t->message, sender_id,
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


void
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

        if (t->twin) {
            *what = NGX_OPENCLAW_TICKET_TWIN;
            return ticket;
        }

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


/* the zone was cleared: this worker's tickets go in again as they were */

void
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

        ngx_openclaw_zone_twins_locked(ctx->zone, ticket->shared);
    }

    ngx_openclaw_session_connect_anew_locked();

    ngx_openclaw_zone_found_locked(ctx->zone, ctx->worker);
}

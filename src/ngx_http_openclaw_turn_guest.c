
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_http_openclaw_turn_internal.h>


/* how often, and after what time, a lost turn is looked for again */

#define NGX_HTTP_OPENCLAW_GUEST_TRIES       20
#define NGX_HTTP_OPENCLAW_GUEST_PAUSE       100


static ngx_uint_t ngx_http_openclaw_guest_equal(ngx_str_t *a, ngx_str_t *b);

static void ngx_http_openclaw_guest_reset(void *data);
static void ngx_http_openclaw_guest_ended(void *data,
    ngx_openclaw_code_e code, ngx_str_t *text);
static void ngx_http_openclaw_guest_lost(void *data);

static ngx_int_t ngx_http_openclaw_guest_hold(ngx_http_openclaw_turn_t *turn,
    ngx_openclaw_code_e code, ngx_str_t *reason);
static ngx_uint_t ngx_http_openclaw_guest_earlier(
    ngx_http_openclaw_turn_t *turn, ngx_openclaw_owner_t *owner);
static ngx_uint_t ngx_http_openclaw_guest_same(ngx_openclaw_owner_t *a,
    ngx_openclaw_owner_t *b);


static ngx_openclaw_relay_handlers_t  ngx_http_openclaw_guest_handlers = {
    ngx_http_openclaw_turn_text,
    ngx_http_openclaw_guest_reset,
    ngx_http_openclaw_guest_ended,
    ngx_http_openclaw_guest_lost
};


ngx_openclaw_code_e
ngx_http_openclaw_guest_ask(ngx_http_openclaw_turn_t *turn,
    ngx_http_openclaw_client_t *client, ngx_openclaw_owner_t *owner)
{
    ngx_openclaw_ticket_t  *t;

    t = &turn->ticket;

    if (turn->begun) {

        if (!ngx_http_openclaw_guest_same(owner, &turn->owner)) {
            return NGX_OPENCLAW_AGENT_INCOMPLETE;
        }

        /* it comes again from its beginning */

        turn->text.len = 0;
    }

    /* the turn may be freed by a handler: not its log */

    turn->source = ngx_openclaw_relay_connect(owner, &t->key, &t->sender_id,
                                              &t->message_id, turn->since,
                                              &ngx_http_openclaw_guest_handlers,
                                              turn, turn->pool->log);
    if (turn->source == NULL) {
        return NGX_OPENCLAW_INTERNAL_ERROR;
    }

    turn->owner = *owner;

    ngx_http_openclaw_turn_count(turn, NGX_HTTP_OPENCLAW_TURN_NONE);
    ngx_http_openclaw_guest_mark(turn, 1);

    if (turn->client == NULL) {
        ngx_http_openclaw_turn_give(turn, client);
        return NGX_OPENCLAW_OK;
    }

    ngx_http_openclaw_turn_set_timer(turn, NGX_HTTP_OPENCLAW_TURN_HOLD);
    ngx_http_openclaw_guest_next(client);

    return NGX_OPENCLAW_OK;
}


ngx_http_openclaw_turn_t *
ngx_http_openclaw_guest_find(ngx_http_openclaw_client_t *client,
    ngx_openclaw_ticket_t *ticket)
{
    ngx_queue_t               *q;
    ngx_openclaw_ticket_t     *t;
    ngx_http_openclaw_turn_t  *turn;

    for (q = ngx_queue_head(&client->turns);
         q != ngx_queue_sentinel(&client->turns);
         q = ngx_queue_next(q))
    {
        turn = ngx_queue_data(q, ngx_http_openclaw_turn_t, queue);
        t = &turn->ticket;

        if (turn->guest
            && ngx_http_openclaw_guest_equal(&t->message_id,
                                             &ticket->message_id)
            && ngx_http_openclaw_guest_equal(&t->sender_id,
                                             &ticket->sender_id)
            && ngx_http_openclaw_guest_equal(&t->key, &ticket->key))
        {
            return turn;
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_http_openclaw_guest_equal(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len && ngx_memcmp(a->data, b->data, a->len) == 0;
}


static void
ngx_http_openclaw_guest_reset(void *data)
{
    ngx_http_openclaw_turn_t *turn = data;

    turn->text.len = 0;
    turn->whole = 1;
}


static void
ngx_http_openclaw_guest_ended(void *data, ngx_openclaw_code_e code,
    ngx_str_t *text)
{
    ngx_http_openclaw_turn_t *turn = data;

    turn->source = NULL;

    ngx_http_openclaw_guest_end(turn, code, text);
}


static void
ngx_http_openclaw_guest_lost(void *data)
{
    ngx_http_openclaw_turn_t *turn = data;

    ngx_str_t  reason;

    ngx_log_error(NGX_LOG_INFO, &turn->log, 0,
                  "worker process %P has no such turn", turn->owner.pid);

    turn->source = NULL;

    ngx_openclaw_session_gone(&turn->owner);

    turn->tries++;

    if (turn->tries > NGX_HTTP_OPENCLAW_GUEST_TRIES) {
        ngx_str_set(&reason, "its worker process can't be reached");
        ngx_http_openclaw_turn_end(turn, NGX_OPENCLAW_INTERNAL_ERROR, &reason);
        return;
    }

    if (turn->tries > 1) {
        ngx_http_openclaw_turn_set_timer(turn, NGX_HTTP_OPENCLAW_GUEST_PAUSE);
        return;
    }

    ngx_http_openclaw_guest_again(turn);
}


/*
 * A worker that dies loses all of its turns, in whatever order: those of a
 * session are to find their places in the order in which they were.
 */

void
ngx_http_openclaw_guest_again(ngx_http_openclaw_turn_t *turn)
{
    if (turn->aborted) {

        /* its owner may not have known */

        ngx_http_openclaw_guest_end(turn, NGX_OPENCLAW_ABORTED, NULL);
        return;
    }

    if (ngx_http_openclaw_guest_earlier(turn, &turn->owner)) {
        ngx_http_openclaw_turn_set_timer(turn, NGX_HTTP_OPENCLAW_GUEST_PAUSE);
        return;
    }

    ngx_http_openclaw_turn_again(turn);
}


void
ngx_http_openclaw_guest_end(ngx_http_openclaw_turn_t *turn,
    ngx_openclaw_code_e code, ngx_str_t *reason)
{
    ngx_http_openclaw_client_t  *client;

    if (turn->source) {
        ngx_openclaw_relay_close(turn->source);
        turn->source = NULL;
    }

    if (ngx_http_openclaw_guest_before(turn)
        && ngx_http_openclaw_guest_hold(turn, code, reason) == NGX_OK)
    {
        return;
    }

    client = turn->client;

    ngx_http_openclaw_turn_report(turn, code, reason);
    ngx_http_openclaw_turn_free(turn);

    ngx_http_openclaw_guest_next(client);
}


static ngx_int_t
ngx_http_openclaw_guest_hold(ngx_http_openclaw_turn_t *turn,
    ngx_openclaw_code_e code, ngx_str_t *reason)
{
    turn->code = code;

    if (reason && reason->len) {
        turn->reason.data = ngx_pstrdup(turn->pool, reason);
        if (turn->reason.data == NULL) {
            return NGX_ERROR;
        }

        turn->reason.len = reason->len;
    }

    turn->over = 1;

    return NGX_OK;
}


void
ngx_http_openclaw_guest_expire(ngx_http_openclaw_turn_t *turn)
{
    if (!turn->over) {
        turn->code = NGX_OPENCLAW_SHUTTING_DOWN;
    }

    ngx_http_openclaw_turn_report(turn, turn->code, &turn->reason);
    ngx_http_openclaw_turn_free(turn);
}


void
ngx_http_openclaw_guest_mark(ngx_http_openclaw_turn_t *turn, ngx_uint_t guest)
{
    if (turn->client) {
        turn->client->guests += guest;
        turn->client->guests -= turn->guest;
    }

    turn->guest = guest;
}


ngx_uint_t
ngx_http_openclaw_guest_before(ngx_http_openclaw_turn_t *turn)
{
    return ngx_http_openclaw_guest_earlier(turn, NULL);
}


/* whether there is an earlier guest, of that owner, or of any */

static ngx_uint_t
ngx_http_openclaw_guest_earlier(ngx_http_openclaw_turn_t *turn,
    ngx_openclaw_owner_t *owner)
{
    ngx_uint_t                   number;
    ngx_queue_t                 *q;
    ngx_http_openclaw_turn_t    *t;
    ngx_http_openclaw_client_t  *client;

    client = turn->client;

    if (client == NULL || client->guests == 0) {
        return 0;
    }

    number = turn->guest ? turn->owner.number : turn->ticket.number;

    for (q = ngx_queue_head(&client->turns);
         q != ngx_queue_sentinel(&client->turns);
         q = ngx_queue_next(q))
    {
        t = ngx_queue_data(q, ngx_http_openclaw_turn_t, queue);

        if (t->guest
            && t->owner.number < number
            && (owner == NULL || ngx_http_openclaw_guest_same(&t->owner, owner))
            && ngx_http_openclaw_guest_equal(&t->ticket.key,
                                             &turn->ticket.key))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_openclaw_guest_same(ngx_openclaw_owner_t *a, ngx_openclaw_owner_t *b)
{
    return a->pid == b->pid && a->epoch == b->epoch;
}


void
ngx_http_openclaw_guest_next(ngx_http_openclaw_client_t *client)
{
    ngx_queue_t               *q;
    ngx_http_openclaw_turn_t  *turn;

    q = ngx_queue_head(&client->turns);

    while (q != ngx_queue_sentinel(&client->turns)) {
        turn = ngx_queue_data(q, ngx_http_openclaw_turn_t, queue);
        q = ngx_queue_next(q);

        if (ngx_http_openclaw_guest_before(turn)) {
            continue;
        }

        if (turn->over) {
            ngx_http_openclaw_turn_report(turn, turn->code, &turn->reason);
            ngx_http_openclaw_turn_free(turn);

            /* there may be others that waited for this one */

            q = ngx_queue_head(&client->turns);
            continue;
        }

        if (turn->guest && turn->source == NULL) {
            ngx_http_openclaw_turn_set_timer(turn, 0);
            continue;
        }

        ngx_http_openclaw_turn_stream(turn);
        ngx_http_openclaw_turn_run(turn);
    }
}

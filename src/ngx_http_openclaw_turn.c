
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_http_openclaw_turn_internal.h>


#define NGX_HTTP_OPENCLAW_TEXT_SIZE         4096
#define NGX_HTTP_OPENCLAW_MAX_TEXT          (64 * 1024 * 1024)

/* how often a turn without a client looks whether the worker is leaving */

#define NGX_HTTP_OPENCLAW_TURN_LOOK         1000

/*
 * What the gateway takes to notice that the connection of a running turn was
 * closed: the next turn of the session must not overlap with it.
 */

#define NGX_HTTP_OPENCLAW_ABORT_DELAY       100


static void ngx_http_openclaw_turn_session(ngx_http_openclaw_turn_t *turn,
    ngx_http_openclaw_client_t *client);

static void ngx_http_openclaw_turn_accept(ngx_openclaw_relay_t *relay,
    ngx_openclaw_ticket_t *ticket, ngx_msec_t since);
static void ngx_http_openclaw_turn_closed(void *data);

static void ngx_http_openclaw_turn_ticket(ngx_openclaw_ticket_t *ticket,
    ngx_openclaw_ticket_e what);

static void ngx_http_openclaw_turn_replace(void *data, ngx_str_t *text);
static ngx_int_t ngx_http_openclaw_turn_append(
    ngx_http_openclaw_turn_t *turn, ngx_str_t *text);

static void ngx_http_openclaw_turn_stop(ngx_http_openclaw_turn_t *turn,
    const char *reason);
static void ngx_http_openclaw_turn_cut(ngx_http_openclaw_turn_t *turn);
static void ngx_http_openclaw_turn_remember(ngx_http_openclaw_turn_t *turn,
    ngx_openclaw_code_e code, ngx_str_t *reason);
static ngx_uint_t ngx_http_openclaw_turn_memorable(
    ngx_http_openclaw_turn_t *turn, ngx_openclaw_code_e code);
static ngx_uint_t ngx_http_openclaw_turn_cuts(ngx_openclaw_code_e code);

static void ngx_http_openclaw_turn_alone(ngx_http_openclaw_turn_t *turn);
static void ngx_http_openclaw_turn_timer(ngx_event_t *ev);
static void ngx_http_openclaw_turn_wait(ngx_http_openclaw_turn_t *turn);
static ngx_uint_t ngx_http_openclaw_turn_overdue(void);


static ngx_openclaw_agent_handlers_t  ngx_http_openclaw_turn_handlers = {
    ngx_http_openclaw_turn_text,
    ngx_http_openclaw_turn_replace,
    ngx_http_openclaw_turn_end
};


/* worker_shutdown_timeout has passed: what waits must not start any more */

static ngx_uint_t  ngx_http_openclaw_turn_expired;


ngx_int_t
ngx_http_openclaw_turn_init_process(ngx_cycle_t *cycle)
{
    return ngx_openclaw_relay_init_process(cycle,
                                           ngx_http_openclaw_turn_accept);
}


void
ngx_http_openclaw_turn_exit_process(ngx_cycle_t *cycle)
{
    ngx_openclaw_relay_exit_process(cycle);
}


ngx_openclaw_code_e
ngx_http_openclaw_turn_start(ngx_http_openclaw_client_t *client,
    ngx_openclaw_message_t *m, ngx_str_t *sender_id, ngx_str_t *sender_name)
{
    ngx_openclaw_code_e        code;
    ngx_http_openclaw_turn_t  *turn;

    turn = ngx_http_openclaw_turn_create(client, m, sender_id, sender_name);
    if (turn == NULL) {
        return NGX_OPENCLAW_INTERNAL_ERROR;
    }

    turn->start = ngx_current_msec;
    turn->since = turn->start;

    turn->ticket.handler = ngx_http_openclaw_turn_ticket;
    turn->ticket.data = turn;

    turn->timer.handler = ngx_http_openclaw_turn_timer;
    turn->timer.data = turn;
    turn->timer.log = &turn->log;

    ngx_http_openclaw_turn_session(turn, client);

    code = ngx_http_openclaw_turn_enter(turn, client, turn->conf->queue);

    if (code != NGX_OPENCLAW_OK) {
        ngx_http_openclaw_turn_free(turn);
    }

    return code;
}


/* the client remembers the key, in memory that is used again */

static void
ngx_http_openclaw_turn_session(ngx_http_openclaw_turn_t *turn,
    ngx_http_openclaw_client_t *client)
{
    u_char     *p;
    size_t      size;
    ngx_str_t  *key;

    key = &turn->ticket.key;

    if (client->ws->request == NULL) {

        /* there is no request that a variable could be asked for */

        return;
    }

    if (client->session_size < key->len) {
        size = ngx_max(key->len, 2 * client->session_size);

        p = ngx_pnalloc(client->ws->request->pool, size);
        if (p == NULL) {
            return;
        }

        client->session.data = p;
        client->session_size = size;
    }

    ngx_memcpy(client->session.data, key->data, key->len);
    client->session.len = key->len;
}


ngx_uint_t
ngx_http_openclaw_turn_abort(ngx_http_openclaw_client_t *client,
    ngx_str_t *sender_id, ngx_str_t *message_id)
{
    ngx_uint_t                 n;
    ngx_queue_t               *q, *next;
    ngx_openclaw_ticket_t     *t;
    ngx_http_openclaw_turn_t  *turn;

    n = 0;

    for (q = ngx_queue_head(&client->turns);
         q != ngx_queue_sentinel(&client->turns);
         q = next)
    {
        next = ngx_queue_next(q);
        turn = ngx_queue_data(q, ngx_http_openclaw_turn_t, queue);
        t = &turn->ticket;

        if (t->sender_id.len != sender_id->len
            || ngx_memcmp(t->sender_id.data, sender_id->data, sender_id->len)
               != 0)
        {
            continue;
        }

        if (message_id->len
            && (t->message_id.len != message_id->len
                || ngx_memcmp(t->message_id.data, message_id->data,
                              message_id->len)
                   != 0))
        {
            continue;
        }

        n++;
        turn->aborted = 1;

        if (turn->guest) {

            /* the end comes from its owner */

            ngx_openclaw_session_abort(&t->key, &t->sender_id,
                                       &t->message_id);
            continue;
        }

        ngx_http_openclaw_turn_stop(turn, "by the client");
    }

    return n;
}


void
ngx_http_openclaw_turn_resume(ngx_http_openclaw_client_t *client)
{
    ngx_queue_t               *q;
    ngx_http_openclaw_turn_t  *turn;

    for (q = ngx_queue_head(&client->turns);
         q != ngx_queue_sentinel(&client->turns);
         q = ngx_queue_next(q))
    {
        turn = ngx_queue_data(q, ngx_http_openclaw_turn_t, queue);

        ngx_http_openclaw_turn_stream(turn);
        ngx_http_openclaw_turn_pace(turn);
    }
}


void
ngx_http_openclaw_turn_leave(ngx_http_openclaw_client_t *client)
{
    ngx_queue_t               *q;
    ngx_http_openclaw_turn_t  *turn;

    while (!ngx_queue_empty(&client->turns)) {
        q = ngx_queue_head(&client->turns);
        turn = ngx_queue_data(q, ngx_http_openclaw_turn_t, queue);

        if (turn->guest) {
            ngx_http_openclaw_turn_free(turn);
            continue;
        }

        ngx_http_openclaw_turn_detach(turn);
        ngx_http_openclaw_turn_alone(turn);
    }
}


void
ngx_http_openclaw_turn_expire(ngx_http_openclaw_client_t *client)
{
    ngx_queue_t               *q;
    ngx_http_openclaw_turn_t  *turn;

    ngx_http_openclaw_turn_expired = 1;

    while (!ngx_queue_empty(&client->turns)) {
        q = ngx_queue_head(&client->turns);
        turn = ngx_queue_data(q, ngx_http_openclaw_turn_t, queue);

        if (turn->guest) {
            ngx_http_openclaw_guest_expire(turn);
            continue;
        }

        ngx_http_openclaw_turn_cut(turn);
    }
}


/* the client of a turn has come back to another worker */

static void
ngx_http_openclaw_turn_accept(ngx_openclaw_relay_t *relay,
    ngx_openclaw_ticket_t *ticket, ngx_msec_t since)
{
    ngx_http_openclaw_turn_t  *turn;

    turn = ticket->data;

    if (ngx_http_openclaw_turn_take(turn, since) != NGX_OK) {
        ngx_openclaw_relay_end(relay, NGX_OPENCLAW_DUPLICATE, NULL);
        return;
    }

    turn->sink = relay;
    ngx_openclaw_relay_attach(relay, &turn->text,
                              ngx_http_openclaw_turn_closed, turn);

    ngx_http_openclaw_turn_set_timer(turn, NGX_HTTP_OPENCLAW_TURN_LOOK);

    ngx_http_openclaw_turn_pace(turn);
    ngx_http_openclaw_turn_run(turn);
}


/* and has left there */

static void
ngx_http_openclaw_turn_closed(void *data)
{
    ngx_http_openclaw_turn_t *turn = data;

    turn->sink = NULL;

    ngx_http_openclaw_turn_alone(turn);
}


static void
ngx_http_openclaw_turn_ticket(ngx_openclaw_ticket_t *ticket,
    ngx_openclaw_ticket_e what)
{
    ngx_http_openclaw_turn_t  *turn;

    turn = ticket->data;

    switch (what) {

    case NGX_OPENCLAW_TICKET_GRANTED:
        ngx_http_openclaw_turn_run(turn);
        break;

    case NGX_OPENCLAW_TICKET_ABORTED:
        turn->aborted = 1;
        ngx_http_openclaw_turn_stop(turn, "by the client");
        break;

    case NGX_OPENCLAW_TICKET_TWIN:
        ngx_openclaw_session_release(ticket, NULL, 0);
        ngx_http_openclaw_turn_again(turn);
        break;
    }
}


void
ngx_http_openclaw_turn_run(ngx_http_openclaw_turn_t *turn)
{
    ngx_str_t                 reason;
    ngx_openclaw_agent_ask_t  ask;

    if (!turn->ticket.granted || turn->agent
        || ngx_http_openclaw_guest_before(turn))
    {
        return;
    }

    if (ngx_http_openclaw_turn_expired) {
        ngx_http_openclaw_turn_cut(turn);
        return;
    }

    ask.token = turn->conf->token;
    ask.headers = turn->headers;
    ask.body = turn->body;
    ask.session = turn->ticket.key;
    ask.message = turn->content;

    turn->agent = ngx_openclaw_agent_create(&turn->conf->agent, &ask,
                                            &ngx_http_openclaw_turn_handlers,
                                            turn, &turn->log);
    if (turn->agent == NULL) {
        ngx_str_set(&reason, "no memory for the agent request");
        ngx_http_openclaw_turn_end(turn, NGX_OPENCLAW_INTERNAL_ERROR, &reason);
        return;
    }

    ngx_http_openclaw_turn_count(turn, NGX_HTTP_OPENCLAW_TURN_RUNNING);

    /* the agent request has a copy */

    ngx_openclaw_body_free(turn->body.data);
    turn->body.data = NULL;

    ngx_http_openclaw_turn_pace(turn);
}


void
ngx_http_openclaw_turn_text(void *data, ngx_str_t *text)
{
    ngx_http_openclaw_turn_t *turn = data;

    ngx_str_t  reason;

    if (turn->text.len + text->len > NGX_HTTP_OPENCLAW_MAX_TEXT) {
        ngx_str_set(&reason, "the answer is too long");
        ngx_http_openclaw_turn_end(turn, NGX_OPENCLAW_AGENT_ERROR, &reason);
        return;
    }

    if (ngx_http_openclaw_turn_append(turn, text) != NGX_OK) {
        ngx_str_set(&reason, "no memory for the answer");
        ngx_http_openclaw_turn_end(turn, NGX_OPENCLAW_INTERNAL_ERROR, &reason);
        return;
    }

    ngx_http_openclaw_turn_count_begun(turn);

    turn->begun = 1;
    turn->tries = 0;

    ngx_http_openclaw_turn_stream(turn);
    ngx_http_openclaw_turn_pace(turn);
}


/* the answer as the agent has recorded it, instead of what it has said */

static void
ngx_http_openclaw_turn_replace(void *data, ngx_str_t *text)
{
    ngx_http_openclaw_turn_t *turn = data;

    ngx_str_t  rest;

    rest = *text;

    if (rest.len >= turn->text.len
        && ngx_memcmp(rest.data, turn->text.data, turn->text.len) == 0)
    {
        /* just more of it */

        rest.data += turn->text.len;
        rest.len -= turn->text.len;

    } else {
        turn->text.len = 0;
        turn->whole = 1;

        if (turn->sink) {
            ngx_openclaw_relay_reset(turn->sink);
        }
    }

    if (rest.len) {
        ngx_http_openclaw_turn_text(turn, &rest);
    }
}


static ngx_int_t
ngx_http_openclaw_turn_append(ngx_http_openclaw_turn_t *turn, ngx_str_t *text)
{
    u_char  *p;
    size_t   size;

    if (turn->size - turn->text.len < text->len) {

        size = ngx_max(2 * turn->size, NGX_HTTP_OPENCLAW_TEXT_SIZE);
        size = ngx_max(size, turn->text.len + text->len);

        p = ngx_alloc(size, &turn->log);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (turn->text.data) {
            ngx_memcpy(p, turn->text.data, turn->text.len);
            ngx_free(turn->text.data);
        }

        turn->text.data = p;
        turn->size = size;
    }

    ngx_memcpy(turn->text.data + turn->text.len, text->data, text->len);
    turn->text.len += text->len;

    return NGX_OK;
}


void
ngx_http_openclaw_turn_end(void *data, ngx_openclaw_code_e code,
    ngx_str_t *reason)
{
    ngx_http_openclaw_turn_t *turn = data;

    ngx_str_t  empty;

    if (code == NGX_OPENCLAW_OK && turn->text.len == 0) {
        code = NGX_OPENCLAW_AGENT_INCOMPLETE;
        ngx_str_set(&empty, "the answer is empty");
        reason = &empty;
    }

    if (code == NGX_OPENCLAW_SHUTTING_DOWN) {
        ngx_http_openclaw_turn_expired = 1;
    }

    if (code != NGX_OPENCLAW_OK) {
        ngx_log_error(NGX_LOG_ERR, &turn->log, 0, "turn failed, %V: %V",
                      ngx_openclaw_code_name(code), reason);
    }

    ngx_http_openclaw_turn_finish(turn, code, reason);
}


static void
ngx_http_openclaw_turn_stop(ngx_http_openclaw_turn_t *turn,
    const char *reason)
{
    ngx_log_error(NGX_LOG_INFO, &turn->log, 0, "turn aborted %s", reason);

    ngx_http_openclaw_turn_finish(turn, NGX_OPENCLAW_ABORTED, NULL);
}


static void
ngx_http_openclaw_turn_cut(ngx_http_openclaw_turn_t *turn)
{
    ngx_str_t  reason;

    ngx_str_set(&reason, "the worker had to leave");
    ngx_http_openclaw_turn_end(turn, NGX_OPENCLAW_SHUTTING_DOWN, &reason);
}


void
ngx_http_openclaw_turn_finish(ngx_http_openclaw_turn_t *turn,
    ngx_openclaw_code_e code, ngx_str_t *reason)
{
    if (turn->guest) {
        ngx_http_openclaw_guest_end(turn, code, reason);
        return;
    }

    ngx_http_openclaw_turn_count_end(turn, code);
    ngx_http_openclaw_turn_remember(turn, code, reason);
    ngx_http_openclaw_turn_report(turn, code, reason);

    if (!turn->ticket.entered) {
        ngx_http_openclaw_turn_free(turn);
        return;
    }

    ngx_openclaw_agent_close(turn->agent);
    turn->agent = NULL;

    ngx_http_openclaw_turn_detach(turn);
    ngx_http_openclaw_turn_set_timer(turn, NGX_HTTP_OPENCLAW_ABORT_DELAY);
}


/*
 * Ends the ticket.  If the connection of a running turn is closed, it keeps
 * its place for a while; else it is given back.
 */

static void
ngx_http_openclaw_turn_remember(ngx_http_openclaw_turn_t *turn,
    ngx_openclaw_code_e code, ngx_str_t *reason)
{
    size_t                  max;
    ngx_openclaw_answer_t   answer, *a;
    ngx_openclaw_ticket_t  *t;

    t = &turn->ticket;
    max = turn->conf->answer_size;

    answer.code = code;
    ngx_str_null(&answer.text);

    if (code == NGX_OPENCLAW_OK) {
        answer.text = turn->text;

    } else if (code == NGX_OPENCLAW_AGENT_ERROR && reason->len <= max) {
        answer.text = *reason;

    } else if (code == NGX_OPENCLAW_SHUTTING_DOWN) {

        /* who connects again, as it is told to, must not be told so forever */

        answer.code = NGX_OPENCLAW_AGENT_INCOMPLETE;
    }

    a = ngx_http_openclaw_turn_memorable(turn, code) ? &answer : NULL;

    if (turn->agent && ngx_http_openclaw_turn_cuts(code)) {
        ngx_openclaw_session_end(t, a, max);

    } else {
        ngx_openclaw_session_release(t, a, max);
    }
}


/* whether a message that comes again must not be asked anew */

static ngx_uint_t
ngx_http_openclaw_turn_memorable(ngx_http_openclaw_turn_t *turn,
    ngx_openclaw_code_e code)
{
    switch (code) {

    case NGX_OPENCLAW_OK:
    case NGX_OPENCLAW_AGENT_TIMEOUT:
    case NGX_OPENCLAW_AGENT_ERROR:
    case NGX_OPENCLAW_AGENT_INCOMPLETE:
        return 1;

    case NGX_OPENCLAW_ABORTED:
        return turn->agent || turn->aborted;

    case NGX_OPENCLAW_SHUTTING_DOWN:
    case NGX_OPENCLAW_INTERNAL_ERROR:
        return turn->agent != NULL;

    default:

        /* nothing has run */

        return 0;
    }
}


/* whether the connection to the agent may be closed in the midst of a run */

static ngx_uint_t
ngx_http_openclaw_turn_cuts(ngx_openclaw_code_e code)
{
    return code == NGX_OPENCLAW_ABORTED
           || code == NGX_OPENCLAW_AGENT_TIMEOUT
           || code == NGX_OPENCLAW_AGENT_ERROR
           || code == NGX_OPENCLAW_INTERNAL_ERROR
           || code == NGX_OPENCLAW_SHUTTING_DOWN;
}


/*
 * Nobody is there for the answer: the turn goes on until its deadline, or
 * until somebody comes back.
 */

static void
ngx_http_openclaw_turn_alone(ngx_http_openclaw_turn_t *turn)
{
    ngx_msec_t  detach;

    detach = turn->conf->detach;

    if (detach == 0) {
        ngx_http_openclaw_turn_stop(turn, "since the client has left");
        return;
    }

    turn->deadline = ngx_current_msec + detach;

    ngx_http_openclaw_turn_set_timer(turn,
                             ngx_min(detach, NGX_HTTP_OPENCLAW_TURN_LOOK));

    ngx_http_openclaw_turn_pace(turn);
    ngx_http_openclaw_turn_run(turn);
}


static void
ngx_http_openclaw_turn_timer(ngx_event_t *ev)
{
    ngx_http_openclaw_turn_t  *turn;

    turn = ev->data;

    if (turn->ticket.ended) {
        ngx_http_openclaw_turn_free(turn);
        return;
    }

    if (turn->guest && turn->source == NULL && !turn->over) {
        ngx_http_openclaw_guest_again(turn);
        return;
    }

    if (turn->client == NULL) {
        ngx_http_openclaw_turn_wait(turn);
        return;
    }

    ngx_http_openclaw_turn_set_timer(turn, NGX_HTTP_OPENCLAW_TURN_HOLD);
}


/*
 * A turn without a client has no connection that would be told of
 * worker_shutdown_timeout, and it may be granted after that has passed, so it
 * looks.
 */

static void
ngx_http_openclaw_turn_wait(ngx_http_openclaw_turn_t *turn)
{
    ngx_msec_int_t  left;

    left = NGX_HTTP_OPENCLAW_TURN_LOOK;

    if (turn->sink == NULL) {
        left = (ngx_msec_int_t) (turn->deadline - ngx_current_msec);

        if (left <= 0) {
            ngx_http_openclaw_turn_stop(turn,
                                        "since no client came back for it");
            return;
        }
    }

    if (ngx_http_openclaw_turn_overdue()) {
        ngx_http_openclaw_turn_cut(turn);
        return;
    }

    ngx_http_openclaw_turn_set_timer(turn,
                               ngx_min(left, NGX_HTTP_OPENCLAW_TURN_LOOK));
}


static ngx_uint_t
ngx_http_openclaw_turn_overdue(void)
{
    ngx_core_conf_t    *ccf;

    static ngx_msec_t   start;

    if (!ngx_exiting) {
        return 0;
    }

    if (start == 0) {
        start = ngx_current_msec;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    return ccf->shutdown_timeout
           && ngx_current_msec - start >= ccf->shutdown_timeout;
}


void
ngx_http_openclaw_turn_set_timer(ngx_http_openclaw_turn_t *turn,
    ngx_msec_t timer)
{
    /* a timer that is set would not be moved by less than 300 ms */

    if (turn->timer.timer_set) {
        ngx_del_timer(&turn->timer);
    }

    ngx_add_timer(&turn->timer, timer);
}


void
ngx_http_openclaw_turn_free(ngx_http_openclaw_turn_t *turn)
{
    if (turn->timer.timer_set) {
        ngx_del_timer(&turn->timer);
    }

    if (turn->agent) {
        ngx_openclaw_agent_close(turn->agent);
    }

    if (turn->source) {
        ngx_openclaw_relay_close(turn->source);
    }

    if (turn->sink) {
        ngx_openclaw_relay_close(turn->sink);
    }

    ngx_http_openclaw_turn_detach(turn);
    ngx_http_openclaw_turn_count(turn, NGX_HTTP_OPENCLAW_TURN_NONE);

    if (turn->ticket.entered) {
        ngx_openclaw_session_release(&turn->ticket, NULL, 0);
    }

    if (turn->text.data) {
        ngx_free(turn->text.data);
    }

    if (turn->body.data) {
        ngx_openclaw_body_free(turn->body.data);
    }

    ngx_destroy_pool(turn->pool);
}

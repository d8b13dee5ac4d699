
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_http_openclaw_auth.h>
#include <ngx_http_openclaw_turn.h>


#define NGX_HTTP_OPENCLAW_TURN_POOL_SIZE    1024
#define NGX_HTTP_OPENCLAW_TEXT_SIZE         4096
#define NGX_HTTP_OPENCLAW_MAX_TEXT          (64 * 1024 * 1024)

/* how long the timer of a turn with a client keeps a leaving worker, again */

#define NGX_HTTP_OPENCLAW_HOLD              3600000

/* how often a turn without a client looks whether the worker is leaving */

#define NGX_HTTP_OPENCLAW_TURN_LOOK         1000

/*
 * What the gateway takes to notice that the connection of a running turn was
 * closed: the next turn of the session must not overlap with it.
 */

#define NGX_HTTP_OPENCLAW_ABORT_DELAY       100


typedef struct {
    ngx_pool_t                        *pool;
    ngx_log_t                          log;
    ngx_http_openclaw_client_t        *client;      /* NULL: it has left */
    ngx_http_openclaw_loc_conf_t      *conf;
    ngx_queue_t                        queue;       /* in client->turns */

    ngx_openclaw_ticket_t              ticket;
    ngx_openclaw_agent_t              *agent;
    ngx_array_t                       *headers;     /* of ngx_str_t */
    ngx_str_t                          body;
    ngx_str_t                          content;     /* its beginning */

    ngx_str_t                          text;        /* the answer so far */
    size_t                             size;        /* allocated for it */

    ngx_event_t                        timer;
    ngx_msec_t                         deadline;    /* if it has left */
    ngx_str_t                          addr;        /* of the client */

    unsigned                           ended:1;     /* only the ticket is
                                                       still held */
    unsigned                           behind:1;    /* a snapshot was left
                                                       out */
} ngx_http_openclaw_turn_t;


static ngx_http_openclaw_turn_t *ngx_http_openclaw_turn_create(
    ngx_http_openclaw_client_t *client, ngx_openclaw_message_t *m,
    ngx_str_t *sender_id, ngx_str_t *sender_name);
static ngx_int_t ngx_http_openclaw_turn_ids(ngx_http_openclaw_turn_t *turn,
    ngx_http_openclaw_client_t *client, ngx_openclaw_message_t *m,
    ngx_str_t *sender_id);
static ngx_int_t ngx_http_openclaw_turn_headers(
    ngx_http_openclaw_turn_t *turn, ngx_array_t *headers);
static ngx_openclaw_code_e ngx_http_openclaw_turn_enter(
    ngx_http_openclaw_turn_t *turn);

static void ngx_http_openclaw_turn_ticket(ngx_openclaw_ticket_t *ticket,
    ngx_openclaw_ticket_e what);
static void ngx_http_openclaw_turn_run(ngx_http_openclaw_turn_t *turn);
static void ngx_http_openclaw_turn_text(void *data, ngx_str_t *text);
static void ngx_http_openclaw_turn_replace(void *data, ngx_str_t *text);
static ngx_int_t ngx_http_openclaw_turn_append(
    ngx_http_openclaw_turn_t *turn, ngx_str_t *text);
static void ngx_http_openclaw_turn_stream(ngx_http_openclaw_turn_t *turn,
    ngx_str_t *text);

static void ngx_http_openclaw_turn_end(void *data, ngx_openclaw_code_e code,
    ngx_str_t *reason);
static void ngx_http_openclaw_turn_stop(ngx_http_openclaw_turn_t *turn,
    const char *reason);
static void ngx_http_openclaw_turn_cut(ngx_http_openclaw_turn_t *turn);
static void ngx_http_openclaw_turn_finish(ngx_http_openclaw_turn_t *turn,
    ngx_openclaw_code_e code);
static void ngx_http_openclaw_turn_report(ngx_http_openclaw_turn_t *turn,
    ngx_openclaw_code_e code, ngx_str_t *reason);
static void ngx_http_openclaw_turn_detach(ngx_http_openclaw_turn_t *turn);
static void ngx_http_openclaw_turn_timer(ngx_event_t *ev);
static void ngx_http_openclaw_turn_wait(ngx_http_openclaw_turn_t *turn);
static ngx_uint_t ngx_http_openclaw_turn_overdue(void);
static void ngx_http_openclaw_turn_set_timer(ngx_http_openclaw_turn_t *turn,
    ngx_msec_t timer);
static void ngx_http_openclaw_turn_free(ngx_http_openclaw_turn_t *turn);
static u_char *ngx_http_openclaw_turn_log_error(ngx_log_t *log, u_char *buf,
    size_t len);


static ngx_openclaw_agent_handlers_t  ngx_http_openclaw_turn_handlers = {
    ngx_http_openclaw_turn_text,
    ngx_http_openclaw_turn_replace,
    ngx_http_openclaw_turn_end
};


/* worker_shutdown_timeout has passed: what waits must not start any more */

static ngx_uint_t  ngx_http_openclaw_turn_expired;


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

    code = ngx_http_openclaw_turn_enter(turn);

    if (code != NGX_OPENCLAW_OK) {
        ngx_http_openclaw_turn_free(turn);
        return code;
    }

    turn->client = client;
    ngx_queue_insert_tail(&client->turns, &turn->queue);
    client->ws->busy++;

    ngx_http_openclaw_turn_set_timer(turn, NGX_HTTP_OPENCLAW_HOLD);

    ngx_http_openclaw_client_frame(client, &ngx_openclaw_json_typing);

    if (turn->ticket.granted) {
        ngx_http_openclaw_turn_run(turn);
    }

    return NGX_OPENCLAW_OK;
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

        ngx_http_openclaw_turn_stop(turn, "by the client");
        n++;
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

        if (turn->behind) {
            ngx_http_openclaw_turn_stream(turn, &turn->text);
        }

        if (turn->agent && !ngx_http_openclaw_ws_full(client->ws)) {
            ngx_openclaw_agent_resume(turn->agent);
        }
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

        ngx_http_openclaw_turn_detach(turn);

        if (turn->conf->detach == 0) {
            ngx_http_openclaw_turn_stop(turn, "since the client has left");
            continue;
        }

        if (turn->agent) {
            ngx_openclaw_agent_resume(turn->agent);
        }

        turn->deadline = ngx_current_msec + turn->conf->detach;
        ngx_http_openclaw_turn_wait(turn);
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

        ngx_http_openclaw_turn_cut(turn);
    }
}


static ngx_http_openclaw_turn_t *
ngx_http_openclaw_turn_create(ngx_http_openclaw_client_t *client,
    ngx_openclaw_message_t *m, ngx_str_t *sender_id, ngx_str_t *sender_name)
{
    ngx_pool_t                *pool;
    ngx_connection_t          *c;
    ngx_http_openclaw_turn_t  *turn;
    ngx_http_core_loc_conf_t  *clcf;
    ngx_openclaw_request_t     request;

    c = client->ws->connection;
    clcf = ngx_http_get_module_loc_conf(client->ws->request,
                                        ngx_http_core_module);

    pool = ngx_create_pool(NGX_HTTP_OPENCLAW_TURN_POOL_SIZE, clcf->error_log);
    if (pool == NULL) {
        return NULL;
    }

    turn = ngx_pcalloc(pool, sizeof(ngx_http_openclaw_turn_t));
    if (turn == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    turn->pool = pool;
    turn->conf = client->conf;

    /* the connection's log goes with it */

    turn->log = *clcf->error_log;
    turn->log.handler = ngx_http_openclaw_turn_log_error;
    turn->log.data = turn;

    turn->timer.handler = ngx_http_openclaw_turn_timer;
    turn->timer.data = turn;
    turn->timer.log = &turn->log;

    if (ngx_http_openclaw_turn_ids(turn, client, m, sender_id) != NGX_OK) {
        goto failed;
    }

    turn->addr.data = ngx_pstrdup(pool, &c->addr_text);
    if (turn->addr.data == NULL) {
        goto failed;
    }

    turn->addr.len = c->addr_text.len;

    if (ngx_http_openclaw_turn_headers(turn, &client->headers) != NGX_OK) {
        goto failed;
    }

    request.agent = client->agent_id;
    request.sender_id = *sender_id;
    request.sender_name = *sender_name;
    request.message_id = turn->ticket.message_id;
    request.time = ngx_time();
    request.message = m;

    turn->body.data = ngx_openclaw_body_create(&request, &turn->body.len);
    if (turn->body.data == NULL) {
        goto failed;
    }

    turn->content.len = ngx_min(m->content.len, NGX_OPENCLAW_AGENT_WORDS);

    turn->content.data = ngx_pnalloc(pool, turn->content.len);
    if (turn->content.data == NULL) {
        goto failed;
    }

    ngx_memcpy(turn->content.data, m->content.data, turn->content.len);

    return turn;

failed:

    ngx_http_openclaw_turn_free(turn);

    return NULL;
}


static ngx_int_t
ngx_http_openclaw_turn_ids(ngx_http_openclaw_turn_t *turn,
    ngx_http_openclaw_client_t *client, ngx_openclaw_message_t *m,
    ngx_str_t *sender_id)
{
    ngx_openclaw_ticket_t  *t;

    t = &turn->ticket;

    t->handler = ngx_http_openclaw_turn_ticket;
    t->data = turn;

    t->sender_id.data = ngx_pstrdup(turn->pool, sender_id);
    if (t->sender_id.data == NULL) {
        return NGX_ERROR;
    }

    t->sender_id.len = sender_id->len;

    if (m->message_id.len) {
        t->message_id.data = ngx_pstrdup(turn->pool, &m->message_id);
        if (t->message_id.data == NULL) {
            return NGX_ERROR;
        }

        t->message_id.len = m->message_id.len;

    } else {
        t->message_id.data = ngx_pnalloc(turn->pool,
                                         NGX_HTTP_OPENCLAW_UUID_LEN);
        if (t->message_id.data == NULL) {
            return NGX_ERROR;
        }

        if (ngx_http_openclaw_uuid(t->message_id.data) != NGX_OK) {
            return NGX_ERROR;
        }

        t->message_id.len = NGX_HTTP_OPENCLAW_UUID_LEN;
    }

    return ngx_openclaw_session_key(turn->pool, &client->agent_id,
                                    m->group,
                                    m->group ? &m->group_id : sender_id,
                                    &t->key);
}


static ngx_int_t
ngx_http_openclaw_turn_headers(ngx_http_openclaw_turn_t *turn,
    ngx_array_t *headers)
{
    ngx_str_t   *line, *src;
    ngx_uint_t   i, n;

    src = headers->elts;
    n = headers->nelts;

    turn->headers = ngx_array_create(turn->pool, n + 1, sizeof(ngx_str_t));
    if (turn->headers == NULL) {
        return NGX_ERROR;
    }

    line = ngx_array_push_n(turn->headers, n + 1);
    if (line == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        line[i].len = src[i].len;

        line[i].data = ngx_pnalloc(turn->pool, src[i].len + 1);
        if (line[i].data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(line[i].data, src[i].data, src[i].len + 1);
    }

    line[n].len = sizeof("x-openclaw-session-key: ") - 1
                  + turn->ticket.key.len;

    line[n].data = ngx_pnalloc(turn->pool, line[n].len + 1);
    if (line[n].data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(line[n].data, "x-openclaw-session-key: %V%Z",
                &turn->ticket.key);

    return NGX_OK;
}


static ngx_openclaw_code_e
ngx_http_openclaw_turn_enter(ngx_http_openclaw_turn_t *turn)
{
    ngx_openclaw_entry_e   entry;
    ngx_openclaw_owner_t   owner;
    ngx_openclaw_answer_t  answer;

    entry = ngx_openclaw_session_enter(&turn->ticket, turn->conf->queue,
                                       &owner, &answer);

    switch (entry) {

    case NGX_OPENCLAW_ENTRY_GRANTED:
    case NGX_OPENCLAW_ENTRY_WAITING:
        return NGX_OPENCLAW_OK;

    case NGX_OPENCLAW_ENTRY_ANSWERED:
        if (answer.text.data) {
            ngx_free(answer.text.data);
        }

        return NGX_OPENCLAW_DUPLICATE;

    case NGX_OPENCLAW_ENTRY_QUEUE_FULL:
        return NGX_OPENCLAW_QUEUE_FULL;

    case NGX_OPENCLAW_ENTRY_ZONE_FULL:
        return NGX_OPENCLAW_ZONE_FULL;

    default: /* TAKEN, DUPLICATE */
        return NGX_OPENCLAW_DUPLICATE;
    }
}


static void
ngx_http_openclaw_turn_ticket(ngx_openclaw_ticket_t *ticket,
    ngx_openclaw_ticket_e what)
{
    ngx_http_openclaw_turn_t  *turn;

    turn = ticket->data;

    if (turn->ended) {
        return;
    }

    if (what == NGX_OPENCLAW_TICKET_ABORTED) {
        ngx_http_openclaw_turn_stop(turn, "by the client");
        return;
    }

    ngx_http_openclaw_turn_run(turn);
}


static void
ngx_http_openclaw_turn_run(ngx_http_openclaw_turn_t *turn)
{
    ngx_str_t                 reason;
    ngx_openclaw_agent_ask_t  ask;

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

    /* the agent request has a copy */

    ngx_openclaw_body_free(turn->body.data);
    turn->body.data = NULL;

    if (turn->client && ngx_http_openclaw_ws_full(turn->client->ws)) {
        ngx_openclaw_agent_pause(turn->agent);
    }
}


static void
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

    if (turn->client) {
        ngx_http_openclaw_turn_stream(turn, text);

        if (ngx_http_openclaw_ws_full(turn->client->ws)) {
            ngx_openclaw_agent_pause(turn->agent);
        }
    }
}


static void
ngx_http_openclaw_turn_replace(void *data, ngx_str_t *text)
{
    ngx_http_openclaw_turn_t *turn = data;

    ngx_str_t  reason;

    turn->text.len = 0;

    if (ngx_http_openclaw_turn_append(turn, text) != NGX_OK) {
        ngx_str_set(&reason, "no memory for the answer");
        ngx_http_openclaw_turn_end(turn, NGX_OPENCLAW_INTERNAL_ERROR, &reason);
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


static void
ngx_http_openclaw_turn_stream(ngx_http_openclaw_turn_t *turn,
    ngx_str_t *text)
{
    u_char                  *p;
    ngx_str_t               *id;
    ngx_http_openclaw_ws_t  *ws;

    ws = turn->client->ws;
    id = &turn->ticket.message_id;

    switch (turn->conf->stream) {

    case NGX_HTTP_OPENCLAW_STREAM_OFF:
        return;

    case NGX_HTTP_OPENCLAW_STREAM_SNAPSHOT:
        text = &turn->text;

        /* only the last snapshot matters to a client that lags behind */

        turn->behind = ngx_http_openclaw_ws_full(ws);

        if (turn->behind) {
            return;
        }

        break;

    default: /* NGX_HTTP_OPENCLAW_STREAM_DELTA */
        break;
    }

    p = ngx_http_openclaw_ws_frame(ws, NGX_OPENCLAW_FRAME_TEXT,
                                   ngx_openclaw_json_stream_size(id, text));
    if (p) {
        ngx_openclaw_json_stream(p, id, text);
    }
}


static void
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

    ngx_http_openclaw_turn_report(turn, code, reason);
    ngx_http_openclaw_turn_finish(turn, code);
}


static void
ngx_http_openclaw_turn_stop(ngx_http_openclaw_turn_t *turn,
    const char *reason)
{
    ngx_log_error(NGX_LOG_INFO, &turn->log, 0, "turn aborted %s", reason);

    ngx_http_openclaw_turn_report(turn, NGX_OPENCLAW_ABORTED, NULL);
    ngx_http_openclaw_turn_finish(turn, NGX_OPENCLAW_ABORTED);
}


static void
ngx_http_openclaw_turn_cut(ngx_http_openclaw_turn_t *turn)
{
    ngx_str_t  reason;

    ngx_str_set(&reason, "the worker had to leave");
    ngx_http_openclaw_turn_end(turn, NGX_OPENCLAW_SHUTTING_DOWN, &reason);
}


static void
ngx_http_openclaw_turn_finish(ngx_http_openclaw_turn_t *turn,
    ngx_openclaw_code_e code)
{
    if (turn->agent == NULL) {
        ngx_http_openclaw_turn_free(turn);
        return;
    }

    switch (code) {

    case NGX_OPENCLAW_ABORTED:
    case NGX_OPENCLAW_AGENT_TIMEOUT:
    case NGX_OPENCLAW_AGENT_ERROR:
    case NGX_OPENCLAW_INTERNAL_ERROR:
    case NGX_OPENCLAW_SHUTTING_DOWN:

        /* the connection may be closed in the midst of a run */

        ngx_openclaw_agent_close(turn->agent);
        turn->agent = NULL;
        turn->ended = 1;

        ngx_http_openclaw_turn_detach(turn);
        ngx_http_openclaw_turn_set_timer(turn, NGX_HTTP_OPENCLAW_ABORT_DELAY);
        break;

    default:
        ngx_http_openclaw_turn_free(turn);
        break;
    }
}


static void
ngx_http_openclaw_turn_report(ngx_http_openclaw_turn_t *turn,
    ngx_openclaw_code_e code, ngx_str_t *reason)
{
    u_char     *p;
    ngx_str_t  *id;

    if (turn->client == NULL) {
        return;
    }

    id = &turn->ticket.message_id;

    if (code != NGX_OPENCLAW_OK) {

        /* what else failed is for the log only */

        if (code != NGX_OPENCLAW_AGENT_ERROR) {
            reason = NULL;
        }

        ngx_http_openclaw_client_error(turn->client, id, code, reason);
        return;
    }

    p = ngx_http_openclaw_ws_frame(turn->client->ws, NGX_OPENCLAW_FRAME_TEXT,
                            ngx_openclaw_json_response_size(id, &turn->text));
    if (p) {
        ngx_openclaw_json_response(p, id, &turn->text);
    }
}


static void
ngx_http_openclaw_turn_detach(ngx_http_openclaw_turn_t *turn)
{
    ngx_http_openclaw_ws_t  *ws;

    if (turn->client == NULL) {
        return;
    }

    ws = turn->client->ws;

    ngx_queue_remove(&turn->queue);
    turn->client = NULL;

    if (--ws->busy == 0) {
        ngx_http_openclaw_ws_idle(ws);
    }
}


static void
ngx_http_openclaw_turn_timer(ngx_event_t *ev)
{
    ngx_http_openclaw_turn_t  *turn;

    turn = ev->data;

    if (turn->ended) {
        ngx_http_openclaw_turn_free(turn);
        return;
    }

    if (turn->client == NULL) {
        ngx_http_openclaw_turn_wait(turn);
        return;
    }

    ngx_http_openclaw_turn_set_timer(turn, NGX_HTTP_OPENCLAW_HOLD);
}


/*
 * A turn without a client goes on until its deadline.  While it waits it has
 * no connection that would be told of worker_shutdown_timeout, and it may be
 * granted after that has passed, so it looks.
 */

static void
ngx_http_openclaw_turn_wait(ngx_http_openclaw_turn_t *turn)
{
    ngx_msec_int_t  left;

    left = (ngx_msec_int_t) (turn->deadline - ngx_current_msec);

    if (left <= 0) {
        ngx_http_openclaw_turn_stop(turn, "since no client came back for it");
        return;
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


static void
ngx_http_openclaw_turn_set_timer(ngx_http_openclaw_turn_t *turn,
    ngx_msec_t timer)
{
    /* a timer that is set would not be moved by less than 300 ms */

    if (turn->timer.timer_set) {
        ngx_del_timer(&turn->timer);
    }

    ngx_add_timer(&turn->timer, timer);
}


static void
ngx_http_openclaw_turn_free(ngx_http_openclaw_turn_t *turn)
{
    if (turn->timer.timer_set) {
        ngx_del_timer(&turn->timer);
    }

    if (turn->agent) {
        ngx_openclaw_agent_close(turn->agent);
    }

    ngx_http_openclaw_turn_detach(turn);

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


static u_char *
ngx_http_openclaw_turn_log_error(ngx_log_t *log, u_char *buf, size_t len)
{
    ngx_http_openclaw_turn_t  *turn;

    turn = log->data;

    return ngx_snprintf(buf, len, ", client: %V, session: \"%V\", "
                        "message: \"%V\"", &turn->addr, &turn->ticket.key,
                        &turn->ticket.message_id);
}

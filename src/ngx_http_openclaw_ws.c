
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_openclaw_stats.h>
#include <ngx_http_openclaw_ws_internal.h>


/* how long the client may take to answer a Close frame, in milliseconds */

#define NGX_HTTP_OPENCLAW_WS_CLOSE_TIMEOUT  3000

/* idle connections leave within that time, in milliseconds */

#define NGX_HTTP_OPENCLAW_WS_LEAVE_TIME     1000

/* the read timer of a connection without pings, in milliseconds */

#define NGX_HTTP_OPENCLAW_WS_NO_PING        60000


static ngx_int_t ngx_http_openclaw_ws_alloc(ngx_http_openclaw_ws_t *ws);
static void ngx_http_openclaw_ws_start_handler(ngx_event_t *ev);

static ngx_http_openclaw_ws_t *ngx_http_openclaw_ws_get(ngx_connection_t *c);
static void ngx_http_openclaw_ws_take_back(ngx_http_request_t *r);
static void ngx_http_openclaw_ws_read_back(ngx_http_request_t *r);
static void ngx_http_openclaw_ws_write_back(ngx_http_request_t *r);
static void ngx_http_openclaw_ws_read_handler(ngx_event_t *rev);
static void ngx_http_openclaw_ws_write_handler(ngx_event_t *wev);
static void ngx_http_openclaw_ws_drained(ngx_http_openclaw_ws_t *ws);
static void ngx_http_openclaw_ws_timer(ngx_http_openclaw_ws_t *ws);
static void ngx_http_openclaw_ws_rest(ngx_http_openclaw_ws_t *ws);
static ngx_msec_t ngx_http_openclaw_ws_next(ngx_http_openclaw_ws_t *ws,
    ngx_msec_t timer);
static void ngx_http_openclaw_ws_arm(ngx_http_openclaw_ws_t *ws,
    ngx_msec_t timer);

static void ngx_http_openclaw_ws_shutdown(ngx_http_openclaw_ws_t *ws);
static void ngx_http_openclaw_ws_leave(ngx_http_openclaw_ws_t *ws);
static void ngx_http_openclaw_ws_timed_out(ngx_http_openclaw_ws_t *ws);
static void ngx_http_openclaw_ws_drop(ngx_http_openclaw_ws_t *ws);
static void ngx_http_openclaw_ws_finish(ngx_http_openclaw_ws_t *ws,
    ngx_int_t rc);
static void ngx_http_openclaw_ws_give_back(ngx_http_openclaw_ws_t *ws);
static void ngx_http_openclaw_ws_cleanup(void *data);


ngx_http_openclaw_ws_t *
ngx_http_openclaw_ws_create(ngx_http_request_t *r,
    ngx_http_openclaw_ws_conf_t *conf,
    ngx_http_openclaw_ws_handlers_t *handlers, size_t size)
{
    ngx_http_openclaw_ws_t  *ws;

    /* in one piece, of which an idle connection consists */

    ws = ngx_pcalloc(r->connection->pool,
                     sizeof(ngx_http_openclaw_ws_t) + size);
    if (ws == NULL) {
        return NULL;
    }

    ws->request = r;
    ws->connection = r->connection;
    ws->conf = conf;
    ws->handlers = handlers;

    /* nothing is to be closed until the connection is taken over */
    ws->done = 1;

    ngx_openclaw_frame_init(&ws->parser, conf->max_message_size);
    ws->parser.max_fragments = conf->max_fragments;

    return ws;
}


ngx_int_t
ngx_http_openclaw_ws_start(ngx_http_openclaw_ws_t *ws)
{
    ngx_int_t                         rc;
    ngx_connection_t                 *c;
    ngx_http_request_t               *r;
    ngx_http_openclaw_ws_attached_t  *attached;

    r = ws->request;
    c = ws->connection;

    if (ngx_http_openclaw_ws_alloc(ws) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_openclaw_ws_accept(ws);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    ws->upgrading = 1;
    ws->parser.deflate = ws->params.accepted;

    /* then it is closed from the first event, as any other connection */
    ws->failed = (rc == NGX_DECLINED);

    r->main->count++;
    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    c->log->action = "talking to WebSocket client";

    ws->done = 0;

    attached = ws->attached;

    attached->read_handler = c->read->handler;
    attached->write_handler = c->write->handler;

    /* no other event of the connection may come before this one */

    c->read->handler = ngx_http_empty_handler;
    c->write->handler = ngx_http_empty_handler;

    attached->start.handler = ngx_http_openclaw_ws_start_handler;
    attached->start.data = ws;
    attached->start.log = c->log;

    ngx_post_event(&attached->start, &ngx_posted_events);

    return NGX_OK;
}


static ngx_int_t
ngx_http_openclaw_ws_alloc(ngx_http_openclaw_ws_t *ws)
{
    ngx_buf_t           *b;
    ngx_http_request_t  *r;
    ngx_http_cleanup_t  *cln;

    r = ws->request;

    ws->attached = ngx_pcalloc(r->pool,
                               sizeof(ngx_http_openclaw_ws_attached_t));
    if (ws->attached == NULL) {
        return NGX_ERROR;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_openclaw_ws_cleanup;
    cln->data = ws;

    ws->attached->cleanup = cln;

    b = r->header_in;

    if (b->pos == b->last) {
        return NGX_OK;
    }

    /* frames came glued to the handshake */

    if (ngx_http_openclaw_ws_leftover(ws, b->pos, b->last - b->pos)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ws->bytes_in = b->last - b->pos;
    ngx_openclaw_stats_add(bytes_received, ws->bytes_in);

    b->pos = b->last;

    return NGX_OK;
}


static void
ngx_http_openclaw_ws_start_handler(ngx_event_t *ev)
{
    ngx_connection_t        *c;
    ngx_http_openclaw_ws_t  *ws;

    ws = ev->data;
    c = ws->connection;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "openclaw ws: start, leftover:%uD", ws->leftover_len);

    ngx_http_openclaw_ws_take_back(ws->request);

    ws->request->read_event_handler = ngx_http_openclaw_ws_read_back;
    ws->request->write_event_handler = ngx_http_openclaw_ws_write_back;

    /* let ngx_close_idle_connections() call us when the worker leaves */
    c->idle = 1;

    ngx_http_openclaw_ws_alive(ws);

    if (c->close) {
        ngx_http_openclaw_ws_shutdown(ws);
        return;
    }

    if (ngx_http_openclaw_ws_read(ws) != NGX_OK) {
        ngx_http_openclaw_ws_finish(ws, NGX_OK);
        return;
    }

    if (ngx_exiting) {
        ngx_http_openclaw_ws_leave(ws);
        return;
    }

    ngx_http_openclaw_ws_write_event(ws);
}


/*
 * c->data stays the request: nginx looks there for what is to be run behind
 * an event of a background subrequest, as that of a mirror.
 */

static ngx_http_openclaw_ws_t *
ngx_http_openclaw_ws_get(ngx_connection_t *c)
{
    ngx_http_cleanup_t  *cln;
    ngx_http_request_t  *r;

    r = c->data;

    for (cln = r->main->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_openclaw_ws_cleanup) {
            break;
        }
    }

    return cln ? cln->data : NULL;
}


/*
 * nginx sets its own handlers also when it is a subrequest that has failed.
 * Then they call these, and look at the request afterwards: so what is to be
 * done waits for an event of ours.
 */

static void
ngx_http_openclaw_ws_take_back(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

    c->read->handler = ngx_http_openclaw_ws_read_handler;
    c->write->handler = ngx_http_openclaw_ws_write_handler;
}


static void
ngx_http_openclaw_ws_read_back(ngx_http_request_t *r)
{
    ngx_http_openclaw_ws_take_back(r);
    ngx_post_event(r->connection->read, &ngx_posted_events);
}


static void
ngx_http_openclaw_ws_write_back(ngx_http_request_t *r)
{
    ngx_http_openclaw_ws_take_back(r);
    ngx_post_event(r->connection->write, &ngx_posted_events);
}


static void
ngx_http_openclaw_ws_read_handler(ngx_event_t *rev)
{
    ngx_http_openclaw_ws_read_event(ngx_http_openclaw_ws_get(rev->data));
}


static void
ngx_http_openclaw_ws_write_handler(ngx_event_t *wev)
{
    ngx_http_openclaw_ws_write_event(ngx_http_openclaw_ws_get(wev->data));
}


void
ngx_http_openclaw_ws_read_event(ngx_http_openclaw_ws_t *ws)
{
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    c = ws->connection;
    rev = c->read;

    if (c->close) {
        ngx_http_openclaw_ws_shutdown(ws);
        return;
    }

    if (rev->timedout) {
        rev->timedout = 0;
        ngx_http_openclaw_ws_timer(ws);
        return;
    }

    if (ngx_http_openclaw_ws_read(ws) != NGX_OK) {
        ngx_http_openclaw_ws_finish(ws, NGX_OK);
    }
}


void
ngx_http_openclaw_ws_write_event(ngx_http_openclaw_ws_t *ws)
{
    ngx_event_t       *wev;
    ngx_connection_t  *c;

    c = ws->connection;
    wev = c->write;

    if (c->close) {
        ngx_http_openclaw_ws_shutdown(ws);
        return;
    }

    if (wev->timedout) {
        wev->timedout = 0;

        if (!wev->delayed) {
            ngx_http_openclaw_ws_timed_out(ws);
            return;
        }

        wev->delayed = 0;
    }

    if (ws->failed || ngx_http_openclaw_ws_send(ws) == NGX_ERROR) {
        ngx_http_openclaw_ws_drop(ws);
        return;
    }

    if (ws->full && ws->out_len <= ws->conf->send_buffer / 2) {
        ngx_http_openclaw_ws_drained(ws);
    }

    if (ws->close_sent && ws->out == NULL && !ws->upgrading) {

        if (ws->close_received || ws->broken) {
            ngx_http_openclaw_ws_finish(ws, NGX_OK);
            return;
        }

        if (!ws->waiting) {
            ws->waiting = 1;
            ngx_http_openclaw_ws_arm(ws, NGX_HTTP_OPENCLAW_WS_CLOSE_TIMEOUT);
        }
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_http_openclaw_ws_drop(ws);
        return;
    }

    if (ws->conf->lean && ws->request && !ws->upgrading) {
        ngx_http_openclaw_ws_free_request(ws);
    }
}


static void
ngx_http_openclaw_ws_drained(ngx_http_openclaw_ws_t *ws)
{
    ngx_event_t  *rev, *wev;

    rev = ws->connection->read;
    wev = ws->connection->write;

    ws->full = 0;

    if (ws->expecting) {

        /* nobody has read what it may have sent meanwhile */

        ngx_http_openclaw_ws_expect(ws);
    }

    ws->handlers->writable(ws);

    /*
     * What the user appended, and the reading that stood still, is for the
     * next cycle: a fast client must not keep the worker for itself.
     */

    if (wev->posted) {
        ngx_delete_posted_event(wev);
        ngx_post_event(wev, &ngx_posted_next_events);
    }

    if (!rev->posted) {
        ngx_post_event(rev, &ngx_posted_next_events);
    }
}


void
ngx_http_openclaw_ws_post(ngx_http_openclaw_ws_t *ws)
{
    ngx_post_event(ws->connection->write, &ngx_posted_events);
}


/*
 * The read timer is always set: it sends pings, or ends what takes too long.
 * It also keeps a leaving worker from exiting while the connection lives.
 */

static void
ngx_http_openclaw_ws_timer(ngx_http_openclaw_ws_t *ws)
{
    ngx_msec_t  timer;

    if (ws->waiting) {
        ngx_log_error(NGX_LOG_INFO, ws->connection->log, NGX_ETIMEDOUT,
                      "client did not answer a close frame");
        ngx_http_openclaw_ws_finish(ws, NGX_OK);
        return;
    }

    if (ws->departing) {
        ws->departing = 0;
        ngx_http_openclaw_ws_alive(ws);
        ngx_http_openclaw_ws_idle(ws);
        return;
    }

    ngx_http_openclaw_ws_rest(ws);

    /*
     * While something is to be sent, the send timeout tells whether the
     * client is there; and a stopped reader, as one that is held, would not
     * see an answer.
     */

    if (ws->out || ws->leftover || ws->close_sent || ws->held) {
        timer = ws->conf->ping_interval ? ws->conf->ping_interval
                                        : NGX_HTTP_OPENCLAW_WS_NO_PING;

        ngx_http_openclaw_ws_arm(ws, ngx_http_openclaw_ws_next(ws, timer));
        return;
    }

    if (ws->pinged) {
        ngx_http_openclaw_ws_timed_out(ws);
        return;
    }

    ngx_http_openclaw_ws_alive(ws);

    if (ws->conf->ping_interval) {
        ws->pinged = 1;
        (void) ngx_http_openclaw_ws_frame(ws, NGX_OPENCLAW_FRAME_PING, 0);
        timer = ngx_http_openclaw_ws_next(ws, ws->conf->ping_timeout);
        ngx_http_openclaw_ws_arm(ws, timer);
    }
}


/* looks whether the rest of a message is overdue */

static void
ngx_http_openclaw_ws_rest(ngx_http_openclaw_ws_t *ws)
{
    if (!ws->expecting || ws->close_sent
        || (ngx_msec_int_t) (ws->deadline - ngx_current_msec) > 0)
    {
        return;
    }

    if (ws->full || ws->held || ws->leftover) {

        /* it may have been sent, and waits for us */

        ngx_http_openclaw_ws_expect(ws);
        return;
    }

    ngx_http_openclaw_ws_break(ws, NGX_OPENCLAW_CLOSE_POLICY,
                               "client sent a part of a message and not the "
                               "rest");
}


/* the timer, or the time that is left for a message */

static ngx_msec_t
ngx_http_openclaw_ws_next(ngx_http_openclaw_ws_t *ws, ngx_msec_t timer)
{
    ngx_msec_int_t  left;

    if (!ws->expecting || ws->close_sent) {
        return timer;
    }

    left = (ngx_msec_int_t) (ws->deadline - ngx_current_msec);
    left = ngx_max(left, 0);

    return ngx_min((ngx_msec_t) left, timer);
}


void
ngx_http_openclaw_ws_alive(ngx_http_openclaw_ws_t *ws)
{
    ngx_msec_t  timer;

    ws->pinged = 0;

    if (ws->waiting || ws->departing) {
        return;
    }

    timer = ws->conf->ping_interval;

    if (timer == 0) {
        timer = NGX_HTTP_OPENCLAW_WS_NO_PING;
    }

    timer = ngx_http_openclaw_ws_next(ws, timer);

    /* a timer that has been set a moment ago stays as it is */

    ngx_add_timer(ws->connection->read, timer);
}


static void
ngx_http_openclaw_ws_arm(ngx_http_openclaw_ws_t *ws, ngx_msec_t timer)
{
    ngx_event_t  *rev;

    rev = ws->connection->read;

    if (rev->timer_set) {
        ngx_del_timer(rev);
    }

    ngx_add_timer(rev, timer);
}


void
ngx_http_openclaw_ws_idle(ngx_http_openclaw_ws_t *ws)
{
    if (ws->leaving && ws->busy == 0) {
        ngx_http_openclaw_ws_close(ws, NGX_OPENCLAW_CLOSE_RESTART,
                                   "service restart");
    }
}


void
ngx_http_openclaw_ws_hold(ngx_http_openclaw_ws_t *ws)
{
    ws->held = 1;
}


void
ngx_http_openclaw_ws_release(ngx_http_openclaw_ws_t *ws)
{
    if (!ws->held || ws->done) {
        return;
    }

    ws->held = 0;

    ngx_post_event(ws->connection->read, &ngx_posted_events);
}


void
ngx_http_openclaw_ws_close(ngx_http_openclaw_ws_t *ws, ngx_uint_t code,
    const char *reason)
{
    u_char     *p, *last;
    ngx_str_t   text;

    u_char  payload[NGX_OPENCLAW_FRAME_MAX_CONTROL];

    if (ws->close_sent || ws->failed || ws->done) {
        return;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ws->connection->log, 0,
                   "openclaw ws: close, code:%ui \"%s\"",
                   code, reason ? reason : "");

    text.data = (u_char *) reason;
    text.len = reason ? ngx_strlen(reason) : 0;

    last = ngx_openclaw_frame_close(payload, code, &text);

    p = ngx_http_openclaw_ws_append(ws, NGX_OPENCLAW_FRAME_CLOSE,
                                    last - payload);
    if (p == NULL) {
        return;
    }

    ngx_memcpy(p, payload, last - payload);

    ws->code = code;
    ws->close_sent = 1;

    /* a client that is stuck in sending reads nothing: let it finish */

    if (ws->full || ws->held) {
        ngx_post_event(ws->connection->read, &ngx_posted_next_events);
    }
}


/* the worker leaves (c->close), or has waited long enough (c->error) */

static void
ngx_http_openclaw_ws_shutdown(ngx_http_openclaw_ws_t *ws)
{
    ngx_connection_t  *c;

    c = ws->connection;

    if (!c->error) {
        c->close = 0;
        ngx_http_openclaw_ws_leave(ws);
        return;
    }

    /* it may still go out, and tells the client to come back */

    if (ws->handlers->expire) {
        ws->handlers->expire(ws);
    }

    ngx_http_openclaw_ws_close(ws, NGX_OPENCLAW_CLOSE_RESTART,
                               "service restart");

    if (!ws->failed) {
        (void) ngx_http_openclaw_ws_send(ws);
    }

    ngx_http_openclaw_ws_finish(ws, NGX_HTTP_CLIENT_CLOSED_REQUEST);
}


static void
ngx_http_openclaw_ws_leave(ngx_http_openclaw_ws_t *ws)
{
    if (!ws->leaving) {
        ws->leaving = 1;

        if (ws->busy == 0 && !ws->close_sent) {
            ws->departing = 1;
            ngx_http_openclaw_ws_arm(ws, ngx_random()
                                         % NGX_HTTP_OPENCLAW_WS_LEAVE_TIME);
        }
    }

    /* before 1.23.3 a posted event would wait until there is another one */

    ngx_http_openclaw_ws_write_event(ws);
}


static void
ngx_http_openclaw_ws_timed_out(ngx_http_openclaw_ws_t *ws)
{
    ngx_log_error(NGX_LOG_INFO, ws->connection->log, NGX_ETIMEDOUT,
                  "client timed out");

    ws->connection->timedout = 1;

    ngx_http_openclaw_ws_finish(ws, NGX_HTTP_REQUEST_TIME_OUT);
}


static void
ngx_http_openclaw_ws_drop(ngx_http_openclaw_ws_t *ws)
{
    ws->connection->error = 1;

    ngx_http_openclaw_ws_finish(ws, NGX_HTTP_CLIENT_CLOSED_REQUEST);
}


/* ws may be gone when it returns */

static void
ngx_http_openclaw_ws_finish(ngx_http_openclaw_ws_t *ws, ngx_int_t rc)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ws->request;
    c = ws->connection;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "openclaw ws: finish, code:%uD rc:%i", ws->code, rc);

    /* nginx would go on sending the answer to the handshake */

    if (ws->upgrading) {
        c->error = 1;
    }

    if (r == NULL) {
        c->log->action = NULL;
        ngx_http_openclaw_ws_cleanup(ws);
        ngx_http_openclaw_ws_end(ws);
        return;
    }

    ngx_http_openclaw_ws_cleanup(ws);

    if (ws->linger) {
        r->lingering_close = 1;
    }

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


/* leaves the connection, as it was when it was taken over */

static void
ngx_http_openclaw_ws_give_back(ngx_http_openclaw_ws_t *ws)
{
    ngx_connection_t                 *c;
    ngx_http_request_t               *r;
    ngx_http_openclaw_ws_attached_t  *attached;

    c = ws->connection;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        c->ssl->saved_read_handler = NULL;
        c->ssl->saved_write_handler = NULL;
    }
#endif

    c->idle = 0;

    r = ws->request;

    if (r == NULL) {
        return;
    }

    attached = ws->attached;

    if (attached->start.posted) {
        ngx_delete_posted_event(&attached->start);
    }

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    c->read->handler = attached->read_handler;
    c->write->handler = attached->write_handler;
}


static void
ngx_http_openclaw_ws_cleanup(void *data)
{
    ngx_http_openclaw_ws_t *ws = data;

    if (!ws->done) {
        ws->done = 1;

        if (ws->code == 0) {
            ws->code = NGX_OPENCLAW_CLOSE_ABNORMAL;
        }

        ngx_http_openclaw_ws_give_back(ws);
        ws->handlers->close(ws);
    }

    ngx_http_openclaw_ws_free_in(ws);
    ngx_http_openclaw_ws_free_out(ws);
}

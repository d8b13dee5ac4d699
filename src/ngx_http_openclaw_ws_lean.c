
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * A connection without its request: that is freed after the handshake, and
 * what nginx does with a request at the end is done here.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_http_openclaw_ws_internal.h>


static ngx_uint_t ngx_http_openclaw_ws_needed(ngx_http_request_t *r);
static void ngx_http_openclaw_ws_free_buffers(ngx_connection_t *c,
    ngx_http_connection_t *hc);
static void ngx_http_openclaw_ws_free_chain(ngx_connection_t *c,
    ngx_chain_t *cl);
static void ngx_http_openclaw_ws_lean_read_handler(ngx_event_t *rev);
static void ngx_http_openclaw_ws_lean_write_handler(ngx_event_t *wev);

static ngx_uint_t ngx_http_openclaw_ws_lingers(ngx_http_openclaw_ws_t *ws);
static void ngx_http_openclaw_ws_reset(ngx_http_openclaw_ws_t *ws);
static void ngx_http_openclaw_ws_linger(ngx_connection_t *c);
static void ngx_http_openclaw_ws_linger_handler(ngx_event_t *rev);


void
ngx_http_openclaw_ws_free_request(ngx_http_openclaw_ws_t *ws)
{
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_http_connection_t  *hc;

    r = ws->request;
    c = ws->connection;
    hc = r->http_connection;

    if (ngx_http_openclaw_ws_needed(r)) {
        return;
    }

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "openclaw ws: free request");

    /* what it has to clean up is not the connection any more */

    ws->attached->cleanup->handler = NULL;
    ws->attached = NULL;
    ws->request = NULL;

    ngx_http_free_request(r, 0);

    c->destroyed = 0;
    c->data = ws;
    c->log->action = "talking to WebSocket client";

    c->read->handler = ngx_http_openclaw_ws_lean_read_handler;
    c->write->handler = ngx_http_openclaw_ws_lean_write_handler;

    ngx_http_openclaw_ws_free_buffers(c, hc);
}


/* a subrequest that nobody waits for, as that of a mirror, may be running */

static ngx_uint_t
ngx_http_openclaw_ws_needed(ngx_http_request_t *r)
{
    return r->count != 1 || r->blocked || r->posted_requests || r->postponed
           || r->buffered || r->connection->buffered;
}


/* as nginx does for connections that are kept alive */

static void
ngx_http_openclaw_ws_free_buffers(ngx_connection_t *c,
    ngx_http_connection_t *hc)
{
    if (ngx_pfree(c->pool, c->buffer->start) == NGX_OK) {
        c->buffer->start = NULL;
    }

    ngx_http_openclaw_ws_free_chain(c, hc->free);
    hc->free = NULL;

    ngx_http_openclaw_ws_free_chain(c, hc->busy);
    hc->busy = NULL;
    hc->nbusy = 0;
}


static void
ngx_http_openclaw_ws_free_chain(ngx_connection_t *c, ngx_chain_t *cl)
{
    ngx_chain_t  *next;

    for ( /* void */ ; cl; cl = next) {
        next = cl->next;
        (void) ngx_pfree(c->pool, cl->buf->start);
        ngx_free_chain(c->pool, cl);
    }
}


static void
ngx_http_openclaw_ws_lean_read_handler(ngx_event_t *rev)
{
    ngx_connection_t  *c;

    c = rev->data;

    ngx_http_openclaw_ws_read_event(c->data);
}


static void
ngx_http_openclaw_ws_lean_write_handler(ngx_event_t *wev)
{
    ngx_connection_t  *c;

    c = wev->data;

    ngx_http_openclaw_ws_write_event(c->data);
}


void
ngx_http_openclaw_ws_end(ngx_http_openclaw_ws_t *ws)
{
    ngx_connection_t  *c;

    c = ws->connection;

    if (ngx_http_openclaw_ws_lingers(ws)) {
        ngx_http_openclaw_ws_linger(c);
        return;
    }

    ngx_http_openclaw_ws_reset(ws);
    ngx_http_close_connection(c);
}


static ngx_uint_t
ngx_http_openclaw_ws_lingers(ngx_http_openclaw_ws_t *ws)
{
    ngx_connection_t  *c;

    c = ws->connection;

    if (c->error || c->timedout) {
        return 0;
    }

    switch (ws->conf->core->lingering_close) {

    case NGX_HTTP_LINGERING_ALWAYS:
        return 1;

    case NGX_HTTP_LINGERING_ON:
        return ws->linger || c->read->ready;

    default: /* NGX_HTTP_LINGERING_OFF */
        return 0;
    }
}


static void
ngx_http_openclaw_ws_reset(ngx_http_openclaw_ws_t *ws)
{
    struct linger      linger;
    ngx_connection_t  *c;

    c = ws->connection;

    if (!c->timedout || !ws->conf->core->reset_timedout_connection) {
        return;
    }

    linger.l_onoff = 1;
    linger.l_linger = 0;

    if (setsockopt(c->fd, SOL_SOCKET, SO_LINGER, (const void *) &linger,
                   sizeof(struct linger))
        == -1)
    {
        ngx_log_error(NGX_LOG_ALERT, c->log, ngx_socket_errno,
                      "setsockopt(SO_LINGER) failed");
    }
}


/*
 * The client sees the end, and what it has sent meanwhile is read and dropped:
 * it would be answered with a reset, which may take the Close frame away.
 */

static void
ngx_http_openclaw_ws_linger(ngx_connection_t *c)
{
#if (NGX_HTTP_SSL)
    ngx_int_t                rc;
#endif
    ngx_event_t             *rev;
    ngx_http_openclaw_ws_t  *ws;

    ws = c->data;
    rev = c->read;

#if (NGX_HTTP_SSL)

    if (c->ssl) {
        rc = ngx_ssl_shutdown(c);

        if (rc == NGX_AGAIN) {
            c->ssl->handler = ngx_http_openclaw_ws_linger;
            return;
        }

        if (rc == NGX_ERROR) {
            ngx_http_close_connection(c);
            return;
        }

        /* nobody decrypts what still comes */
        c->recv = ngx_recv;
    }

#endif

    if (c->timedout) {
        ngx_http_close_connection(c);
        return;
    }

    c->log->action = "closing WebSocket connection";

    rev->handler = ngx_http_openclaw_ws_linger_handler;
    c->write->handler = ngx_http_empty_handler;

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_close_connection(c);
        return;
    }

    if (ngx_shutdown_socket(c->fd, NGX_WRITE_SHUTDOWN) == -1) {
        ngx_connection_error(c, ngx_socket_errno,
                             ngx_shutdown_socket_n " failed");
        ngx_http_close_connection(c);
        return;
    }

    ngx_reusable_connection(c, 1);

    ws->deadline = ngx_current_msec + ws->conf->core->lingering_time;

    ngx_add_timer(rev, ws->conf->core->lingering_timeout);

    if (rev->ready) {
        ngx_http_openclaw_ws_linger_handler(rev);
    }
}


static void
ngx_http_openclaw_ws_linger_handler(ngx_event_t *rev)
{
    ssize_t                  n;
    ngx_msec_t               timer;
    ngx_msec_int_t           left;
    ngx_connection_t        *c;
    ngx_http_openclaw_ws_t  *ws;

    u_char  buffer[NGX_HTTP_LINGERING_BUFFER_SIZE];

    c = rev->data;
    ws = c->data;

    if (rev->timedout || c->close) {
        ngx_http_close_connection(c);
        return;
    }

    left = (ngx_msec_int_t) (ws->deadline - ngx_current_msec);

    if (left <= 0) {
        ngx_http_close_connection(c);
        return;
    }

    do {
        n = c->recv(c, buffer, NGX_HTTP_LINGERING_BUFFER_SIZE);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_http_close_connection(c);
            return;
        }

    } while (rev->ready);

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_close_connection(c);
        return;
    }

    timer = ws->conf->core->lingering_timeout;

    ngx_add_timer(rev, ngx_min((ngx_msec_t) left, timer));
}

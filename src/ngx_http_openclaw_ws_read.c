
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_openclaw_stats.h>
#include <ngx_http_openclaw_ws_internal.h>


/* what is read at once, and how often before others get their turn */

#define NGX_HTTP_OPENCLAW_WS_READ_SIZE      65536
#define NGX_HTTP_OPENCLAW_WS_READS          16

/* a little that is read may be a lot when it is inflated: the same for that */

#define NGX_HTTP_OPENCLAW_WS_INFLATE_TURN   (512 * 1024)

/* who sends a message slowly has the whole time for each so many bytes */

#define NGX_HTTP_OPENCLAW_WS_PROGRESS       16384

/* frames a second that may come to nothing in the long run */

#define NGX_HTTP_OPENCLAW_WS_VAIN_RATE      20

/* the least room for a message that is inflated */

#define NGX_HTTP_OPENCLAW_WS_INFLATED       1024


static ngx_uint_t ngx_http_openclaw_ws_left(ngx_http_openclaw_ws_t *ws);
static ngx_uint_t ngx_http_openclaw_ws_stopped(ngx_http_openclaw_ws_t *ws);
static void ngx_http_openclaw_ws_read_leftover(ngx_http_openclaw_ws_t *ws);
static void ngx_http_openclaw_ws_progress(ngx_http_openclaw_ws_t *ws,
    size_t len);
static void ngx_http_openclaw_ws_parse(ngx_http_openclaw_ws_t *ws,
    u_char *pos, u_char *last);
static void ngx_http_openclaw_ws_take(ngx_http_openclaw_ws_t *ws,
    ngx_openclaw_frame_t *f);
static void ngx_http_openclaw_ws_data(ngx_http_openclaw_ws_t *ws,
    ngx_openclaw_frame_t *f);
static ngx_int_t ngx_http_openclaw_ws_collect(ngx_http_openclaw_ws_t *ws,
    ngx_openclaw_frame_t *f);
static ngx_int_t ngx_http_openclaw_ws_inflate(ngx_http_openclaw_ws_t *ws,
    ngx_openclaw_frame_t *f);
static ngx_int_t ngx_http_openclaw_ws_inflate_start(ngx_http_openclaw_ws_t *ws,
    ngx_openclaw_frame_t *f);
static ngx_int_t ngx_http_openclaw_ws_grow(ngx_http_openclaw_ws_t *ws,
    size_t size);
static void ngx_http_openclaw_ws_peer_close(ngx_http_openclaw_ws_t *ws,
    ngx_uint_t code);


/* all connections of a worker read into it, one after another */

static u_char  ngx_http_openclaw_ws_buffer[NGX_HTTP_OPENCLAW_WS_READ_SIZE];

/* what the one that reads now has had inflated */

static size_t  ngx_http_openclaw_ws_inflated;


ngx_int_t
ngx_http_openclaw_ws_read(ngx_http_openclaw_ws_t *ws)
{
    u_char            *buf;
    ssize_t            n;
    ngx_uint_t         i;
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    c = ws->connection;
    rev = c->read;
    buf = ngx_http_openclaw_ws_buffer;

    if (ws->held && !ws->close_sent && ngx_http_openclaw_ws_left(ws)) {
        ngx_log_error(NGX_LOG_INFO, c->log, 0,
                      "client closed connection without a close frame");
        return NGX_ERROR;
    }

    ngx_http_openclaw_ws_inflated = 0;

    ngx_http_openclaw_ws_read_leftover(ws);

    for (i = 0; i < NGX_HTTP_OPENCLAW_WS_READS; i++) {

        if (ws->failed || ngx_http_openclaw_ws_stopped(ws)) {
            break;
        }

        n = c->recv(c, buf, NGX_HTTP_OPENCLAW_WS_READ_SIZE);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR) {
            c->error = 1;
            return NGX_ERROR;
        }

        if (n == 0) {

            if (!ws->close_sent && !ws->close_received) {
                ngx_log_error(NGX_LOG_INFO, c->log, 0,
                              "client closed connection "
                              "without a close frame");
            }

            /* a client that only stopped sending still gets what is there */

            if (!ws->failed) {
                (void) ngx_http_openclaw_ws_send(ws);
            }

            return NGX_ERROR;
        }

        ws->bytes_in += n;
        ngx_openclaw_stats_add(bytes_received, n);

        ngx_http_openclaw_ws_parse(ws, buf, buf + n);
        ngx_http_openclaw_ws_progress(ws, n);

        if (!rev->ready) {
            break;
        }
    }

    if (i == NGX_HTTP_OPENCLAW_WS_READS
        || ngx_http_openclaw_ws_inflated >= NGX_HTTP_OPENCLAW_WS_INFLATE_TURN)
    {
        ngx_post_event(rev, &ngx_posted_next_events);
    }

    return ngx_handle_read_event(rev, 0);
}


/* whether nothing was sent but the end of the connection */

static ngx_uint_t
ngx_http_openclaw_ws_left(ngx_http_openclaw_ws_t *ws)
{
    u_char             ch;
    ssize_t            n;
    ngx_connection_t  *c;

    c = ws->connection;

    if (ws->leftover || !c->read->ready) {
        return 0;
    }

#if (NGX_HTTP_SSL)

    /* the last bytes of the socket may have been read by the library */

    if (c->ssl) {
        return 0;
    }

#endif

    n = recv(c->fd, &ch, 1, MSG_PEEK);

    return n == 0 || (n == -1 && ngx_socket_errno != NGX_EAGAIN
                      && ngx_socket_errno != NGX_EINTR);
}


/* a closing connection reads on, to see the client's Close frame */

static ngx_uint_t
ngx_http_openclaw_ws_stopped(ngx_http_openclaw_ws_t *ws)
{
    return !ws->close_sent
           && (ws->full || ws->held
               || ngx_http_openclaw_ws_inflated
                  >= NGX_HTTP_OPENCLAW_WS_INFLATE_TURN);
}


static void
ngx_http_openclaw_ws_read_leftover(ngx_http_openclaw_ws_t *ws)
{
    u_char  *data;
    size_t   len;

    if (ws->leftover == NULL || ngx_http_openclaw_ws_stopped(ws)) {
        return;
    }

    data = ws->leftover;
    len = ws->leftover_len;

    ws->leftover = NULL;
    ws->leftover_len = 0;

    ngx_http_openclaw_ws_parse(ws, data, data + len);
    ngx_http_openclaw_ws_progress(ws, len);

    ngx_free(data);
}


/* the client has sent something; it must not leave off in the midst of it */

static void
ngx_http_openclaw_ws_progress(ngx_http_openclaw_ws_t *ws, size_t len)
{
    ws->progress += len;

    if (!ngx_openclaw_frame_partial(&ws->parser)) {
        ws->expecting = 0;

    } else if (!ws->expecting
               || ws->progress >= NGX_HTTP_OPENCLAW_WS_PROGRESS)
    {
        ngx_http_openclaw_ws_expect(ws);
    }

    ngx_http_openclaw_ws_alive(ws);
}


void
ngx_http_openclaw_ws_expect(ngx_http_openclaw_ws_t *ws)
{
    ws->expecting = 1;
    ws->progress = 0;
    ws->deadline = ngx_current_msec + ws->conf->message_timeout;
}


ngx_int_t
ngx_http_openclaw_ws_leftover(ngx_http_openclaw_ws_t *ws, u_char *data,
    size_t len)
{
    ws->leftover = ngx_alloc(len, ws->connection->log);
    if (ws->leftover == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ws->leftover, data, len);
    ws->leftover_len = len;

    return NGX_OK;
}


static void
ngx_http_openclaw_ws_parse(ngx_http_openclaw_ws_t *ws, u_char *pos,
    u_char *last)
{
    ngx_int_t             rc;
    ngx_openclaw_frame_t  f;

    while (!ws->broken && !ws->close_received && !ws->failed) {

        rc = ngx_openclaw_frame_parse(&ws->parser, &pos, last, &f);

        if (rc == NGX_AGAIN) {
            return;
        }

        if (rc == NGX_ERROR) {
            ngx_http_openclaw_ws_break(ws, ws->parser.code, ws->parser.error);
            return;
        }

        if (f.rest == 0) {
            ws->frames_in++;
            ngx_openclaw_stats_add(frames_received, 1);
        }

        ngx_http_openclaw_ws_take(ws, &f);

        if (pos < last && ngx_http_openclaw_ws_stopped(ws)) {

            if (ngx_http_openclaw_ws_leftover(ws, pos, last - pos)
                != NGX_OK)
            {
                ws->failed = 1;
                ngx_http_openclaw_ws_post(ws);
            }

            return;
        }
    }
}


static void
ngx_http_openclaw_ws_take(ngx_http_openclaw_ws_t *ws, ngx_openclaw_frame_t *f)
{
    u_char  *p;

    switch (f->opcode) {

    case NGX_OPENCLAW_FRAME_TEXT:
    case NGX_OPENCLAW_FRAME_BINARY:
        ngx_http_openclaw_ws_data(ws, f);
        break;

    case NGX_OPENCLAW_FRAME_PING:
        ngx_http_openclaw_ws_vain(ws);

        p = ngx_http_openclaw_ws_frame(ws, NGX_OPENCLAW_FRAME_PONG, f->len);

        if (p) {
            ngx_memcpy(p, f->data, f->len);
        }

        break;

    case NGX_OPENCLAW_FRAME_CLOSE:
        ngx_http_openclaw_ws_peer_close(ws, f->code);
        break;

    default: /* NGX_OPENCLAW_FRAME_PONG */
        ngx_http_openclaw_ws_vain(ws);
        break;
    }
}


void
ngx_http_openclaw_ws_vain(ngx_http_openclaw_ws_t *ws)
{
    ngx_msec_t  elapsed, leaked;

    if (ws->conf->max_vain == 0) {
        return;
    }

    elapsed = (uint32_t) (ngx_current_msec - ws->vain_last);
    elapsed = ngx_min(elapsed, 1000 * ws->conf->max_vain);
    leaked = elapsed * NGX_HTTP_OPENCLAW_WS_VAIN_RATE;

    ws->vain_last = (uint32_t) ngx_current_msec;
    ws->vain -= ngx_min(ws->vain, leaked);
    ws->vain += 1000;

    if (ws->vain > 1000 * ws->conf->max_vain && !ws->close_sent) {
        ngx_http_openclaw_ws_break(ws, NGX_OPENCLAW_CLOSE_POLICY,
                                   "client sent too many pings, pongs or "
                                   "messages that came to nothing");
    }
}


static void
ngx_http_openclaw_ws_data(ngx_http_openclaw_ws_t *ws, ngx_openclaw_frame_t *f)
{
    u_char     *message;
    ngx_int_t   rc;
    ngx_str_t   payload;

    if (ws->close_sent) {
        return;
    }

    if (f->first && f->last && !f->compressed) {
        ws->expecting = 0;
        payload.len = f->len;
        payload.data = f->data;
        ws->handlers->message(ws, f->opcode, &payload);
        return;
    }

    rc = f->compressed ? ngx_http_openclaw_ws_inflate(ws, f)
                       : ngx_http_openclaw_ws_collect(ws, f);

    if (rc == NGX_ERROR) {
        ws->failed = 1;
        ngx_http_openclaw_ws_post(ws);
        return;
    }

    if (rc == NGX_DECLINED || !f->last) {
        return;
    }

    ws->expecting = 0;

    message = ws->message;

    payload.len = ws->message_len;
    payload.data = message ? message : f->data;

    ws->message = NULL;
    ws->message_len = 0;
    ws->message_size = 0;

    ws->handlers->message(ws, f->opcode, &payload);

    if (message) {
        ngx_free(message);
    }
}


static ngx_int_t
ngx_http_openclaw_ws_collect(ngx_http_openclaw_ws_t *ws,
    ngx_openclaw_frame_t *f)
{
    size_t  size;

    size = ws->message_len + f->len;

    if (size > ws->message_size) {

        /*
         * A header may promise more than ever comes, so what is allocated
         * ahead is never more than what is there already.
         */

        size += (f->rest < size) ? (size_t) f->rest : size;

        if (ngx_http_openclaw_ws_grow(ws, size) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (f->len) {
        ngx_memcpy(ws->message + ws->message_len, f->data, f->len);
        ws->message_len += f->len;
    }

    return NGX_OK;
}


/* NGX_DECLINED: it is no message, the connection is being closed */

static ngx_int_t
ngx_http_openclaw_ws_inflate(ngx_http_openclaw_ws_t *ws,
    ngx_openclaw_frame_t *f)
{
    ngx_int_t                   rc;
    ngx_openclaw_inflate_t     *z;
    ngx_openclaw_deflate_io_t   io;

    if (f->first && ngx_http_openclaw_ws_inflate_start(ws, f) != NGX_OK) {
        return NGX_ERROR;
    }

    z = ws->inflate;

    io.pos = f->data;
    io.last = f->data + f->len;

    for ( ;; ) {
        io.out = ws->message + ws->message_len;
        io.end = ws->message + ws->message_size;

        rc = ngx_openclaw_inflate(z, &io, f->last);

        ngx_http_openclaw_ws_inflated += io.out - ws->message - ws->message_len;
        ws->message_len = io.out - ws->message;

        if (rc != NGX_AGAIN) {
            break;
        }

        if (ngx_http_openclaw_ws_grow(ws, ws->message_size * 2) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (rc == NGX_ERROR) {
        ngx_http_openclaw_ws_break(ws, z->code, z->error);
        return NGX_DECLINED;
    }

    if (rc == NGX_ABORT) {
        ngx_log_error(NGX_LOG_EMERG, ws->connection->log, 0,
                      "no memory to inflate a message");
        return NGX_ERROR;
    }

    if (f->last && ws->params.client_no_context_takeover) {
        ngx_openclaw_inflate_free(z);
        ws->inflate = NULL;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_openclaw_ws_inflate_start(ngx_http_openclaw_ws_t *ws,
    ngx_openclaw_frame_t *f)
{
    if (ws->inflate == NULL) {
        ws->inflate = ngx_openclaw_inflate_create();

        if (ws->inflate == NULL) {
            ngx_log_error(NGX_LOG_EMERG, ws->connection->log, 0,
                          "no memory to inflate messages");
            return NGX_ERROR;
        }
    }

    ngx_openclaw_inflate_start(ws->inflate, ws->parser.max_message,
                               f->opcode == NGX_OPENCLAW_FRAME_TEXT);

    return ngx_http_openclaw_ws_grow(ws, ngx_max(f->len * 4,
                                            NGX_HTTP_OPENCLAW_WS_INFLATED));
}


/* a message never needs more than is allowed */

static ngx_int_t
ngx_http_openclaw_ws_grow(ngx_http_openclaw_ws_t *ws, size_t size)
{
    u_char  *p;

    size = ngx_max(size, ws->message_size * 2);
    size = ngx_min(size, ws->parser.max_message);

    p = ngx_alloc(size, ws->connection->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (ws->message) {
        ngx_memcpy(p, ws->message, ws->message_len);
        ngx_free(ws->message);
    }

    ws->message = p;
    ws->message_size = size;

    return NGX_OK;
}


void
ngx_http_openclaw_ws_break(ngx_http_openclaw_ws_t *ws, ngx_uint_t code,
    const char *error)
{
    ngx_log_error(ws->conf->log_level, ws->connection->log, 0, "%s", error);

    ngx_http_openclaw_ws_close(ws, code, error);

    ws->broken = 1;
    ws->linger = 1;

    ngx_http_openclaw_ws_post(ws);
}


static void
ngx_http_openclaw_ws_peer_close(ngx_http_openclaw_ws_t *ws, ngx_uint_t code)
{
    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ws->connection->log, 0,
                   "openclaw ws: client closes, code:%ui", code);

    if (!ws->close_sent) {
        ngx_http_openclaw_ws_close(ws, code, NULL);
    }

    ws->close_received = 1;

    /*
     * RFC 6455, 7.1.1: what the client sends behind its Close frame is read
     * and dropped, or a reset would take ours away.  A worker that leaves
     * does not stay for that.
     */

    if (!ws->leaving) {
        ws->linger = 1;
    }

    ngx_http_openclaw_ws_post(ws);
}


void
ngx_http_openclaw_ws_free_in(ngx_http_openclaw_ws_t *ws)
{
    if (ws->message) {
        ngx_free(ws->message);
        ws->message = NULL;
    }

    if (ws->leftover) {
        ngx_free(ws->leftover);
        ws->leftover = NULL;
    }

    if (ws->inflate) {
        ngx_openclaw_inflate_free(ws->inflate);
        ws->inflate = NULL;
    }

    ngx_openclaw_frame_free(&ws->parser);
}

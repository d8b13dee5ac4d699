
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_openclaw_stats.h>
#include <ngx_http_openclaw_ws_internal.h>


/*
 * Small frames share a buffer of that size, and a larger one behind it when
 * many are made at once; so many buffers are sent together.
 */

#define NGX_HTTP_OPENCLAW_WS_OUT_SIZE       4096
#define NGX_HTTP_OPENCLAW_WS_OUT_MAX_SIZE   16384
#define NGX_HTTP_OPENCLAW_WS_OUT_CHAIN      16

/*
 * Messages are compressed when they are sent, to buffers of that size, and
 * not more of them at once before others get their turn.
 */

#define NGX_HTTP_OPENCLAW_WS_DEFLATE_SIZE   16384
#define NGX_HTTP_OPENCLAW_WS_DEFLATE_TURN   (512 * 1024)

/* the header of a frame in such a buffer, and the least room for a frame */

#define NGX_HTTP_OPENCLAW_WS_DEFLATE_HEADER 4
#define NGX_HTTP_OPENCLAW_WS_DEFLATE_EXTRA  64


/*
 * Frames to be sent, or with an opcode, the message to be sent; the bytes
 * follow the structure.
 */

struct ngx_http_openclaw_ws_out_s {
    ngx_http_openclaw_ws_out_t        *next;
    u_char                            *pos;
    u_char                            *last;
    u_char                            *end;
    unsigned                           opcode:4;    /* to be compressed */
    unsigned                           started:1;   /* it has a frame */
};


static u_char *ngx_http_openclaw_ws_append_message(ngx_http_openclaw_ws_t *ws,
    ngx_uint_t opcode, size_t len);
static ngx_http_openclaw_ws_out_t *ngx_http_openclaw_ws_room(
    ngx_http_openclaw_ws_t *ws, size_t size);
static ngx_http_openclaw_ws_out_t *ngx_http_openclaw_ws_alloc_out(
    ngx_http_openclaw_ws_t *ws, size_t size);
static void ngx_http_openclaw_ws_link_out(ngx_http_openclaw_ws_t *ws,
    ngx_http_openclaw_ws_out_t *out);
static void ngx_http_openclaw_ws_appended(ngx_http_openclaw_ws_t *ws,
    size_t size);
static u_char *ngx_http_openclaw_ws_append_failed(ngx_http_openclaw_ws_t *ws);

static ssize_t ngx_http_openclaw_ws_send_out(ngx_http_openclaw_ws_t *ws);
static ssize_t ngx_http_openclaw_ws_send_chain(ngx_http_openclaw_ws_t *ws);
static void ngx_http_openclaw_ws_sent(ngx_http_openclaw_ws_t *ws);
static ngx_int_t ngx_http_openclaw_ws_send_upgrade(
    ngx_http_openclaw_ws_t *ws);

static ngx_int_t ngx_http_openclaw_ws_deflate(ngx_http_openclaw_ws_t *ws,
    size_t *turn);
static ngx_int_t ngx_http_openclaw_ws_move(ngx_http_openclaw_ws_t *ws,
    ngx_http_openclaw_ws_out_t *to);
static ngx_int_t ngx_http_openclaw_ws_deflate_message(
    ngx_http_openclaw_ws_t *ws, ngx_http_openclaw_ws_out_t *to, size_t *turn);
static void ngx_http_openclaw_ws_deflated(ngx_http_openclaw_ws_t *ws,
    ngx_http_openclaw_ws_out_t *to, ngx_uint_t bits, size_t len);


u_char *
ngx_http_openclaw_ws_frame(ngx_http_openclaw_ws_t *ws, ngx_uint_t opcode,
    size_t len)
{
    if (ws->close_sent || ws->failed || ws->done) {
        return NULL;
    }

    return ngx_http_openclaw_ws_append(ws, opcode, len);
}


u_char *
ngx_http_openclaw_ws_append(ngx_http_openclaw_ws_t *ws, ngx_uint_t opcode,
    size_t len)
{
    size_t                       size;
    u_char                      *p;
    ngx_http_openclaw_ws_out_t  *out;

    if (ws->params.accepted
        && (opcode == NGX_OPENCLAW_FRAME_TEXT
            || opcode == NGX_OPENCLAW_FRAME_BINARY)
        && ngx_openclaw_deflate_bits(&ws->params, len))
    {
        return ngx_http_openclaw_ws_append_message(ws, opcode, len);
    }

    size = ngx_openclaw_frame_header_size(len) + len;

    out = ngx_http_openclaw_ws_room(ws, size);
    if (out == NULL) {
        return ngx_http_openclaw_ws_append_failed(ws);
    }

    p = ngx_openclaw_frame_header(out->last, opcode, len);
    out->last += size;

    ws->frames_out++;
    ngx_openclaw_stats_add(frames_sent, 1);

    ngx_http_openclaw_ws_appended(ws, size);

    return p;
}


static u_char *
ngx_http_openclaw_ws_append_message(ngx_http_openclaw_ws_t *ws,
    ngx_uint_t opcode, size_t len)
{
    ngx_http_openclaw_ws_out_t  *out;

    out = ngx_http_openclaw_ws_alloc_out(ws, len);
    if (out == NULL) {
        return ngx_http_openclaw_ws_append_failed(ws);
    }

    out->opcode = opcode;
    out->last = out->end;

    ngx_http_openclaw_ws_link_out(ws, out);
    ngx_http_openclaw_ws_appended(ws, len);

    return out->pos;
}


static ngx_http_openclaw_ws_out_t *
ngx_http_openclaw_ws_room(ngx_http_openclaw_ws_t *ws, size_t size)
{
    size_t                       room;
    ngx_http_openclaw_ws_out_t  *out;

    out = ws->last_out;
    room = NGX_HTTP_OPENCLAW_WS_OUT_SIZE;

    if (out) {

        if ((size_t) (out->end - out->last) >= size) {
            return out;
        }

        room = 2 * (out->end - (u_char *) out);
        room = ngx_min(room, NGX_HTTP_OPENCLAW_WS_OUT_MAX_SIZE);
        room = ngx_max(room, NGX_HTTP_OPENCLAW_WS_OUT_SIZE);
    }

    size = ngx_max(size, room - sizeof(ngx_http_openclaw_ws_out_t));

    out = ngx_http_openclaw_ws_alloc_out(ws, size);
    if (out == NULL) {
        return NULL;
    }

    ngx_http_openclaw_ws_link_out(ws, out);

    return out;
}


static ngx_http_openclaw_ws_out_t *
ngx_http_openclaw_ws_alloc_out(ngx_http_openclaw_ws_t *ws, size_t size)
{
    ngx_http_openclaw_ws_out_t  *out;

    out = ngx_alloc(sizeof(ngx_http_openclaw_ws_out_t) + size,
                    ws->connection->log);
    if (out == NULL) {
        return NULL;
    }

    out->next = NULL;
    out->pos = (u_char *) out + sizeof(ngx_http_openclaw_ws_out_t);
    out->last = out->pos;
    out->end = out->pos + size;
    out->opcode = 0;
    out->started = 0;

    return out;
}


static void
ngx_http_openclaw_ws_link_out(ngx_http_openclaw_ws_t *ws,
    ngx_http_openclaw_ws_out_t *out)
{
    if (ws->last_out) {
        ws->last_out->next = out;

    } else {
        ws->out = out;
    }

    ws->last_out = out;
}


static void
ngx_http_openclaw_ws_appended(ngx_http_openclaw_ws_t *ws, size_t size)
{
    ws->out_len += size;

    if (ws->out_len > ws->conf->send_buffer) {
        ws->full = 1;
    }

    ngx_http_openclaw_ws_post(ws);
}


static u_char *
ngx_http_openclaw_ws_append_failed(ngx_http_openclaw_ws_t *ws)
{
    ws->failed = 1;
    ngx_http_openclaw_ws_post(ws);

    return NULL;
}


ngx_int_t
ngx_http_openclaw_ws_send(ngx_http_openclaw_ws_t *ws)
{
    size_t                       size, turn;
    ssize_t                      n;
    ngx_int_t                    rc;
    ngx_uint_t                   progress;
    ngx_event_t                 *wev;
    ngx_http_openclaw_ws_out_t  *out;

    wev = ws->connection->write;
    progress = 0;
    turn = NGX_HTTP_OPENCLAW_WS_DEFLATE_TURN;

    if (ws->upgrading) {
        rc = ngx_http_openclaw_ws_send_upgrade(ws);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    /* a system call that the handshake can do without */

    if (ws->out && ws->conf->core->tcp_nodelay
        && ngx_tcp_nodelay(ws->connection) != NGX_OK)
    {
        return NGX_ERROR;
    }

    while (ws->out && wev->ready) {
        if (ws->out->opcode) {

            if (turn == 0) {
                ngx_post_event(wev, &ngx_posted_next_events);
                break;
            }

            if (ngx_http_openclaw_ws_deflate(ws, &turn) != NGX_OK) {
                return NGX_ERROR;
            }

            continue;
        }

        n = ngx_http_openclaw_ws_send_out(ws);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (n <= 0) {
            break;
        }

        progress = 1;
        ws->bytes_out += n;
        ws->out_len -= n;
        ngx_openclaw_stats_add(bytes_sent, n);

        while (n) {
            out = ws->out;
            size = ngx_min((size_t) n, (size_t) (out->last - out->pos));

            out->pos += size;
            n -= size;

            if (out->pos == out->last) {
                ngx_http_openclaw_ws_sent(ws);
            }
        }
    }

    if (ws->out == NULL) {

        if (wev->timer_set) {
            ngx_del_timer(wev);
        }

        return NGX_OK;
    }

    if (progress || !wev->timer_set) {
        ngx_add_timer(wev, ws->conf->send_timeout);
    }

    return NGX_AGAIN;
}


/* sends what it can of the first buffer, or of several in one call */

static ssize_t
ngx_http_openclaw_ws_send_out(ngx_http_openclaw_ws_t *ws)
{
    size_t                       size;
    ngx_connection_t            *c;
    ngx_http_openclaw_ws_out_t  *out;

    c = ws->connection;
    out = ws->out;
    size = out->last - out->pos;

#if (NGX_HTTP_SSL)

    /* SSL_write() tells nothing until all of it has been written */

    if (c->ssl) {
        return c->send(c, out->pos, ngx_min(size, c->ssl->buffer_size));
    }

#endif

    if (out->next && out->next->opcode == 0) {
        return ngx_http_openclaw_ws_send_chain(ws);
    }

    return c->send(c, out->pos, size);
}


static ssize_t
ngx_http_openclaw_ws_send_chain(ngx_http_openclaw_ws_t *ws)
{
    off_t                        sent;
    ngx_buf_t                   *b;
    ngx_uint_t                   i;
    ngx_chain_t                 *cl;
    ngx_connection_t            *c;
    ngx_http_openclaw_ws_out_t  *out;

    ngx_buf_t    bufs[NGX_HTTP_OPENCLAW_WS_OUT_CHAIN];
    ngx_chain_t  chain[NGX_HTTP_OPENCLAW_WS_OUT_CHAIN];

    ngx_memzero(bufs, sizeof(bufs));

    i = 0;

    for (out = ws->out;
         out && out->opcode == 0 && i < NGX_HTTP_OPENCLAW_WS_OUT_CHAIN;
         out = out->next)
    {
        b = &bufs[i];
        cl = &chain[i++];

        b->pos = out->pos;
        b->last = out->last;
        b->temporary = 1;

        cl->buf = b;
        cl->next = cl + 1;
    }

    chain[i - 1].next = NULL;

    c = ws->connection;
    sent = c->sent;

    if (c->send_chain(c, chain, 0) == NGX_CHAIN_ERROR) {
        return NGX_ERROR;
    }

    return (c->sent > sent) ? (ssize_t) (c->sent - sent) : NGX_AGAIN;
}


static void
ngx_http_openclaw_ws_sent(ngx_http_openclaw_ws_t *ws)
{
    ngx_http_openclaw_ws_out_t  *out;

    out = ws->out;
    ws->out = out->next;

    if (ws->out == NULL) {
        ws->last_out = NULL;
    }

    ngx_free(out);
}


/* what nginx could not send at once of the answer, as with limit_rate */

static ngx_int_t
ngx_http_openclaw_ws_send_upgrade(ngx_http_openclaw_ws_t *ws)
{
    ngx_int_t            rc;
    ngx_event_t         *wev;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ws->request;
    c = ws->connection;
    wev = c->write;

    if (r->buffered || c->buffered) {

        if (wev->delayed) {
            return NGX_AGAIN;
        }

        rc = ngx_http_output_filter(r, NULL);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (r->buffered || c->buffered) {

            if (!wev->delayed) {
                ngx_add_timer(wev, ws->conf->send_timeout);
            }

            return NGX_AGAIN;
        }
    }

    /* frames are not limited */

    wev->delayed = 0;

    if (wev->timer_set) {
        ngx_del_timer(wev);
    }

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        ngx_ssl_free_buffer(c);
    }
#endif

    ws->upgrading = 0;

    return NGX_OK;
}


/*
 * Makes frames of the first messages, and whatever is between them, as many
 * as fit into one buffer, so that they are sent together.
 */

static ngx_int_t
ngx_http_openclaw_ws_deflate(ngx_http_openclaw_ws_t *ws, size_t *turn)
{
    size_t                       size;
    ngx_int_t                    rc;
    ngx_http_openclaw_ws_out_t  *to;

    size = ws->out_len + NGX_HTTP_OPENCLAW_WS_DEFLATE_EXTRA;

    /* zlib may have more than what is still to be compressed */

    if (ws->deflate || size > NGX_HTTP_OPENCLAW_WS_DEFLATE_SIZE) {
        size = NGX_HTTP_OPENCLAW_WS_DEFLATE_SIZE;
    }

    to = ngx_http_openclaw_ws_alloc_out(ws, size);
    if (to == NULL) {
        return NGX_ERROR;
    }

    do {
        rc = ws->out->opcode
             ? ngx_http_openclaw_ws_deflate_message(ws, to, turn)
             : ngx_http_openclaw_ws_move(ws, to);

    } while (rc == NGX_OK && ws->out && *turn);

    if (rc == NGX_ERROR || to->pos == to->last) {
        ngx_free(to);
        return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
    }

    to->next = ws->out;
    ws->out = to;

    if (ws->last_out == NULL) {
        ws->last_out = to;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_openclaw_ws_move(ngx_http_openclaw_ws_t *ws,
    ngx_http_openclaw_ws_out_t *to)
{
    size_t                       size;
    ngx_http_openclaw_ws_out_t  *out;

    out = ws->out;
    size = out->last - out->pos;

    if ((size_t) (to->end - to->last) < size) {
        return NGX_AGAIN;
    }

    to->last = ngx_cpymem(to->last, out->pos, size);

    ngx_http_openclaw_ws_sent(ws);

    return NGX_OK;
}


/*
 * Compresses the first message, or what may be done of it now, to a frame.
 * NGX_AGAIN: the message goes on.
 */

static ngx_int_t
ngx_http_openclaw_ws_deflate_message(ngx_http_openclaw_ws_t *ws,
    ngx_http_openclaw_ws_out_t *to, size_t *turn)
{
    size_t                       len;
    u_char                      *data, *p;
    ngx_int_t                    rc;
    ngx_uint_t                   fin, bits;
    ngx_openclaw_deflate_io_t    io;
    ngx_http_openclaw_ws_out_t  *out;

    out = ws->out;

    if (to->end - to->last < NGX_HTTP_OPENCLAW_WS_DEFLATE_EXTRA) {
        return NGX_AGAIN;
    }

    if (ws->deflate == NULL) {
        ws->deflate = ngx_openclaw_deflate_create(
                                        ngx_openclaw_deflate_bits(&ws->params,
                                                      out->last - out->pos));
        if (ws->deflate == NULL) {
            ngx_log_error(NGX_LOG_EMERG, ws->connection->log, 0,
                          "no memory to deflate messages");
            return NGX_ERROR;
        }
    }

    data = out->pos;
    len = ngx_min((size_t) (out->last - data), *turn);
    fin = (len == (size_t) (out->last - data));
    p = to->last + NGX_HTTP_OPENCLAW_WS_DEFLATE_HEADER;

    io.pos = data;
    io.last = data + len;
    io.out = p;
    io.end = to->end;

    rc = ngx_openclaw_deflate(ws->deflate, &io, fin);

    if (rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, ws->connection->log, 0,
                      "a message could not be deflated");
        return NGX_ERROR;
    }

    *turn -= io.pos - data;
    out->pos = io.pos;
    ws->out_len -= io.pos - data;

    fin = (fin && rc == NGX_OK);
    bits = out->started ? 0 : out->opcode | NGX_OPENCLAW_FRAME_RSV1;

    if (fin && ws->params.server_no_context_takeover) {
        ngx_openclaw_deflate_free(ws->deflate);
        ws->deflate = NULL;

        if (data == (u_char *) (out + 1) && (size_t) (io.out - p) >= len
            && (size_t) (to->end - p) >= len)
        {
            /* all of it, and it can't be made smaller */

            bits = out->opcode;
            io.out = ngx_cpymem(p, data, len);
        }
    }

    if (io.out != p || fin) {
        out->started = 1;
        ngx_http_openclaw_ws_deflated(ws, to,
                                bits | (fin ? NGX_OPENCLAW_FRAME_FIN : 0),
                                io.out - p);
    }

    if (!fin) {
        return NGX_AGAIN;
    }

    ngx_http_openclaw_ws_sent(ws);

    return NGX_OK;
}


/* puts the header before a payload */

static void
ngx_http_openclaw_ws_deflated(ngx_http_openclaw_ws_t *ws,
    ngx_http_openclaw_ws_out_t *to, ngx_uint_t bits, size_t len)
{
    size_t   size;
    u_char  *first, *p;

    first = to->last;
    p = ngx_openclaw_frame_header(first, bits & ~NGX_OPENCLAW_FRAME_FIN, len);

    if (!(bits & NGX_OPENCLAW_FRAME_FIN)) {
        *first &= (u_char) ~NGX_OPENCLAW_FRAME_FIN;
    }

    size = NGX_HTTP_OPENCLAW_WS_DEFLATE_HEADER;

    if (p - first < (ssize_t) size) {
        ngx_memmove(p, first + size, len);
    }

    to->last = p + len;

    ws->out_len += to->last - first;
    ws->frames_out++;
    ngx_openclaw_stats_add(frames_sent, 1);
}


void
ngx_http_openclaw_ws_free_out(ngx_http_openclaw_ws_t *ws)
{
    ngx_http_openclaw_ws_out_t  *out, *next;

    for (out = ws->out; out; out = next) {
        next = out->next;
        ngx_free(out);
    }

    ws->out = NULL;
    ws->last_out = NULL;

    if (ws->deflate) {
        ngx_openclaw_deflate_free(ws->deflate);
        ws->deflate = NULL;
    }
}

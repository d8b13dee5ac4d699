
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_http_openclaw_ws_internal.h>


/* small frames share a buffer of that size */

#define NGX_HTTP_OPENCLAW_WS_OUT_SIZE       4096


/* frames to be sent; the bytes follow the structure */

struct ngx_http_openclaw_ws_out_s {
    ngx_http_openclaw_ws_out_t        *next;
    u_char                            *pos;
    u_char                            *last;
    u_char                            *end;
};


static ngx_http_openclaw_ws_out_t *ngx_http_openclaw_ws_room(
    ngx_http_openclaw_ws_t *ws, size_t size);
static ngx_int_t ngx_http_openclaw_ws_send_upgrade(
    ngx_http_openclaw_ws_t *ws);


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

    size = ngx_openclaw_frame_header_size(len) + len;

    out = ngx_http_openclaw_ws_room(ws, size);

    if (out == NULL) {
        ws->failed = 1;
        ngx_http_openclaw_ws_post(ws);
        return NULL;
    }

    p = ngx_openclaw_frame_header(out->last, opcode, len);
    out->last += size;

    ws->out_len += size;
    ws->frames_out++;

    if (ws->out_len > ws->conf->send_buffer) {
        ws->full = 1;
    }

    ngx_http_openclaw_ws_post(ws);

    return p;
}


static ngx_http_openclaw_ws_out_t *
ngx_http_openclaw_ws_room(ngx_http_openclaw_ws_t *ws, size_t size)
{
    size_t                       alloc;
    ngx_http_openclaw_ws_out_t  *out;

    out = ws->last_out;

    if (out && (size_t) (out->end - out->last) >= size) {
        return out;
    }

    alloc = ngx_max(sizeof(ngx_http_openclaw_ws_out_t) + size,
                    NGX_HTTP_OPENCLAW_WS_OUT_SIZE);

    out = ngx_alloc(alloc, ws->connection->log);
    if (out == NULL) {
        return NULL;
    }

    out->next = NULL;
    out->pos = (u_char *) out + sizeof(ngx_http_openclaw_ws_out_t);
    out->last = out->pos;
    out->end = (u_char *) out + alloc;

    if (ws->last_out) {
        ws->last_out->next = out;

    } else {
        ws->out = out;
    }

    ws->last_out = out;

    return out;
}


ngx_int_t
ngx_http_openclaw_ws_send(ngx_http_openclaw_ws_t *ws)
{
    size_t                       size;
    ssize_t                      n;
    ngx_int_t                    rc;
    ngx_uint_t                   progress;
    ngx_event_t                 *wev;
    ngx_connection_t            *c;
    ngx_http_openclaw_ws_out_t  *out;

    c = ws->connection;
    wev = c->write;
    progress = 0;

    if (ws->upgrading) {
        rc = ngx_http_openclaw_ws_send_upgrade(ws);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    while (ws->out && wev->ready) {
        out = ws->out;
        size = out->last - out->pos;

#if (NGX_HTTP_SSL)

        /* SSL_write() tells nothing until all of it has been written */

        if (c->ssl && size > c->ssl->buffer_size) {
            size = c->ssl->buffer_size;
        }

#endif

        n = c->send(c, out->pos, size);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (n <= 0) {
            break;
        }

        progress = 1;
        out->pos += n;
        ws->out_len -= n;

        if (out->pos < out->last) {
            continue;
        }

        ws->out = out->next;

        if (ws->out == NULL) {
            ws->last_out = NULL;
        }

        ngx_free(out);
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

        c->data = r;
        rc = ngx_http_output_filter(r, NULL);
        c->data = ws;

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
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_openclaw_relay_internal.h>


#define NGX_OPENCLAW_RELAY_REASON           1024


static void ngx_openclaw_relay_fill(ngx_openclaw_relay_t *relay);
static size_t ngx_openclaw_relay_cut(ngx_str_t *text, size_t from, size_t max);


void
ngx_openclaw_relay_attach(ngx_openclaw_relay_t *relay, ngx_str_t *text,
    ngx_openclaw_relay_closed_pt closed, void *data)
{
    relay->text = text;
    relay->closed = closed;
    relay->data = data;

    ngx_openclaw_relay_more(relay);
}


void
ngx_openclaw_relay_more(ngx_openclaw_relay_t *relay)
{
    if (relay->connection->write->ready) {
        ngx_post_event(relay->connection->write, &ngx_posted_events);
    }
}


void
ngx_openclaw_relay_reset(ngx_openclaw_relay_t *relay)
{
    if (relay->sent) {
        relay->sent = 0;
        relay->reset = 1;
    }

    ngx_openclaw_relay_more(relay);
}


void
ngx_openclaw_relay_end(ngx_openclaw_relay_t *relay, ngx_openclaw_code_e code,
    ngx_str_t *reason)
{
    size_t  len;

    relay->state = NGX_OPENCLAW_RELAY_ENDING;
    relay->code = code;

    if (code == NGX_OPENCLAW_OK) {
        relay->kept = *relay->text;
        ngx_str_null(relay->text);
        relay->text = &relay->kept;

    } else {
        relay->text = NULL;
        relay->reset = 0;

        if (reason && reason->len) {
            len = ngx_openclaw_relay_cut(reason, 0, NGX_OPENCLAW_RELAY_REASON);

            relay->kept.data = ngx_alloc(len, relay->log);

            if (relay->kept.data) {
                ngx_memcpy(relay->kept.data, reason->data, len);
                relay->kept.len = len;
            }
        }
    }

    /* a worker that leaves waits for it */

    relay->event.cancelable = 0;

    ngx_openclaw_relay_set_timer(relay, NGX_OPENCLAW_RELAY_TIMEOUT);

    ngx_openclaw_relay_write_handler(relay->connection->write);
}


void
ngx_openclaw_relay_write_handler(ngx_event_t *wev)
{
    ssize_t                n;
    ngx_uint_t             i;
    ngx_connection_t      *c;
    ngx_openclaw_relay_t  *relay;

    c = wev->data;
    relay = c->data;

    if (relay->state != NGX_OPENCLAW_RELAY_SENDING
        && relay->state != NGX_OPENCLAW_RELAY_ENDING)
    {
        return;
    }

    for (i = 0; i < NGX_OPENCLAW_RELAY_ROUNDS; i++) {

        if (relay->pos == relay->last) {
            ngx_openclaw_relay_fill(relay);

            if (relay->pos == relay->last) {

                if (relay->last_post) {
                    ngx_openclaw_relay_free(relay);
                    return;
                }

                if (ngx_handle_write_event(wev, 0) != NGX_OK) {
                    ngx_openclaw_relay_peer_left(relay);
                }

                return;
            }
        }

        n = c->send(c, relay->pos, relay->last - relay->pos);

        if (n == NGX_AGAIN) {

            if (ngx_handle_write_event(wev, 0) != NGX_OK) {
                ngx_openclaw_relay_peer_left(relay);
            }

            return;
        }

        if (n == NGX_ERROR) {
            ngx_openclaw_relay_peer_left(relay);
            return;
        }

        relay->pos += n;

        if (relay->state == NGX_OPENCLAW_RELAY_ENDING) {
            ngx_openclaw_relay_set_timer(relay, NGX_OPENCLAW_RELAY_TIMEOUT);
        }
    }

    ngx_post_event(wev, &ngx_posted_next_events);
}


/* what is to be sent now: it goes with all that has come up to this moment */

static void
ngx_openclaw_relay_fill(ngx_openclaw_relay_t *relay)
{
    size_t      len, room;
    ngx_str_t  *text;

    relay->pos = relay->buf;
    relay->last = relay->buf;

    if (relay->reset) {
        relay->reset = 0;
        ngx_openclaw_relay_put(relay, NGX_OPENCLAW_RELAY_RESET, NULL, 0);
    }

    text = relay->text;

    if (text && relay->sent < text->len) {
        room = NGX_OPENCLAW_RELAY_BUFFER
               - 2 * sizeof(ngx_openclaw_relay_head_t);

        len = ngx_openclaw_relay_cut(text, relay->sent, room);

        ngx_openclaw_relay_put(relay, NGX_OPENCLAW_RELAY_TEXT,
                               text->data + relay->sent, len);
        relay->sent += len;
        return;
    }

    if (relay->state != NGX_OPENCLAW_RELAY_ENDING || relay->last_post) {
        return;
    }

    relay->last_post = 1;

    if (relay->code == NGX_OPENCLAW_OK) {
        ngx_openclaw_relay_put(relay, NGX_OPENCLAW_RELAY_END, NULL, 0);

    } else {
        ngx_openclaw_relay_put(relay, NGX_OPENCLAW_RELAY_END,
                               relay->kept.data, relay->kept.len);
    }
}


void
ngx_openclaw_relay_put(ngx_openclaw_relay_t *relay,
    ngx_openclaw_relay_post_e type, u_char *data, size_t len)
{
    ngx_openclaw_relay_head_t  head;

    head.type = (uint16_t) type;
    head.code = (uint16_t) relay->code;
    head.len = (uint32_t) len;

    relay->last = ngx_cpymem(relay->last, &head,
                             sizeof(ngx_openclaw_relay_head_t));

    if (len) {
        relay->last = ngx_cpymem(relay->last, data, len);
    }
}


/* how much of the text, from there on, are whole characters in max bytes */

static size_t
ngx_openclaw_relay_cut(ngx_str_t *text, size_t from, size_t max)
{
    size_t      len;
    u_char     *p;
    ngx_uint_t  n;

    len = text->len - from;

    if (len <= max) {
        return len;
    }

    p = text->data + from + max;

    for (n = 0; n < 3 && (*p & 0xc0) == 0x80; n++) {
        p--;
    }

    return p - (text->data + from);
}

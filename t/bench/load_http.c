
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * A client of the agent itself, which sends the agent's request and reads the
 * streamed answer: directly, or through nginx's proxy_pass.
 */


#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static char *load_http_chunk(load_conn_t *c, char *p, char *last);
static void load_http_text(load_conn_t *c, char *data, size_t len);


void
load_http_turn(load_conn_t *c)
{
    int   n, len;
    char  request[1024], body[512];

    len = snprintf(body, sizeof(body),
                   "{\"model\":\"openclaw/main\",\"stream\":true,"
                   "\"messages\":[{\"role\":\"user\",\"content\":"
                   "\"parts=%u every=%u "
                   "What will the weather be like today?\"}]}",
                   load_conf.parts, load_conf.every);

    n = snprintf(request, sizeof(request),
                 "POST /v1/chat/completions HTTP/1.1\r\n"
                 "Host: %s:%s\r\n"
                 "Accept: text/event-stream\r\n"
                 "Content-Type: application/json\r\n"
                 "x-openclaw-session-key: agent:main:websocket:direct:%s%u\r\n"
                 "Content-Length: %d\r\n"
                 "\r\n"
                 "%s",
                 load_conf.host, load_conf.port, load_conf.sender, c->number,
                 len, body);

    c->chunk = 0;
    c->state = LOAD_HANDSHAKE;                  /* until the header is there */

    load_send(c, request, n);
}


size_t
load_http_read(load_conn_t *c, char *data, size_t len)
{
    char  *p, *last, *next;

    p = data;
    last = data + len;

    if (c->state == LOAD_HANDSHAKE) {
        next = memmem(p, len, "\r\n\r\n", 4);

        if (next == NULL) {
            return 0;
        }

        if (memcmp(p, "HTTP/1.1 200", 12) != 0) {
            load_lost(c, "the answer is not 200");
            return 0;
        }

        p = next + 4;
        c->state = LOAD_OPEN;
    }

    while (c->state == LOAD_OPEN && p < last) {
        next = load_http_chunk(c, p, last);

        if (next == NULL) {
            break;
        }

        p = next;
    }

    return p - data;
}


/* c->chunk is what is left of a chunk with the line end after it */

static char *
load_http_chunk(load_conn_t *c, char *p, char *last)
{
    char    *end;
    size_t   n;

    if (c->chunk == 0) {
        end = memmem(p, last - p, "\r\n", 2);

        if (end == NULL) {
            return NULL;
        }

        c->chunk = strtoul(p, NULL, 16) + 2;
        p = end + 2;

        if (c->chunk == 2) {
            if (last - p < 2) {
                c->chunk = 0;
                return NULL;
            }

            c->chunk = 0;
            io_free(&c->text);
            load_turn_done(c, 0);
            return p + 2;
        }
    }

    n = (size_t) (last - p) < c->chunk ? (size_t) (last - p) : c->chunk;

    if (c->chunk > 2) {
        load_http_text(c, p, n < c->chunk - 2 ? n : c->chunk - 2);
    }

    c->chunk -= n;

    return p + n;
}


static void
load_http_text(load_conn_t *c, char *data, size_t len)
{
    char    *end;
    size_t   used;

    if (c->text.len) {
        io_add(&c->text, data, len);
        data = c->text.data;
        len = c->text.len;
    }

    used = 0;

    for ( ;; ) {
        end = memmem(data + used, len - used, "\n\n", 2);

        if (end == NULL) {
            break;
        }

        load_part(c, data + used, end - data - used);
        used = end + 2 - data;
    }

    if (c->text.len) {
        io_cut(&c->text, used);

    } else if (used < len) {
        io_add(&c->text, data + used, len - used);
    }
}

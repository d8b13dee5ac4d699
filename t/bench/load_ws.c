
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/* a client of the chat: handshake, frames, turns */


#include "load.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>


#define WS_TEXT   0x1
#define WS_CLOSE  0x8
#define WS_PING   0x9
#define WS_PONG   0xa


static void load_ws_frame(load_conn_t *c, unsigned opcode, char *data,
    size_t len);
static void load_ws_message(load_conn_t *c, char *data, size_t len);
static void load_ws_send(load_conn_t *c, unsigned opcode, const char *data,
    size_t len);


void
load_ws_handshake(load_conn_t *c)
{
    int   n;
    char  request[1024];

    n = snprintf(request, sizeof(request),
                 "GET %s?senderId=%s%u HTTP/1.1\r\n"
                 "Host: %s:%s\r\n"
                 "Connection: Upgrade\r\n"
                 "Pragma: no-cache\r\n"
                 "Cache-Control: no-cache\r\n"
                 "User-Agent: Mozilla/5.0 (X11; Linux x86_64) "
                 "AppleWebKit/537.36 (KHTML, like Gecko) "
                 "Chrome/142.0.0.0 Safari/537.36\r\n"
                 "Upgrade: websocket\r\n"
                 "Sec-WebSocket-Version: 13\r\n"
                 "Accept-Encoding: gzip, deflate, br, zstd\r\n"
                 "Accept-Language: en-US,en;q=0.9\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                 "\r\n",
                 load_conf.path, load_conf.sender, c->number, load_conf.host,
                 load_conf.port);

    load_send(c, request, n);
}


size_t
load_ws_read(load_conn_t *c, char *data, size_t len)
{
    char      *p, *last, *end;
    size_t     n;
    unsigned   i;
    unsigned char  *h;

    p = data;
    last = data + len;

    if (c->state == LOAD_HANDSHAKE) {
        end = memmem(p, len, "\r\n\r\n", 4);

        if (end == NULL) {
            return 0;
        }

        if (memcmp(p, "HTTP/1.1 101", 12) != 0) {
            load_lost(c, "the handshake was refused");
            return 0;
        }

        p = end + 4;
        c->state = LOAD_OPEN;
        load_open(c);
    }

    while (c->state == LOAD_OPEN && last - p >= 2) {
        h = (unsigned char *) p;
        n = h[1] & 0x7f;
        end = p + 2;

        if (n > 125) {
            end += n == 126 ? 2 : 8;

            if (end > last) {
                break;
            }

            n = 0;

            for (i = 2; i < end - p; i++) {
                n = n << 8 | h[i];
            }
        }

        if (n > (size_t) (last - end)) {
            break;
        }

        p = end + n;
        load_ws_frame(c, h[0] & 0x0f, end, n);
    }

    return p - data;
}


static void
load_ws_frame(load_conn_t *c, unsigned opcode, char *data, size_t len)
{
    switch (opcode) {

    case WS_TEXT:
        load_ws_message(c, data, len);
        break;

    case WS_PING:
        load_ws_send(c, WS_PONG, data, len);
        break;

    case WS_CLOSE:
        load_lost(c, "closed by a frame of the server");
        break;

    default:
        break;
    }
}


/* members may be in any order */

static void
load_ws_message(load_conn_t *c, char *data, size_t len)
{
    char  *p;

    p = memmem(data, len, "\"type\":\"chat.", 13);

    if (p == NULL || p + 20 > data + len) {
        return;
    }

    p += 13;

    if (memcmp(p, "stream", 6) == 0) {
        load_part(c, data, len);

    } else if (memcmp(p, "respon", 6) == 0) {
        load_turn_done(c, 0);

    } else if (memcmp(p, "error\"", 6) == 0) {
        if (load_run.failed == 0) {
            fprintf(stderr, "load: %.*s\n", (int) len, data);
        }

        load_turn_done(c, 1);
    }
}


void
load_ws_turn(load_conn_t *c, uint64_t turn)
{
    int   n;
    char  message[512], sender[128];

    sender[0] = '\0';

    if (load_conf.sessions) {
        snprintf(sender, sizeof(sender), ",\"senderId\":\"%s%lu\"",
                 load_conf.sender,
                 (unsigned long) turn % load_conf.sessions);
    }

    n = snprintf(message, sizeof(message),
                 "{\"type\":\"chat.send\",\"content\":\"parts=%u every=%u "
                 "What will the weather be like today?\","
                 "\"messageId\":\"m%d-%lu\"%s}",
                 load_conf.parts, load_conf.every, (int) getpid(),
                 (unsigned long) turn, sender);

    load_ws_send(c, WS_TEXT, message, n);
}


/* a client has to mask what it sends */

static void
load_ws_send(load_conn_t *c, unsigned opcode, const char *data, size_t len)
{
    size_t    i;
    unsigned char  frame[1024], *p;

    static const unsigned char  mask[4] = { 0x37, 0xfa, 0x21, 0x3d };

    p = frame;
    *p++ = 0x80 | opcode;

    if (len > 125) {
        *p++ = 0x80 | 126;
        *p++ = (unsigned char) (len >> 8);
        *p++ = (unsigned char) len;

    } else {
        *p++ = (unsigned char) (0x80 | len);
    }

    memcpy(p, mask, 4);
    p += 4;

    for (i = 0; i < len; i++) {
        *p++ = data[i] ^ mask[i % 4];
    }

    load_send(c, frame, p - frame);
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * Any bytes as compressed messages, as a header that offers compression, and
 * as messages that are compressed and inflated again.
 */


#include <fuzz.h>
#include <ngx_openclaw_deflate.h>


/* the first byte; the limit and the bits of the window share theirs */

#define FUZZ_WHAT      0x03
#define FUZZ_TEXT      0x04
#define FUZZ_TAKEOVER  0x08

#define FUZZ_INFLATE   0
#define FUZZ_OFFER     1

#define FUZZ_ROOM      8192

#define fuzz_limit(flags)  limits[(flags) >> 4 & 3]
#define fuzz_bits(flags)   (9 + ((flags) >> 4) % 7)


/*
 * How messages are given to the code: the input in pieces, and how much room
 * there is for output each time.
 */

typedef struct {
    fuzz_split_t                 in;
    fuzz_split_t                 out;
    size_t                       message;       /* bytes, 0: all are one */
    size_t                       max;
    ngx_uint_t                   flags;
} way_t;


/* grows */

typedef struct {
    u_char                      *data;
    size_t                       len;
} text_t;


static void offer(const u_char *data, size_t len, ngx_uint_t mode);
static void offer_again(ngx_openclaw_deflate_params_t *params);
static void any(const u_char *data, size_t len, way_t *way);
static void again(const u_char *data, size_t len, way_t *way);

static void inflate_all(fuzz_log_t *log, const u_char *data, size_t len,
    way_t *way);
static ngx_int_t inflate_one(ngx_openclaw_inflate_t *z, text_t *t,
    const u_char *data, size_t len, way_t *way);
static void deflate_one(ngx_openclaw_deflate_t *z, text_t *t,
    const u_char *data, size_t len, way_t *way);

static u_char *text_room(text_t *t, size_t len);
static void text_added(text_t *t, u_char *room, u_char *end);


static size_t  limits[] = { 20000, 0, 100, 5000 };


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    way_t  way;

    if (size < 2 + FUZZ_SPLITS) {
        return 0;
    }

    ngx_memzero(&way, sizeof(way_t));

    way.flags = data[0];
    way.message = data[1];
    way.max = fuzz_limit(way.flags);
    way.in.sizes = data + 2;
    way.out.sizes = data + 2;
    way.out.next = 1;

    data += 2 + FUZZ_SPLITS;
    size -= 2 + FUZZ_SPLITS;

    switch (way.flags & FUZZ_WHAT) {

    case FUZZ_INFLATE:
        any(data, size, &way);
        break;

    case FUZZ_OFFER:
        offer(data, size, (way.flags & FUZZ_TAKEOVER)
                          ? NGX_OPENCLAW_DEFLATE_TAKEOVER
                          : NGX_OPENCLAW_DEFLATE_ON);
        break;

    default:
        again(data, size, &way);
        break;
    }

    return 0;
}


static void
offer(const u_char *data, size_t len, ngx_uint_t mode)
{
    ngx_int_t                      rc;
    ngx_str_t                      value;
    ngx_openclaw_deflate_params_t  params, before;

    value.len = len;
    value.data = fuzz_copy(data, len);

    ngx_memzero(&params, sizeof(params));
    rc = ngx_openclaw_deflate_offers(&params, &value, mode);

    fuzz_check(rc == NGX_OK || rc == NGX_ERROR);
    fuzz_check(value.len == len && ngx_memcmp(value.data, data, len) == 0);

    /* after one that was accepted, a header changes nothing */

    before = params;

    if (params.accepted) {
        fuzz_check(ngx_openclaw_deflate_offers(&params, &value, mode) == rc);
        fuzz_check(ngx_memcmp(&params, &before, sizeof(params)) == 0);

        fuzz_check(mode == NGX_OPENCLAW_DEFLATE_TAKEOVER
                   || (params.server_no_context_takeover
                       && params.client_no_context_takeover));

        offer_again(&params);
    }

    free(value.data);
}


/* what was agreed to can be offered, and is accepted as it is */

static void
offer_again(ngx_openclaw_deflate_params_t *params)
{
    size_t                         len;
    ngx_str_t                      value;
    ngx_uint_t                     bits;
    ngx_openclaw_deflate_params_t  next;

    bits = params->server_max_window_bits;
    fuzz_check(bits == 0 || bits >= 9);

    bits = params->client_max_window_bits;
    fuzz_check(bits == 0 || bits >= 8);

    for (len = 0; len < 200000; len = len * 2 + 100) {
        bits = ngx_openclaw_deflate_bits(params, len);

        fuzz_check(bits == 0 || (bits >= 9 && bits <= 15));
        fuzz_check(params->server_max_window_bits == 0
                   || bits <= params->server_max_window_bits);
    }

    value.data = fuzz_copy("", 0);
    value.data = realloc(value.data, NGX_OPENCLAW_DEFLATE_MAX_RESPONSE);
    fuzz_check(value.data != NULL);

    value.len = ngx_openclaw_deflate_response(value.data, params)
                - value.data;
    fuzz_check(value.len <= NGX_OPENCLAW_DEFLATE_MAX_RESPONSE);

    ngx_memzero(&next, sizeof(next));

    fuzz_check(ngx_openclaw_deflate_offers(&next, &value,
                                           NGX_OPENCLAW_DEFLATE_TAKEOVER)
               == NGX_OK);
    fuzz_check(ngx_memcmp(params, &next, sizeof(next)) == 0);

    free(value.data);
}


static void
any(const u_char *data, size_t len, way_t *way)
{
    way_t       w;
    fuzz_log_t  whole, split, bytes;

    ngx_memzero(&whole, sizeof(fuzz_log_t));
    ngx_memzero(&split, sizeof(fuzz_log_t));
    ngx_memzero(&bytes, sizeof(fuzz_log_t));

    w = *way;
    inflate_all(&split, data, len, &w);

    w = *way;
    w.in.sizes = NULL;
    w.out.sizes = NULL;
    inflate_all(&whole, data, len, &w);

    w.in.sizes = (const u_char *) "\1\1\1\1";
    w.out.sizes = (const u_char *) "\1\1\1\1";
    inflate_all(&bytes, data, len, &w);

    fuzz_check(fuzz_log_same(&whole, &split));
    fuzz_check(fuzz_log_same(&whole, &bytes));

    fuzz_log_free(&whole);
    fuzz_log_free(&split);
    fuzz_log_free(&bytes);
}


/* logs the messages, and the error that there is no message after */

static void
inflate_all(fuzz_log_t *log, const u_char *data, size_t len, way_t *way)
{
    size_t                   n;
    text_t                   t;
    ngx_int_t                rc;
    ngx_openclaw_inflate_t  *z;

    ngx_memzero(&t, sizeof(text_t));

    z = ngx_openclaw_inflate_create();
    fuzz_check(z != NULL);

    do {
        n = (way->message && way->message < len) ? way->message : len;

        rc = inflate_one(z, &t, data, n, way);

        fuzz_check(t.len <= way->max);

        if (rc == NGX_OK) {
            fuzz_check(z->code == 0);
            fuzz_check(!(way->flags & FUZZ_TEXT)
                       || fuzz_utf8(t.data, t.len) == NGX_OK);
            fuzz_log(log, 'M', 0, t.data, t.len);

        } else {
            fuzz_check(rc == NGX_ERROR && z->code && z->error);
            fuzz_log(log, 'E', z->code, z->error, ngx_strlen(z->error));
        }

        data += n;
        len -= n;

        if (!(way->flags & FUZZ_TAKEOVER)) {
            ngx_openclaw_inflate_free(z);
            z = ngx_openclaw_inflate_create();
            fuzz_check(z != NULL);
        }

    } while (len && rc == NGX_OK);

    ngx_openclaw_inflate_free(z);
    free(t.data);
}


static ngx_int_t
inflate_one(ngx_openclaw_inflate_t *z, text_t *t, const u_char *data,
    size_t len, way_t *way)
{
    size_t                      n, room;
    u_char                     *copy;
    ngx_int_t                   rc;
    ngx_openclaw_deflate_io_t   io;

    t->len = 0;

    ngx_openclaw_inflate_start(z, way->max, way->flags & FUZZ_TEXT);

    do {
        n = fuzz_split(&way->in, len);
        copy = fuzz_copy(data, n);

        data += n;
        len -= n;

        io.pos = copy;
        io.last = copy + n;

        do {
            room = fuzz_split(&way->out, FUZZ_ROOM);

            io.out = text_room(t, room);
            io.end = io.out + room;

            rc = ngx_openclaw_inflate(z, &io, len == 0);

            text_added(t, io.end - room, io.out);

            fuzz_check(rc != NGX_OK || io.pos == io.last);
            fuzz_check(rc != NGX_AGAIN || io.out == io.end);

        } while (rc == NGX_AGAIN);

        free(copy);

    } while (len && rc == NGX_OK);

    return rc;
}


/*
 * Messages come back as they were, and what they are in between does not
 * depend on how they came; little room may make it longer.
 */

static void
again(const u_char *data, size_t len, way_t *way)
{
    way_t                    ways[3];
    size_t                   i, n;
    text_t                   text[3], back;
    ngx_int_t                rc;
    ngx_openclaw_deflate_t  *z[3];
    ngx_openclaw_inflate_t  *zback;

    ngx_memzero(&text, sizeof(text));
    ngx_memzero(&back, sizeof(text_t));

    way->max = NGX_MAX_SIZE_T_VALUE;
    way->flags &= ~FUZZ_TEXT;

    ways[0] = *way;
    ways[0].in.sizes = NULL;
    ways[0].out.sizes = NULL;
    ways[1] = *way;
    ways[1].out.sizes = NULL;
    ways[2] = *way;

    for (i = 0; i < 3; i++) {
        z[i] = ngx_openclaw_deflate_create(fuzz_bits(way->flags));
        fuzz_check(z[i] != NULL);
    }

    zback = ngx_openclaw_inflate_create();
    fuzz_check(zback != NULL);

    do {
        n = (way->message && way->message < len) ? way->message : len;

        for (i = 0; i < 3; i++) {
            deflate_one(z[i], &text[i], data, n, &ways[i]);

            if (!(way->flags & FUZZ_TAKEOVER)) {
                ngx_openclaw_deflate_free(z[i]);
                z[i] = ngx_openclaw_deflate_create(fuzz_bits(way->flags));
                fuzz_check(z[i] != NULL);
            }
        }

        fuzz_check(text[0].len && text[0].len == text[1].len
                   && ngx_memcmp(text[0].data, text[1].data, text[0].len)
                      == 0);

        rc = inflate_one(zback, &back, text[2].data, text[2].len, way);

        fuzz_check(rc == NGX_OK && back.len == n);
        fuzz_check(n == 0 || ngx_memcmp(back.data, data, n) == 0);

        data += n;
        len -= n;

    } while (len);

    for (i = 0; i < 3; i++) {
        ngx_openclaw_deflate_free(z[i]);
        free(text[i].data);
    }

    ngx_openclaw_inflate_free(zback);
    free(back.data);
}


static void
deflate_one(ngx_openclaw_deflate_t *z, text_t *t, const u_char *data,
    size_t len, way_t *way)
{
    size_t                      n, room;
    u_char                     *copy;
    ngx_int_t                   rc;
    ngx_openclaw_deflate_io_t   io;

    t->len = 0;

    do {
        n = fuzz_split(&way->in, len);
        copy = fuzz_copy(data, n);

        data += n;
        len -= n;

        io.pos = copy;
        io.last = copy + n;

        do {
            room = fuzz_split(&way->out, FUZZ_ROOM);
            room = ngx_max(room, NGX_OPENCLAW_DEFLATE_MIN_ROOM);

            io.out = text_room(t, room);
            io.end = io.out + room;

            rc = ngx_openclaw_deflate(z, &io, len == 0);

            text_added(t, io.end - room, io.out);

        } while (rc == NGX_AGAIN);

        fuzz_check(rc == NGX_OK && io.pos == io.last);

        free(copy);

    } while (len);
}


/* a block of just that size, for what is to be added */

static u_char *
text_room(text_t *t, size_t len)
{
    u_char  *p;

    p = malloc(len);
    fuzz_check(p != NULL);

    return p;
}


static void
text_added(text_t *t, u_char *room, u_char *end)
{
    if (end > room) {
        t->data = realloc(t->data, t->len + (end - room));
        fuzz_check(t->data != NULL);

        ngx_memcpy(t->data + t->len, room, end - room);
        t->len += end - room;
    }

    free(room);
}

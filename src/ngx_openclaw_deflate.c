
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_frame.h>
#include <ngx_openclaw_deflate.h>
#include <zlib.h>


#define NGX_OPENCLAW_DEFLATE_MAX_BITS         15

/*
 * A connection that keeps its window needs memory all the time: with 4k that
 * is 40k, with the largest one 268k.  What a chat repeats is near.
 */

#define NGX_OPENCLAW_DEFLATE_TAKEOVER_BITS    12

/* zlib's default, or buffers that go with a small window */

#define ngx_openclaw_deflate_mem_level(bits)                                  \
    ((bits) > NGX_OPENCLAW_DEFLATE_TAKEOVER_BITS ? 8 : 5)

/* as gzip_comp_level: higher ones gain little for a lot of time */

#define NGX_OPENCLAW_DEFLATE_LEVEL            1

/*
 * Smaller messages are sent as they are.  One alone gains less than a quarter
 * of its bytes; behind others like it, the frame and the packet weigh more.
 */

#define NGX_OPENCLAW_DEFLATE_MIN_ALONE        256
#define NGX_OPENCLAW_DEFLATE_MIN_NEXT         64

/* RFC 7692, 7.2.1.  Compression: "remove 4 octets from the tail end" */

#define NGX_OPENCLAW_DEFLATE_TAIL             4


/* what zlib counts with is 32 bits wide */

#define NGX_OPENCLAW_DEFLATE_MAX_PIECE        0x40000000

#define ngx_openclaw_deflate_piece(n)                                         \
    ((uInt) ngx_min((n), NGX_OPENCLAW_DEFLATE_MAX_PIECE))


/* zlib tells so in data_type: behind a block, with so many bits at hand */

#define NGX_OPENCLAW_DEFLATE_BITS_LEFT        0x3f
#define NGX_OPENCLAW_DEFLATE_BLOCK_END        0x80


typedef enum {
    NGX_OPENCLAW_INFLATE_BAD_DATA = 0,
    NGX_OPENCLAW_INFLATE_ENDS_EARLY,
    NGX_OPENCLAW_INFLATE_TOO_BIG,
    NGX_OPENCLAW_INFLATE_BAD_UTF8
} ngx_openclaw_inflate_error_e;


typedef struct {
    ngx_uint_t                         code;
    const char                        *text;
} ngx_openclaw_inflate_error_t;


static ngx_int_t ngx_openclaw_inflate_run(ngx_openclaw_inflate_t *z,
    ngx_openclaw_deflate_io_t *io, u_char **pos, u_char *last);
static ngx_int_t ngx_openclaw_inflate_output(ngx_openclaw_inflate_t *z,
    ngx_openclaw_deflate_io_t *io, size_t len);
static ngx_int_t ngx_openclaw_inflate_error(ngx_openclaw_inflate_t *z,
    ngx_openclaw_inflate_error_e e);


static const ngx_openclaw_inflate_error_t  ngx_openclaw_inflate_errors[] = {

    { NGX_OPENCLAW_CLOSE_BAD_DATA,
      "client sent a compressed message that can't be inflated" },

    { NGX_OPENCLAW_CLOSE_BAD_DATA,
      "client sent a compressed message that ends early" },

    { NGX_OPENCLAW_CLOSE_TOO_BIG,
      "client sent a too big compressed message" },

    { NGX_OPENCLAW_CLOSE_BAD_DATA,
      "client sent a compressed text message that is not UTF-8" }
};


static u_char  ngx_openclaw_deflate_tail[NGX_OPENCLAW_DEFLATE_TAIL] = {
    0x00, 0x00, 0xff, 0xff
};


/* what is not in use, of all the worker process: one of each kind */

static ngx_openclaw_inflate_t  *ngx_openclaw_inflate_spare;
static ngx_openclaw_deflate_t  *ngx_openclaw_deflate_spare[
    NGX_OPENCLAW_DEFLATE_MAX_BITS + 1];


/*
 * The window is always the largest: with a smaller one, whether a distance is
 * refused that is larger than what was agreed to would depend on how the
 * output was split.
 */

ngx_openclaw_inflate_t *
ngx_openclaw_inflate_create(void)
{
    z_stream                *s;
    ngx_openclaw_inflate_t  *z;

    z = ngx_openclaw_inflate_spare;

    if (z) {
        ngx_openclaw_inflate_spare = NULL;

        (void) inflateReset(z->stream);
        z->clean = 1;

        return z;
    }

    z = calloc(1, sizeof(ngx_openclaw_inflate_t) + sizeof(z_stream));
    if (z == NULL) {
        return NULL;
    }

    s = (z_stream *) (z + 1);

    if (inflateInit2(s, -NGX_OPENCLAW_DEFLATE_MAX_BITS) != Z_OK) {
        free(z);
        return NULL;
    }

    z->stream = s;
    z->clean = 1;

    return z;
}


void
ngx_openclaw_inflate_free(ngx_openclaw_inflate_t *z)
{
    if (ngx_openclaw_inflate_spare == NULL) {
        ngx_openclaw_inflate_spare = z;
        return;
    }

    (void) inflateEnd(z->stream);
    free(z);
}


void
ngx_openclaw_inflate_start(ngx_openclaw_inflate_t *z, size_t max,
    ngx_uint_t text)
{
    z->code = 0;
    z->error = NULL;
    z->rest = max;
    z->utf8 = 0;
    z->text = text ? 1 : 0;
    z->ending = 0;
    z->tail = 0;
}


ngx_int_t
ngx_openclaw_inflate(ngx_openclaw_inflate_t *z, ngx_openclaw_deflate_io_t *io,
    ngx_uint_t fin)
{
    u_char     *pos, *last;
    ngx_int_t   rc;

    if (!z->ending) {

        rc = ngx_openclaw_inflate_run(z, io, &io->pos, io->last);

        if (rc != NGX_OK || !fin) {
            return rc;
        }

        /*
         * RFC 7692, 7.2.2.: the tail ends the block that the last byte
         * begins.  It would begin one itself behind a block that the sender
         * marked as the last one and put no empty one behind, if the sender
         * has not cut the tail off, or if nothing came at all.
         */

        z->ending = 1;
        z->tail = z->clean ? 0 : NGX_OPENCLAW_DEFLATE_TAIL;
    }

    last = ngx_openclaw_deflate_tail + NGX_OPENCLAW_DEFLATE_TAIL;
    pos = last - z->tail;

    rc = ngx_openclaw_inflate_run(z, io, &pos, last);

    z->tail = last - pos;

    if (rc == NGX_AGAIN || rc == NGX_ABORT) {
        return rc;
    }

    /* the tail was taken for something else */

    if (rc == NGX_ERROR || !z->clean) {
        return ngx_openclaw_inflate_error(z, NGX_OPENCLAW_INFLATE_ENDS_EARLY);
    }

    if (z->utf8) {
        return ngx_openclaw_inflate_error(z, NGX_OPENCLAW_INFLATE_BAD_UTF8);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_openclaw_inflate_run(ngx_openclaw_inflate_t *z,
    ngx_openclaw_deflate_io_t *io, u_char **pos, u_char *last)
{
    int         rc;
    size_t      room;
    u_char      beyond;
    z_stream   *s;

    s = z->stream;
    beyond = 0;

    /* what zlib still has to put out is not clean */

    while (*pos < last || !z->clean) {

        room = ngx_min((size_t) (io->end - io->out), z->rest);

        if (room == 0 && z->rest) {
            return NGX_AGAIN;
        }

        room = ngx_openclaw_deflate_piece(room);

        /* when no more is allowed, see whether there is more */

        s->next_out = room ? io->out : &beyond;
        s->avail_out = room ? room : 1;
        s->next_in = *pos;
        s->avail_in = ngx_openclaw_deflate_piece(last - *pos);

        rc = inflate(s, Z_SYNC_FLUSH);

        *pos = s->next_in;

        if (room == 0 && s->avail_out == 0) {
            return ngx_openclaw_inflate_error(z, NGX_OPENCLAW_INFLATE_TOO_BIG);
        }

        if (room && ngx_openclaw_inflate_output(z, io, room - s->avail_out)
                    != NGX_OK)
        {
            return NGX_ERROR;
        }

        switch (rc) {

        case Z_OK:
        case Z_BUF_ERROR:
            z->clean = ((s->data_type & NGX_OPENCLAW_DEFLATE_BLOCK_END)
                        && !(s->data_type & NGX_OPENCLAW_DEFLATE_BITS_LEFT));
            break;

        case Z_STREAM_END:

            /*
             * RFC 7692, 7.2.3.4.: what follows the last block is another
             * block.  The window stays as it is.
             */

            (void) inflateResetKeep(s);
            z->clean = 1;
            break;

        case Z_MEM_ERROR:
            return NGX_ABORT;

        default:
            return ngx_openclaw_inflate_error(z,
                                              NGX_OPENCLAW_INFLATE_BAD_DATA);
        }

        if (*pos == last && s->avail_out) {
            break;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_openclaw_inflate_output(ngx_openclaw_inflate_t *z,
    ngx_openclaw_deflate_io_t *io, size_t len)
{
    if (z->text
        && ngx_openclaw_utf8_check(&z->utf8, io->out, len) == NGX_ERROR)
    {
        return ngx_openclaw_inflate_error(z, NGX_OPENCLAW_INFLATE_BAD_UTF8);
    }

    io->out += len;
    z->rest -= len;

    return NGX_OK;
}


static ngx_int_t
ngx_openclaw_inflate_error(ngx_openclaw_inflate_t *z,
    ngx_openclaw_inflate_error_e e)
{
    z->code = ngx_openclaw_inflate_errors[e].code;
    z->error = ngx_openclaw_inflate_errors[e].text;

    return NGX_ERROR;
}


ngx_uint_t
ngx_openclaw_deflate_bits(ngx_openclaw_deflate_params_t *params, size_t len)
{
    size_t      min;
    ngx_uint_t  bits;

    if (params->server_no_context_takeover) {
        min = NGX_OPENCLAW_DEFLATE_MIN_ALONE;
        bits = NGX_OPENCLAW_DEFLATE_MAX_BITS;

    } else {
        min = NGX_OPENCLAW_DEFLATE_MIN_NEXT;
        bits = NGX_OPENCLAW_DEFLATE_TAKEOVER_BITS;
    }

    if (len < min) {
        return 0;
    }

    if (params->server_max_window_bits) {
        bits = ngx_min(bits, params->server_max_window_bits);
    }

    return bits;
}


ngx_openclaw_deflate_t *
ngx_openclaw_deflate_create(ngx_uint_t bits)
{
    z_stream                *s;
    ngx_openclaw_deflate_t  *z;

    z = ngx_openclaw_deflate_spare[bits];

    if (z) {
        ngx_openclaw_deflate_spare[bits] = NULL;

        (void) deflateReset(z->stream);
        z->nheld = 0;

        return z;
    }

    z = calloc(1, sizeof(ngx_openclaw_deflate_t) + sizeof(z_stream));
    if (z == NULL) {
        return NULL;
    }

    s = (z_stream *) (z + 1);

    if (deflateInit2(s, NGX_OPENCLAW_DEFLATE_LEVEL, Z_DEFLATED, -(int) bits,
                     ngx_openclaw_deflate_mem_level(bits),
                     Z_DEFAULT_STRATEGY)
        != Z_OK)
    {
        free(z);
        return NULL;
    }

    z->stream = s;
    z->bits = bits;

    return z;
}


void
ngx_openclaw_deflate_free(ngx_openclaw_deflate_t *z)
{
    if (ngx_openclaw_deflate_spare[z->bits] == NULL) {
        ngx_openclaw_deflate_spare[z->bits] = z;
        return;
    }

    (void) deflateEnd(z->stream);
    free(z);
}


ngx_int_t
ngx_openclaw_deflate(ngx_openclaw_deflate_t *z, ngx_openclaw_deflate_io_t *io,
    ngx_uint_t fin)
{
    int        rc, flush;
    z_stream  *s;

    s = z->stream;

    io->out = ngx_cpymem(io->out, z->held, z->nheld);

    flush = fin ? Z_SYNC_FLUSH : Z_NO_FLUSH;

    s->next_in = io->pos;
    s->avail_in = ngx_openclaw_deflate_piece(io->last - io->pos);
    s->next_out = io->out;
    s->avail_out = ngx_openclaw_deflate_piece(io->end - io->out);

    /* there is more than zlib can count */

    if (s->next_in + s->avail_in < io->last) {
        flush = Z_NO_FLUSH;
    }

    rc = deflate(s, flush);

    if (rc == Z_BUF_ERROR && fin && z->nheld == 0 && io->pos == io->last) {

        /* RFC 7692, 7.2.3.6.: an empty message behind another one */

        *io->out++ = 0x00;
        return NGX_OK;
    }

    if (rc != Z_OK && rc != Z_BUF_ERROR) {
        return NGX_ERROR;
    }

    z->nheld = 0;

    io->pos = s->next_in;
    io->out = s->next_out;

    if (flush == Z_NO_FLUSH) {
        return (s->avail_out && io->pos == io->last && !fin) ? NGX_OK
                                                              : NGX_AGAIN;
    }

    io->out -= NGX_OPENCLAW_DEFLATE_TAIL;

    if (s->avail_out) {
        return NGX_OK;
    }

    /* the last bytes so far, which may turn out to be the tail */

    ngx_memcpy(z->held, io->out, NGX_OPENCLAW_DEFLATE_TAIL);
    z->nheld = NGX_OPENCLAW_DEFLATE_TAIL;

    return NGX_AGAIN;
}


void
ngx_openclaw_deflate_exit(void)
{
    ngx_uint_t               i;
    ngx_openclaw_inflate_t  *inflate;
    ngx_openclaw_deflate_t  *deflate;

    inflate = ngx_openclaw_inflate_spare;

    if (inflate) {
        ngx_openclaw_inflate_spare = NULL;
        (void) inflateEnd(inflate->stream);
        free(inflate);
    }

    for (i = 0; i <= NGX_OPENCLAW_DEFLATE_MAX_BITS; i++) {
        deflate = ngx_openclaw_deflate_spare[i];

        if (deflate) {
            ngx_openclaw_deflate_spare[i] = NULL;
            (void) deflateEnd(deflate->stream);
            free(deflate);
        }
    }
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_frame.h>


#define NGX_OPENCLAW_FRAME_RSV              0x70
#define NGX_OPENCLAW_FRAME_OPCODE           0x0f
#define NGX_OPENCLAW_FRAME_CONTROL          0x08
#define NGX_OPENCLAW_FRAME_MASK             0x80
#define NGX_OPENCLAW_FRAME_LENGTH           0x7f

#define NGX_OPENCLAW_FRAME_LENGTH_16        126
#define NGX_OPENCLAW_FRAME_LENGTH_64        127


/* by how much, at most, a message grows when it is compressed in vain */

#define ngx_openclaw_frame_compressed(max)  ((max) / 16 + 1024)


/* what the client did wrong, or what else went wrong */

typedef enum {
    NGX_OPENCLAW_FRAME_BAD_RSV = 0,
    NGX_OPENCLAW_FRAME_BAD_OPCODE,
    NGX_OPENCLAW_FRAME_FRAGMENTED_CONTROL,
    NGX_OPENCLAW_FRAME_LONG_CONTROL,
    NGX_OPENCLAW_FRAME_NO_MESSAGE,
    NGX_OPENCLAW_FRAME_IN_MESSAGE,
    NGX_OPENCLAW_FRAME_UNMASKED,
    NGX_OPENCLAW_FRAME_BAD_LENGTH,
    NGX_OPENCLAW_FRAME_HUGE_LENGTH,
    NGX_OPENCLAW_FRAME_TOO_BIG,
    NGX_OPENCLAW_FRAME_TOO_MANY,
    NGX_OPENCLAW_FRAME_BAD_UTF8,
    NGX_OPENCLAW_FRAME_BAD_CLOSE,
    NGX_OPENCLAW_FRAME_BAD_CLOSE_CODE,
    NGX_OPENCLAW_FRAME_BAD_CLOSE_REASON,
    NGX_OPENCLAW_FRAME_NO_MEMORY
} ngx_openclaw_frame_error_e;


typedef struct {
    ngx_uint_t                         code;
    const char                        *text;
} ngx_openclaw_frame_error_t;


static ngx_int_t ngx_openclaw_frame_first(ngx_openclaw_frame_parser_t *p,
    u_char ch);
static ngx_int_t ngx_openclaw_frame_opcode(ngx_openclaw_frame_parser_t *p);
static ngx_int_t ngx_openclaw_frame_length(ngx_openclaw_frame_parser_t *p,
    u_char ch);
static ngx_int_t ngx_openclaw_frame_extended(ngx_openclaw_frame_parser_t *p,
    u_char ch, uint64_t min);
static ngx_int_t ngx_openclaw_frame_limit(ngx_openclaw_frame_parser_t *p);

static ngx_int_t ngx_openclaw_frame_data(ngx_openclaw_frame_parser_t *p,
    u_char **pos, u_char *last, ngx_openclaw_frame_t *f);
static ngx_int_t ngx_openclaw_frame_data_utf8(ngx_openclaw_frame_parser_t *p,
    u_char *data, size_t len);
static ngx_int_t ngx_openclaw_frame_control(ngx_openclaw_frame_parser_t *p,
    u_char **pos, u_char *last, ngx_openclaw_frame_t *f);
static ngx_int_t ngx_openclaw_frame_closed(ngx_openclaw_frame_parser_t *p,
    ngx_openclaw_frame_t *f);

static ngx_int_t ngx_openclaw_frame_error(ngx_openclaw_frame_parser_t *p,
    ngx_openclaw_frame_error_e e);


static const ngx_openclaw_frame_error_t  ngx_openclaw_frame_errors[] = {

    { NGX_OPENCLAW_CLOSE_PROTOCOL_ERROR,
      "client sent a frame with reserved bits set" },

    { NGX_OPENCLAW_CLOSE_PROTOCOL_ERROR,
      "client sent a frame with an unknown opcode" },

    { NGX_OPENCLAW_CLOSE_PROTOCOL_ERROR,
      "client sent a fragmented control frame" },

    { NGX_OPENCLAW_CLOSE_PROTOCOL_ERROR,
      "client sent a control frame longer than 125 bytes" },

    { NGX_OPENCLAW_CLOSE_PROTOCOL_ERROR,
      "client sent a continuation frame without a message to continue" },

    { NGX_OPENCLAW_CLOSE_PROTOCOL_ERROR,
      "client sent a new message inside a fragmented one" },

    { NGX_OPENCLAW_CLOSE_PROTOCOL_ERROR,
      "client sent an unmasked frame" },

    { NGX_OPENCLAW_CLOSE_PROTOCOL_ERROR,
      "client sent a frame length not in its shortest form" },

    { NGX_OPENCLAW_CLOSE_PROTOCOL_ERROR,
      "client sent a frame length with the top bit set" },

    { NGX_OPENCLAW_CLOSE_TOO_BIG,
      "client sent a too big message" },

    { NGX_OPENCLAW_CLOSE_POLICY,
      "client sent a message in too many fragments" },

    { NGX_OPENCLAW_CLOSE_BAD_DATA,
      "client sent a text message that is not UTF-8" },

    { NGX_OPENCLAW_CLOSE_PROTOCOL_ERROR,
      "client sent a close frame of one byte" },

    { NGX_OPENCLAW_CLOSE_PROTOCOL_ERROR,
      "client sent a close frame with an invalid code" },

    { NGX_OPENCLAW_CLOSE_BAD_DATA,
      "client sent a close reason that is not UTF-8" },

    { NGX_OPENCLAW_CLOSE_INTERNAL_ERROR,
      "no memory for a control frame" }
};


void
ngx_openclaw_frame_init(ngx_openclaw_frame_parser_t *p, size_t max_message)
{
    ngx_memzero(p, sizeof(ngx_openclaw_frame_parser_t));

    p->max_message = max_message;
    p->max_fragments = NGX_OPENCLAW_FRAME_MAX_FRAGMENTS;
}


void
ngx_openclaw_frame_free(ngx_openclaw_frame_parser_t *p)
{
    free(p->control);
    p->control = NULL;
}


ngx_int_t
ngx_openclaw_frame_parse(ngx_openclaw_frame_parser_t *p, u_char **pos,
    u_char *last, ngx_openclaw_frame_t *f)
{
    ngx_int_t  rc;
    enum {
        sw_first = 0,
        sw_length,
        sw_length_16,
        sw_length_64,
        sw_mask,
        sw_payload,
        sw_error
    } state;

    state = p->state;

    for ( ;; ) {

        /* an empty payload needs no byte to be complete, an error no input */

        if (*pos == last
            && state != sw_error
            && !(state == sw_payload && p->rest == 0))
        {
            rc = NGX_AGAIN;
            break;
        }

        rc = NGX_OK;

        switch (state) {

        case sw_first:
            rc = ngx_openclaw_frame_first(p, *(*pos)++);
            state = sw_length;
            break;

        case sw_length:
            rc = ngx_openclaw_frame_length(p, *(*pos)++);
            state = (p->extra == 8) ? sw_length_64
                    : (p->extra == 2) ? sw_length_16 : sw_mask;
            break;

        case sw_length_16:
            rc = ngx_openclaw_frame_extended(p, *(*pos)++,
                                             NGX_OPENCLAW_FRAME_LENGTH_16);
            if (p->extra == 0) {
                state = sw_mask;
            }

            break;

        case sw_length_64:
            rc = ngx_openclaw_frame_extended(p, *(*pos)++, 0x10000);

            if (p->extra == 0) {
                state = sw_mask;
            }

            break;

        case sw_mask:
            p->mask[p->extra++] = *(*pos)++;

            if (p->extra == 4) {
                p->extra = 0;
                state = sw_payload;
            }

            break;

        case sw_payload:
            rc = (p->opcode & NGX_OPENCLAW_FRAME_CONTROL)
                 ? ngx_openclaw_frame_control(p, pos, last, f)
                 : ngx_openclaw_frame_data(p, pos, last, f);

            if (rc != NGX_ERROR && p->rest == 0) {
                state = sw_first;
            }

            if (rc == NGX_OK) {
                goto done;
            }

            break;

        case sw_error:
            return NGX_ERROR;
        }

        if (rc == NGX_ERROR) {
            state = sw_error;
            break;
        }
    }

done:

    p->state = state;

    return rc;
}


/* the first byte: FIN, reserved bits, opcode */

static ngx_int_t
ngx_openclaw_frame_first(ngx_openclaw_frame_parser_t *p, u_char ch)
{
    ngx_uint_t  rsv;

    if (p->control) {
        ngx_openclaw_frame_free(p);
    }

    p->fin = (ch & NGX_OPENCLAW_FRAME_FIN) ? 1 : 0;
    p->opcode = ch & NGX_OPENCLAW_FRAME_OPCODE;

    rsv = ch & NGX_OPENCLAW_FRAME_RSV;

    /*
     * RFC 7692, 6: RSV1 is for the first frame of a message, and not for
     * control frames
     */

    if (rsv == NGX_OPENCLAW_FRAME_RSV1 && p->deflate
        && (p->opcode == NGX_OPENCLAW_FRAME_TEXT
            || p->opcode == NGX_OPENCLAW_FRAME_BINARY))
    {
        rsv = 0;
    }

    if (rsv) {
        return ngx_openclaw_frame_error(p, NGX_OPENCLAW_FRAME_BAD_RSV);
    }

    if (ngx_openclaw_frame_opcode(p) != NGX_OK) {
        return NGX_ERROR;
    }

    if (p->opcode == NGX_OPENCLAW_FRAME_TEXT
        || p->opcode == NGX_OPENCLAW_FRAME_BINARY)
    {
        p->message_opcode = p->opcode;
        p->compressed = (ch & NGX_OPENCLAW_FRAME_RSV1) ? 1 : 0;
        p->started = 0;
        p->utf8 = 0;
        p->fragments = 0;
        p->total = 0;
    }

    return NGX_OK;
}


/*
 * RFC 6455, 5.4.  Fragmentation: control frames may come between the
 * fragments of a message, other messages may not.  No message is open while
 * message_opcode is that of a continuation.
 */

static ngx_int_t
ngx_openclaw_frame_opcode(ngx_openclaw_frame_parser_t *p)
{
    switch (p->opcode) {

    case NGX_OPENCLAW_FRAME_CONTINUATION:

        if (p->message_opcode == NGX_OPENCLAW_FRAME_CONTINUATION) {
            return ngx_openclaw_frame_error(p, NGX_OPENCLAW_FRAME_NO_MESSAGE);
        }

        break;

    case NGX_OPENCLAW_FRAME_TEXT:
    case NGX_OPENCLAW_FRAME_BINARY:

        if (p->message_opcode != NGX_OPENCLAW_FRAME_CONTINUATION) {
            return ngx_openclaw_frame_error(p, NGX_OPENCLAW_FRAME_IN_MESSAGE);
        }

        break;

    case NGX_OPENCLAW_FRAME_CLOSE:
    case NGX_OPENCLAW_FRAME_PING:
    case NGX_OPENCLAW_FRAME_PONG:

        if (!p->fin) {
            return ngx_openclaw_frame_error(p,
                                        NGX_OPENCLAW_FRAME_FRAGMENTED_CONTROL);
        }

        p->ncontrol = 0;

        break;

    default:
        return ngx_openclaw_frame_error(p, NGX_OPENCLAW_FRAME_BAD_OPCODE);
    }

    return NGX_OK;
}


/* the second byte: MASK, length or the size of the length that follows */

static ngx_int_t
ngx_openclaw_frame_length(ngx_openclaw_frame_parser_t *p, u_char ch)
{
    if (!(ch & NGX_OPENCLAW_FRAME_MASK)) {
        return ngx_openclaw_frame_error(p, NGX_OPENCLAW_FRAME_UNMASKED);
    }

    p->rest = ch & NGX_OPENCLAW_FRAME_LENGTH;

    if ((p->opcode & NGX_OPENCLAW_FRAME_CONTROL)
        && p->rest > NGX_OPENCLAW_FRAME_MAX_CONTROL)
    {
        return ngx_openclaw_frame_error(p, NGX_OPENCLAW_FRAME_LONG_CONTROL);
    }

    if (p->rest == NGX_OPENCLAW_FRAME_LENGTH_16) {
        p->rest = 0;
        p->extra = 2;
        return NGX_OK;
    }

    if (p->rest == NGX_OPENCLAW_FRAME_LENGTH_64) {
        p->rest = 0;
        p->extra = 8;
        return NGX_OK;
    }

    return ngx_openclaw_frame_limit(p);
}


static ngx_int_t
ngx_openclaw_frame_extended(ngx_openclaw_frame_parser_t *p, u_char ch,
    uint64_t min)
{
    if (p->extra == 8 && (ch & 0x80)) {
        return ngx_openclaw_frame_error(p, NGX_OPENCLAW_FRAME_HUGE_LENGTH);
    }

    p->rest = (p->rest << 8) | ch;
    p->extra--;

    if (p->extra) {
        return NGX_OK;
    }

    /* "the minimal number of bytes MUST be used to encode the length" */

    if (p->rest < min) {
        return ngx_openclaw_frame_error(p, NGX_OPENCLAW_FRAME_BAD_LENGTH);
    }

    return ngx_openclaw_frame_limit(p);
}


/* the length of the frame is known, and nothing of it has been taken yet */

static ngx_int_t
ngx_openclaw_frame_limit(ngx_openclaw_frame_parser_t *p)
{
    uint64_t  max;

    if (p->opcode & NGX_OPENCLAW_FRAME_CONTROL) {
        return NGX_OK;
    }

    max = p->max_message;

    if (p->compressed) {
        max += ngx_openclaw_frame_compressed(max);
    }

    if (p->total > max || p->rest > max - p->total) {
        return ngx_openclaw_frame_error(p, NGX_OPENCLAW_FRAME_TOO_BIG);
    }

    p->total += p->rest;

    /* empty ones would make no progress, and never come to an end */

    if (p->max_fragments
        && ++p->fragments > p->max_fragments
                            + p->total / NGX_OPENCLAW_FRAME_MIN_FRAGMENT)
    {
        return ngx_openclaw_frame_error(p, NGX_OPENCLAW_FRAME_TOO_MANY);
    }

    return NGX_OK;
}


/*
 * Hands out what there is of a data frame.  NGX_AGAIN: there is nothing to
 * tell, the frame was an empty one within a message.
 */

static ngx_int_t
ngx_openclaw_frame_data(ngx_openclaw_frame_parser_t *p, u_char **pos,
    u_char *last, ngx_openclaw_frame_t *f)
{
    size_t   len;
    u_char  *data;

    data = *pos;
    len = last - data;

    if (len > p->rest) {
        len = (size_t) p->rest;
    }

    ngx_openclaw_frame_unmask(data, len, p->mask, p->extra);

    *pos += len;
    p->rest -= len;

    /* how far the mask has been used, once the header is over */
    p->extra = (p->extra + len) % 4;

    if (p->rest == 0) {
        p->extra = 0;
    }

    if (ngx_openclaw_frame_data_utf8(p, data, len) != NGX_OK) {
        return NGX_ERROR;
    }

    f->opcode = p->message_opcode;
    f->data = data;
    f->len = len;
    f->rest = p->rest;
    f->code = 0;
    f->first = !p->started;
    f->last = (p->fin && p->rest == 0);
    f->compressed = p->compressed;

    if (f->last) {
        p->message_opcode = NGX_OPENCLAW_FRAME_CONTINUATION;

    } else if (len == 0) {
        return NGX_AGAIN;
    }

    p->started = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_openclaw_frame_data_utf8(ngx_openclaw_frame_parser_t *p, u_char *data,
    size_t len)
{
    ngx_int_t  rc;

    if (p->message_opcode != NGX_OPENCLAW_FRAME_TEXT || p->compressed) {
        return NGX_OK;
    }

    rc = ngx_openclaw_utf8_check(&p->utf8, data, len);

    if (rc == NGX_ERROR
        || (rc == NGX_AGAIN && p->fin && p->rest == 0))
    {
        return ngx_openclaw_frame_error(p, NGX_OPENCLAW_FRAME_BAD_UTF8);
    }

    return NGX_OK;
}


/*
 * Collects a control frame, but for one that is there as a whole, as nearly all
 * are.  NGX_AGAIN: it is not complete.
 */

static ngx_int_t
ngx_openclaw_frame_control(ngx_openclaw_frame_parser_t *p, u_char **pos,
    u_char *last, ngx_openclaw_frame_t *f)
{
    size_t   len;
    u_char  *data;

    data = *pos;
    len = last - data;

    if (len >= p->rest) {
        len = (size_t) p->rest;

    } else if (p->control == NULL) {
        p->control = malloc(NGX_OPENCLAW_FRAME_MAX_CONTROL);
        if (p->control == NULL) {
            return ngx_openclaw_frame_error(p, NGX_OPENCLAW_FRAME_NO_MEMORY);
        }
    }

    if (p->control) {
        ngx_memcpy(p->control + p->ncontrol, data, len);
        data = p->control;
    }

    *pos += len;
    p->rest -= len;
    p->ncontrol += len;

    if (p->rest) {
        return NGX_AGAIN;
    }

    ngx_openclaw_frame_unmask(data, p->ncontrol, p->mask, 0);

    f->opcode = p->opcode;
    f->data = data;
    f->len = p->ncontrol;
    f->rest = 0;
    f->code = 0;
    f->first = 1;
    f->last = 1;
    f->compressed = 0;

    if (p->opcode == NGX_OPENCLAW_FRAME_CLOSE) {
        return ngx_openclaw_frame_closed(p, f);
    }

    return NGX_OK;
}


/* RFC 6455, 5.5.1.  Close, and 7.4.  Status Codes */

static ngx_int_t
ngx_openclaw_frame_closed(ngx_openclaw_frame_parser_t *p,
    ngx_openclaw_frame_t *f)
{
    uint32_t    utf8;
    ngx_uint_t  code;

    if (f->len == 0) {
        f->code = NGX_OPENCLAW_CLOSE_NO_STATUS;
        return NGX_OK;
    }

    if (f->len == 1) {
        return ngx_openclaw_frame_error(p, NGX_OPENCLAW_FRAME_BAD_CLOSE);
    }

    code = (f->data[0] << 8) | f->data[1];

    /*
     * 1004 to 1006 and 1015 are never sent, 1016 to 2999 are reserved, and
     * from 3000 on there are those of libraries and of applications
     */

    if (code < 1000 || (code >= 1004 && code <= 1006)
        || (code >= 1015 && code < 3000) || code >= 5000)
    {
        return ngx_openclaw_frame_error(p, NGX_OPENCLAW_FRAME_BAD_CLOSE_CODE);
    }

    utf8 = 0;

    if (ngx_openclaw_utf8_check(&utf8, f->data + 2, f->len - 2) != NGX_OK) {
        return ngx_openclaw_frame_error(p,
                                        NGX_OPENCLAW_FRAME_BAD_CLOSE_REASON);
    }

    f->code = code;

    return NGX_OK;
}


static ngx_int_t
ngx_openclaw_frame_error(ngx_openclaw_frame_parser_t *p,
    ngx_openclaw_frame_error_e e)
{
    p->code = ngx_openclaw_frame_errors[e].code;
    p->error = ngx_openclaw_frame_errors[e].text;

    return NGX_ERROR;
}


void
ngx_openclaw_frame_unmask(u_char *data, size_t len, u_char *mask,
    uint64_t offset)
{
    u_char       key[8];
    uint64_t     word, wide;
    ngx_uint_t   i;

    for (i = 0; i < 8; i++) {
        key[i] = mask[(offset + i) % 4];
    }

    ngx_memcpy(&wide, key, 8);

    /* memcpy() is a plain load and store that may be unaligned */

    while (len >= 8) {
        ngx_memcpy(&word, data, 8);
        word ^= wide;
        ngx_memcpy(data, &word, 8);

        data += 8;
        len -= 8;
    }

    for (i = 0; i < len; i++) {
        data[i] ^= key[i];
    }
}


size_t
ngx_openclaw_frame_header_size(size_t len)
{
    if (len < NGX_OPENCLAW_FRAME_LENGTH_16) {
        return 2;
    }

    return (len < 0x10000) ? 4 : NGX_OPENCLAW_FRAME_MAX_HEADER;
}


u_char *
ngx_openclaw_frame_header(u_char *p, ngx_uint_t opcode, size_t len)
{
    ngx_int_t  shift;

    *p++ = (u_char) (NGX_OPENCLAW_FRAME_FIN | opcode);

    if (len < NGX_OPENCLAW_FRAME_LENGTH_16) {
        *p++ = (u_char) len;
        return p;
    }

    if (len < 0x10000) {
        *p++ = NGX_OPENCLAW_FRAME_LENGTH_16;
        shift = 8;

    } else {
        *p++ = NGX_OPENCLAW_FRAME_LENGTH_64;
        shift = 56;
    }

    for ( /* void */ ; shift >= 0; shift -= 8) {
        *p++ = (u_char) ((uint64_t) len >> shift);
    }

    return p;
}


u_char *
ngx_openclaw_frame_close(u_char *p, ngx_uint_t code, ngx_str_t *reason)
{
    size_t  len;

    if (code == NGX_OPENCLAW_CLOSE_NO_STATUS) {
        return p;
    }

    *p++ = (u_char) (code >> 8);
    *p++ = (u_char) code;

    if (reason == NULL || reason->len == 0) {
        return p;
    }

    len = reason->len;

    if (len > NGX_OPENCLAW_FRAME_MAX_CONTROL - 2) {
        len = NGX_OPENCLAW_FRAME_MAX_CONTROL - 2;

        /* a continuation byte must not be the first one that is left out */

        while (len && (reason->data[len] & 0xc0) == 0x80) {
            len--;
        }
    }

    return ngx_cpymem(p, reason->data, len);
}

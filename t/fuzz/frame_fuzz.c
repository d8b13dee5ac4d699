
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/* Any bytes as what a client sends, and any payload as what it is sent. */


#include <fuzz.h>
#include <ngx_openclaw_frame.h>


#define FUZZ_DEFLATE  0x01
#define FUZZ_WRITE    0x02
#define FUZZ_LIMIT    0x0c


/* what a client sends, taken apart in one go from a single block */

typedef struct {
    const u_char                *p;
    const u_char                *last;
    size_t                       max;
    ngx_uint_t                   deflate;

    ngx_uint_t                   first;         /* byte of the frame */
    uint64_t                     len;
    size_t                       there;         /* of its payload */
    u_char                       control[125];

    ngx_uint_t                   open;          /* first byte, 0 if none is */
    u_char                      *message;
    size_t                       message_len;
    uint64_t                     total;
    ngx_uint_t                   fragments;
} reference_t;


static ngx_uint_t run(fuzz_log_t *log, const u_char *data, size_t len,
    size_t max, ngx_uint_t deflate, fuzz_split_t *split);
static void take(fuzz_log_t *log, ngx_openclaw_frame_t *f, u_char *message,
    size_t *len);

static ngx_uint_t reference(fuzz_log_t *log, reference_t *r);
static ngx_uint_t reference_header(reference_t *r);
static ngx_uint_t reference_first(reference_t *r);
static ngx_uint_t reference_control(fuzz_log_t *log, reference_t *r);
static ngx_uint_t reference_data(fuzz_log_t *log, reference_t *r);

static void written(const u_char *data, size_t len);
static void written_close(const u_char *data, size_t len);
static void parse_masked(u_char *frame, size_t header, size_t len,
    ngx_openclaw_frame_t *f, ngx_openclaw_frame_parser_t *p);


/* of reference_header(): no more bytes, go on, and the close codes */

#define END  1
#define OK   0


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t         max;
    ngx_uint_t     flags, code;
    fuzz_log_t     expected, whole, split, bytes;
    reference_t    r;
    fuzz_split_t   s;

    static size_t  limits[] = { 1000, 0, 10, NGX_MAX_SIZE_T_VALUE };

    if (size < 1 + FUZZ_SPLITS) {
        return 0;
    }

    flags = *data++;
    s.next = 0;
    s.sizes = data;

    data += FUZZ_SPLITS;
    size -= 1 + FUZZ_SPLITS;

    if (flags & FUZZ_WRITE) {
        written(data, size);
        written_close(data, size);
        return 0;
    }

    ngx_memzero(&expected, sizeof(fuzz_log_t));
    ngx_memzero(&whole, sizeof(fuzz_log_t));
    ngx_memzero(&split, sizeof(fuzz_log_t));
    ngx_memzero(&bytes, sizeof(fuzz_log_t));
    ngx_memzero(&r, sizeof(reference_t));

    max = limits[(flags & FUZZ_LIMIT) / 4];

    r.p = data;
    r.last = data + size;
    r.max = max;
    r.deflate = flags & FUZZ_DEFLATE;
    code = reference(&expected, &r);

    fuzz_check(run(&split, data, size, max, r.deflate, &s) == code);

    s.sizes = NULL;
    fuzz_check(run(&whole, data, size, max, r.deflate, &s) == code);

    s.sizes = (const u_char *) "\1\1\1\1";
    fuzz_check(run(&bytes, data, size, max, r.deflate, &s) == code);

    fuzz_check(fuzz_log_same(&whole, &expected));
    fuzz_check(fuzz_log_same(&split, &expected));
    fuzz_check(fuzz_log_same(&bytes, &expected));

    fuzz_log_free(&expected);
    fuzz_log_free(&whole);
    fuzz_log_free(&split);
    fuzz_log_free(&bytes);

    return 0;
}


/* returns the close code of an error, 0 if there was none */

static ngx_uint_t
run(fuzz_log_t *log, const u_char *data, size_t len, size_t max,
    ngx_uint_t deflate, fuzz_split_t *split)
{
    size_t                       n, nmessage;
    u_char                      *copy, *pos, *message;
    ngx_int_t                    rc;
    ngx_openclaw_frame_t         f;
    ngx_openclaw_frame_parser_t  p;

    nmessage = 0;
    message = fuzz_copy(data, len);

    ngx_openclaw_frame_init(&p, max);
    p.deflate = deflate;

    rc = NGX_AGAIN;
    f.opcode = 0;

    while (len && rc != NGX_ERROR) {
        n = fuzz_split(split, len);
        copy = fuzz_copy(data, n);
        pos = copy;

        for ( ;; ) {
            rc = ngx_openclaw_frame_parse(&p, &pos, copy + n, &f);

            if (rc != NGX_OK) {
                break;
            }

            take(log, &f, message, &nmessage);
        }

        fuzz_check(rc == NGX_ERROR || (rc == NGX_AGAIN && pos == copy + n));

        if (rc == NGX_ERROR) {
            fuzz_check(ngx_openclaw_frame_parse(&p, &pos, copy + n, &f)
                       == NGX_ERROR);
            fuzz_check(p.error && p.code);
        }

        free(copy);

        data += n;
        len -= n;
    }

    ngx_openclaw_frame_free(&p);

    if (rc != NGX_ERROR) {
        fuzz_log(log, 'P', 0, message, nmessage);
    }

    free(message);

    return (rc == NGX_ERROR) ? p.code : 0;
}


static void
take(fuzz_log_t *log, ngx_openclaw_frame_t *f, u_char *message, size_t *len)
{
    if (f->opcode & 0x8) {
        fuzz_check(f->first && f->last && f->rest == 0 && !f->compressed);
        fuzz_log(log, (int) f->opcode, f->code, f->data, f->len);
        return;
    }

    if (f->first) {
        fuzz_check(*len == 0);

    } else {
        fuzz_check(f->len || f->last);
    }

    fuzz_check(f->code == 0 && !(f->last && f->rest));

    if (f->len) {
        ngx_memcpy(message + *len, f->data, f->len);
        *len += f->len;
    }

    if (f->last) {
        fuzz_log(log, (int) f->opcode, f->compressed, message, *len);
        *len = 0;
    }
}


static ngx_uint_t
reference(fuzz_log_t *log, reference_t *r)
{
    size_t      i;
    u_char      mask[4];
    ngx_uint_t  code;

    r->message = fuzz_copy(r->p, r->last - r->p);

    for ( ;; ) {
        code = reference_header(r);

        if (code != OK || r->last - r->p < 4) {
            break;
        }

        ngx_memcpy(mask, r->p, 4);
        r->p += 4;
        r->there = ngx_min(r->len, (uint64_t) (r->last - r->p));

        if (r->first & 0x8) {

            for (i = 0; i < r->there; i++) {
                r->control[i] = r->p[i] ^ mask[i % 4];
            }

            code = reference_control(log, r);

        } else {
            for (i = 0; i < r->there; i++) {
                r->message[r->message_len++] = r->p[i] ^ mask[i % 4];
            }

            code = reference_data(log, r);
        }

        r->p += r->there;

        if (code != OK || r->there < r->len) {
            break;
        }
    }

    if (code == OK || code == END) {
        code = 0;
        fuzz_log(log, 'P', 0, r->message, r->message_len);
    }

    free(r->message);

    return code;
}


/* all but the mask */

static ngx_uint_t
reference_header(reference_t *r)
{
    uint64_t    max;
    ngx_uint_t  i, n, code;

    if (r->p == r->last) {
        return END;
    }

    code = reference_first(r);

    if (code != OK || r->p == r->last) {
        return code != OK ? code : END;
    }

    r->len = *r->p & 0x7f;

    if (!(*r->p++ & 0x80) || ((r->first & 0x8) && r->len > 125)) {
        return 1002;
    }

    if (r->len > 125) {
        n = (r->len == 126) ? 2 : 8;
        r->len = 0;

        for (i = 0; i < n; i++) {

            if (r->p == r->last) {
                return END;
            }

            r->len = r->len << 8 | *r->p++;

            if (n == 8 && i == 0 && r->len > 127) {
                return 1002;
            }
        }

        if (r->len < 126 || (n == 8 && r->len < 65536)) {
            return 1002;
        }
    }

    if (r->first & 0x8) {
        return OK;
    }

    /* what is compressed may have grown a bit */

    max = (uint64_t) r->max + ((r->open & 0x40) ? r->max / 16 + 1024 : 0);
    r->total += r->len;

    if (r->total > max) {
        return 1009;
    }

    return (++r->fragments > 16384 + r->total / 16) ? 1008 : OK;
}


static ngx_uint_t
reference_first(reference_t *r)
{
    r->first = *r->p++;

    if ((r->first & 0x30)
        || ((r->first & 0x40)
            && !(r->deflate && (r->first & 0xf) >= 1
                 && (r->first & 0xf) <= 2)))
    {
        return 1002;
    }

    switch (r->first & 0xf) {

    case 0:
        return r->open ? OK : 1002;

    case 1:
    case 2:
        if (r->open) {
            return 1002;
        }

        r->open = r->first;
        r->message_len = 0;
        r->total = 0;
        r->fragments = 0;

        return OK;

    case 8:
    case 9:
    case 10:
        return (r->first & 0x80) ? OK : 1002;

    default:
        return 1002;
    }
}


static ngx_uint_t
reference_control(fuzz_log_t *log, reference_t *r)
{
    ngx_uint_t  code;

    if (r->there < r->len) {
        return OK;
    }

    code = 0;

    if ((r->first & 0xf) == 8) {

        code = (r->len == 0) ? 1005 : (r->len == 1) ? 0
               : (ngx_uint_t) r->control[0] * 256 + r->control[1];

        if (r->len && (code < 1000 || (code > 1003 && code < 1007)
                       || (code > 1014 && code < 3000) || code > 4999))
        {
            return 1002;
        }

        if (r->len && fuzz_utf8(r->control + 2, r->len - 2) != NGX_OK) {
            return 1007;
        }
    }

    fuzz_log(log, (int) (r->first & 0xf), code, r->control, r->there);

    return OK;
}


static ngx_uint_t
reference_data(fuzz_log_t *log, reference_t *r)
{
    ngx_int_t   rc;
    ngx_uint_t  last;

    last = ((r->first & 0x80) && r->there == r->len);

    if ((r->open & 0x4f) == 1) {
        rc = fuzz_utf8(r->message, r->message_len);

        if (rc == NGX_ERROR || (rc == NGX_AGAIN && last)) {
            return 1007;
        }
    }

    if (last) {
        fuzz_log(log, (int) (r->open & 0xf), (r->open & 0x40) != 0, r->message,
                 r->message_len);
        r->open = 0;
        r->message_len = 0;
    }

    return OK;
}


/* what is written as a server can be read as a client's, once it is masked */

static void
written(const u_char *data, size_t len)
{
    size_t                       size;
    u_char                      *frame, *end;
    ngx_openclaw_frame_t         f;
    ngx_openclaw_frame_parser_t  p;

    size = ngx_openclaw_frame_header_size(len);
    fuzz_check(size <= NGX_OPENCLAW_FRAME_MAX_HEADER);

    frame = fuzz_copy(data, len);
    frame = realloc(frame, size + 4 + len);
    fuzz_check(frame != NULL);

    end = ngx_openclaw_frame_header(frame, NGX_OPENCLAW_FRAME_BINARY, len);
    fuzz_check(end == frame + size);

    if (len) {
        ngx_memcpy(frame + size + 4, data, len);
    }

    parse_masked(frame, size, len, &f, &p);

    fuzz_check(f.opcode == NGX_OPENCLAW_FRAME_BINARY && f.first && f.last);
    fuzz_check(f.len == len && ngx_memcmp(f.data, data, len) == 0);

    free(frame);
}


/* the first two bytes are the code, the others the reason */

static void
written_close(const u_char *data, size_t len)
{
    size_t                        n;
    u_char                        frame[6 + 125], *end;
    ngx_str_t                     reason;
    ngx_uint_t                    code;
    ngx_openclaw_frame_t          f;
    ngx_openclaw_frame_parser_t   p;

    if (len < 2) {
        return;
    }

    code = data[0] * 256 + data[1];

    if (code < 1000 || (code > 1003 && code < 1005) || code == 1006
        || (code > 1014 && code < 3000) || code > 4999
        || fuzz_utf8(data + 2, len - 2) != NGX_OK)
    {
        return;
    }

    reason.len = len - 2;
    reason.data = fuzz_copy(data + 2, reason.len);

    end = ngx_openclaw_frame_close(frame + 6, code, &reason);
    n = end - (frame + 6);
    fuzz_check(n <= NGX_OPENCLAW_FRAME_MAX_CONTROL);

    end = ngx_openclaw_frame_header(frame, NGX_OPENCLAW_FRAME_CLOSE, n);
    fuzz_check(end == frame + 2);

    parse_masked(frame, 2, n, &f, &p);

    fuzz_check(f.opcode == NGX_OPENCLAW_FRAME_CLOSE && f.code == code);

    if (code == NGX_OPENCLAW_CLOSE_NO_STATUS) {
        fuzz_check(n == 0);

    } else {
        fuzz_check(n >= 2 && n - 2 <= reason.len);
        fuzz_check(n - 2 == reason.len || n > 125 - 4);
        fuzz_check(ngx_memcmp(f.data + 2, reason.data, n - 2) == 0);
    }

    free(reason.data);
}


static void
parse_masked(u_char *frame, size_t header, size_t len,
    ngx_openclaw_frame_t *f, ngx_openclaw_frame_parser_t *p)
{
    size_t   i;
    u_char  *pos;

    frame[1] |= 0x80;

    for (i = 0; i < 4; i++) {
        frame[header + i] = (u_char) (0xa5 + 0x31 * i);
    }

    for (i = 0; i < len; i++) {
        frame[header + 4 + i] ^= frame[header + i % 4];
    }

    pos = frame;

    ngx_openclaw_frame_init(p, len);

    fuzz_check(ngx_openclaw_frame_parse(p, &pos, frame + header + 4 + len, f)
               == NGX_OK);
    fuzz_check(pos == frame + header + 4 + len);
}

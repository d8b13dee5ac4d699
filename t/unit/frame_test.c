
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/* Tests for WebSocket frames, RFC 6455. */


#include <test.h>
#include <ngx_openclaw_frame.h>


#define UNMASKED  1
#define LENGTH16  2                                /* even if it is short */
#define LENGTH64  3
#define TOP_BIT   4                                /* of a 64-bit length */

#define BLOCKS    210                              /* bytes of long text */


typedef struct {
    int            first;                          /* byte */
    const char    *payload;
    size_t         len;                            /* 0 is strlen() */
    int            how;
} frame_t;


/*
 * What is expected: T[...] and B[...] are messages, with "z" if compressed,
 * I(...) pings, O(...) pongs, C1000(...) a close frame, E1002 an error.
 */

typedef struct {
    const char    *name;
    const char    *expected;
    frame_t        frames[6];                      /* first 0 ends them, but
                                                      for the first one */
    size_t         max;                            /* 0 is 1000 */
    int            deflate;
} case_t;


/* what came out of a parser */

typedef struct {
    u_char         log[140000];
    size_t         len;
    u_char         message[140000];
    size_t         message_len;
    ngx_uint_t     open;                           /* a message is */
    const char    *wrong;
} result_t;


static case_t  cases[] = {

    /* messages */

    { "text message", "T[Hello]",
      { { 0x81, "Hello" } } },

    { "binary message, which need not be UTF-8", "B[\xff\xfe]",
      { { 0x82, "\xff\xfe" } } },

    { "empty message", "T[]B[]",
      { { 0x81, "" }, { 0x82, "" } } },

    { "messages one after another", "T[one]T[two]B[three]",
      { { 0x81, "one" }, { 0x81, "two" }, { 0x82, "three" } } },

    { "message of 125 bytes", NULL,
      { { 0x82, NULL, 125 } } },

    { "message of 126 bytes, 16-bit length", NULL,
      { { 0x82, NULL, 126 } } },

    { "message of 300 bytes", NULL,
      { { 0x82, NULL, 300 } } },

    /* fragments */

    { "fragmented message", "T[Hello]",
      { { 0x01, "Hel" }, { 0x80, "lo" } } },

    { "message of many fragments", "B[abcdef]T[x]",
      { { 0x02, "a" }, { 0x00, "bc" }, { 0x00, "d" }, { 0x80, "ef" },
        { 0x81, "x" } } },

    { "empty fragments", "T[a]",
      { { 0x01, "" }, { 0x00, "a" }, { 0x00, "" }, { 0x80, "" } } },

    { "message of empty fragments", "T[]",
      { { 0x01, "" }, { 0x00, "" }, { 0x80, "" } } },

    { "ping between fragments", "I(p)T[Hello]",
      { { 0x01, "Hel" }, { 0x89, "p" }, { 0x80, "lo" } } },

    { "pong and empty ping between fragments", "O(q)I()B[ab]",
      { { 0x02, "a" }, { 0x8a, "q" }, { 0x89, "" }, { 0x80, "b" } } },

    { "close between fragments", "C1000()",
      { { 0x01, "Hel" }, { 0x88, "\x03\xe8" } } },

    { "continuation without a message", "E1002 client sent a continuation "
      "frame without a message to continue",
      { { 0x80, "lo" } } },

    { "continuation after the end of a message", "T[Hello]E1002 client sent "
      "a continuation frame without a message to continue",
      { { 0x01, "Hel" }, { 0x80, "lo" }, { 0x80, "!" } } },

    { "text within a fragmented message", "E1002 client sent a new message "
      "inside a fragmented one",
      { { 0x01, "Hel" }, { 0x81, "lo" } } },

    { "binary within a fragmented message", "E1002 client sent a new message "
      "inside a fragmented one",
      { { 0x01, "Hel" }, { 0x82, "lo" } } },

    /* headers */

    { "unmasked frame", "E1002 client sent an unmasked frame",
      { { 0x81, "Hello", 0, UNMASKED } } },

    { "unmasked ping", "E1002 client sent an unmasked frame",
      { { 0x89, "", 0, UNMASKED } } },

    { "RSV1 without compression", "E1002 client sent a frame with reserved "
      "bits set",
      { { 0xc1, "Hello" } } },

    { "RSV2", "E1002 client sent a frame with reserved bits set",
      { { 0xa1, "Hello" } }, 0, 1 },

    { "RSV3", "E1002 client sent a frame with reserved bits set",
      { { 0x91, "Hello" } }, 0, 1 },

    { "RSV1 and RSV2", "E1002 client sent a frame with reserved bits set",
      { { 0xe1, "Hello" } }, 0, 1 },

    { "RSV1 with compression, payload is not text yet", "Tz[\xff]",
      { { 0xc1, "\xff" } }, 0, 1 },

    { "RSV1 on a binary message", "Bz[ab]B[c]",
      { { 0x42, "a" }, { 0x80, "b" }, { 0x82, "c" } }, 0, 1 },

    { "text after a compressed message is checked again", "Tz[\xff]E1007 "
      "client sent a text message that is not UTF-8",
      { { 0xc1, "\xff" }, { 0x81, "\xff" } }, 0, 1 },

    { "RSV1 on a continuation", "E1002 client sent a frame with reserved "
      "bits set",
      { { 0x41, "a" }, { 0xc0, "b" } }, 0, 1 },

    { "RSV1 on a ping", "E1002 client sent a frame with reserved bits set",
      { { 0xc9, "" } }, 0, 1 },

    { "unknown opcode 3", "E1002 client sent a frame with an unknown opcode",
      { { 0x83, "" } } },

    { "unknown opcode 7", "E1002 client sent a frame with an unknown opcode",
      { { 0x87, "" } } },

    { "unknown opcode 11", "E1002 client sent a frame with an unknown opcode",
      { { 0x8b, "" } } },

    { "unknown opcode 15", "E1002 client sent a frame with an unknown opcode",
      { { 0x8f, "" } } },

    { "16-bit length of a short frame", "E1002 client sent a frame length "
      "not in its shortest form",
      { { 0x82, NULL, 125, LENGTH16 } } },

    { "16-bit length of an empty frame", "E1002 client sent a frame length "
      "not in its shortest form",
      { { 0x81, "", 0, LENGTH16 } } },

    { "64-bit length of a short frame", "E1002 client sent a frame length "
      "not in its shortest form",
      { { 0x82, NULL, 300, LENGTH64 } } },

    { "64-bit length with the top bit set", "E1002 client sent a frame length "
      "with the top bit set",
      { { 0x82, "abc", 0, TOP_BIT } } },

    /* limits */

    { "message as long as it may be", "T[0123456789]",
      { { 0x81, "0123456789" } }, 10 },

    { "message longer than it may be", "E1009 client sent a too big message",
      { { 0x81, "0123456789a" } }, 10 },

    { "fragments as long as they may be", "T[0123456789]T[0123456789]",
      { { 0x01, "01234" }, { 0x80, "56789" }, { 0x01, "0123456" },
        { 0x80, "789" } }, 10 },

    { "an empty fragment adds nothing", "T[0123456789]",
      { { 0x01, "0123456789" }, { 0x80, "" } }, 10 },

    { "fragments longer than they may be", "T[0]E1009 client sent a too big "
      "message",
      { { 0x81, "0" }, { 0x01, "01234" }, { 0x00, "5678" }, { 0x80, "9a" } },
      10 },

    { "control frames do not count", "I(0123456789)T[0123456789]",
      { { 0x01, "01234" }, { 0x89, "0123456789" }, { 0x80, "56789" } }, 10 },

    /* control frames */

    { "ping and pong", "I(abc)O()O(\xff)",
      { { 0x89, "abc" }, { 0x8a, "" }, { 0x8a, "\xff" } } },

    { "ping of 125 bytes", NULL,
      { { 0x89, NULL, 125 } } },

    { "ping of 126 bytes", "E1002 client sent a control frame longer than "
      "125 bytes",
      { { 0x89, NULL, 126 } } },

    { "ping with a 64-bit length", "E1002 client sent a control frame longer "
      "than 125 bytes",
      { { 0x89, "abc", 0, LENGTH64 } } },

    { "fragmented ping", "E1002 client sent a fragmented control frame",
      { { 0x09, "abc" } } },

    { "fragmented close", "E1002 client sent a fragmented control frame",
      { { 0x08, "" } } },

    /* close */

    { "close without a code", "C1005()",
      { { 0x88, "" } } },

    { "close with a code", "C1000()",
      { { 0x88, "\x03\xe8" } } },

    { "close with a reason", "C1001(go\xc3\xa9)",
      { { 0x88, "\x03\xe9go\xc3\xa9" } } },

    { "close of one byte", "E1002 client sent a close frame of one byte",
      { { 0x88, "\x03" } } },

    { "close with a reason that is not UTF-8", "E1007 client sent a close "
      "reason that is not UTF-8",
      { { 0x88, "\x03\xe8\xff" } } },

    { "close with half a character", "E1007 client sent a close reason that "
      "is not UTF-8",
      { { 0x88, "\x03\xe8go\xc3" } } },

    /* UTF-8 */

    { "text in many languages",
      "T[\xce\xba\xe1\xbd\xb9\xcf\x83\xe6\x97\xa5\xf0\x9f\x98\x80]",
      { { 0x81, "\xce\xba\xe1\xbd\xb9\xcf\x83\xe6\x97\xa5\xf0\x9f\x98\x80" } }
    },

    { "character over fragments", "I(p)T[\xf0\x9f\x98\x80]",
      { { 0x01, "\xf0\x9f" }, { 0x00, "" }, { 0x89, "p" },
        { 0x80, "\x98\x80" } } },

    { "text that is not UTF-8", "E1007 client sent a text message that is "
      "not UTF-8",
      { { 0x81, "ab\xff" "cd" } } },

    { "text that ends within a character", "E1007 client sent a text message "
      "that is not UTF-8",
      { { 0x81, "\xe2\x82" } } },

    { "fragments that end within a character", "E1007 client sent a text "
      "message that is not UTF-8",
      { { 0x01, "\xe2\x82" }, { 0x80, "" } } },

    { "character that does not go on in the next fragment", "E1007 client "
      "sent a text message that is not UTF-8",
      { { 0x01, "\xe2\x82" }, { 0x80, "a\xac" } } },

    { "impossible byte at the end of an unfinished message", "E1007 client "
      "sent a text message that is not UTF-8",
      { { 0x01, "abc\xed\xa0" } } },

    { "next message starts between characters", "T[a]T[b]",
      { { 0x81, "a" }, { 0x81, "b" } } }
};


static u_char    input[140000];
static u_char    filler[70000];
static result_t  got, expected;


static size_t
build(u_char *p, frame_t *f, ngx_uint_t i)
{
    int       n, shift, how;
    size_t    k, len;
    u_char   *start, mask[4];
    uint64_t  value;

    start = p;
    how = f->how;
    len = f->len ? f->len : (f->payload ? ngx_strlen(f->payload) : 0);
    value = len | (how == TOP_BIT ? (uint64_t) 1 << 63 : 0);

    *p++ = f->first;

    n = (how == LENGTH64 || how == TOP_BIT) ? 8 : (how == LENGTH16) ? 2
        : (len < 126) ? 0 : (len < 65536) ? 2 : 8;

    *p++ = (how == UNMASKED ? 0 : 0x80)
           | (n == 8 ? 127 : n == 2 ? 126 : (int) len);

    for (shift = n * 8 - 8; shift >= 0; shift -= 8) {
        *p++ = (u_char) (value >> shift);
    }

    for (k = 0; k < 4; k++) {
        mask[k] = (how == UNMASKED) ? 0 : 0x37 + k * 0x51 + i * 0x1d;

        if (how != UNMASKED) {
            *p++ = mask[k];
        }
    }

    for (k = 0; k < len; k++) {
        *p++ = (f->payload ? (u_char) f->payload[k] : filler[k]) ^ mask[k % 4];
    }

    return p - start;
}


static void
put(result_t *r, const void *data, size_t len)
{
    ngx_memcpy(r->log + r->len, data, len);
    r->len += len;
}


static void
take(result_t *r, ngx_openclaw_frame_t *f)
{
    char  buf[32];

    if (f->opcode & 0x8) {
        snprintf(buf, sizeof(buf), "C%d", (int) f->code);

        put(r, f->opcode == 0x9 ? "I" : f->opcode == 0xa ? "O" : buf,
            f->opcode == 0x8 ? strlen(buf) : 1);
        put(r, "(", 1);

        if (f->opcode == 0x8 && f->len) {
            put(r, f->data + 2, f->len - 2);

        } else {
            put(r, f->data, f->len);
        }

        put(r, ")", 1);

        return;
    }

    if (f->first != !r->open) {
        r->wrong = "first is wrong";
    }

    if (f->first) {
        r->message_len = 0;
    }

    ngx_memcpy(r->message + r->message_len, f->data, f->len);
    r->message_len += f->len;
    r->open = !f->last;

    if (f->len == 0 && !f->last) {
        r->wrong = "empty piece";
    }

    if (f->last) {

        if (f->rest) {
            r->wrong = "rest after the last piece";
        }

        put(r, f->opcode == 1 ? "T" : f->opcode == 2 ? "B" : "?", 1);
        put(r, f->compressed ? "z[" : "[", f->compressed ? 2 : 1);
        put(r, r->message, r->message_len);
        put(r, "]", 1);
    }
}


/* returns 0 after an error */

static ngx_uint_t
feed(ngx_openclaw_frame_parser_t *p, result_t *r, u_char *data, size_t len)
{
    char                  buf[128];
    u_char               *copy, *pos;
    ngx_int_t             rc;
    ngx_openclaw_frame_t  f;

    copy = test_copy(data, len);
    pos = copy;

    for ( ;; ) {
        ngx_memset(&f, 0xa5, sizeof(f));

        rc = ngx_openclaw_frame_parse(p, &pos, copy + len, &f);

        if (rc != NGX_OK) {
            break;
        }

        take(r, &f);
    }

    if (rc == NGX_AGAIN && pos != copy + len) {
        r->wrong = "input is left over";
    }

    if (rc == NGX_ERROR) {
        snprintf(buf, sizeof(buf), "E%d %s", (int) p->code, p->error);
        put(r, buf, strlen(buf));

        if (ngx_openclaw_frame_parse(p, &pos, copy + len, &f) != NGX_ERROR) {
            r->wrong = "the error is not sticky";
        }
    }

    free(copy);

    return rc != NGX_ERROR;
}


static ngx_uint_t
run(case_t *c, size_t len, size_t split, size_t step)
{
    size_t                       n, size;
    ngx_openclaw_frame_parser_t  p;

    ngx_openclaw_frame_init(&p, c->max ? c->max : 1000);
    p.deflate = c->deflate;

    got.len = 0;
    got.open = 0;
    got.wrong = NULL;

    for (n = 0; n < len; n += size) {

        size = step ? step : (n == 0 && split) ? split : len - n;
        size = ngx_min(size, len - n);

        if (!feed(&p, &got, input + n, size)) {
            break;
        }
    }

    ngx_openclaw_frame_free(&p);

    if (got.wrong) {
        printf("# %s\n", got.wrong);
        return 0;
    }

    if (got.len != expected.len
        || ngx_memcmp(got.log, expected.log, got.len) != 0)
    {
        printf("# split %d, step %d\n", (int) split, (int) step);
        test_note("got     ", got.log, got.len);
        test_note("expected", expected.log, expected.len);
        return 0;
    }

    return 1;
}


static void
test_case(case_t *c)
{
    size_t      i, len;
    frame_t    *f;
    ngx_uint_t  ok;

    len = 0;
    expected.len = 0;

    for (i = 0; i < 6 && (i == 0 || c->frames[i].payload); i++) {
        len += build(input + len, &c->frames[i], i);
    }

    if (c->expected) {
        put(&expected, c->expected, strlen(c->expected));

    } else {
        f = &c->frames[0];
        put(&expected, f->first == 0x89 ? "I(" : "B[", 2);
        put(&expected, filler, f->len);
        put(&expected, f->first == 0x89 ? ")" : "]", 1);
    }

    ok = run(c, len, 0, 0) && run(c, len, 0, 1) && run(c, len, 0, 3)
         && run(c, len, 0, 7);

    for (i = 1; ok && i < len && len < 2000; i++) {
        ok = run(c, len, i, 0);
    }

    test_ok(ok, c->name);
}


/* no byte after the header is needed to refuse a message that is too long */

static void
test_limits(void)
{
    u_char                      *pos, *copy;
    ngx_int_t                    rc;
    case_t                       big, huge;
    ngx_openclaw_frame_t         f;
    ngx_openclaw_frame_parser_t  p;

    ngx_memzero(&big, sizeof(case_t));

    big.name = "message of 65535 bytes, 16-bit length";
    big.max = 70000;
    big.frames[0].first = 0x82;
    big.frames[0].len = 65535;
    test_case(&big);

    big.name = "message of 65536 bytes, 64-bit length";
    big.frames[0].len = 65536;
    test_case(&big);

    huge = big;
    huge.name = "64-bit length of 65535 bytes";
    huge.expected = "E1002 client sent a frame length not in its shortest "
                    "form";
    huge.frames[0].len = 65535;
    huge.frames[0].how = LENGTH64;
    test_case(&huge);

    ngx_openclaw_frame_init(&p, 1000);
    copy = test_copy("\x81\xfe\x03\xe9", 4);
    pos = copy;
    rc = ngx_openclaw_frame_parse(&p, &pos, copy + 4, &f);
    test_ok(rc == NGX_ERROR && p.code == 1009, "length is judged at once");
    free(copy);

    ngx_openclaw_frame_init(&p, NGX_MAX_SIZE_T_VALUE);
    copy = test_copy("\x01\x81\0\0\0\0a"
                     "\x80\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 17);
    pos = copy;
    (void) ngx_openclaw_frame_parse(&p, &pos, copy + 17, &f);
    p.max_message = 100;
    rc = ngx_openclaw_frame_parse(&p, &pos, copy + 17, &f);
    test_ok(rc == NGX_ERROR && p.code == 1009, "longest length there is");
    free(copy);

    ngx_openclaw_frame_init(&p, 1000);
    copy = test_copy("\x01\x83\0\0\0\0abc\x80\x81\0\0\0\0d", 16);
    pos = copy;
    (void) ngx_openclaw_frame_parse(&p, &pos, copy + 9, &f);
    p.max_message = 2;
    rc = ngx_openclaw_frame_parse(&p, &pos, copy + 16, &f);
    test_ok(rc == NGX_ERROR && p.code == 1009,
            "limit that fell below what has come");
    free(copy);

    ngx_openclaw_frame_init(&p, 1000);
    copy = test_copy("\x81\x85\0\0\0\0Hel", 9);
    pos = copy;
    rc = ngx_openclaw_frame_parse(&p, &pos, copy + 9, &f);
    test_ok(rc == NGX_OK && f.len == 3 && f.rest == 2 && f.first && !f.last
            && f.code == 0,
            "piece tells what is to come");
    free(copy);
}


/* how many fragments of that size, with pings between, are one too many */

static ngx_uint_t
fragments(u_char size)
{
    u_char                      *p, *pos, frame[64];
    ngx_uint_t                   n;
    ngx_openclaw_frame_t         f;
    ngx_openclaw_frame_parser_t  parser;

    ngx_openclaw_frame_init(&parser, NGX_MAX_SIZE_T_VALUE);

    for (n = 1; n < 1000000; n++) {
        p = frame;
        *p++ = (n == 1) ? 0x02 : 0;
        *p++ = 0x80 | size;
        p += 4 + size;
        *p++ = 0x89;
        *p++ = 0x80;
        p += 4;

        pos = frame;

        while (ngx_openclaw_frame_parse(&parser, &pos, p, &f) == NGX_OK) {
            /* void */
        }

        if (parser.error) {
            return (parser.code == 1008) ? n : 0;
        }
    }

    return n;
}


static void
test_fragments(void)
{
    test_ok(fragments(0) == 16385, "so many empty fragments");
    test_ok(fragments(1) == 17477, "and more if they hold something");
    test_ok(fragments(16) == 1000000, "and any number if that is enough");
}


static void
test_partial(void)
{
    size_t                       i;
    u_char                      *pos, *copy;
    char                         got[32];
    ngx_openclaw_frame_t         f;
    ngx_openclaw_frame_parser_t  p;

    static char  bytes[] = "\x01\x81\0\0\0\0a\x89\x80\0\0\0\0"
                           "\x80\x81\0\0\0\0b\x89\x80\0\0\0\0";

    ngx_openclaw_frame_init(&p, 1000);
    test_ok(!ngx_openclaw_frame_partial(&p), "nothing has begun");

    for (i = 0; i < sizeof(bytes) - 1; i++) {
        copy = test_copy(bytes + i, 1);
        pos = copy;

        while (ngx_openclaw_frame_parse(&p, &pos, copy + 1, &f) == NGX_OK) {
            /* void */
        }

        free(copy);
        got[i] = ngx_openclaw_frame_partial(&p) ? '+' : '-';
    }

    got[i] = '\0';

    ngx_openclaw_frame_free(&p);

    test_ok(strcmp(got, "+++++++++++++++++++-+++++-") == 0,
            "what has begun and not ended");
}


static void
test_close_codes(void)
{
    int                          code, valid;
    u_char                       data[8], *pos;
    ngx_int_t                    rc;
    ngx_uint_t                   ok;
    ngx_openclaw_frame_t         f;
    ngx_openclaw_frame_parser_t  p;

    ok = 1;

    for (code = 0; code < 65536; code++) {

        valid = (code >= 1000 && code <= 1014 && code != 1004 && code != 1005
                 && code != 1006)
                || (code >= 3000 && code <= 4999);

        ngx_openclaw_frame_init(&p, 1000);

        ngx_memcpy(data, "\x88\x82\0\0\0\0", 6);
        data[6] = (u_char) (code >> 8);
        data[7] = (u_char) code;
        pos = data;

        rc = ngx_openclaw_frame_parse(&p, &pos, data + 8, &f);

        if (valid ? (rc != NGX_OK || (int) f.code != code)
                  : (rc != NGX_ERROR || p.code != 1002))
        {
            printf("# code %d\n", code);
            ok = 0;
        }
    }

    test_ok(ok, "close codes");
}


static size_t
encode(u_char *p, uint32_t ch)
{
    if (ch < 0x80) {
        p[0] = (u_char) ch;
        return 1;
    }

    if (ch < 0x800) {
        p[0] = (u_char) (0xc0 | ch >> 6);
        p[1] = (u_char) (0x80 | (ch & 0x3f));
        return 2;
    }

    if (ch < 0x10000) {
        p[0] = (u_char) (0xe0 | ch >> 12);
        p[1] = (u_char) (0x80 | (ch >> 6 & 0x3f));
        p[2] = (u_char) (0x80 | (ch & 0x3f));
        return 3;
    }

    p[0] = (u_char) (0xf0 | ch >> 18);
    p[1] = (u_char) (0x80 | (ch >> 12 & 0x3f));
    p[2] = (u_char) (0x80 | (ch >> 6 & 0x3f));
    p[3] = (u_char) (0x80 | (ch & 0x3f));
    return 4;
}


/*
 * A simple oracle: what decodes to a character that encodes to the same bytes
 * is UTF-8.  Returns the length of the first character, 0 if there is none.
 */

static size_t
oracle_one(u_char *p, size_t len)
{
    size_t    i, n;
    u_char    buf[4];
    uint32_t  ch;

    n = (p[0] < 0x80) ? 1 : (p[0] < 0xe0) ? 2 : (p[0] < 0xf0) ? 3 : 4;

    if (n > len) {
        return 0;
    }

    ch = (n == 1) ? p[0] : (p[0] & (0xff >> (n + 1)));

    for (i = 1; i < n; i++) {
        ch = ch << 6 | (p[i] & 0x3f);
    }

    if (ch > 0x10ffff || (ch >= 0xd800 && ch <= 0xdfff)) {
        return 0;
    }

    if (encode(buf, ch) != n || ngx_memcmp(buf, p, n) != 0) {
        return 0;
    }

    return n;
}


static ngx_int_t
oracle(u_char *p, size_t len)
{
    size_t       i, n, k;
    u_char       buf[4];

    static char  next[] = "\x80\x8f\x90\x9f\xa0\xbf";

    while (len) {
        n = oracle_one(p, len);

        if (n == 0) {
            break;
        }

        p += n;
        len -= n;
    }

    if (len == 0) {
        return NGX_OK;
    }

    if (len > 3) {
        return NGX_ERROR;
    }

    /* is there any end that makes it a character? */

    ngx_memset(buf, 0x80, 4);
    ngx_memcpy(buf, p, len);

    for (i = 0; i < 6; i++) {
        buf[len] = next[i];

        for (k = len + 1; k <= 4; k++) {
            if (oracle_one(buf, k) == k) {
                return NGX_AGAIN;
            }
        }
    }

    return NGX_ERROR;
}


/* whole, and each prefix byte by byte */

static ngx_uint_t
check_utf8(u_char *data, size_t len)
{
    size_t     i;
    u_char    *copy;
    uint32_t   state;
    ngx_int_t  rc, want;

    copy = test_copy(data, len);

    state = 0;
    want = oracle(data, len);
    rc = ngx_openclaw_utf8_check(&state, copy, len);

    if (rc != want || (rc == NGX_OK) != (state == 0)) {
        goto failed;
    }

    state = 0;

    for (i = 0; i < len; i++) {
        want = oracle(data, i + 1);
        rc = ngx_openclaw_utf8_check(&state, copy + i, 1);

        if (rc != want) {
            goto failed;
        }

        if (rc == NGX_ERROR) {
            break;
        }
    }

    free(copy);

    return 1;

failed:

    free(copy);

    printf("# got %d, expected %d\n", (int) rc, (int) want);
    test_note("data", data, len);

    return 0;
}


/*
 * Long text is taken in blocks: at each place of a block something else than
 * text, and each way to split it in two, after which it has to be known what
 * is known when it comes byte by byte.
 */

static ngx_uint_t
check_blocks(u_char *text, size_t width, const char *bad)
{
    size_t      i, at, n, len;
    u_char     *copy;
    uint32_t    state;
    ngx_int_t   rc, known[BLOCKS + 1];

    n = strlen(bad);

    for (at = 66 - 66 % width; at < 66 + 64; at += width) {

        len = ngx_min(at + n + 70, BLOCKS);
        copy = test_copy(text, len);

        /* the first one is all text */

        if (at >= 66) {
            ngx_memcpy(copy + at, bad, n);
        }

        state = 0;
        known[0] = NGX_OK;

        for (i = 0; i < len; i++) {
            known[i + 1] = ngx_openclaw_utf8_check(&state, copy + i, 1);
        }

        for (i = 0; i <= len; i++) {
            state = 0;
            rc = ngx_openclaw_utf8_check(&state, copy, i);

            if (rc != known[i]) {
                break;
            }

            rc = ngx_openclaw_utf8_check(&state, copy + i, len - i);

            if (rc != known[len]) {
                break;
            }
        }

        free(copy);

        if (i <= len) {
            printf("# at %d, split at %d, got %d, expected %d, %d\n",
                   (int) at, (int) i, (int) rc, (int) known[i],
                   (int) known[len]);
            return 0;
        }
    }

    return 1;
}


static void
test_utf8(void)
{
    size_t       i, k, n, len;
    u_char       buf[48], text[BLOCKS];
    uint32_t     ch, state;
    ngx_uint_t   ok;

    static char *names[] = {
        "blocks of one byte a character",
        "blocks of two bytes a character",
        "blocks of three bytes a character",
        "blocks of four bytes a character"
    };

    static char *good[] = {
        "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xe0\xbf\xbf",
        "\xed\x80\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
        "\xf0\x90\x80\x80", "\xf0\xbf\xbf\xbf", "\xf1\x80\x80\x80",
        "\xf4\x80\x80\x80", "\xf4\x8f\xbf\xbf"
    };

    static char *bad[] = {
        "\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80\xbf\x80",
        "\xc0 ", "\xdf ", "\xe0 ", "\xef ", "\xf0 ", "\xf7 ", "\xf8 ",
        "\xfc ", "\xfe", "\xff", "\xfe\xfe\xff\xff",
        "\xe0\x80 ", "\xf0\x80\x80 ", "\xdf\xef\xbf\xf7\xbf\xbf",
        "\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80",
        "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf",
        "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
        "\xf8\x87\xbf\xbf\xbf", "\xc0\x80", "\xe0\x80\x80",
        "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xbf\xbf",
        "\xed\xa0\x80\xed\xb0\x80", "\xed\xaf\xbf\xed\xbf\xbf",
        "\xe2\x82\xac\xac", "\xf0\x9f\x98\x80\x80", "\xe2\x82\xe2\x82\xac"
    };

    ok = 1;

    for (ch = 0; ch <= 0x10ffff && ok; ch++) {

        if (ch < 0xd800 || ch > 0xdfff) {
            len = encode(buf, ch);
            state = 0;

            for (i = 0; i < len; i++) {
                ok &= (ngx_openclaw_utf8_check(&state, buf + i, 1)
                       == (i + 1 < len ? NGX_AGAIN : NGX_OK));
            }
        }
    }

    test_ok(ok, "every character is UTF-8");

    ok = 1;

    for (i = 0; i < 0x10000 && ok; i++) {
        buf[0] = (u_char) (i >> 8);
        buf[1] = (u_char) i;
        ok = check_utf8(buf, 2);
    }

    test_ok(ok, "all of two bytes");

    ok = 1;

    for (i = 0; i < 256 && ok; i++) {
        for (k = 0; k < 8 * 8 * 8 && ok; k++) {
            buf[0] = (u_char) i;

            for (n = 0; n < 3; n++) {
                buf[n + 1] = "\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0"
                             [k >> (3 * n) & 7];
            }

            ok = check_utf8(buf, 4);
        }
    }

    test_ok(ok, "each first byte before what is a border to some");

    ok = 1;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]) && ok; i++) {

        len = strlen(bad[i]);

        ok = (oracle((u_char *) bad[i], len) == NGX_ERROR);

        /* at each place of the words that are taken at once */

        for (k = 0; k < 20 && ok; k++) {
            ngx_memset(buf, 'a', sizeof(buf));
            ngx_memcpy(buf + k, bad[i], len);
            ok = check_utf8(buf, sizeof(buf)) && check_utf8(buf, k + len);
        }
    }

    test_ok(ok, "what is no UTF-8, at each place");

    ok = 1;

    for (i = 0; i < 4 && ok; i++) {
        for (k = 0; k < 20 && ok; k++) {
            ngx_memset(buf, 'a', sizeof(buf));
            n = encode(buf + k, 0x24 << (i * 5));
            ok = check_utf8(buf, sizeof(buf)) && check_utf8(buf, k + n)
                 && (n == 1 || check_utf8(buf, k + n - 1));
        }
    }

    test_ok(ok, "what is UTF-8, at each place");

    for (i = 0; i < 4; i++) {
        len = encode(buf, 0x24 << (i * 5));

        for (n = 0; n < sizeof(text); n++) {
            text[n] = buf[n % len];
        }

        ok = 1;

        for (k = 0; k < sizeof(good) / sizeof(good[0]) && ok; k++) {
            ok = check_blocks(text, len, good[k]);
        }

        for (k = 0; k < sizeof(bad) / sizeof(bad[0]) && ok; k++) {
            ok = check_blocks(text, len, bad[k]);
        }

        test_ok(ok, names[i]);
    }
}


static void
test_unmask(void)
{
    size_t      i, len, offset, shift;
    u_char      data[64], *copy;
    ngx_uint_t  ok;

    static u_char  mask[4] = { 0x12, 0x9a, 0x00, 0xff };

    ok = 1;

    for (len = 0; len < 40; len++) {
        for (offset = 0; offset < 9; offset++) {
            for (shift = 0; shift < 8; shift++) {

                for (i = 0; i < shift + len; i++) {
                    data[i] = (u_char) (i * 7);
                }

                copy = test_copy(data, shift + len);

                ngx_openclaw_frame_unmask(copy + shift, len, mask, offset);

                for (i = 0; i < shift + len; i++) {
                    ok &= (copy[i]
                           == (i < shift ? data[i]
                               : (data[i] ^ mask[(offset + i - shift) % 4])));
                }

                free(copy);
            }
        }
    }

    test_ok(ok, "unmasking at each offset, alignment and length");
}


static void
test_header(size_t len, const char *header, size_t size, const char *name)
{
    u_char  *p, *last;

    p = test_copy("0123456789", ngx_openclaw_frame_header_size(len));
    last = ngx_openclaw_frame_header(p, NGX_OPENCLAW_FRAME_TEXT, len);

    test_ok(ngx_openclaw_frame_header_size(len) == size
            && (size_t) (last - p) == size
            && ngx_memcmp(p, header, size) == 0,
            name);

    free(p);
}


static void
test_close(ngx_uint_t code, char *reason, const char *payload, size_t len,
    const char *name)
{
    u_char     *p;
    ngx_str_t   s, want, r;

    p = test_copy(filler, NGX_OPENCLAW_FRAME_MAX_CONTROL);

    r.len = reason ? strlen(reason) : 0;
    r.data = test_copy(reason ? reason : "", r.len);

    s.data = p;
    s.len = ngx_openclaw_frame_close(p, code, reason ? &r : NULL) - p;

    want.data = (u_char *) payload;
    want.len = len;

    test_is(&s, &want, name);

    free(r.data);
    free(p);
}


static void
test_written(void)
{
    char  reason[200], payload[200];

    test_header(0, "\x81\x00", 2, "header of an empty frame");
    test_header(125, "\x81\x7d", 2, "header of a short frame");
    test_header(126, "\x81\x7e\x00\x7e", 4, "header of 126 bytes");
    test_header(65535, "\x81\x7e\xff\xff", 4, "header of 65535 bytes");
    test_header(65536, "\x81\x7f\0\0\0\0\0\x01\0\0", 10,
                "header of 65536 bytes");
    test_header(0x123456789a, "\x81\x7f\0\0\0\x12\x34\x56\x78\x9a", 10,
                "header of a huge frame");

    test_close(1005, "ignored", "", 0, "close frame without a code");
    test_close(1000, NULL, "\x03\xe8", 2, "close frame with a code");
    test_close(1012, "bye", "\x03\xf4" "bye", 5, "close frame with a reason");

    ngx_memset(reason, 'a', 199);
    reason[199] = '\0';
    ngx_memset(payload, 'a', 200);
    ngx_memcpy(payload, "\x03\xe8", 2);
    test_close(1000, reason, payload, 125, "long reason is cut");
    test_close(1000, reason + 199 - 123, payload, 125, "longest reason");

    ngx_memcpy(reason + 121, "\xe2\x82\xac", 3);
    test_close(1000, reason, payload, 123, "but not within a character");

    ngx_memset(reason, 'a', 199);
    ngx_memcpy(reason + 120, "\xe2\x82\xac", 3);
    ngx_memcpy(payload + 122, "\xe2\x82\xac", 3);
    test_close(1000, reason, payload, 125, "and no more than needed");
}


int
main(void)
{
    ngx_uint_t  i;

    for (i = 0; i < sizeof(filler); i++) {
        filler[i] = (u_char) (i * 31 + (i >> 8));
    }

    for (i = 0; i < sizeof(cases) / sizeof(case_t); i++) {
        test_case(&cases[i]);
    }

    test_limits();
    test_fragments();
    test_partial();
    test_close_codes();
    test_utf8();
    test_unmask();
    test_written();

    return test_done();
}

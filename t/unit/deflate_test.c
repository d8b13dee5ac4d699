
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <test.h>
#include <zlib.h>
#include <ngx_openclaw_frame.h>
#include <ngx_openclaw_deflate.h>


#define MAX_OUT  (4 * 1024 * 1024)


typedef struct {
    const char  *offer;      /* headers are separated by "\n" */
    const char  *response;   /* "-": none, "!": malformed */
} offer_t;


typedef struct {
    const char  *name;
    size_t       len;
    const char  *data;
    const char  *text;       /* NULL: an error */
    const char  *error;
} inflate_t;


static u_char  out[MAX_OUT];


static void test_combinations(ngx_uint_t mode);
static void test_offers(void);
static void test_known(void);
static void test_inflate_splits(void);
static void test_windows(void);
static void test_limits(void);
static void test_utf8(void);
static void test_takeover(void);
static void test_final_blocks(void);
static void test_deflate_rooms(void);
static void test_deflate_takeover(void);
static void test_deflate_windows(void);
static void test_bits(void);
static void test_spare(void);
static void test_random(void);


/* what is answered to the headers in offer */

static const char *
respond(const char *offer, ngx_uint_t mode)
{
    u_char                         *p, *copy;
    size_t                          len;
    ngx_str_t                       value;
    const char                     *end;
    ngx_openclaw_deflate_params_t   params;

    static u_char  response[NGX_OPENCLAW_DEFLATE_MAX_RESPONSE + 1];

    ngx_memzero(&params, sizeof(params));

    for ( ;; ) {
        end = strchr(offer, '\n');
        len = end ? (size_t) (end - offer) : strlen(offer);

        copy = test_copy(offer, len);
        value.data = copy;
        value.len = len;

        if (ngx_openclaw_deflate_offers(&params, &value, mode) != NGX_OK) {
            free(copy);
            return "!";
        }

        free(copy);

        if (end == NULL) {
            break;
        }

        offer = end + 1;
    }

    if (!params.accepted) {
        return "-";
    }

    p = ngx_openclaw_deflate_response(response, &params);
    *p = '\0';

    return (const char *) response;
}


static ngx_uint_t
same(const char *got, const char *expected)
{
    if (strcmp(got, expected) == 0) {
        return 1;
    }

    printf("# got      \"%s\"\n# expected \"%s\"\n", got, expected);

    return 0;
}


/* all legal offers: which parameters, which windows, in both orders */

static void
test_combinations(ngx_uint_t mode)
{
    int         s, c, server, client, order;
    char        offer[256], expected[256], sb[64], cb[64];
    ngx_uint_t  bad, n, alone;

    bad = 0;
    n = 0;
    alone = (mode == NGX_OPENCLAW_DEFLATE_ON);

    for (s = 0; s < 2; s++)
    for (c = 0; c < 2; c++)
    for (server = 7; server <= 15; server++)
    for (client = 6; client <= 15; client++)
    for (order = 0; order < 2; order++) {

        /* 7: not there, 6 and 7: not there, no value */

        sb[0] = '\0';
        cb[0] = '\0';

        if (server > 7) {
            sprintf(sb, "; server_max_window_bits=%d", server);
        }

        if (client > 7) {
            sprintf(cb, "; client_max_window_bits=%d", client);

        } else if (client == 7) {
            sprintf(cb, "; client_max_window_bits");
        }

        sprintf(offer, "permessage-deflate%s%s%s%s",
                order ? cb : s ? "; server_no_context_takeover" : "",
                order ? sb : c ? "; client_no_context_takeover" : "",
                order ? c ? "; client_no_context_takeover" : "" : sb,
                order ? s ? "; server_no_context_takeover" : "" : cb);

        sprintf(expected, "permessage-deflate%s%s%s%s",
                s || alone ? "; server_no_context_takeover" : "",
                c || alone ? "; client_no_context_takeover" : "",
                sb, client > 7 ? cb : "");

        if (server == 8) {
            strcpy(expected, "-");
        }

        n++;
        bad += !same(respond(offer, mode), expected);
    }

    test_ok(bad == 0 && n == 720, alone ? "each legal offer, alone"
                                        : "each legal offer, takeover");
}


#define PMD     "permessage-deflate"
#define ALONE   "; server_no_context_takeover; client_no_context_takeover"


static offer_t  offers[] = {

    { "", "-" },
    { " \t", "-" },
    { ",", "-" },
    { "foo", "-" },
    { "foo; bar=1; baz=\"2\"", "-" },
    { "x-webkit-deflate-frame", "-" },
    { "permessage-deflat", "-" },
    { "permessage-deflate2", "-" },
    { "Permessage-Deflate", "-" },
    { "permessage-bzip2, " PMD, PMD ALONE },

    { PMD, PMD ALONE },
    { ", ," PMD ",", PMD ALONE },
    { "  " PMD "\t", PMD ALONE },
    { PMD " ;\tserver_max_window_bits = 10 ", PMD ALONE
      "; server_max_window_bits=10" },
    { PMD ";server_max_window_bits=\"10\"", PMD ALONE
      "; server_max_window_bits=10" },
    { PMD ";server_max_window_bits=\"\\1\\0\"", PMD ALONE
      "; server_max_window_bits=10" },
    { PMD ";client_max_window_bits=\"8\"", PMD ALONE
      "; client_max_window_bits=8" },

    /* the first one that fits */

    { PMD "; server_max_window_bits=10, " PMD, PMD ALONE
      "; server_max_window_bits=10" },
    { PMD "; server_max_window_bits=8, " PMD "; server_max_window_bits=9, "
      PMD, PMD ALONE "; server_max_window_bits=9" },
    { PMD "; nonsense, foo, " PMD "; client_max_window_bits=9", PMD ALONE
      "; client_max_window_bits=9" },

    /* several headers */

    { "foo\n" PMD, PMD ALONE },
    { PMD "; nonsense\n" PMD "; server_max_window_bits=12", PMD ALONE
      "; server_max_window_bits=12" },
    { PMD "\n" PMD "; server_max_window_bits=12", PMD ALONE },
    { PMD "\n" PMD "; server_max_window_bits=", "!" },

    /* a parameter that spoils its offer */

    { PMD "; nonsense", "-" },
    { PMD "; Server_No_Context_Takeover", "-" },
    { PMD "; server_no_context_takeover=1", "-" },
    { PMD "; server_no_context_takeover=\"1\"", "-" },
    { PMD "; client_no_context_takeover=true", "-" },
    { PMD "; server_no_context_takeover; server_no_context_takeover", "-" },
    { PMD "; client_no_context_takeover; client_no_context_takeover", "-" },
    { PMD "; server_max_window_bits=10; server_max_window_bits=10", "-" },
    { PMD "; client_max_window_bits; client_max_window_bits=10", "-" },
    { PMD "; client_max_window_bits; client_max_window_bits", "-" },
    { PMD "; server_max_window_bits", "-" },
    { PMD "; server_max_window_bits=0", "-" },
    { PMD "; server_max_window_bits=7", "-" },
    { PMD "; server_max_window_bits=8", "-" },
    { PMD "; server_max_window_bits=16", "-" },
    { PMD "; server_max_window_bits=20", "-" },
    { PMD "; server_max_window_bits=09", "-" },
    { PMD "; server_max_window_bits=010", "-" },
    { PMD "; server_max_window_bits=100", "-" },
    { PMD "; server_max_window_bits=1x", "-" },
    { PMD "; server_max_window_bits=x", "-" },
    { PMD "; server_max_window_bits=+9", "-" },
    { PMD "; server_max_window_bits=-9", "-" },
    { PMD "; server_max_window_bits=10.0", "-" },
    { PMD "; server_max_window_bits=4294967306", "-" },
    { PMD "; client_max_window_bits=0", "-" },
    { PMD "; client_max_window_bits=7", "-" },
    { PMD "; client_max_window_bits=16", "-" },
    { PMD "; client_max_window_bits=08", "-" },
    { PMD "; client_max_window_bits=1:", "!" },

    /* no list of extensions, RFC 6455, 9.1. */

    { ";", "!" },
    { PMD ";", "!" },
    { PMD "; ;", "!" },
    { PMD " foo", "!" },
    { PMD "; foo bar", "!" },
    { PMD "=1", "!" },
    { PMD "; =1", "!" },
    { PMD "; server_max_window_bits=", "!" },
    { PMD "; server_max_window_bits= ;", "!" },
    { PMD "; server_max_window_bits=\"\"", "!" },
    { PMD "; server_max_window_bits=\"10", "!" },
    { PMD "; server_max_window_bits=10\"", "!" },
    { PMD "; server_max_window_bits=\"1 0\"", "!" },
    { PMD "; server_max_window_bits=\"10\\", "!" },
    { PMD "; server_max_window_bits=\"10\\\"", "!" },
    { PMD "; server_max_window_bits=\"10\"9", "!" },
    { PMD "; server_max_window_bits=\\10", "!" },
    { PMD "; server_max_window_bits==10", "!" },
    { "(" PMD ")", "!" },
    { "\"" PMD "\"", "!" },
    { "\x80" PMD, "!" },
    { "\x01", "!" },
    { PMD ", \x7f", "!" },

    { NULL, NULL }
};


static void
test_offers(void)
{
    offer_t  *o;

    for (o = offers; o->offer; o++) {
        test_ok(same(respond(o->offer, NGX_OPENCLAW_DEFLATE_ON), o->response),
                o->offer[0] == '\x01' ? "a control character"
                : o->offer[0] == '\x80' ? "a byte that is not ASCII"
                : strchr(o->offer, '\n') ? "two headers"
                : strchr(o->offer, '\x7f') ? "a DEL" : o->offer);
    }
}


/*
 * Inflates a message that comes in pieces of some size into a place that
 * grows by another one.  Returns what it is, or an error.
 */

static ngx_int_t
inflate_message(ngx_openclaw_inflate_t *z, u_char *data, size_t len,
    size_t piece, size_t grow, size_t *n)
{
    u_char                     *copy;
    size_t                      size, done;
    ngx_int_t                   rc;
    ngx_openclaw_deflate_io_t   io;

    done = 0;
    io.out = out;
    io.end = out;

    do {
        size = ngx_min(piece, len - done);
        copy = test_copy(data + done, size);
        done += size;

        io.pos = copy;
        io.last = copy + size;

        for ( ;; ) {
            rc = ngx_openclaw_inflate(z, &io, done == len);

            if (rc != NGX_AGAIN) {
                break;
            }

            if (io.out != io.end) {
                printf("# there was room\n");
                rc = NGX_ABORT;
                break;
            }

            io.end = ngx_min(io.end + grow, out + MAX_OUT);
        }

        if (rc == NGX_OK && io.pos != io.last) {
            printf("# not all was taken\n");
            rc = NGX_ABORT;
        }

        free(copy);

    } while (rc == NGX_OK && done < len);

    *n = io.out - out;

    return rc;
}


/* the same, whatever the sizes; returns the last result */

static ngx_int_t
inflate_any(u_char *data, size_t len, size_t max, ngx_uint_t text, size_t *n,
    const char **error)
{
    size_t                   i, j, m;
    uLong                    sum, first_sum;
    ngx_int_t                rc, first;
    const char              *first_error;
    ngx_openclaw_inflate_t  *z;

    static size_t  sizes[] = { 1000000, 1, 3, 64, 1000 };

    first = NGX_BUSY;
    first_sum = 0;
    first_error = NULL;
    rc = NGX_BUSY;
    m = 0;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {

            z = ngx_openclaw_inflate_create();
            ngx_openclaw_inflate_start(z, max, text);

            rc = inflate_message(z, data, len, sizes[i], sizes[j], n);

            sum = crc32(0, out, *n);
            *error = (rc == NGX_ERROR) ? z->error : "";

            ngx_openclaw_inflate_free(z);

            if (first == NGX_BUSY) {
                first = rc;
                first_sum = sum;
                first_error = *error;
                m = *n;
            }

            /* what was put out before an error may differ */

            if (rc != first || strcmp(*error, first_error) != 0
                || (rc == NGX_OK && (*n != m || sum != first_sum)))
            {
                printf("# in by %d, out by %d: %d \"%s\", not %d \"%s\"\n",
                       (int) sizes[i], (int) sizes[j], (int) rc, *error,
                       (int) first, first_error);
                return NGX_BUSY;
            }
        }
    }

    return rc;
}


#define BAD     "client sent a compressed message that can't be inflated"
#define EARLY   "client sent a compressed message that ends early"
#define BIG     "client sent a too big compressed message"
#define UTF8    "client sent a compressed text message that is not UTF-8"

#define bytes(s)  sizeof(s) - 1, s


static inflate_t  known[] = {

    /* RFC 7692, 7.2.3.1. to 7.2.3.6. */

    { "one block", bytes("\xf2\x48\xcd\xc9\xc9\x07\x00"), "Hello", NULL },
    { "no compression", bytes("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"),
      "Hello", NULL },
    { "a final block", bytes("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), "Hello",
      NULL },
    { "two blocks", bytes("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07"
                          "\x00"), "Hello", NULL },
    { "an empty message", bytes("\x00"), "", NULL },
    { "an empty one by fixed codes", bytes("\x02\x00"), "", NULL },

    /* what others are known to send */

    { "nothing at all", bytes(""), "", NULL },
    { "a final block and nothing behind it",
      bytes("\xf3\x48\xcd\xc9\xc9\x07\x00"), "Hello", NULL },
    { "the tail is still there",
      bytes("\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff"), "Hello", NULL },

    { "empty blocks", bytes("\x00\x00\x00\xff\xff\x00\x00\x00\xff\xff"
                            "\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff"
                            "\x00\x00\x00\xff\xff\x00"), "Hello", NULL },
    { "a final block, then another one",
      bytes("\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x48\xcd\xc9\xc9\x07\x00"),
      "HelloHello", NULL },
    { "final blocks only",
      bytes("\x03\x00\x03\x00\xf3\x48\xcd\xc9\xc9\x07\x00\x03\x00\x00"),
      "Hello", NULL },
    { "a final stored block",
      bytes("\x01\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), "Hello", NULL },

    { "an unknown type of block", bytes("\x07"), NULL, BAD },
    { "text", bytes("Hello, world!"), NULL, BAD },
    { "ones", bytes("\xff\xff\xff\xff"), NULL, BAD },
    { "a wrong length", bytes("\x00\x05\x00\xff\xff\x48"), NULL, BAD },
    { "a distance with nothing there", bytes("\x02\x02\x00"), NULL, BAD },
    { "bad data behind good",
      bytes("\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff\xff\xff"), NULL,
      BAD },
    { "bad data behind a final block",
      bytes("\xf3\x48\xcd\xc9\xc9\x07\x00\x07"), NULL, BAD },

    { "a block that is not over", bytes("\xf2\x48\xcd\xc9"), NULL, EARLY },
    { "stored bytes that are missing", bytes("\x00\x08\x00\xf7\xff\x48\x65"),
      NULL, EARLY },
    { "codes that are missing", bytes("\x04"), NULL, EARLY },

    { NULL, 0, NULL, NULL, NULL }
};


static void
test_known(void)
{
    size_t       n;
    u_char      *data;
    ngx_int_t    rc;
    inflate_t   *k;
    ngx_uint_t   ok;
    const char  *error;

    for (k = known; k->name; k++) {
        data = test_copy(k->data, k->len);

        rc = inflate_any(data, k->len, MAX_OUT, 1, &n, &error);

        if (k->text) {
            ok = (rc == NGX_OK && n == strlen(k->text)
                  && memcmp(out, k->text, n) == 0);

        } else {
            ok = (rc == NGX_ERROR && same(error, k->error));
        }

        if (!ok) {
            printf("# %d \"%s\"\n", (int) rc, error);
            test_note("got", out, n);
        }

        test_ok(ok, k->name);
        free(data);
    }
}


/* bytes that compress as text does, more or less */

static u_char *
some_text(size_t len, ngx_uint_t words)
{
    size_t    i;
    u_char   *p;
    uint32_t  n;

    p = malloc(len + 32);
    n = 1;

    for (i = 0; i < len; /* void */ ) {
        n = n * 1103515245 + 12345;
        i += sprintf((char *) p + i, "word%u ",
                     (unsigned) ((n >> 8) % words));
    }

    return p;
}


/* deflates by zlib itself, as a peer would */

static u_char *
peer_deflate(z_stream *s, u_char *data, size_t len, int flush, size_t *n)
{
    u_char  *p;
    size_t   size;

    size = len + len / 8 + 100;
    p = malloc(size);

    s->next_in = data;
    s->avail_in = len;
    s->next_out = p;
    s->avail_out = size;

    (void) deflate(s, flush);

    *n = size - s->avail_out;

    return p;
}


static void
peer_start(z_stream *s, int level, int bits, int strategy)
{
    ngx_memzero(s, sizeof(z_stream));
    (void) deflateInit2(s, level, Z_DEFLATED, -bits, 8, strategy);
}


static void
test_inflate_splits(void)
{
    int          level, strategy;
    size_t       len, n, m;
    u_char      *text, *data;
    z_stream     s;
    ngx_int_t    rc;
    ngx_uint_t   bad;
    const char  *error;

    bad = 0;
    len = 20000;
    text = some_text(len, 500);

    for (level = 0; level <= 9; level += 3) {
        for (strategy = Z_DEFAULT_STRATEGY; strategy <= Z_FIXED; strategy++) {

            peer_start(&s, level, 15, strategy);
            data = peer_deflate(&s, text, len, Z_SYNC_FLUSH, &n);
            deflateEnd(&s);

            rc = inflate_any(data, n - 4, len, 1, &m, &error);

            if (rc != NGX_OK || m != len || memcmp(out, text, len) != 0) {
                printf("# level %d, strategy %d: %d %d \"%s\"\n",
                       level, strategy, (int) rc, (int) m, error);
                bad++;
            }

            /* and one that the end is missing of */

            rc = inflate_any(data, n / 2, len, 1, &m, &error);

            if (rc != NGX_ERROR || strcmp(error, EARLY) != 0) {
                printf("# level %d, half: %d \"%s\"\n", level, (int) rc,
                       error);
                bad++;
            }

            free(data);
        }
    }

    test_ok(bad == 0, "messages of all kinds, in pieces of any size");

    free(text);
}


/* what a peer sends with windows of 256 bytes to 32k */

static void
test_windows(void)
{
    int          bits;
    size_t       len, n, m;
    u_char      *text, *data;
    z_stream     s;
    ngx_int_t    rc;
    ngx_uint_t   bad;
    const char  *error;

    bad = 0;
    len = 100000;
    text = some_text(len, 100000);

    /* zlib's distances within 512 bytes are below 256 */

    for (bits = 9; bits <= 15; bits++) {
        peer_start(&s, 9, bits, Z_DEFAULT_STRATEGY);
        data = peer_deflate(&s, text, len, Z_SYNC_FLUSH, &n);
        deflateEnd(&s);

        rc = inflate_any(data, n - 4, len, 1, &m, &error);

        if (rc != NGX_OK || m != len || memcmp(out, text, len) != 0) {
            printf("# %d bits: %d \"%s\"\n", bits, (int) rc, error);
            bad++;
        }

        free(data);
    }

    test_ok(bad == 0, "windows of any size");

    free(text);
}


static void
test_limits(void)
{
    size_t                      n, m, len, i;
    u_char                     *zeros, *data, *piece;
    z_stream                    s;
    ngx_int_t                   rc;
    ngx_uint_t                  ok;
    const char                 *error;
    ngx_openclaw_inflate_t     *z;
    ngx_openclaw_deflate_io_t   io;

    len = 1024 * 1024;
    zeros = calloc(1, len);

    peer_start(&s, 9, 15, Z_DEFAULT_STRATEGY);
    data = peer_deflate(&s, zeros, len, Z_SYNC_FLUSH, &n);
    deflateEnd(&s);

    rc = inflate_any(data, n - 4, len, 1, &m, &error);
    test_ok(rc == NGX_OK && m == len, "as large as allowed");

    rc = inflate_any(data, n - 4, len - 1, 1, &m, &error);
    test_ok(rc == NGX_ERROR && same(error, BIG) && m == len - 1,
            "one byte more");

    rc = inflate_any(data, n - 4, 1, 0, &m, &error);
    test_ok(rc == NGX_ERROR && same(error, BIG) && m == 1, "a lot more");

    rc = inflate_any(data, n - 4, 0, 0, &m, &error);
    test_ok(rc == NGX_ERROR && same(error, BIG) && m == 0, "none is allowed");

    rc = inflate_any((u_char *) "\x00", 1, 0, 0, &m, &error);
    test_ok(rc == NGX_OK && m == 0, "and none came");

    free(data);

    /* a gigabyte in a megabyte, of which one piece is read */

    peer_start(&s, 9, 15, Z_DEFAULT_STRATEGY);

    z = ngx_openclaw_inflate_create();
    ngx_openclaw_inflate_start(z, 100000, 0);

    io.out = out;
    io.end = out + 100000;
    rc = NGX_OK;
    n = 0;

    for (i = 0; i < 1024 && rc == NGX_OK; i++) {
        piece = peer_deflate(&s, zeros, len, Z_NO_FLUSH, &m);

        io.pos = piece;
        io.last = piece + m;
        rc = ngx_openclaw_inflate(z, &io, 0);
        n += m;

        free(piece);
    }

    ok = (rc == NGX_ERROR && z->code == NGX_OPENCLAW_CLOSE_TOO_BIG
          && io.out == io.end && n < 70000);
    test_ok(ok, "a bomb is stopped in its first piece");

    deflateEnd(&s);
    ngx_openclaw_inflate_free(z);

    /* blocks that hold nothing may come without end */

    data = malloc(5 * 20000 + 1);

    for (i = 0; i < 20000; i++) {
        ngx_memcpy(data + 5 * i, "\x00\x00\x00\xff\xff", 5);
    }

    data[5 * 20000] = 0;

    rc = inflate_any(data, 5 * 20000 + 1, 0, 1, &m, &error);
    test_ok(rc == NGX_OK && m == 0, "empty blocks");

    free(data);

    /* what comes first counts: the limit, or the fault behind it */

    data = test_copy("\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff\x07", 12);

    rc = inflate_any(data, 12, 4, 0, &m, &error);
    test_ok(rc == NGX_ERROR && same(error, BIG), "too big, then bad");

    rc = inflate_any(data, 12, 5, 0, &m, &error);
    test_ok(rc == NGX_ERROR && same(error, BAD), "not too big, and bad");

    free(data);
    free(zeros);
}


static void
test_utf8(void)
{
    size_t                      n, m;
    u_char                     *data;
    z_stream                    s;
    ngx_int_t                   rc;
    const char                 *error;
    ngx_openclaw_inflate_t     *z;
    ngx_openclaw_deflate_io_t   io;

    static u_char  good[] = "Gr\xc3\xbc\xc3\x9f""e, \xe5\xbc\xa0\xe4\xb8\x89 "
                            "\xf0\x9f\x98\x80";
    static u_char  bad[] = "abc\xff and more of it that need not come";
    static u_char  cut[] = "abc\xe5\xbc";

    peer_start(&s, 6, 15, Z_DEFAULT_STRATEGY);

    data = peer_deflate(&s, good, sizeof(good) - 1, Z_SYNC_FLUSH, &n);
    rc = inflate_any(data, n - 4, 1000, 1, &m, &error);
    test_ok(rc == NGX_OK && m == sizeof(good) - 1
            && memcmp(out, good, m) == 0, "UTF-8");
    free(data);

    deflateReset(&s);
    data = peer_deflate(&s, cut, sizeof(cut) - 1, Z_SYNC_FLUSH, &n);
    rc = inflate_any(data, n - 4, 1000, 1, &m, &error);
    test_ok(rc == NGX_ERROR && same(error, UTF8), "a character that is cut");

    rc = inflate_any(data, n - 4, 1000, 0, &m, &error);
    test_ok(rc == NGX_OK && m == sizeof(cut) - 1, "of a binary message");
    free(data);

    deflateEnd(&s);
    peer_start(&s, 6, 15, Z_FIXED);

    data = peer_deflate(&s, bad, sizeof(bad) - 1, Z_SYNC_FLUSH, &n);
    rc = inflate_any(data, n - 4, 1000, 1, &m, &error);
    test_ok(rc == NGX_ERROR && same(error, UTF8), "not UTF-8");

    /* the message is not over yet */

    z = ngx_openclaw_inflate_create();
    ngx_openclaw_inflate_start(z, 1000, 1);

    io.pos = data;
    io.last = data + 8;
    io.out = out;
    io.end = out + 1000;

    rc = ngx_openclaw_inflate(z, &io, 0);
    test_ok(rc == NGX_ERROR && z->code == NGX_OPENCLAW_CLOSE_BAD_DATA
            && same(z->error, UTF8), "found at once");

    ngx_openclaw_inflate_free(z);
    free(data);

    deflateEnd(&s);
}


/* one message refers to the one before, or may not */

static void
test_takeover(void)
{
    size_t                   n, m, i;
    u_char                  *data[4];
    size_t                   len[4];
    z_stream                 s;
    ngx_int_t                rc;
    ngx_uint_t               bad;
    ngx_openclaw_inflate_t  *z;

    static u_char  text[] = "{\"type\":\"chat.send\",\"content\":\"hello\"}";

    peer_start(&s, 6, 15, Z_DEFAULT_STRATEGY);

    for (i = 0; i < 4; i++) {
        data[i] = peer_deflate(&s, text, sizeof(text) - 1, Z_SYNC_FLUSH, &n);
        len[i] = n - 4;
    }

    deflateEnd(&s);

    bad = 0;
    z = ngx_openclaw_inflate_create();

    for (i = 0; i < 4; i++) {
        ngx_openclaw_inflate_start(z, sizeof(text) - 1, 1);
        rc = inflate_message(z, data[i], len[i], 3, 5, &m);
        bad += (rc != NGX_OK || m != sizeof(text) - 1
                || memcmp(out, text, m) != 0);
    }

    ngx_openclaw_inflate_free(z);

    test_ok(bad == 0 && len[1] < len[0] / 2, "a window that is kept");

    z = ngx_openclaw_inflate_create();
    ngx_openclaw_inflate_start(z, 1000, 1);
    rc = inflate_message(z, data[1], len[1], 1000, 1000, &m);

    test_ok(rc == NGX_ERROR && same(z->error, BAD), "none to refer to");

    ngx_openclaw_inflate_free(z);

    for (i = 0; i < 4; i++) {
        free(data[i]);
    }
}


/* final blocks within a message, and at the end of each */

static void
test_final_blocks(void)
{
    size_t                   i, n, m, len;
    u_char                  *text, *all, *part;
    z_stream                 s;
    ngx_int_t                rc;
    ngx_uint_t               bad;
    const char              *error;
    ngx_openclaw_inflate_t  *z;

    text = some_text(5000, 100);
    all = malloc(20000);
    len = 0;

    for (i = 0; i < 10; i++) {
        peer_start(&s, 6, 15, Z_DEFAULT_STRATEGY);
        part = peer_deflate(&s, text + 500 * i, 500, Z_FINISH, &n);
        deflateEnd(&s);

        ngx_memcpy(all + len, part, n);
        len += n;
        free(part);
    }

    rc = inflate_any(all, len, 5000, 1, &m, &error);
    test_ok(rc == NGX_OK && m == 5000 && memcmp(out, text, m) == 0,
            "a message of final blocks");

    all[len] = 0;
    rc = inflate_any(all, len + 1, 5000, 1, &m, &error);
    test_ok(rc == NGX_OK && m == 5000 && memcmp(out, text, m) == 0,
            "and an empty one behind them");

    /* the next message starts as after any other */

    bad = 0;
    z = ngx_openclaw_inflate_create();

    for (i = 0; i < 6; i++) {
        ngx_openclaw_inflate_start(z, 5000, 1);
        rc = inflate_message(z, all, len + i % 2, 100, 100, &m);
        bad += (rc != NGX_OK || m != 5000 || memcmp(out, text, m) != 0);
    }

    ngx_openclaw_inflate_free(z);
    test_ok(bad == 0, "one after another");

    /* a block behind a final one may refer to it */

    peer_start(&s, 6, 15, Z_DEFAULT_STRATEGY);
    part = peer_deflate(&s, text, 500, Z_FINISH, &len);
    ngx_memcpy(all, part, len);
    free(part);

    (void) deflateReset(&s);
    (void) deflateSetDictionary(&s, text, 500);
    part = peer_deflate(&s, text, 500, Z_SYNC_FLUSH, &n);
    ngx_memcpy(all + len, part, n);
    free(part);
    deflateEnd(&s);

    rc = inflate_any(all, len + n - 4, 1000, 1, &m, &error);
    test_ok(n < 50 && rc == NGX_OK && m == 1000
            && memcmp(out, text, 500) == 0
            && memcmp(out + 500, text, 500) == 0,
            "a block that refers to a final one before it");

    free(text);
    free(all);
}


/*
 * Deflates a message that comes in pieces into rooms of some size; returns
 * its length.
 */

static size_t
deflate_message(ngx_openclaw_deflate_t *z, u_char *data, size_t len,
    size_t piece, size_t room, u_char *to, size_t size)
{
    u_char                     *copy, *block;
    size_t                      n, done, total;
    ngx_int_t                   rc;
    ngx_openclaw_deflate_io_t   io;

    done = 0;
    total = 0;
    block = malloc(room);

    do {
        n = ngx_min(piece, len - done);
        copy = test_copy(data + done, n);
        done += n;

        io.pos = copy;
        io.last = copy + n;

        do {
            io.out = block;
            io.end = block + room;

            rc = ngx_openclaw_deflate(z, &io, done == len);

            if (rc == NGX_ERROR || io.out < block || io.out > io.end
                || total + (io.out - block) > size)
            {
                printf("# deflate: %d\n", (int) rc);
                exit(1);
            }

            ngx_memcpy(to + total, block, io.out - block);
            total += io.out - block;

        } while (rc == NGX_AGAIN);

        if (io.pos != io.last) {
            printf("# deflate: not all was taken\n");
            exit(1);
        }

        free(copy);

    } while (done < len);

    free(block);

    return total;
}


/* inflates by zlib itself, with a window of just that size */

static ngx_uint_t
peer_inflates(z_stream *s, u_char *data, size_t len, u_char *text, size_t n)
{
    int     rc;
    u_char  tail[] = { 0x00, 0x00, 0xff, 0xff };

    /* in small pieces of output, so that the window is made use of */

    size_t      at, room;
    u_char     *got;
    ngx_uint_t  part;

    got = malloc(n + 100);
    at = 0;

    for (part = 0; part < 2; part++) {
        s->next_in = part ? tail : data;
        s->avail_in = part ? 4 : len;

        do {
            room = ngx_min(64, n + 100 - at);
            s->next_out = got + at;
            s->avail_out = room;
            rc = inflate(s, Z_SYNC_FLUSH);
            at += room - s->avail_out;

            if (rc != Z_OK && rc != Z_BUF_ERROR) {
                printf("# zlib inflates: %d %s\n", rc, s->msg ? s->msg : "");
                free(got);
                return 0;
            }

        } while (s->avail_out == 0 && room);
    }

    rc = (at == n && memcmp(got, text, n) == 0 && s->avail_in == 0);
    free(got);

    return rc;
}


static void
peer_inflate_start(z_stream *s, int bits)
{
    ngx_memzero(s, sizeof(z_stream));
    (void) inflateInit2(s, -bits);
}


static void
test_deflate_rooms(void)
{
    size_t                   n, i, j, k, size, len, least;
    u_char                  *text, *to;
    z_stream                 s;
    ngx_uint_t               bad, tails;
    ngx_openclaw_deflate_t  *z;

    static size_t  rooms[] = { 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
                               28, 29, 30, 31, 32, 100, 16384, 200000 };
    static size_t  pieces[] = { 200000, 1, 1000 };
    static size_t  lens[] = { 0, 1, 2, 5, 100, 1000, 10000 };

    text = some_text(10000, 1000);
    size = 200000;
    to = malloc(size);

    bad = 0;
    tails = 0;

    for (k = 0; k < sizeof(lens) / sizeof(lens[0]); k++) {
        least = 0;

        for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
            for (j = 0; j < sizeof(rooms) / sizeof(rooms[0]); j++) {

                z = ngx_openclaw_deflate_create(15);
                len = deflate_message(z, text, lens[k], pieces[i], rooms[j],
                                      to, size);
                ngx_openclaw_deflate_free(z);

                peer_inflate_start(&s, 15);

                if (!peer_inflates(&s, to, len, text, lens[k])) {
                    printf("# %d bytes by %d to %d\n", (int) lens[k],
                           (int) pieces[i], (int) rooms[j]);
                    bad++;
                }

                inflateEnd(&s);

                n = len;
                tails += (n >= 4
                          && memcmp(to + n - 4, "\x00\x00\xff\xff", 4) == 0);

                if (j == sizeof(rooms) / sizeof(rooms[0]) - 1 && i == 0) {
                    least = len;
                }
            }
        }

        bad += (least == 0);
    }

    test_ok(bad == 0, "deflated in pieces of any size, to any room");
    test_ok(tails == 0, "without the tail");

    z = ngx_openclaw_deflate_create(15);
    len = deflate_message(z, text, 0, 1, 16, to, size);
    test_ok(len == 1 && to[0] == 0, "an empty message is one byte");

    len = deflate_message(z, text, 0, 1, 16, to, size);
    test_ok(len == 1 && to[0] == 0, "and another one");
    ngx_openclaw_deflate_free(z);

    free(text);
    free(to);
}


static void
test_deflate_takeover(void)
{
    size_t                   len, first, i, at;
    u_char                  *text, *to;
    z_stream                 s;
    ngx_uint_t               bad;
    ngx_openclaw_deflate_t  *z;

    text = some_text(100000, 200);
    to = malloc(200000);

    bad = 0;
    first = 0;
    len = 0;

    z = ngx_openclaw_deflate_create(12);
    peer_inflate_start(&s, 12);

    /* the same again, then of all lengths, empty ones between */

    for (i = 0; i < 2; i++) {
        len = deflate_message(z, text, 1000, 1000, 2000, to, 200000);
        bad += !peer_inflates(&s, to, len, text, 1000);
        first = i ? first : len;
    }

    test_ok(len < first / 3, "a message that was sent before is small");

    for (i = 0, at = 0; i < 400; i++, at += i) {
        len = deflate_message(z, text + at, i, 50, 16 + i % 64, to, 200000);
        bad += !peer_inflates(&s, to, len, text + at, i);

        if (i % 10 == 0) {
            len = deflate_message(z, text, 0, 1, 100, to, 200000);
            bad += !peer_inflates(&s, to, len, text, 0);
        }
    }

    test_ok(bad == 0, "messages one after another");

    inflateEnd(&s);
    ngx_openclaw_deflate_free(z);

    /* and the next one to have it begins anew */

    z = ngx_openclaw_deflate_create(12);
    len = deflate_message(z, text, 1000, 1000, 2000, to, 200000);

    peer_inflate_start(&s, 12);
    test_ok(len == first && peer_inflates(&s, to, len, text, 1000),
            "nothing is left of it for the next connection");

    inflateEnd(&s);
    ngx_openclaw_deflate_free(z);

    free(text);
    free(to);
}


/* nothing refers farther back than the peer's window goes */

static void
test_deflate_windows(void)
{
    int                      bits, i;
    size_t                   len;
    u_char                  *text, *to;
    z_stream                 s;
    ngx_uint_t               bad;
    ngx_openclaw_deflate_t  *z;

    text = some_text(200000, 300);
    to = malloc(300000);

    bad = 0;

    for (bits = 9; bits <= 15; bits++) {
        z = ngx_openclaw_deflate_create(bits);
        peer_inflate_start(&s, bits);

        for (i = 0; i < 3; i++) {
            len = deflate_message(z, text, 200000, 200000, 16384, to, 300000);

            if (!peer_inflates(&s, to, len, text, 200000)) {
                printf("# %d bits\n", bits);
                bad++;
                break;
            }
        }

        inflateEnd(&s);
        ngx_openclaw_deflate_free(z);
    }

    test_ok(bad == 0, "deflated with windows of 512 bytes to 32k");

    free(text);
    free(to);
}


/* the window is the peer's at most, small messages are left alone */

static void
test_bits(void)
{
    ngx_uint_t                     bits, max, bad;
    ngx_openclaw_deflate_params_t  params;

    ngx_memzero(&params, sizeof(params));
    bad = 0;

    for (max = 9; max <= 16; max++) {
        params.server_max_window_bits = max & 15;

        params.server_no_context_takeover = 1;
        bits = ngx_openclaw_deflate_bits(&params, 100000);
        bad += (bits != ngx_min(max, 15));

        params.server_no_context_takeover = 0;
        bits = ngx_openclaw_deflate_bits(&params, 100000);
        bad += (bits > max || bits < ngx_min(max, 12));
    }

    test_ok(bad == 0, "a window that is not larger than the peer's");

    params.server_no_context_takeover = 1;
    test_ok(ngx_openclaw_deflate_bits(&params, 64) == 0
            && ngx_openclaw_deflate_bits(&params, 1024),
            "small messages are not deflated alone");

    params.server_no_context_takeover = 0;
    test_ok(ngx_openclaw_deflate_bits(&params, 22) == 0
            && ngx_openclaw_deflate_bits(&params, 100),
            "but behind others they are");
}


/* what is given back is there for the next one */

static void
test_spare(void)
{
    u_char                  *p;
    ngx_openclaw_inflate_t  *in, *in2;
    ngx_openclaw_deflate_t  *de, *de2, *de3;

    in = ngx_openclaw_inflate_create();
    in2 = ngx_openclaw_inflate_create();
    p = (u_char *) in;

    ngx_openclaw_inflate_free(in);
    ngx_openclaw_inflate_free(in2);

    in = ngx_openclaw_inflate_create();
    test_ok((u_char *) in == p, "an inflating one is kept");
    ngx_openclaw_inflate_free(in);

    de = ngx_openclaw_deflate_create(10);
    de2 = ngx_openclaw_deflate_create(10);
    de3 = ngx_openclaw_deflate_create(11);
    p = (u_char *) de;

    ngx_openclaw_deflate_free(de);
    ngx_openclaw_deflate_free(de2);
    ngx_openclaw_deflate_free(de3);

    de = ngx_openclaw_deflate_create(10);
    test_ok((u_char *) de == p && de->bits == 10, "a deflating one, by size");
    ngx_openclaw_deflate_free(de);

    /* with LeakSanitizer this tells whether something is left */

    ngx_openclaw_deflate_exit();

    de = ngx_openclaw_deflate_create(10);
    test_ok(de != NULL, "one that is new");
    ngx_openclaw_deflate_free(de);
}


/* noise, and messages with a bit that has been flipped */

static void
test_random(void)
{
    size_t       n, m, i, len;
    u_char      *text, *data, noise[40];
    uint32_t     r;
    z_stream     s;
    ngx_int_t    rc;
    ngx_uint_t   bad, errors;
    const char  *error;

    bad = 0;
    errors = 0;
    r = 7;

    text = some_text(3000, 50);
    peer_start(&s, 6, 15, Z_DEFAULT_STRATEGY);
    data = peer_deflate(&s, text, 3000, Z_SYNC_FLUSH, &n);
    deflateEnd(&s);

    for (i = 0; i < (n - 4) * 8; i += 3) {
        data[i / 8] ^= 1 << (i % 8);
        rc = inflate_any(data, n - 4, 4000, 0, &m, &error);
        data[i / 8] ^= 1 << (i % 8);

        bad += (rc != NGX_OK && rc != NGX_ERROR);
        errors += (rc == NGX_ERROR);
    }

    for (i = 0; i < 300; i++) {

        for (len = 0; len < sizeof(noise); len++) {
            r = r * 1103515245 + 12345;
            noise[len] = r >> 16;
        }

        rc = inflate_any(noise, 1 + i % sizeof(noise), 1000, i % 2, &m,
                         &error);
        bad += (rc != NGX_OK && rc != NGX_ERROR);
        errors += (rc == NGX_ERROR);
    }

    test_ok(bad == 0 && errors > 300,
            "noise gives the same, in pieces of any size");

    free(text);
    free(data);
}


int
main(void)
{
    test_combinations(NGX_OPENCLAW_DEFLATE_ON);
    test_combinations(NGX_OPENCLAW_DEFLATE_TAKEOVER);
    test_offers();

    test_known();
    test_inflate_splits();
    test_windows();
    test_limits();
    test_utf8();
    test_takeover();
    test_final_blocks();

    test_deflate_rooms();
    test_deflate_takeover();
    test_deflate_windows();
    test_bits();

    test_spare();
    test_random();

    return test_done();
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


/* Tests for text/event-stream. */


#include <test.h>
#include <ngx_openclaw_sse.h>


/* in what is expected, each event's data is followed by "|" */

typedef struct {
    const char  *name;
    const char  *input;
    const char  *expected;
} case_t;


static case_t  cases[] = {

    { "nothing", "", "" },
    { "an event", "data: hello\n\n", "hello|" },
    { "two events", "data: a\n\ndata: b\n\n", "a|b|" },
    { "an event that is not complete", "data: a\n\ndata: b\n", "a|b" },
    { "a line that is not complete", "data: a\n\ndata: b", "a|b" },

    { "lines are joined", "data: a\ndata: b\ndata: c\n\n", "a\nb\nc|" },
    { "empty lines are joined", "data\ndata:\ndata: \ndata: x\n\n",
      "\n\n\nx|" },
    { "an empty line between events", "data: a\n\n\n\ndata: b\n\n", "a|b|" },
    { "empty lines before all", "\n\r\n\rdata: a\n\n", "a|" },

    { "no space after the colon", "data:x\n\n", "x|" },
    { "only one space is taken away", "data:  x \n\n", " x |" },
    { "tab is not a space", "data:\tx\n\n", "\tx|" },
    { "colons in data", "data: a: b:\n\ndata::c\n\n", "a: b:|:c|" },
    { "data without a colon", "data\n\n", "|" },
    { "data without a value", "data:\n\ndata: \n\n", "||" },

    { "CR", "data: a\r\rdata: b\rdata: c\r\r", "a|b\nc|" },
    { "CR LF", "data: a\r\n\r\ndata: b\r\ndata: c\r\n\r\n", "a|b\nc|" },
    { "each kind of line end", "data: a\r\n\ndata: b\n\rdata: c\r\r\n"
      "data: d\n\r\ndata: e\r\n\r", "a|b|c|d|e|" },
    { "CR LF is one line end", "data: a\r\ndata: b\r\n\r\n", "a\nb|" },
    { "LF CR is two", "data: a\n\rdata: b\n\r", "a|b|" },

    { "byte order mark", "\xef\xbb\xbf" "data: a\n\n", "a|" },
    { "byte order mark alone", "\xef\xbb\xbf", "" },
    { "two byte order marks", "\xef\xbb\xbf\xef\xbb\xbf" "data: a\n\n", "" },
    { "a part of a byte order mark", "\xef\xbb" "data: a\n\ndata: b\n\n",
      "b|" },
    { "byte order mark later on", "data: a\n\n\xef\xbb\xbf" "data: b\n\n",
      "a|" },
    { "line end after a byte order mark", "\xef\xbb\xbf\r\ndata: a\n\n",
      "a|" },
    { "bytes of any kind in data", "data: \xef\xbb\xbf\xff\x01\n\n",
      "\xef\xbb\xbf\xff\x01|" },

    { "comments", ": ping\n\n:\n\ndata: a\n: x\ndata: b\n\n", "a\nb|" },
    { "other fields", "event: x\nid: 7\nretry: 10\ndata: a\nid\n\n", "a|" },
    { "event without data", "event: x\n\ndata: a\n\n", "a|" },
    { "names that begin like data", "dat: x\ndata2: y\nd\ndatadata: z\n\n"
      "data: a\n\n", "a|" },
    { "space before the colon", "data : a\n\n", "" },
    { "space before the name", " data: a\n\n", "" },
    { "names have case", "Data: a\nDATA: b\n\n", "" },
    { "a line of data only begins with data", "xdata: a\n\ndata: data: b\n\n",
      "data: b|" },

    { "stream of an agent",
      "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n"
      "data: {\"choices\":[{\"delta\":{\"content\":\"lo\"}}]}\n\n"
      "data: [DONE]\n\n",
      "{\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}|"
      "{\"choices\":[{\"delta\":{\"content\":\"lo\"}}]}|[DONE]|" }
};


static u_char      out[4096];
static size_t      nout;
static ngx_uint_t  wrong;


static void
feed(ngx_openclaw_sse_t *sse, const char *data, size_t len)
{
    u_char     *copy, *pos;
    ngx_int_t   rc;
    ngx_str_t   piece;

    copy = test_copy(data, len);
    pos = copy;

    for ( ;; ) {
        rc = ngx_openclaw_sse_parse(sse, &pos, copy + len, &piece);

        if (rc == NGX_AGAIN) {
            break;
        }

        if (rc == NGX_DONE) {
            out[nout++] = '|';
            continue;
        }

        wrong |= (rc != NGX_OK || piece.len == 0);

        ngx_memcpy(out + nout, piece.data, piece.len);
        nout += piece.len;
    }

    wrong |= (pos != copy + len);

    free(copy);
}


static ngx_uint_t
run(case_t *c, size_t split, size_t step)
{
    size_t              n, len, size, expected;
    ngx_openclaw_sse_t  sse;

    ngx_openclaw_sse_init(&sse);

    nout = 0;
    wrong = 0;
    len = strlen(c->input);
    expected = strlen(c->expected);

    for (n = 0; n < len; n += size) {
        size = step ? step : (n == 0 && split) ? split : len - n;
        size = ngx_min(size, len - n);
        feed(&sse, c->input + n, size);
    }

    if (wrong
        || nout != expected
        || ngx_memcmp(out, c->expected, nout) != 0)
    {
        printf("# split %d, step %d, wrong %d\n", (int) split, (int) step,
               (int) wrong);
        test_note("got     ", out, nout);
        test_note("expected", (u_char *) c->expected, expected);
        return 0;
    }

    return 1;
}


static void
test_case(case_t *c)
{
    size_t      i;
    ngx_uint_t  ok;

    ok = run(c, 0, 0) && run(c, 0, 1) && run(c, 0, 2) && run(c, 0, 3);

    for (i = 1; ok && i < strlen(c->input); i++) {
        ok = run(c, i, 0);
    }

    test_ok(ok, c->name);
}


static void
test_long_line(void)
{
    size_t              n, len;
    u_char             *data, *pos;
    ngx_int_t           rc;
    ngx_str_t           piece;
    ngx_openclaw_sse_t  sse;

    len = 1000000;
    data = malloc(len);

    if (data == NULL) {
        printf("Bail out!  no memory\n");
        exit(1);
    }

    ngx_openclaw_sse_init(&sse);

    pos = (u_char *) "data: ";
    (void) ngx_openclaw_sse_parse(&sse, &pos, pos + 6, &piece);

    ngx_memset(data, 'x', len);
    pos = data;
    rc = ngx_openclaw_sse_parse(&sse, &pos, data + len, &piece);

    test_ok(rc == NGX_OK && piece.data == data && piece.len == len,
            "a long line is one piece of the input");

    for (n = 0; n < 100; n++) {
        pos = data;
        (void) ngx_openclaw_sse_parse(&sse, &pos, data + len, &piece);
    }

    pos = (u_char *) "\n\n";
    rc = ngx_openclaw_sse_parse(&sse, &pos, pos + 2, &piece);

    test_ok(rc == NGX_DONE, "a line has no limit");

    free(data);
}


/* an event must not wait for an LF that may never come */

static void
test_prompt(void)
{
    u_char              *pos, *last;
    ngx_int_t            rc;
    ngx_str_t            piece;
    ngx_openclaw_sse_t   sse;

    static u_char  data[] = "data: a\r\n\r";

    ngx_openclaw_sse_init(&sse);

    pos = data;
    last = data + sizeof(data) - 1;

    rc = ngx_openclaw_sse_parse(&sse, &pos, last, &piece);
    test_ok(rc == NGX_OK && piece.len == 1, "data comes at once");

    rc = ngx_openclaw_sse_parse(&sse, &pos, last, &piece);
    test_ok(rc == NGX_DONE && pos == last, "an event is complete at its CR");
}


int
main(void)
{
    ngx_uint_t  i;

    for (i = 0; i < sizeof(cases) / sizeof(case_t); i++) {
        test_case(&cases[i]);
    }

    test_long_line();
    test_prompt();

    return test_done();
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


/* Any bytes as a stream of events. */


#include <fuzz.h>
#include <ngx_openclaw_sse.h>


static void run(fuzz_log_t *log, const u_char *data, size_t len,
    fuzz_split_t *split);
static void reference(fuzz_log_t *log, const u_char *p, size_t len);
static void event(fuzz_log_t *log, int type, u_char *text, size_t *len);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_log_t    expected, whole, split, bytes;
    fuzz_split_t  s;

    if (size < FUZZ_SPLITS) {
        return 0;
    }

    ngx_memzero(&expected, sizeof(fuzz_log_t));
    ngx_memzero(&whole, sizeof(fuzz_log_t));
    ngx_memzero(&split, sizeof(fuzz_log_t));
    ngx_memzero(&bytes, sizeof(fuzz_log_t));

    s.next = 0;
    s.sizes = data;

    data += FUZZ_SPLITS;
    size -= FUZZ_SPLITS;

    run(&split, data, size, &s);

    s.sizes = NULL;
    run(&whole, data, size, &s);

    s.sizes = (const u_char *) "\1\1\1\1";
    run(&bytes, data, size, &s);

    reference(&expected, data, size);

    fuzz_check(fuzz_log_same(&whole, &expected));
    fuzz_check(fuzz_log_same(&split, &expected));
    fuzz_check(fuzz_log_same(&bytes, &expected));

    fuzz_log_free(&expected);
    fuzz_log_free(&whole);
    fuzz_log_free(&split);
    fuzz_log_free(&bytes);

    return 0;
}


/* logs the data of each event, and what there is of the last one */

static void
run(fuzz_log_t *log, const u_char *data, size_t len, fuzz_split_t *split)
{
    size_t               n, ntext;
    u_char              *copy, *pos, *text;
    ngx_int_t            rc;
    ngx_str_t            piece;
    ngx_openclaw_sse_t   sse;

    ntext = 0;
    text = fuzz_copy(data, len);

    ngx_openclaw_sse_init(&sse);

    while (len) {
        n = fuzz_split(split, len);
        copy = fuzz_copy(data, n);
        pos = copy;

        for ( ;; ) {
            rc = ngx_openclaw_sse_parse(&sse, &pos, copy + n, &piece);

            if (rc == NGX_AGAIN) {
                break;
            }

            if (rc == NGX_DONE) {
                event(log, 'D', text, &ntext);
                continue;
            }

            fuzz_check(rc == NGX_OK && piece.len > 0);

            ngx_memcpy(text + ntext, piece.data, piece.len);
            ntext += piece.len;
        }

        fuzz_check(pos == copy + n);

        free(copy);

        data += n;
        len -= n;
    }

    event(log, 'P', text, &ntext);
    free(text);
}


/* line by line; a last line without an end has what is clear of it by now */

static void
reference(fuzz_log_t *log, const u_char *p, size_t len)
{
    size_t         n, ntext, value;
    u_char        *text;
    ngx_uint_t     lines;
    const u_char  *last;

    last = p + len;
    text = fuzz_copy(p, len);
    ntext = 0;
    lines = 0;

    if (len >= 3 && ngx_memcmp(p, "\xef\xbb\xbf", 3) == 0) {
        p += 3;
    }

    while (p < last) {

        for (n = 0; p + n < last && p[n] != LF && p[n] != CR; n++) {
            /* void */
        }

        if (n == 0 && lines) {
            event(log, 'D', text, &ntext);
            lines = 0;
        }

        value = 4;

        if (n > value && p[value] == ':') {
            value++;

            if (n > value && p[value] == ' ') {
                value++;
            }
        }

        if (n >= 4 && ngx_memcmp(p, "data", 4) == 0
            && (value > 4 || (n == 4 && p + n < last)))
        {
            if (lines++) {
                text[ntext++] = '\n';
            }

            ngx_memcpy(text + ntext, p + value, n - value);
            ntext += n - value;
        }

        p += n;

        if (last - p >= 2 && p[0] == CR && p[1] == LF) {
            p++;
        }

        if (p < last) {
            p++;
        }
    }

    event(log, 'P', text, &ntext);
    free(text);
}


static void
event(fuzz_log_t *log, int type, u_char *text, size_t *len)
{
    fuzz_log(log, type, 0, text, *len);
    *len = 0;
}

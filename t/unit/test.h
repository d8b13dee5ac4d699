
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * A test program prints TAP.  Each is built against a configured nginx tree,
 * whose include paths are $INCS, from all of floor 0:
 *
 *     cc $CFLAGS $INCS -Isrc -It/unit -o frame_test t/unit/frame_test.c
 *         src/ngx_openclaw_frame*.c src/ngx_openclaw_deflate*.c
 *         src/ngx_openclaw_sse.c src/ngx_openclaw_json*.c -lcjson -lz
 *
 * and so are the others; once more with
 * -fsanitize=address,undefined.
 */


#ifndef _NGX_OPENCLAW_TEST_H_INCLUDED_
#define _NGX_OPENCLAW_TEST_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <stdio.h>
#include <stdlib.h>


static ngx_uint_t  test_count;
static ngx_uint_t  test_failed;


/* one line of TAP; what differs is told by test_note() before */

static inline void
test_ok(ngx_uint_t ok, const char *name)
{
    test_count++;
    test_failed += !ok;

    printf("%sok %d - %s\n", ok ? "" : "not ", (int) test_count, name);
}


/* bytes as they would be written in C */

static inline void
test_note(const char *what, u_char *data, size_t len)
{
    size_t  i;

    printf("# %s: \"", what);

    for (i = 0; i < len; i++) {
        if (data[i] >= 0x20 && data[i] < 0x7f) {
            putchar(data[i]);

        } else {
            printf("\\x%02x", data[i]);
        }
    }

    printf("\"\n");
}


static inline void
test_is(ngx_str_t *got, ngx_str_t *expected, const char *name)
{
    ngx_uint_t  ok;

    ok = (got->len == expected->len
          && (got->len == 0
              || ngx_memcmp(got->data, expected->data, got->len) == 0));

    if (!ok) {
        test_note("got     ", got->data, got->len);
        test_note("expected", expected->data, expected->len);
    }

    test_ok(ok, name);
}


/* a block of just that size, so that a byte read beyond it is found */

static inline u_char *
test_copy(const void *data, size_t len)
{
    u_char  *p;

    p = malloc(len ? len : 1);

    if (p == NULL) {
        printf("Bail out!  no memory\n");
        exit(1);
    }

    ngx_memcpy(p, data, len);

    return p;
}


static inline int
test_done(void)
{
    printf("1..%d\n", (int) test_count);

    return test_failed ? 1 : 0;
}


#endif /* _NGX_OPENCLAW_TEST_H_INCLUDED_ */

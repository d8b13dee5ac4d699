
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/* Any bytes as text that comes in pieces, masked or not. */


#include <fuzz.h>
#include <ngx_openclaw_frame.h>


static void check(const u_char *data, size_t len, fuzz_split_t *split);
static void unmask(const u_char *data, size_t len, const u_char *mask,
    fuzz_split_t *split);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_split_t   s;
    const u_char  *sizes;

    if (size < FUZZ_SPLITS) {
        return 0;
    }

    sizes = data;
    data += FUZZ_SPLITS;
    size -= FUZZ_SPLITS;

    s.next = 0;
    s.sizes = sizes;
    check(data, size, &s);
    unmask(data, size, sizes, &s);

    s.sizes = NULL;
    check(data, size, &s);
    unmask(data, size, sizes, &s);

    return 0;
}


/* after each piece, all that came so far is or is not UTF-8 */

static void
check(const u_char *data, size_t len, fuzz_split_t *split)
{
    size_t      n, done;
    u_char     *copy;
    uint32_t    state;
    ngx_int_t   rc;

    state = 0;

    for (done = 0; done < len; done += n) {
        n = fuzz_split(split, len - done);

        copy = fuzz_copy(data + done, n);
        rc = ngx_openclaw_utf8_check(&state, copy, n);
        free(copy);

        fuzz_check(rc == fuzz_utf8(data, done + n));
        fuzz_check((rc == NGX_OK) == (state == 0));
    }
}


static void
unmask(const u_char *data, size_t len, const u_char *mask,
    fuzz_split_t *split)
{
    size_t   i, n, done;
    u_char  *copy, key[4];

    ngx_memcpy(key, mask, 4);

    for (done = 0; done < len; done += n) {
        n = fuzz_split(split, len - done);

        copy = fuzz_copy(data + done, n);
        ngx_openclaw_frame_unmask(copy, n, key, done);

        for (i = 0; i < n; i++) {
            fuzz_check(copy[i] == (data[done + i] ^ key[(done + i) % 4]));
        }

        free(copy);
    }
}

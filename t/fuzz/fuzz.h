
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * A target is a function that takes any bytes, feeds them to the lowest floor
 * and stops the program when what comes out is wrong.  clang links it with
 * libFuzzer, which makes up the bytes; "make test" links it with replay.c,
 * which takes those that are kept here.
 */


#ifndef _NGX_OPENCLAW_FUZZ_H_INCLUDED_
#define _NGX_OPENCLAW_FUZZ_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <stdio.h>
#include <stdlib.h>


/* what came out, written one after another, to be compared */

typedef struct {
    u_char                            *data;
    size_t                             len;
    size_t                             size;
} fuzz_log_t;


/* the first bytes of an input tell how the others are split, in turns */

#define FUZZ_SPLITS  4

typedef struct {
    const u_char                      *sizes;   /* 0: all that is left */
    ngx_uint_t                         next;
} fuzz_split_t;


#define fuzz_check(ok)                                                        \
    do {                                                                      \
        if (!(ok)) {                                                          \
            fuzz_failed(#ok, __FILE__, __LINE__);                             \
        }                                                                     \
    } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void fuzz_failed(const char *what, const char *file, int line);

/* a block of just that size, so that a byte read beyond it is found */
u_char *fuzz_copy(const void *data, size_t len);

/*
 * The same for libraries without a sanitizer: the data ends where the
 * process has no memory.  There is one such place, the next call reuses it.
 * Returns NULL if the data is too long for it.
 */
u_char *fuzz_guarded(const void *data, size_t len);

/* returns the size of the next piece of what is left; sizes NULL: all */
size_t fuzz_split(fuzz_split_t *split, size_t left);

void fuzz_log(fuzz_log_t *log, int type, ngx_uint_t number, const void *data,
    size_t len);
ngx_uint_t fuzz_log_same(fuzz_log_t *one, fuzz_log_t *two);
void fuzz_log_free(fuzz_log_t *log);

/*
 * UTF-8 by the book, RFC 3629, 4.  Returns NGX_OK, NGX_AGAIN if the text ends
 * within a character, NGX_ERROR if it is not UTF-8, whatever follows.
 */
ngx_int_t fuzz_utf8(const u_char *p, size_t len);


#endif /* _NGX_OPENCLAW_FUZZ_H_INCLUDED_ */


/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <fuzz.h>
#include <sys/mman.h>


#define FUZZ_GUARDED  1048576


/* a row of the grammar: the first byte, the second one, how many there are */

typedef struct {
    u_char      first;
    u_char      last;
    u_char      low;
    u_char      high;
    size_t      len;
} fuzz_utf8_t;


static void *fuzz_alloc(void *p, size_t size);


static const fuzz_utf8_t  fuzz_utf8_rows[] = {
    { 0x00, 0x7f, 0, 0, 1 },
    { 0xc2, 0xdf, 0x80, 0xbf, 2 },
    { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
    { 0xe1, 0xec, 0x80, 0xbf, 3 },
    { 0xed, 0xed, 0x80, 0x9f, 3 },
    { 0xee, 0xef, 0x80, 0xbf, 3 },
    { 0xf0, 0xf0, 0x90, 0xbf, 4 },
    { 0xf1, 0xf3, 0x80, 0xbf, 4 },
    { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    { 0, 0, 0, 0, 0 }
};


void
fuzz_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: this is not so: %s\n", file, line, what);
    abort();
}


static void *
fuzz_alloc(void *p, size_t size)
{
    p = realloc(p, size);

    if (p == NULL) {
        fprintf(stderr, "no memory\n");
        exit(1);
    }

    return p;
}


u_char *
fuzz_copy(const void *data, size_t len)
{
    u_char  *p;

    p = fuzz_alloc(NULL, len ? len : 1);

    if (len) {
        ngx_memcpy(p, data, len);
    }

    return p;
}


u_char *
fuzz_guarded(const void *data, size_t len)
{
    u_char         *p;

    static u_char  *start;

    if (start == NULL) {
        p = mmap(NULL, FUZZ_GUARDED * 2, PROT_READ|PROT_WRITE,
                 MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED
            || mprotect(p + FUZZ_GUARDED, FUZZ_GUARDED, PROT_NONE) == -1)
        {
            perror("mmap");
            exit(1);
        }

        start = p;
    }

    if (len > FUZZ_GUARDED) {
        return NULL;
    }

    p = start + FUZZ_GUARDED - len;

    if (len) {
        ngx_memcpy(p, data, len);
    }

    return p;
}


size_t
fuzz_split(fuzz_split_t *split, size_t left)
{
    size_t  size;

    if (split->sizes == NULL) {
        return left;
    }

    size = split->sizes[split->next++ % FUZZ_SPLITS];

    return (size == 0 || size > left) ? left : size;
}


void
fuzz_log(fuzz_log_t *log, int type, ngx_uint_t number, const void *data,
    size_t len)
{
    size_t   size;
    u_char  *p;

    size = log->len + 1 + sizeof(number) + sizeof(len) + len;

    if (size > log->size) {
        log->data = fuzz_alloc(log->data, size * 2);
        log->size = size * 2;
    }

    p = log->data + log->len;

    *p++ = (u_char) type;
    p = ngx_cpymem(p, &number, sizeof(number));
    p = ngx_cpymem(p, &len, sizeof(len));

    if (len) {
        p = ngx_cpymem(p, data, len);
    }

    log->len = p - log->data;
}


ngx_uint_t
fuzz_log_same(fuzz_log_t *one, fuzz_log_t *two)
{
    return one->len == two->len
           && (one->len == 0
               || ngx_memcmp(one->data, two->data, one->len) == 0);
}


void
fuzz_log_free(fuzz_log_t *log)
{
    free(log->data);
}


ngx_int_t
fuzz_utf8(const u_char *p, size_t len)
{
    size_t              i;
    const fuzz_utf8_t  *row;

    while (len) {

        for (row = fuzz_utf8_rows; row->len; row++) {
            if (p[0] >= row->first && p[0] <= row->last) {
                break;
            }
        }

        if (row->len == 0) {
            return NGX_ERROR;
        }

        for (i = 1; i < row->len; i++) {

            if (i == len) {
                return NGX_AGAIN;
            }

            if (p[i] < (i == 1 ? row->low : 0x80)
                || p[i] > (i == 1 ? row->high : 0xbf))
            {
                return NGX_ERROR;
            }
        }

        p += row->len;
        len -= row->len;
    }

    return NGX_OK;
}

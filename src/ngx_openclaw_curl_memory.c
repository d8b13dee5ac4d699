
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * The memory of libcurl, in which there are requests with the tokens in their
 * headers and bodies, is wiped when libcurl gives it back.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_curl_internal.h>


/* what is in front of each allocation: its size, aligned as malloc() does */

#define NGX_OPENCLAW_CURL_SIZE              16


static void *ngx_openclaw_curl_malloc(size_t size);
static void *ngx_openclaw_curl_calloc(size_t n, size_t size);
static void *ngx_openclaw_curl_realloc(void *p, size_t size);
static char *ngx_openclaw_curl_strdup(const char *s);
static void ngx_openclaw_curl_free(void *p);
static size_t ngx_openclaw_curl_size(void *p);


CURLcode
ngx_openclaw_curl_global_init(void)
{
    return curl_global_init_mem(CURL_GLOBAL_ALL, ngx_openclaw_curl_malloc,
                                ngx_openclaw_curl_free,
                                ngx_openclaw_curl_realloc,
                                ngx_openclaw_curl_strdup,
                                ngx_openclaw_curl_calloc);
}


static void *
ngx_openclaw_curl_malloc(size_t size)
{
    u_char  *p;

    if (size > NGX_MAX_SIZE_T_VALUE - NGX_OPENCLAW_CURL_SIZE) {
        return NULL;
    }

    p = malloc(NGX_OPENCLAW_CURL_SIZE + size);
    if (p == NULL) {
        return NULL;
    }

    ngx_memcpy(p, &size, sizeof(size_t));

    return p + NGX_OPENCLAW_CURL_SIZE;
}


static void *
ngx_openclaw_curl_calloc(size_t n, size_t size)
{
    void  *p;

    if (size && n > NGX_MAX_SIZE_T_VALUE / size) {
        return NULL;
    }

    p = ngx_openclaw_curl_malloc(n * size);

    if (p) {
        ngx_memzero(p, n * size);
    }

    return p;
}


static void *
ngx_openclaw_curl_realloc(void *p, size_t size)
{
    void  *new;

    new = ngx_openclaw_curl_malloc(size);

    if (new && p) {
        ngx_memcpy(new, p, ngx_min(ngx_openclaw_curl_size(p), size));
        ngx_openclaw_curl_free(p);
    }

    return new;
}


static char *
ngx_openclaw_curl_strdup(const char *s)
{
    char    *p;
    size_t   len;

    len = ngx_strlen(s) + 1;

    p = ngx_openclaw_curl_malloc(len);

    if (p) {
        ngx_memcpy(p, s, len);
    }

    return p;
}


static void
ngx_openclaw_curl_free(void *p)
{
    if (p == NULL) {
        return;
    }

    ngx_explicit_memzero(p, ngx_openclaw_curl_size(p));

    free((u_char *) p - NGX_OPENCLAW_CURL_SIZE);
}


static size_t
ngx_openclaw_curl_size(void *p)
{
    size_t  size;

    ngx_memcpy(&size, (u_char *) p - NGX_OPENCLAW_CURL_SIZE, sizeof(size_t));

    return size;
}

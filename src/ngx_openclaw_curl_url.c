
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * The URLs of gateways, which come again with each request: libcurl would take
 * each of them apart anew, put it together, and ask for its parts.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_curl.h>
#include <ngx_openclaw_curl_internal.h>


/* others are not kept */

#define NGX_OPENCLAW_CURL_URLS              64


typedef struct {
    ngx_str_t                          url;
    CURLU                             *parsed;
} ngx_openclaw_curl_url_t;


static ngx_uint_t               ngx_openclaw_curl_nurls;
static ngx_openclaw_curl_url_t  ngx_openclaw_curl_urls[NGX_OPENCLAW_CURL_URLS];


CURLU *
ngx_openclaw_curl_url(ngx_str_t *url)
{
    ngx_uint_t                i;
    ngx_openclaw_curl_url_t  *u;

    u = ngx_openclaw_curl_urls;

    for (i = 0; i < ngx_openclaw_curl_nurls; i++, u++) {

        if (u->url.len == url->len
            && ngx_memcmp(u->url.data, url->data, url->len) == 0)
        {
            return u->parsed;
        }
    }

    if (i == NGX_OPENCLAW_CURL_URLS) {
        return NULL;
    }

    u->url.data = ngx_alloc(url->len, ngx_cycle->log);
    if (u->url.data == NULL) {
        return NULL;
    }

    u->parsed = curl_url();

    if (u->parsed == NULL
        || curl_url_set(u->parsed, CURLUPART_URL, (char *) url->data, 0)
           != CURLUE_OK)
    {
        curl_url_cleanup(u->parsed);
        ngx_free(u->url.data);
        return NULL;
    }

    ngx_memcpy(u->url.data, url->data, url->len);
    u->url.len = url->len;

    ngx_openclaw_curl_nurls++;

    return u->parsed;
}


void
ngx_openclaw_curl_free_urls(void)
{
    ngx_openclaw_curl_url_t  *u;

    while (ngx_openclaw_curl_nurls) {
        u = &ngx_openclaw_curl_urls[--ngx_openclaw_curl_nurls];

        curl_url_cleanup(u->parsed);
        ngx_free(u->url.data);
    }
}

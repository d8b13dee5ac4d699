
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_sha1.h>
#include <ngx_http_openclaw_ws_internal.h>


/* RFC 6455, 4.1. and 4.2.2. */

#define NGX_HTTP_OPENCLAW_WS_KEY_LEN        24
#define NGX_HTTP_OPENCLAW_WS_NONCE_LEN      16
#define NGX_HTTP_OPENCLAW_WS_SHA1_LEN       20
#define NGX_HTTP_OPENCLAW_WS_GUID           "258EAFA5-E914-47DA-95CA-"        \
                                            "C5AB0DC85B11"
#define NGX_HTTP_OPENCLAW_WS_EXTENSIONS     "Sec-WebSocket-Extensions"


typedef enum {
    NGX_HTTP_OPENCLAW_WS_UPGRADE = 0,
    NGX_HTTP_OPENCLAW_WS_CONNECTION,
    NGX_HTTP_OPENCLAW_WS_KEY,
    NGX_HTTP_OPENCLAW_WS_VERSION,
    NGX_HTTP_OPENCLAW_WS_HEADERS
} ngx_http_openclaw_ws_header_e;


typedef struct {
    ngx_str_t                          name;
    ngx_str_t                          token;   /* to be among the values */
} ngx_http_openclaw_ws_header_t;


typedef struct {
    ngx_str_t                          value;   /* of the last one */
    ngx_uint_t                         count;
    ngx_uint_t                         matched; /* the token was there */
} ngx_http_openclaw_ws_found_t;


static void ngx_http_openclaw_ws_headers(ngx_http_request_t *r,
    ngx_http_openclaw_ws_found_t *found);
static ngx_uint_t ngx_http_openclaw_ws_token(ngx_str_t *value,
    ngx_str_t *token);
static ngx_uint_t ngx_http_openclaw_ws_valid_key(ngx_str_t *key);
static ngx_int_t ngx_http_openclaw_ws_refuse(ngx_http_request_t *r,
    ngx_http_openclaw_ws_found_t *version, ngx_str_t *reason);

static ngx_int_t ngx_http_openclaw_ws_offers(ngx_http_request_t *r,
    ngx_openclaw_deflate_params_t *params, ngx_uint_t mode);
static ngx_int_t ngx_http_openclaw_ws_accept_offer(ngx_http_openclaw_ws_t *ws);
static ngx_int_t ngx_http_openclaw_ws_accept_key(ngx_http_request_t *r,
    ngx_str_t *key);


/* in the order of ngx_http_openclaw_ws_header_e */

static ngx_http_openclaw_ws_header_t  ngx_http_openclaw_ws_wanted[] = {
    { ngx_string("upgrade"), ngx_string("websocket") },
    { ngx_string("connection"), ngx_string("upgrade") },
    { ngx_string("sec-websocket-key"), ngx_null_string },
    { ngx_string("sec-websocket-version"), ngx_null_string }
};

static ngx_str_t  ngx_http_openclaw_ws_websocket = ngx_string("websocket");


ngx_int_t
ngx_http_openclaw_ws_check(ngx_http_request_t *r, ngx_str_t *reason)
{
    static ngx_str_t  get = ngx_string("GET");

    ngx_openclaw_deflate_params_t   params;
    ngx_http_openclaw_ws_found_t    found[NGX_HTTP_OPENCLAW_WS_HEADERS];
    ngx_http_openclaw_ws_found_t   *key, *version;

    if (r->method != NGX_HTTP_GET) {
        ngx_str_set(reason, "The method must be GET.\n");

        if (ngx_http_openclaw_ws_header(r, "Allow", &get) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return NGX_HTTP_NOT_ALLOWED;
    }

    /* an Upgrade header would be an error in an answer over HTTP/2 */

    if (r != r->main || r->http_version > NGX_HTTP_VERSION_11) {
        ngx_str_set(reason, "A WebSocket connects over HTTP/1.1.\n");
        return NGX_HTTP_BAD_REQUEST;
    }

    ngx_http_openclaw_ws_headers(r, found);

    if (r->http_version < NGX_HTTP_VERSION_11
        || !found[NGX_HTTP_OPENCLAW_WS_UPGRADE].matched
        || !found[NGX_HTTP_OPENCLAW_WS_CONNECTION].matched)
    {
        ngx_str_set(reason, "Connect with a WebSocket client.\n");
        return ngx_http_openclaw_ws_refuse(r, NULL, reason);
    }

    key = &found[NGX_HTTP_OPENCLAW_WS_KEY];
    version = &found[NGX_HTTP_OPENCLAW_WS_VERSION];

    if (version->count > 1) {
        ngx_str_set(reason, "Sec-WebSocket-Version must be there once.\n");
        return NGX_HTTP_BAD_REQUEST;
    }

    if (version->value.len != 2
        || ngx_strncmp(version->value.data, "13", 2) != 0)
    {
        ngx_str_set(reason, "Sec-WebSocket-Version must be 13.\n");
        return ngx_http_openclaw_ws_refuse(r, version, reason);
    }

    if (key->count != 1 || !ngx_http_openclaw_ws_valid_key(&key->value)) {
        ngx_str_set(reason, "Sec-WebSocket-Key must be there once, "
                            "16 bytes in base64.\n");
        return NGX_HTTP_BAD_REQUEST;
    }

    if (ngx_http_openclaw_ws_offers(r, &params, NGX_OPENCLAW_DEFLATE_ON)
        != NGX_OK)
    {
        ngx_str_set(reason, "Sec-WebSocket-Extensions is malformed.\n");
        return NGX_HTTP_BAD_REQUEST;
    }

    if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) {
        ngx_str_set(reason, "A WebSocket handshake has no body.\n");
        return NGX_HTTP_BAD_REQUEST;
    }

    return NGX_OK;
}


static void
ngx_http_openclaw_ws_headers(ngx_http_request_t *r,
    ngx_http_openclaw_ws_found_t *found)
{
    ngx_uint_t                      i, n;
    ngx_list_part_t                *part;
    ngx_table_elt_t                *h;
    ngx_http_openclaw_ws_header_t  *wanted;

    ngx_memzero(found, NGX_HTTP_OPENCLAW_WS_HEADERS
                       * sizeof(ngx_http_openclaw_ws_found_t));

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        for (n = 0; n < NGX_HTTP_OPENCLAW_WS_HEADERS; n++) {
            wanted = &ngx_http_openclaw_ws_wanted[n];

            if (h[i].key.len == wanted->name.len
                && ngx_strncmp(h[i].lowcase_key, wanted->name.data,
                               wanted->name.len)
                   == 0)
            {
                found[n].value = h[i].value;
                found[n].count++;
                found[n].matched |= ngx_http_openclaw_ws_token(&h[i].value,
                                                             &wanted->token);
                break;
            }
        }
    }
}


static ngx_uint_t
ngx_http_openclaw_ws_token(ngx_str_t *value, ngx_str_t *token)
{
    u_char  *p, *last, *start, *end;

    p = value->data;
    last = value->data + value->len;

    for ( ;; ) {

        while (p < last && (*p == ' ' || *p == '\t')) {
            p++;
        }

        start = p;

        while (p < last && *p != ',') {
            p++;
        }

        end = p;

        while (end > start && (end[-1] == ' ' || end[-1] == '\t')) {
            end--;
        }

        if ((size_t) (end - start) == token->len
            && ngx_strncasecmp(start, token->data, token->len) == 0)
        {
            return 1;
        }

        if (p == last) {
            return 0;
        }

        p++;
    }
}


static ngx_uint_t
ngx_http_openclaw_ws_valid_key(ngx_str_t *key)
{
    u_char     nonce[ngx_base64_decoded_length(NGX_HTTP_OPENCLAW_WS_KEY_LEN)];
    ngx_str_t  dst;

    /* what follows the first "=" is not looked at when it is decoded */

    if (key->len != NGX_HTTP_OPENCLAW_WS_KEY_LEN
        || key->data[key->len - 1] != '=')
    {
        return 0;
    }

    dst.data = nonce;

    return ngx_decode_base64(&dst, key) == NGX_OK
           && dst.len == NGX_HTTP_OPENCLAW_WS_NONCE_LEN;
}


/* the answer 426: this is no WebSocket handshake, or none of our version */

static ngx_int_t
ngx_http_openclaw_ws_refuse(ngx_http_request_t *r,
    ngx_http_openclaw_ws_found_t *version, ngx_str_t *reason)
{
    static ngx_str_t  supported = ngx_string("13");

    if (ngx_http_openclaw_ws_header(r, "Upgrade",
                                    &ngx_http_openclaw_ws_websocket)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (version
        && ngx_http_openclaw_ws_header(r, "Sec-WebSocket-Version", &supported)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* nginx has no phrase for it */

    ngx_str_set(&r->headers_out.status_line, "426 Upgrade Required");

    return NGX_HTTP_OPENCLAW_UPGRADE_REQUIRED;
}


ngx_int_t
ngx_http_openclaw_ws_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;

#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    return NGX_OK;
}


ngx_int_t
ngx_http_openclaw_ws_accept(ngx_http_openclaw_ws_t *ws)
{
    ngx_int_t                     rc;
    ngx_http_request_t           *r;
    ngx_http_openclaw_ws_found_t  found[NGX_HTTP_OPENCLAW_WS_HEADERS];

    r = ws->request;

    ngx_http_openclaw_ws_headers(r, found);

    if (ngx_http_openclaw_ws_header(r, "Upgrade",
                                    &ngx_http_openclaw_ws_websocket)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_openclaw_ws_accept_key(r,
                                        &found[NGX_HTTP_OPENCLAW_WS_KEY].value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ws->conf->deflate != NGX_OPENCLAW_DEFLATE_OFF
        && ngx_http_openclaw_ws_accept_offer(ws) != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->keepalive = 0;
    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    ngx_str_set(&r->headers_out.status_line, "101 Switching Protocols");

    rc = ngx_http_send_header(r);

    if (rc == NGX_OK || rc == NGX_AGAIN) {
        rc = ngx_http_send_special(r, NGX_HTTP_FLUSH);
    }

    return (rc == NGX_ERROR || rc > NGX_OK) ? NGX_DECLINED : NGX_OK;
}


/* RFC 6455, 9.1.: several headers are one list */

static ngx_int_t
ngx_http_openclaw_ws_offers(ngx_http_request_t *r,
    ngx_openclaw_deflate_params_t *params, ngx_uint_t mode)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    ngx_memzero(params, sizeof(ngx_openclaw_deflate_params_t));

    len = sizeof(NGX_HTTP_OPENCLAW_WS_EXTENSIONS) - 1;
    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == len
            && ngx_strncasecmp(h[i].key.data,
                               (u_char *) NGX_HTTP_OPENCLAW_WS_EXTENSIONS, len)
               == 0
            && ngx_openclaw_deflate_offers(params, &h[i].value, mode)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_openclaw_ws_accept_offer(ngx_http_openclaw_ws_t *ws)
{
    u_char     *p;
    ngx_str_t   value;

    (void) ngx_http_openclaw_ws_offers(ws->request, &ws->params,
                                       ws->conf->deflate);

    if (!ws->params.accepted) {
        return NGX_OK;
    }

    p = ngx_pnalloc(ws->request->pool, NGX_OPENCLAW_DEFLATE_MAX_RESPONSE);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = ngx_openclaw_deflate_response(p, &ws->params) - p;

    return ngx_http_openclaw_ws_header(ws->request,
                                       NGX_HTTP_OPENCLAW_WS_EXTENSIONS,
                                       &value);
}


/* RFC 6455, 4.2.2.: how the server proves that it understood */

static ngx_int_t
ngx_http_openclaw_ws_accept_key(ngx_http_request_t *r, ngx_str_t *key)
{
    ngx_str_t   value, hash;
    ngx_sha1_t  sha1;

    u_char  digest[NGX_HTTP_OPENCLAW_WS_SHA1_LEN];

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, key->data, key->len);
    ngx_sha1_update(&sha1, NGX_HTTP_OPENCLAW_WS_GUID,
                    sizeof(NGX_HTTP_OPENCLAW_WS_GUID) - 1);
    ngx_sha1_final(digest, &sha1);

    hash.len = NGX_HTTP_OPENCLAW_WS_SHA1_LEN;
    hash.data = digest;

    value.data = ngx_pnalloc(r->pool, ngx_base64_encoded_length(hash.len));
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    ngx_encode_base64(&value, &hash);

    return ngx_http_openclaw_ws_header(r, "Sec-WebSocket-Accept", &value);
}

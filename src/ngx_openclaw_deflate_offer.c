
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_deflate.h>


/* RFC 7692, 7.1.2.: a window has 8 to 15 bits */

#define NGX_OPENCLAW_DEFLATE_MIN_OFFER        8

/*
 * A window of 256 bytes can be read by zlib, but not be written: it is made
 * one of 512 bytes, and refused for data without a header.
 */

#define NGX_OPENCLAW_DEFLATE_MIN_ANSWER       9


typedef enum {
    NGX_OPENCLAW_DEFLATE_SERVER_NO_TAKEOVER = 0,
    NGX_OPENCLAW_DEFLATE_CLIENT_NO_TAKEOVER,
    NGX_OPENCLAW_DEFLATE_SERVER_BITS,
    NGX_OPENCLAW_DEFLATE_CLIENT_BITS,
    NGX_OPENCLAW_DEFLATE_PARAMS
} ngx_openclaw_deflate_param_e;


typedef enum {
    NGX_OPENCLAW_DEFLATE_NO_VALUE = 0,
    NGX_OPENCLAW_DEFLATE_MAY_HAVE_VALUE,
    NGX_OPENCLAW_DEFLATE_HAS_VALUE
} ngx_openclaw_deflate_value_e;


typedef struct {
    ngx_str_t                          name;
    ngx_openclaw_deflate_value_e       value;
    ngx_uint_t                         min;
} ngx_openclaw_deflate_param_t;


/* an offer; no good one has a value of more than two characters */

typedef struct {
    u_char                            *pos;
    u_char                            *last;
    ngx_str_t                          name;
    ngx_uint_t                         value_len;
    u_char                             value[2];
    unsigned                           has_value:1;
    unsigned                           good:1;
    ngx_uint_t                         seen[NGX_OPENCLAW_DEFLATE_PARAMS];
    ngx_uint_t                         bits[NGX_OPENCLAW_DEFLATE_PARAMS];
} ngx_openclaw_deflate_offer_t;


static ngx_int_t ngx_openclaw_deflate_offer(ngx_openclaw_deflate_offer_t *o);
static ngx_int_t ngx_openclaw_deflate_offer_param(
    ngx_openclaw_deflate_offer_t *o);
static ngx_int_t ngx_openclaw_deflate_token(ngx_openclaw_deflate_offer_t *o,
    ngx_str_t *token);
static ngx_int_t ngx_openclaw_deflate_value(ngx_openclaw_deflate_offer_t *o);
static void ngx_openclaw_deflate_space(ngx_openclaw_deflate_offer_t *o);
static ngx_uint_t ngx_openclaw_deflate_token_char(u_char ch);
static ngx_uint_t ngx_openclaw_deflate_judge(ngx_openclaw_deflate_offer_t *o);
static u_char *ngx_openclaw_deflate_write(u_char *p, ngx_str_t *name,
    ngx_uint_t bits);


static ngx_str_t  ngx_openclaw_deflate_name = ngx_string("permessage-deflate");


/* in the order of ngx_openclaw_deflate_param_e */

static ngx_openclaw_deflate_param_t  ngx_openclaw_deflate_params[] = {

    { ngx_string("server_no_context_takeover"),
      NGX_OPENCLAW_DEFLATE_NO_VALUE, 0 },

    { ngx_string("client_no_context_takeover"),
      NGX_OPENCLAW_DEFLATE_NO_VALUE, 0 },

    { ngx_string("server_max_window_bits"),
      NGX_OPENCLAW_DEFLATE_HAS_VALUE, NGX_OPENCLAW_DEFLATE_MIN_ANSWER },

    { ngx_string("client_max_window_bits"),
      NGX_OPENCLAW_DEFLATE_MAY_HAVE_VALUE, NGX_OPENCLAW_DEFLATE_MIN_OFFER }
};


/*
 * RFC 6455, 9.1.  An element of the list may be empty, as in all lists of
 * HTTP.  The rest of the header has to be in order even behind an accepted
 * offer.
 */

ngx_int_t
ngx_openclaw_deflate_offers(ngx_openclaw_deflate_params_t *params,
    ngx_str_t *value, ngx_uint_t mode)
{
    ngx_uint_t                     alone;
    ngx_openclaw_deflate_offer_t   o;

    o.pos = value->data;
    o.last = value->data + value->len;

    for ( ;; ) {
        ngx_openclaw_deflate_space(&o);

        if (o.pos == o.last) {
            return NGX_OK;
        }

        if (*o.pos == ',') {
            o.pos++;
            continue;
        }

        if (ngx_openclaw_deflate_offer(&o) != NGX_OK) {
            return NGX_ERROR;
        }

        if (!o.good || params->accepted) {
            continue;
        }

        alone = (mode != NGX_OPENCLAW_DEFLATE_TAKEOVER);

        params->accepted = 1;
        params->server_no_context_takeover =
            alone || o.seen[NGX_OPENCLAW_DEFLATE_SERVER_NO_TAKEOVER];
        params->client_no_context_takeover =
            alone || o.seen[NGX_OPENCLAW_DEFLATE_CLIENT_NO_TAKEOVER];
        params->server_max_window_bits =
            o.bits[NGX_OPENCLAW_DEFLATE_SERVER_BITS];
        params->client_max_window_bits =
            o.bits[NGX_OPENCLAW_DEFLATE_CLIENT_BITS];
    }
}


/* an extension and its parameters, up to the comma */

static ngx_int_t
ngx_openclaw_deflate_offer(ngx_openclaw_deflate_offer_t *o)
{
    ngx_memzero(o->seen, sizeof(o->seen));
    ngx_memzero(o->bits, sizeof(o->bits));

    if (ngx_openclaw_deflate_token(o, &o->name) != NGX_OK) {
        return NGX_ERROR;
    }

    o->good = (o->name.len == ngx_openclaw_deflate_name.len
               && ngx_memcmp(o->name.data, ngx_openclaw_deflate_name.data,
                             o->name.len) == 0);

    for ( ;; ) {
        ngx_openclaw_deflate_space(o);

        if (o->pos == o->last || *o->pos == ',') {
            return NGX_OK;
        }

        if (*o->pos++ != ';') {
            return NGX_ERROR;
        }

        ngx_openclaw_deflate_space(o);

        if (ngx_openclaw_deflate_offer_param(o) != NGX_OK) {
            return NGX_ERROR;
        }

        o->good = (o->good && ngx_openclaw_deflate_judge(o));
    }
}


static ngx_int_t
ngx_openclaw_deflate_offer_param(ngx_openclaw_deflate_offer_t *o)
{
    if (ngx_openclaw_deflate_token(o, &o->name) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_openclaw_deflate_space(o);

    o->value_len = 0;
    o->has_value = (o->pos < o->last && *o->pos == '=');

    if (!o->has_value) {
        return NGX_OK;
    }

    o->pos++;
    ngx_openclaw_deflate_space(o);

    return ngx_openclaw_deflate_value(o);
}


static ngx_int_t
ngx_openclaw_deflate_token(ngx_openclaw_deflate_offer_t *o, ngx_str_t *token)
{
    token->data = o->pos;

    while (o->pos < o->last && ngx_openclaw_deflate_token_char(*o->pos)) {
        o->pos++;
    }

    token->len = o->pos - token->data;

    return token->len ? NGX_OK : NGX_ERROR;
}


/*
 * A token, or a quoted string that is one when the quotes and backslashes
 * are gone.
 */

static ngx_int_t
ngx_openclaw_deflate_value(ngx_openclaw_deflate_offer_t *o)
{
    ngx_uint_t  quoted;

    quoted = (o->pos < o->last && *o->pos == '"');

    if (quoted) {
        o->pos++;
    }

    for ( /* void */ ; o->pos < o->last; o->pos++) {

        if (quoted && *o->pos == '\\') {
            o->pos++;
        }

        if (o->pos == o->last || !ngx_openclaw_deflate_token_char(*o->pos)) {
            break;
        }

        if (o->value_len < sizeof(o->value)) {
            o->value[o->value_len] = *o->pos;
        }

        o->value_len++;
    }

    if (o->value_len == 0) {
        return NGX_ERROR;
    }

    if (quoted) {

        if (o->pos == o->last || *o->pos != '"' || o->pos[-1] == '\\') {
            return NGX_ERROR;
        }

        o->pos++;
    }

    return NGX_OK;
}


static void
ngx_openclaw_deflate_space(ngx_openclaw_deflate_offer_t *o)
{
    while (o->pos < o->last && (*o->pos == ' ' || *o->pos == '\t')) {
        o->pos++;
    }
}


/* RFC 2616, 2.2., which RFC 6455 takes its tokens from */

static ngx_uint_t
ngx_openclaw_deflate_token_char(u_char ch)
{
    return ch > 0x20 && ch < 0x7f
           && ngx_strchr("()<>@,;:\\\"/[]?={}", ch) == NULL;
}


/*
 * RFC 7692, 7.1.: a parameter that is not known, has come before, or has a
 * value that it can't have spoils its offer.
 */

static ngx_uint_t
ngx_openclaw_deflate_judge(ngx_openclaw_deflate_offer_t *o)
{
    ngx_uint_t                     i, n;
    ngx_openclaw_deflate_param_t  *param;

    param = ngx_openclaw_deflate_params;

    for (i = 0; i < NGX_OPENCLAW_DEFLATE_PARAMS; i++) {

        if (o->name.len == param[i].name.len
            && ngx_memcmp(o->name.data, param[i].name.data, o->name.len) == 0)
        {
            break;
        }
    }

    if (i == NGX_OPENCLAW_DEFLATE_PARAMS || o->seen[i]) {
        return 0;
    }

    o->seen[i] = 1;

    if (!o->has_value) {
        return param[i].value != NGX_OPENCLAW_DEFLATE_HAS_VALUE;
    }

    if (param[i].value == NGX_OPENCLAW_DEFLATE_NO_VALUE) {
        return 0;
    }

    /* 8 to 15, without a leading zero */

    if (o->value_len == 1) {
        n = o->value[0] - '0';

        if (n > 9) {
            return 0;
        }

    } else {

        if (o->value_len != 2 || o->value[0] != '1'
            || o->value[1] < '0' || o->value[1] > '5')
        {
            return 0;
        }

        n = 10 + o->value[1] - '0';
    }

    o->bits[i] = n;

    return n >= param[i].min;
}


u_char *
ngx_openclaw_deflate_response(u_char *p, ngx_openclaw_deflate_params_t *params)
{
    ngx_openclaw_deflate_param_t  *param;

    param = ngx_openclaw_deflate_params;

    p = ngx_cpymem(p, ngx_openclaw_deflate_name.data,
                   ngx_openclaw_deflate_name.len);

    if (params->server_no_context_takeover) {
        p = ngx_openclaw_deflate_write(p,
                  &param[NGX_OPENCLAW_DEFLATE_SERVER_NO_TAKEOVER].name, 0);
    }

    if (params->client_no_context_takeover) {
        p = ngx_openclaw_deflate_write(p,
                  &param[NGX_OPENCLAW_DEFLATE_CLIENT_NO_TAKEOVER].name, 0);
    }

    if (params->server_max_window_bits) {
        p = ngx_openclaw_deflate_write(p,
                  &param[NGX_OPENCLAW_DEFLATE_SERVER_BITS].name,
                  params->server_max_window_bits);
    }

    if (params->client_max_window_bits) {
        p = ngx_openclaw_deflate_write(p,
                  &param[NGX_OPENCLAW_DEFLATE_CLIENT_BITS].name,
                  params->client_max_window_bits);
    }

    return p;
}


static u_char *
ngx_openclaw_deflate_write(u_char *p, ngx_str_t *name, ngx_uint_t bits)
{
    *p++ = ';';
    *p++ = ' ';

    p = ngx_cpymem(p, name->data, name->len);

    if (bits) {
        *p++ = '=';

        if (bits > 9) {
            *p++ = '1';
        }

        *p++ = (u_char) ('0' + bits % 10);
    }

    return p;
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_openclaw_json.h>
#include <ngx_http_openclaw_module.h>
#include <ngx_http_openclaw_auth.h>

#include <sys/random.h>


static ngx_int_t ngx_http_openclaw_auth_allowed(ngx_http_request_t *r,
    ngx_str_t *origin);
static ngx_int_t ngx_http_openclaw_auth_same(ngx_http_request_t *r,
    ngx_str_t *origin);

static ngx_int_t ngx_http_openclaw_auth_bound(ngx_http_request_t *r,
    ngx_http_complex_value_t *cv, const char *what, ngx_str_t *value,
    ngx_str_t *reason);
static ngx_int_t ngx_http_openclaw_auth_arg(ngx_http_request_t *r,
    const char *name, ngx_str_t *value, ngx_str_t *reason);
static ngx_int_t ngx_http_openclaw_auth_find_arg(ngx_str_t *args,
    const char *name, ngx_str_t *value);
static ngx_int_t ngx_http_openclaw_auth_reason(ngx_http_request_t *r,
    const char *name, const char *error, ngx_str_t *reason);


ngx_int_t
ngx_http_openclaw_auth_origin(ngx_http_request_t *r, ngx_str_t *reason)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    part = &r->headers_in.headers.part;
    i = 0;

    /* without one it is no browser; with two, nobody knows which one is true */

    for ( ;; ) {
        h = ngx_http_openclaw_auth_next(&part, &i, "origin");

        if (h == NULL) {
            return NGX_OK;
        }

        if (ngx_http_openclaw_auth_allowed(r, &h->value) != NGX_OK) {
            break;
        }
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "client sent origin \"%V\" that \"openclaw_allow_origin\" "
                  "does not allow", &h->value);

    ngx_str_set(reason, "This origin is not allowed.\n");

    return NGX_HTTP_FORBIDDEN;
}


static ngx_int_t
ngx_http_openclaw_auth_allowed(ngx_http_request_t *r, ngx_str_t *origin)
{
    ngx_str_t                     *origins;
    ngx_uint_t                     i;
    ngx_http_openclaw_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_openclaw_module);

    if (olcf->origins == NULL) {
        return ngx_http_openclaw_auth_same(r, origin);
    }

    origins = olcf->origins->elts;

    for (i = 0; i < olcf->origins->nelts; i++) {

        if (origins[i].len == 1 && origins[i].data[0] == '*') {
            return NGX_OK;
        }

        if (ngx_strcmp(origins[i].data, "same") == 0) {

            if (ngx_http_openclaw_auth_same(r, origin) == NGX_OK) {
                return NGX_OK;
            }

            continue;
        }

        if (origins[i].len == origin->len
            && ngx_strncasecmp(origins[i].data, origin->data, origin->len)
               == 0)
        {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_openclaw_auth_same(ngx_http_request_t *r, ngx_str_t *origin)
{
    u_char     *p, *last;
    ngx_str_t  *host;

    if (r->headers_in.host == NULL) {
        return NGX_DECLINED;
    }

    host = &r->headers_in.host->value;

    /*
     * The scheme is left out of the comparison: behind a TLS terminator it
     * is not the one that the browser sees.
     */

    p = ngx_strlcasestrn(origin->data, origin->data + origin->len,
                         (u_char *) "://", 3 - 1);
    last = origin->data + origin->len;

    if (p == NULL) {
        return NGX_DECLINED;
    }

    p += 3;

    if ((size_t) (last - p) != host->len
        || ngx_strncasecmp(p, host->data, host->len) != 0)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_openclaw_auth_identity(ngx_http_request_t *r,
    ngx_http_openclaw_identity_t *identity, ngx_str_t *reason)
{
    ngx_int_t                      rc;
    ngx_http_openclaw_loc_conf_t  *olcf;

    ngx_memzero(identity, sizeof(ngx_http_openclaw_identity_t));

    ngx_str_set(reason, "No memory.\n");

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_openclaw_module);

    if (olcf->auth_url) {
        identity->id_bound = 1;
        rc = NGX_OK;

    } else if (olcf->sender_id) {
        identity->id_bound = 1;
        rc = ngx_http_openclaw_auth_bound(r, olcf->sender_id,
                                          "openclaw_sender_id", &identity->id,
                                          reason);
    } else {
        rc = ngx_http_openclaw_auth_arg(r, "senderId", &identity->id, reason);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (olcf->sender_id && identity->id.len == 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "the value of \"openclaw_sender_id\" is empty");
        ngx_str_set(reason, "The sender is not known.\n");
        return NGX_HTTP_FORBIDDEN;
    }

    if (olcf->sender_name) {
        identity->name_bound = 1;
        rc = ngx_http_openclaw_auth_bound(r, olcf->sender_name,
                                          "openclaw_sender_name",
                                          &identity->name, reason);
    } else {
        rc = ngx_http_openclaw_auth_arg(r, "senderName", &identity->name,
                                        reason);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (identity->id.len == 0 && !identity->id_bound) {
        identity->id.data = ngx_pnalloc(r->pool, NGX_HTTP_OPENCLAW_UUID_LEN);
        if (identity->id.data == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (ngx_http_openclaw_uuid(identity->id.data) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        identity->id.len = NGX_HTTP_OPENCLAW_UUID_LEN;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_openclaw_auth_bound(ngx_http_request_t *r,
    ngx_http_complex_value_t *cv, const char *what, ngx_str_t *value,
    ngx_str_t *reason)
{
    const char                    *error;
    ngx_http_openclaw_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_openclaw_module);

    if (ngx_http_complex_value(r, cv, value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    error = ngx_openclaw_id_check(value, NGX_OPENCLAW_JSON_MAX_ID);

    if (error == NULL && cv == olcf->sender_id
        && ngx_http_openclaw_auth_reserved(value))
    {
        error = "is an id for those who have no token";
    }

    if (error) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "the value of \"%s\" %s", what, error);
        ngx_str_set(reason, "The sender can't be accepted.\n");
        return NGX_HTTP_FORBIDDEN;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_openclaw_auth_arg(ngx_http_request_t *r, const char *name,
    ngx_str_t *value, ngx_str_t *reason)
{
    const char  *error;

    if (ngx_http_openclaw_auth_find_arg(&r->args, name, value) != NGX_OK) {
        return NGX_OK;
    }

    if (ngx_http_openclaw_auth_unescape(r->pool, value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    error = ngx_openclaw_id_check(value, NGX_OPENCLAW_JSON_MAX_ID);

    if (error == NULL && ngx_strcmp(name, "senderId") == 0
        && ngx_http_openclaw_auth_reserved(value))
    {
        error = "is not for clients to choose";
    }

    if (error) {
        return ngx_http_openclaw_auth_reason(r, name, error, reason);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_openclaw_auth_find_arg(ngx_str_t *args, const char *name,
    ngx_str_t *value)
{
    u_char  *p, *last, *next;
    size_t   len;

    /* ngx_http_arg() does not tell "senderId" from "senderid" */

    len = ngx_strlen(name);
    last = args->data + args->len;

    for (p = args->data; p < last; p = next + 1) {

        next = ngx_strlchr(p, last, '&');

        if (next == NULL) {
            next = last;
        }

        if ((size_t) (next - p) > len
            && p[len] == '='
            && ngx_strncmp(p, name, len) == 0)
        {
            value->data = p + len + 1;
            value->len = next - value->data;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_openclaw_auth_reason(ngx_http_request_t *r, const char *name,
    const char *error, ngx_str_t *reason)
{
    ngx_http_openclaw_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_openclaw_module);

    ngx_log_error(olcf->ws.log_level, r->connection->log, 0,
                  "client sent argument \"%s\" that %s", name, error);

    reason->len = sizeof("\"\" .\n") - 1 + ngx_strlen(name)
                  + ngx_strlen(error);

    reason->data = ngx_pnalloc(r->pool, reason->len);
    if (reason->data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_sprintf(reason->data, "\"%s\" %s.\n", name, error);

    return NGX_HTTP_BAD_REQUEST;
}


ngx_uint_t
ngx_http_openclaw_auth_reserved(ngx_str_t *id)
{
    size_t  len;

    len = sizeof(NGX_HTTP_OPENCLAW_ANONYMOUS) - 1;

    return id->len >= len
           && ngx_memcmp(id->data, NGX_HTTP_OPENCLAW_ANONYMOUS, len) == 0;
}


ngx_int_t
ngx_http_openclaw_uuid(u_char *p)
{
    u_char  random[16];

    /* does not block: the pool has been ready since the system was started */

    if (getrandom(random, sizeof(random), GRND_NONBLOCK) != sizeof(random)) {
        return NGX_ERROR;
    }

    random[6] = 0x40 | (random[6] & 0x0f);
    random[8] = 0x80 | (random[8] & 0x3f);

    p = ngx_hex_dump(p, random, 4);
    *p++ = '-';
    p = ngx_hex_dump(p, random + 4, 2);
    *p++ = '-';
    p = ngx_hex_dump(p, random + 6, 2);
    *p++ = '-';
    p = ngx_hex_dump(p, random + 8, 2);
    *p++ = '-';
    ngx_hex_dump(p, random + 10, 6);

    return NGX_OK;
}

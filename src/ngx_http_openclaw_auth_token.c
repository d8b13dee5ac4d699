
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * The token of a client: where it is looked for, what the service is asked
 * about it, and that nothing of it is left behind.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_openclaw_json.h>
#include <ngx_http_openclaw_module.h>
#include <ngx_http_openclaw_auth.h>


#define NGX_HTTP_OPENCLAW_MAX_ARGS          100

#define NGX_HTTP_OPENCLAW_BEARER            "bearer."


static ngx_int_t ngx_http_openclaw_auth_args(ngx_http_request_t *r,
    ngx_array_t *args, ngx_str_t *reason);
static ngx_int_t ngx_http_openclaw_auth_push(ngx_pool_t *pool,
    ngx_array_t *args, ngx_str_t *name, ngx_str_t *value);
static ngx_str_t *ngx_http_openclaw_auth_get(ngx_array_t *args,
    ngx_str_t *name);
static ngx_int_t ngx_http_openclaw_auth_set(ngx_array_t *args,
    ngx_str_t *name, ngx_str_t *value);

static ngx_int_t ngx_http_openclaw_auth_find(ngx_http_request_t *r,
    ngx_array_t *args, ngx_str_t *token, ngx_str_t *protocol);
static void ngx_http_openclaw_auth_trim(ngx_str_t *s);
static void ngx_http_openclaw_auth_blanks(ngx_str_t *s);
static void ngx_http_openclaw_auth_protocols(ngx_http_request_t *r,
    ngx_str_t *token, ngx_str_t *protocol);
static ngx_int_t ngx_http_openclaw_auth_protocol(ngx_http_request_t *r,
    ngx_str_t *protocol);

static ngx_int_t ngx_http_openclaw_auth_write(ngx_http_request_t *r,
    ngx_array_t *args, ngx_str_t *token, ngx_http_openclaw_auth_ask_t *ask);
static ngx_int_t ngx_http_openclaw_auth_body(ngx_array_t *args,
    ngx_str_t *token, ngx_http_openclaw_auth_ask_t *ask, ngx_log_t *log);

static void ngx_http_openclaw_auth_hide(ngx_http_request_t *r,
    ngx_str_t *token);
static void ngx_http_openclaw_auth_hide_line(ngx_http_request_t *r,
    ngx_str_t *name);
static void ngx_http_openclaw_auth_hide_args(ngx_str_t *args,
    ngx_str_t *name);
static ngx_uint_t ngx_http_openclaw_auth_is_name(u_char *p, u_char *last,
    ngx_str_t *name);
static void ngx_http_openclaw_auth_hide_value(ngx_str_t *value,
    ngx_str_t *token);


static ngx_str_t  ngx_http_openclaw_auth_token_arg = ngx_string("token");
static ngx_str_t  ngx_http_openclaw_auth_type_arg = ngx_string("tokenType");


/* the headers that have tokens in them */

static const char  *ngx_http_openclaw_auth_headers[] = {
    "authorization",
    "cookie",
    "sec-websocket-protocol",
    NULL
};


ngx_int_t
ngx_http_openclaw_auth_token(ngx_http_request_t *r,
    ngx_http_openclaw_auth_ask_t *ask, ngx_str_t *reason)
{
    ngx_int_t      rc;
    ngx_str_t      token, protocol;
    ngx_uint_t     i;
    ngx_array_t    args;
    ngx_keyval_t  *arg;

    ngx_str_null(&token);
    ngx_str_null(&protocol);

    if (ngx_array_init(&args, r->pool, 8, sizeof(ngx_keyval_t)) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_openclaw_auth_args(r, &args, reason);

    if (rc == NGX_OK) {
        rc = ngx_http_openclaw_auth_find(r, &args, &token, &protocol);
    }

    if (rc == NGX_OK && protocol.len) {
        rc = ngx_http_openclaw_auth_protocol(r, &protocol);
    }

    if (rc == NGX_OK && token.len) {
        rc = ngx_http_openclaw_auth_write(r, &args, &token, ask);
    }

    /* also when it has failed */

    ngx_http_openclaw_auth_hide(r, &token);

    arg = args.elts;

    for (i = 0; i < args.nelts; i++) {
        ngx_explicit_memzero(arg[i].value.data, arg[i].value.len);
    }

    return (rc == NGX_ERROR) ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc;
}


void
ngx_http_openclaw_auth_forget(ngx_http_openclaw_auth_ask_t *ask)
{
    if (ask->body.data) {
        ngx_explicit_memzero(ask->body.data, ask->body.len);
        ngx_free(ask->body.data);
        ngx_str_null(&ask->body);
    }

    if (ask->token.data) {
        ngx_explicit_memzero(ask->token.data, ask->token.len);
        ngx_free(ask->token.data);
        ngx_str_null(&ask->token);
    }
}


/* as URLSearchParams reads them; of two that have the same name, the last */

static ngx_int_t
ngx_http_openclaw_auth_args(ngx_http_request_t *r, ngx_array_t *args,
    ngx_str_t *reason)
{
    u_char     *p, *last, *next, *eq;
    ngx_str_t   name, value;

    last = r->args.data + r->args.len;

    for (p = r->args.data; p < last; p = next + 1) {

        next = ngx_strlchr(p, last, '&');

        if (next == NULL) {
            next = last;
        }

        if (next == p) {
            continue;
        }

        eq = ngx_strlchr(p, next, '=');

        name.data = p;
        name.len = (eq ? eq : next) - p;

        value.data = eq ? eq + 1 : next;
        value.len = next - value.data;

        if (args->nelts == NGX_HTTP_OPENCLAW_MAX_ARGS) {
            ngx_str_set(reason, "There are too many arguments.\n");
            return NGX_HTTP_BAD_REQUEST;
        }

        if (ngx_http_openclaw_auth_push(r->pool, args, &name, &value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_openclaw_auth_push(ngx_pool_t *pool, ngx_array_t *args,
    ngx_str_t *name, ngx_str_t *value)
{
    if (ngx_http_openclaw_auth_unescape(pool, name) != NGX_OK
        || ngx_http_openclaw_auth_unescape(pool, value) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_openclaw_json_repair(name->data, name->len);
    ngx_openclaw_json_repair(value->data, value->len);

    return ngx_http_openclaw_auth_set(args, name, value);
}


static ngx_str_t *
ngx_http_openclaw_auth_get(ngx_array_t *args, ngx_str_t *name)
{
    ngx_uint_t     i;
    ngx_keyval_t  *arg;

    arg = args->elts;

    for (i = 0; i < args->nelts; i++) {

        if (arg[i].key.len == name->len
            && ngx_memcmp(arg[i].key.data, name->data, name->len) == 0)
        {
            return &arg[i].value;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_openclaw_auth_set(ngx_array_t *args, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_str_t     *old;
    ngx_keyval_t  *arg;

    old = ngx_http_openclaw_auth_get(args, name);

    if (old) {
        ngx_explicit_memzero(old->data, old->len);
        *old = *value;
        return NGX_OK;
    }

    arg = ngx_array_push(args);
    if (arg == NULL) {
        return NGX_ERROR;
    }

    arg->key = *name;
    arg->value = *value;

    return NGX_OK;
}


/* token is a copy in r->pool, or empty */

static ngx_int_t
ngx_http_openclaw_auth_find(ngx_http_request_t *r, ngx_array_t *args,
    ngx_str_t *token, ngx_str_t *protocol)
{
    ngx_str_t                     *arg, bearer, found, copy;
    ngx_http_openclaw_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_openclaw_module);

    ngx_http_openclaw_auth_protocols(r, &bearer, protocol);

    ngx_str_null(&found);
    ngx_str_null(&copy);

    if (olcf->auth_arg.len) {
        arg = ngx_http_openclaw_auth_get(args, &olcf->auth_arg);

        if (arg) {
            found = *arg;
        }

    } else if (ngx_http_complex_value(r, olcf->auth_token, &copy) == NGX_OK) {
        found = copy;

    } else {
        return NGX_ERROR;
    }

    ngx_http_openclaw_auth_trim(&found);

    if (found.len == 0) {
        found = bearer;
    }

    if (found.len == 0) {
        return NGX_OK;
    }

    if (ngx_http_openclaw_auth_copy(r->pool, &found) != NGX_OK) {
        return NGX_ERROR;
    }

    *token = found;

    /* it has variables, so that it is in a place of its own */

    if (copy.len) {
        ngx_explicit_memzero(copy.data, copy.len);
    }

    return NGX_OK;
}


/* a scheme is cut (RFC 6750, 2.1.) */

static void
ngx_http_openclaw_auth_trim(ngx_str_t *s)
{
    size_t  len;

    len = sizeof("Bearer") - 1;

    ngx_http_openclaw_auth_blanks(s);

    if (s->len >= len
        && ngx_strncasecmp(s->data, (u_char *) "Bearer", len) == 0
        && (s->len == len || s->data[len] == ' '))
    {
        s->data += len;
        s->len -= len;

        ngx_http_openclaw_auth_blanks(s);
    }
}


static void
ngx_http_openclaw_auth_blanks(ngx_str_t *s)
{
    u_char  ch;

    while (s->len) {
        ch = s->data[0];

        if (ch != ' ' && ch != '\t') {
            break;
        }

        s->data++;
        s->len--;
    }

    while (s->len) {
        ch = s->data[s->len - 1];

        if (ch != ' ' && ch != '\t') {
            break;
        }

        s->len--;
    }
}


/*
 * A browser that has offered subprotocols fails if none is chosen, so the
 * first one is that is not a token; or the token if there is nothing else.
 */

static void
ngx_http_openclaw_auth_protocols(ngx_http_request_t *r, ngx_str_t *token,
    ngx_str_t *protocol)
{
    u_char           *p, *last, *next;
    size_t            len;
    ngx_str_t         s;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    ngx_str_null(token);
    ngx_str_null(protocol);

    len = sizeof(NGX_HTTP_OPENCLAW_BEARER) - 1;
    part = &r->headers_in.headers.part;
    i = 0;

    for ( ;; ) {
        h = ngx_http_openclaw_auth_next(&part, &i, "sec-websocket-protocol");

        if (h == NULL) {
            break;
        }

        last = h->value.data + h->value.len;

        for (p = h->value.data; p < last; p = next + 1) {

            next = ngx_strlchr(p, last, ',');

            if (next == NULL) {
                next = last;
            }

            s.data = p;
            s.len = next - p;

            ngx_http_openclaw_auth_blanks(&s);

            if (s.len > len
                && ngx_strncmp(s.data, NGX_HTTP_OPENCLAW_BEARER, len) == 0)
            {
                if (token->len == 0) {
                    token->data = s.data + len;
                    token->len = s.len - len;
                }

            } else if (protocol->len == 0) {
                *protocol = s;
            }
        }
    }

    if (protocol->len == 0 && token->len) {
        protocol->data = token->data - len;
        protocol->len = token->len + len;
    }
}


static ngx_int_t
ngx_http_openclaw_auth_protocol(ngx_http_request_t *r, ngx_str_t *protocol)
{
    /* what it points to will be written over */

    if (ngx_http_openclaw_auth_copy(r->pool, protocol) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_openclaw_ws_header(r, "Sec-WebSocket-Protocol", protocol);
}


ngx_table_elt_t *
ngx_http_openclaw_auth_next(ngx_list_part_t **part, ngx_uint_t *i,
    const char *name)
{
    size_t            len;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for ( ;; ) {

        if (*i >= (*part)->nelts) {
            if ((*part)->next == NULL) {
                return NULL;
            }

            *part = (*part)->next;
            *i = 0;
            continue;
        }

        h = (ngx_table_elt_t *) (*part)->elts + (*i)++;

        if (h->key.len == len
            && ngx_strncasecmp(h->key.data, (u_char *) name, len) == 0)
        {
            return h;
        }
    }
}


static ngx_int_t
ngx_http_openclaw_auth_write(ngx_http_request_t *r, ngx_array_t *args,
    ngx_str_t *token, ngx_http_openclaw_auth_ask_t *ask)
{
    ngx_str_t  value, type;

    /* values are wiped, each in a place of its own */

    value = *token;
    ngx_str_set(&type, "local");

    if (ngx_http_openclaw_auth_copy(r->pool, &value) != NGX_OK
        || ngx_http_openclaw_auth_copy(r->pool, &type) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_openclaw_json_repair(value.data, value.len);

    if (ngx_http_openclaw_auth_set(args, &ngx_http_openclaw_auth_token_arg,
                                   &value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_openclaw_auth_get(args, &ngx_http_openclaw_auth_type_arg)
        == NULL
        && ngx_http_openclaw_auth_set(args, &ngx_http_openclaw_auth_type_arg,
                                      &type)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_openclaw_auth_body(args, token, ask, r->connection->log);
}


static ngx_int_t
ngx_http_openclaw_auth_body(ngx_array_t *args, ngx_str_t *token,
    ngx_http_openclaw_auth_ask_t *ask, ngx_log_t *log)
{
    size_t   len;
    u_char  *p;

    len = ngx_openclaw_json_auth_size(args->elts, args->nelts);

    p = ngx_alloc(len, log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ask->body.data = p;
    ask->body.len = len;

    ngx_openclaw_json_auth(p, args->elts, args->nelts);

    p = ngx_alloc(token->len, log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ask->token.data = p;
    ask->token.len = token->len;

    ngx_memcpy(p, token->data, token->len);

    return NGX_OK;
}


ngx_int_t
ngx_http_openclaw_auth_copy(ngx_pool_t *pool, ngx_str_t *s)
{
    u_char  *p;

    if (s->len == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, s->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, s->data, s->len);
    s->data = p;

    return NGX_OK;
}


/*
 * nginx shows the request line with each line of its error log, and in the
 * access log.  What other modules had to see of it they have seen.
 */

static void
ngx_http_openclaw_auth_hide(ngx_http_request_t *r, ngx_str_t *token)
{
    ngx_uint_t                     i, n;
    ngx_list_part_t               *part;
    ngx_table_elt_t               *h;
    ngx_http_openclaw_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_openclaw_module);

    ngx_http_openclaw_auth_hide_line(r, &ngx_http_openclaw_auth_token_arg);

    if (olcf->auth_arg.len) {
        ngx_http_openclaw_auth_hide_line(r, &olcf->auth_arg);
    }

    if (token->len == 0) {
        return;
    }

    for (n = 0; ngx_http_openclaw_auth_headers[n]; n++) {
        part = &r->headers_in.headers.part;
        i = 0;

        for ( ;; ) {
            h = ngx_http_openclaw_auth_next(&part, &i,
                                            ngx_http_openclaw_auth_headers[n]);
            if (h == NULL) {
                break;
            }

            ngx_http_openclaw_auth_hide_value(&h->value, token);
        }
    }

    ngx_explicit_memzero(token->data, token->len);
}


static void
ngx_http_openclaw_auth_hide_line(ngx_http_request_t *r, ngx_str_t *name)
{
    u_char     *p, *last;
    ngx_str_t   args;

    /* after a rewrite they are not the same */

    ngx_http_openclaw_auth_hide_args(&r->args, name);

    last = r->request_line.data + r->request_line.len;
    p = ngx_strlchr(r->request_line.data, last, '?');

    if (p == NULL) {
        return;
    }

    args.data = ++p;

    /* the version of HTTP stays */

    p = ngx_strlchr(p, last, ' ');
    args.len = (p ? p : last) - args.data;

    ngx_http_openclaw_auth_hide_args(&args, name);
}


static void
ngx_http_openclaw_auth_hide_args(ngx_str_t *args, ngx_str_t *name)
{
    u_char  *p, *last, *next, *eq;

    last = args->data + args->len;

    for (p = args->data; p < last; p = next + 1) {

        next = ngx_strlchr(p, last, '&');

        if (next == NULL) {
            next = last;
        }

        eq = ngx_strlchr(p, next, '=');

        if (eq && ngx_http_openclaw_auth_is_name(p, eq, name)) {
            ngx_memset(eq + 1, '*', next - (eq + 1));
        }
    }
}


static ngx_uint_t
ngx_http_openclaw_auth_is_name(u_char *p, u_char *last, ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < name->len; i++) {

        if (p == last
            || ngx_http_openclaw_auth_decode(&p, last) != name->data[i])
        {
            return 0;
        }
    }

    return p == last;
}


static void
ngx_http_openclaw_auth_hide_value(ngx_str_t *value, ngx_str_t *token)
{
    u_char  *p, *last;

    last = value->data + value->len;

    for (p = value->data; (size_t) (last - p) >= token->len; p++) {

        if (ngx_memcmp(p, token->data, token->len) == 0) {
            ngx_memset(p, '*', token->len);
            p += token->len - 1;
        }
    }
}


ngx_int_t
ngx_http_openclaw_auth_unescape(ngx_pool_t *pool, ngx_str_t *value)
{
    u_char  *p, *src, *last, *dst;

    p = ngx_pnalloc(pool, value->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    dst = p;
    src = value->data;
    last = src + value->len;

    while (src < last) {
        *dst++ = ngx_http_openclaw_auth_decode(&src, last);
    }

    value->data = p;
    value->len = dst - p;

    return NGX_OK;
}


/*
 * As URLSearchParams reads it: "+" is a space, and a "%" that no two hex
 * digits follow stands for itself.
 */

u_char
ngx_http_openclaw_auth_decode(u_char **p, u_char *last)
{
    u_char     *src;
    ngx_int_t   byte;

    src = *p;

    if (*src == '%' && last - src > 2) {
        byte = ngx_hextoi(src + 1, 2);

        if (byte != NGX_ERROR) {
            *p = src + 3;
            return (u_char) byte;
        }
    }

    *p = src + 1;

    return (*src == '+') ? ' ' : *src;
}

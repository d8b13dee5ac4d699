
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * openclaw_auth: the handshake has been answered, and the client is held until
 * the service has said who it is.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_openclaw_json.h>
#include <ngx_openclaw_fetch.h>
#include <ngx_http_openclaw_module.h>
#include <ngx_http_openclaw_auth.h>


#define NGX_HTTP_OPENCLAW_AUTH_CLOSE        4401
#define NGX_HTTP_OPENCLAW_AUTH_MAX_ANSWER   65536
#define NGX_HTTP_OPENCLAW_AUTH_SECRET       8

/* the longest timer, in milliseconds: the clock may be set meanwhile */

#define NGX_HTTP_OPENCLAW_AUTH_EXPIRY       60000


struct ngx_http_openclaw_auth_s {
    void                              *data;
    ngx_http_openclaw_auth_pt          handler;
    ngx_http_openclaw_identity_t      *identity;

    /* event ident must be after 3 pointers as in ngx_connection_t */
    ngx_int_t                          ident;

    ngx_http_openclaw_auth_t         **owner;
    ngx_http_cleanup_t                *cleanup;    /* until there is one */

    ngx_http_openclaw_loc_conf_t      *conf;
    ngx_http_openclaw_client_t        *client;
    ngx_http_openclaw_auth_ask_t       ask;
    ngx_openclaw_fetch_t              *fetch;      /* while it is under way */

    ngx_event_t                        expiry;
    int64_t                            expires;    /* milliseconds since
                                                      1970, or 0 */
};


static void ngx_http_openclaw_auth_cleanup(void *data);

static void ngx_http_openclaw_auth_answered(void *data,
    ngx_openclaw_fetch_answer_t *answer);
static ngx_int_t ngx_http_openclaw_auth_judge(ngx_http_openclaw_auth_t *auth,
    ngx_openclaw_auth_t *a, ngx_openclaw_fetch_answer_t *answer);
static void ngx_http_openclaw_auth_service_failed(
    ngx_http_openclaw_auth_t *auth, ngx_openclaw_auth_t *a, ngx_uint_t status,
    ngx_str_t *why);
static ngx_int_t ngx_http_openclaw_auth_take(ngx_http_openclaw_auth_t *auth,
    ngx_openclaw_auth_t *a);

static void ngx_http_openclaw_auth_refused(ngx_http_openclaw_auth_t *auth,
    ngx_str_t *code);
static ngx_int_t ngx_http_openclaw_auth_anonymous(
    ngx_http_openclaw_auth_t *auth);
static void ngx_http_openclaw_auth_reject(ngx_http_openclaw_auth_t *auth,
    ngx_openclaw_code_e code, ngx_str_t *text, const char *reason);
static void ngx_http_openclaw_auth_accept(ngx_http_openclaw_auth_t *auth);

static int64_t ngx_http_openclaw_auth_left(ngx_http_openclaw_auth_t *auth);
static void ngx_http_openclaw_auth_expiry(ngx_http_openclaw_auth_t *auth);
static void ngx_http_openclaw_auth_expiry_handler(ngx_event_t *ev);

static ngx_uint_t ngx_http_openclaw_auth_tells(ngx_str_t *text,
    ngx_str_t *token);


ngx_int_t
ngx_http_openclaw_auth_create(ngx_http_request_t *r,
    ngx_http_openclaw_auth_t **auth, ngx_str_t *reason)
{
    ngx_http_cleanup_t            *cln;
    ngx_http_openclaw_auth_t      *a;
    ngx_http_openclaw_loc_conf_t  *olcf;

    *auth = NULL;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_openclaw_module);

    if (olcf->auth_url == NULL) {
        return NGX_OK;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    a = ngx_calloc(sizeof(ngx_http_openclaw_auth_t), r->connection->log);
    if (a == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_openclaw_auth_cleanup;
    cln->data = a;

    a->cleanup = cln;
    a->ident = -1;
    a->conf = olcf;

    a->expiry.handler = ngx_http_openclaw_auth_expiry_handler;
    a->expiry.data = a;
    a->expiry.log = r->connection->log;

    /* the connection's own timer keeps a leaving worker for it */

    a->expiry.cancelable = 1;

    *auth = a;

    return ngx_http_openclaw_auth_token(r, &a->ask, reason);
}


static void
ngx_http_openclaw_auth_cleanup(void *data)
{
    ngx_http_openclaw_auth_close(data);
}


void
ngx_http_openclaw_auth_close(ngx_http_openclaw_auth_t *auth)
{
    if (auth->fetch) {
        ngx_openclaw_fetch_close(auth->fetch);
        auth->fetch = NULL;
    }

    if (auth->expiry.timer_set) {
        ngx_del_timer(&auth->expiry);
    }

    ngx_http_openclaw_auth_forget(&auth->ask);

    if (auth->owner) {
        *auth->owner = NULL;
    }

    ngx_free(auth);
}


void
ngx_http_openclaw_auth_start(ngx_http_openclaw_auth_t **owner,
    ngx_http_openclaw_client_t *client, ngx_http_openclaw_identity_t *identity,
    ngx_http_openclaw_auth_pt handler, void *data)
{
    ngx_log_t                 *log;
    ngx_http_openclaw_auth_t  *auth;
    ngx_openclaw_fetch_ask_t   ask;

    static ngx_str_t  unavailable = ngx_string("service_unavailable");

    auth = *owner;

    auth->owner = owner;
    auth->cleanup->handler = NULL;

    auth->client = client;
    auth->identity = identity;
    auth->handler = handler;
    auth->data = data;

    log = auth->client->ws->connection->log;

    if (auth->ask.token.len == 0) {

        if (auth->conf->auth_required) {
            ngx_log_error(auth->conf->ws.log_level, log, 0,
                          "client sent no token");
            ngx_http_openclaw_auth_reject(auth, NGX_OPENCLAW_TOKEN_REQUIRED,
                                          NULL, "Token required");
            return;
        }

        if (ngx_http_openclaw_auth_anonymous(auth) == NGX_OK) {
            ngx_http_openclaw_auth_accept(auth);
        }

        return;
    }

    ngx_http_openclaw_ws_hold(auth->client->ws);

    ask.conf = &auth->conf->auth;
    ask.body = auth->ask.body;
    ask.limit = NGX_HTTP_OPENCLAW_AUTH_MAX_ANSWER;
    ask.timeout = auth->conf->auth_timeout;

    auth->fetch = ngx_openclaw_fetch_create(&ask,
                                            ngx_http_openclaw_auth_answered,
                                            auth, log);
    if (auth->fetch == NULL) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "authentication service can't be asked");
        ngx_http_openclaw_auth_refused(auth, &unavailable);
    }
}


static void
ngx_http_openclaw_auth_answered(void *data,
    ngx_openclaw_fetch_answer_t *answer)
{
    ngx_http_openclaw_auth_t *auth = data;

    ngx_int_t            rc;
    ngx_openclaw_auth_t  a;

    auth->fetch = NULL;

    ngx_memzero(&a, sizeof(ngx_openclaw_auth_t));

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, auth->client->ws->connection->log, 0,
                   "openclaw auth: answer %i, status %ui, %uz bytes",
                   answer->rc, answer->status, answer->body.len);

    rc = ngx_http_openclaw_auth_judge(auth, &a, answer);

    if (rc == NGX_OK) {
        rc = ngx_http_openclaw_auth_take(auth, &a);
    }

    /* a service may say what it was asked */

    if (ngx_http_openclaw_auth_tells(&a.error, &auth->ask.token)) {
        ngx_str_set(&a.error, "auth_failed");
    }

    ngx_http_openclaw_auth_forget(&auth->ask);

    if (rc == NGX_OK) {
        ngx_http_openclaw_auth_accept(auth);

    } else {
        ngx_http_openclaw_auth_refused(auth, &a.error);
    }

    ngx_openclaw_auth_free(&a);
}


/* NGX_OK, or NGX_DECLINED with the code of the refusal in a->error */

static ngx_int_t
ngx_http_openclaw_auth_judge(ngx_http_openclaw_auth_t *auth,
    ngx_openclaw_auth_t *a, ngx_openclaw_fetch_answer_t *answer)
{
    ngx_int_t  rc;

    static ngx_str_t  reserved = ngx_string("the userId is a reserved one");

    if (answer->rc == NGX_AGAIN) {
        ngx_log_error(NGX_LOG_ERR, auth->client->ws->connection->log,
                      NGX_ETIMEDOUT, "authentication service timed out");
        ngx_str_set(&a->error, "timeout");
        return NGX_DECLINED;
    }

    if (answer->rc != NGX_OK) {
        ngx_http_openclaw_auth_service_failed(auth, a, answer->status,
                                              &answer->reason);
        return NGX_DECLINED;
    }

    rc = ngx_openclaw_auth_parse(a, answer->body.data, answer->body.len);

    if (rc == NGX_OK && ngx_http_openclaw_auth_reserved(&a->id)) {
        a->error = reserved;
        rc = NGX_ERROR;
    }

    if (rc == NGX_ERROR) {
        ngx_http_openclaw_auth_service_failed(auth, a, answer->status,
                                              &a->error);
        return NGX_DECLINED;
    }

    return rc;
}


static void
ngx_http_openclaw_auth_service_failed(ngx_http_openclaw_auth_t *auth,
    ngx_openclaw_auth_t *a, ngx_uint_t status, ngx_str_t *why)
{
    ngx_log_error(NGX_LOG_ERR, auth->client->ws->connection->log, 0,
                  "authentication service failed, status %ui: %V",
                  status, why);

    ngx_str_set(&a->error, "service_unavailable");
}


/* NGX_OK, or NGX_DECLINED with the code of the refusal in a->error */

static ngx_int_t
ngx_http_openclaw_auth_take(ngx_http_openclaw_auth_t *auth,
    ngx_openclaw_auth_t *a)
{
    ngx_pool_t                    *pool;
    ngx_http_openclaw_identity_t  *identity;

    auth->expires = a->expires;

    if (auth->expires && ngx_http_openclaw_auth_left(auth) <= 0) {
        auth->expires = 0;
        ngx_str_set(&a->error, "token_expired");
        return NGX_DECLINED;
    }

    identity = auth->identity;
    pool = auth->client->ws->connection->pool;

    if (ngx_http_openclaw_auth_copy(pool, &a->id) != NGX_OK
        || ngx_http_openclaw_auth_copy(pool, &a->name) != NGX_OK)
    {
        ngx_str_set(&a->error, "service_unavailable");
        return NGX_DECLINED;
    }

    identity->id = a->id;

    /* openclaw_sender_name has bound it already */

    if (a->name.len && !identity->name_bound) {
        identity->name = a->name;
        identity->name_bound = 1;
    }

    return NGX_OK;
}


static void
ngx_http_openclaw_auth_refused(ngx_http_openclaw_auth_t *auth,
    ngx_str_t *code)
{
    u_char     *p;
    ngx_str_t   text;
    u_char      buf[sizeof("Authentication failed: ") + 128];

    ngx_log_error(auth->conf->ws.log_level, auth->client->ws->connection->log,
                  0, "client was not authenticated: %V", code);

    if (!auth->conf->auth_required) {

        if (ngx_http_openclaw_auth_anonymous(auth) == NGX_OK) {
            ngx_http_openclaw_auth_accept(auth);
        }

        return;
    }

    p = ngx_slprintf(buf, buf + sizeof(buf), "Authentication failed: %V",
                     code);
    text.data = buf;
    text.len = p - buf;

    ngx_http_openclaw_auth_reject(auth, NGX_OPENCLAW_AUTH_FAILED, &text,
                                  "Authentication failed");
}


static ngx_int_t
ngx_http_openclaw_auth_anonymous(ngx_http_openclaw_auth_t *auth)
{
    u_char  *p;
    size_t   len;

    len = sizeof(NGX_HTTP_OPENCLAW_ANONYMOUS) - 1;

    p = ngx_pnalloc(auth->client->ws->connection->pool,
                    len + NGX_HTTP_OPENCLAW_UUID_LEN);

    if (p == NULL || ngx_http_openclaw_uuid(p + len) != NGX_OK) {
        ngx_http_openclaw_auth_reject(auth, NGX_OPENCLAW_INTERNAL_ERROR, NULL,
                                      "Authentication failed");
        return NGX_ERROR;
    }

    ngx_memcpy(p, NGX_HTTP_OPENCLAW_ANONYMOUS, len);

    auth->identity->id.data = p;
    auth->identity->id.len = len + NGX_HTTP_OPENCLAW_UUID_LEN;

    return NGX_OK;
}


static void
ngx_http_openclaw_auth_reject(ngx_http_openclaw_auth_t *auth,
    ngx_openclaw_code_e code, ngx_str_t *text, const char *reason)
{
    ngx_http_openclaw_client_error(auth->client, NULL, code, text);
    ngx_http_openclaw_ws_close(auth->client->ws, NGX_HTTP_OPENCLAW_AUTH_CLOSE,
                               reason);
}


static void
ngx_http_openclaw_auth_accept(ngx_http_openclaw_auth_t *auth)
{
    auth->handler(auth->data);

    ngx_http_openclaw_ws_release(auth->client->ws);

    if (auth->expires == 0) {
        ngx_http_openclaw_auth_close(auth);
        return;
    }

    ngx_http_openclaw_auth_expiry(auth);
}


static int64_t
ngx_http_openclaw_auth_left(ngx_http_openclaw_auth_t *auth)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return auth->expires - ((int64_t) tp->sec * 1000 + tp->msec);
}


static void
ngx_http_openclaw_auth_expiry(ngx_http_openclaw_auth_t *auth)
{
    int64_t  left;

    left = ngx_http_openclaw_auth_left(auth);

    if (left <= 0) {
        ngx_log_error(NGX_LOG_INFO, auth->client->ws->connection->log, 0,
                      "client's token has expired");
        ngx_http_openclaw_ws_close(auth->client->ws,
                                   NGX_HTTP_OPENCLAW_AUTH_CLOSE,
                                   "Token expired");
        return;
    }

    ngx_add_timer(&auth->expiry,
                  (ngx_msec_t) ngx_min(left, NGX_HTTP_OPENCLAW_AUTH_EXPIRY));
}


static void
ngx_http_openclaw_auth_expiry_handler(ngx_event_t *ev)
{
    ngx_http_openclaw_auth_expiry(ev->data);
}


/* whether the token is in a text */

static ngx_uint_t
ngx_http_openclaw_auth_tells(ngx_str_t *text, ngx_str_t *token)
{
    u_char  *p, *last;

    /* a shorter one may be a part of any word */

    if (token->len < NGX_HTTP_OPENCLAW_AUTH_SECRET || text->len < token->len) {
        return 0;
    }

    last = text->data + text->len - token->len;

    for (p = text->data; p <= last; p++) {

        if (ngx_memcmp(p, token->data, token->len) == 0) {
            return 1;
        }
    }

    return 0;
}

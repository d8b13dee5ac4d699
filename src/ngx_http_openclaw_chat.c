
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_openclaw_stats.h>
#include <ngx_http_openclaw_module.h>
#include <ngx_http_openclaw_conf.h>
#include <ngx_http_openclaw_limit.h>
#include <ngx_http_openclaw_chat.h>


#define NGX_HTTP_OPENCLAW_ABORT_POOL_SIZE   1024


static ngx_int_t ngx_http_openclaw_chat_refuse(ngx_http_request_t *r,
    ngx_int_t status, ngx_str_t *reason);
static ngx_http_openclaw_chat_t *ngx_http_openclaw_chat_create(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_openclaw_chat_agent(ngx_http_request_t *r,
    ngx_http_openclaw_client_t *client);
static ngx_int_t ngx_http_openclaw_chat_headers(ngx_http_request_t *r,
    ngx_http_openclaw_client_t *client);
static ngx_int_t ngx_http_openclaw_chat_default_header(ngx_pool_t *pool,
    ngx_http_openclaw_client_t *client, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_openclaw_chat_header(ngx_pool_t *pool,
    ngx_array_t *headers, ngx_str_t *name, ngx_str_t *value);
static void ngx_http_openclaw_chat_admit(void *data);

static void ngx_http_openclaw_chat_message(ngx_http_openclaw_ws_t *ws,
    ngx_uint_t opcode, ngx_str_t *payload);
static void ngx_http_openclaw_chat_send(ngx_http_openclaw_chat_t *chat,
    ngx_openclaw_message_t *m);
static ngx_openclaw_code_e ngx_http_openclaw_chat_sender(
    ngx_http_openclaw_chat_t *chat, ngx_openclaw_message_t *m,
    ngx_str_t *id, ngx_str_t *name);
static void ngx_http_openclaw_chat_abort(ngx_http_openclaw_chat_t *chat,
    ngx_openclaw_message_t *m);
static void ngx_http_openclaw_chat_abort_session(
    ngx_http_openclaw_client_t *client, ngx_uint_t group, ngx_str_t *id,
    ngx_str_t *sender_id, ngx_str_t *message_id);
static void ngx_http_openclaw_chat_writable(ngx_http_openclaw_ws_t *ws);
static void ngx_http_openclaw_chat_expire(ngx_http_openclaw_ws_t *ws);
static void ngx_http_openclaw_chat_close(ngx_http_openclaw_ws_t *ws);


static ngx_http_openclaw_ws_handlers_t  ngx_http_openclaw_chat_handlers = {
    ngx_http_openclaw_chat_message,
    ngx_http_openclaw_chat_writable,
    ngx_http_openclaw_chat_expire,
    ngx_http_openclaw_chat_close
};


/* what the agent request says unless openclaw_set_header says otherwise */

static ngx_keyval_t  ngx_http_openclaw_default_headers[] = {
    { ngx_string("x-openclaw-message-channel"), ngx_string("websocket") },
    { ngx_string("x-openclaw-scopes"), ngx_string("operator.write") },
    { ngx_null_string, ngx_null_string }
};

ngx_int_t
ngx_http_openclaw_chat_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_str_t                  reason;
    ngx_http_openclaw_auth_t  *auth;
    ngx_http_openclaw_chat_t  *chat;

    if (r->err_status) {

        /* an error page, which would send 101 with the status of the error */

        return r->err_status;
    }

    ngx_str_null(&reason);

    rc = ngx_http_openclaw_auth_create(r, &auth, &reason);

    if (rc != NGX_OK) {
        return ngx_http_openclaw_chat_refuse(r, rc, &reason);
    }

    rc = ngx_http_openclaw_ws_check(r, &reason);

    if (rc != NGX_OK) {
        return ngx_http_openclaw_chat_refuse(r, rc, &reason);
    }

    rc = ngx_http_openclaw_auth_origin(r, &reason);

    if (rc != NGX_OK) {
        return ngx_http_openclaw_chat_refuse(r, rc, &reason);
    }

    chat = ngx_http_openclaw_chat_create(r);
    if (chat == NULL) {
        return ngx_http_openclaw_chat_refuse(r,
                                        NGX_HTTP_INTERNAL_SERVER_ERROR, NULL);
    }

    rc = ngx_http_openclaw_auth_identity(r, &chat->sender, &reason);

    if (rc != NGX_OK) {
        return ngx_http_openclaw_chat_refuse(r, rc, &reason);
    }

    ngx_http_set_ctx(r, chat, ngx_http_openclaw_module);

    chat->client.ws = ngx_http_openclaw_ws_create(r, &chat->client.conf->ws,
                                           &ngx_http_openclaw_chat_handlers,
                                           chat);
    if (chat->client.ws == NULL) {
        return ngx_http_openclaw_chat_refuse(r,
                                        NGX_HTTP_INTERNAL_SERVER_ERROR, NULL);
    }

    ngx_openclaw_stats_add(handshakes[NGX_OPENCLAW_STATS_ACCEPTED], 1);
    ngx_openclaw_stats_gauge(connections, 1);

    chat->auth = auth;

    if (auth) {
        ngx_http_openclaw_auth_start(auth, &chat->client, &chat->sender,
                                     ngx_http_openclaw_chat_admit, chat);

    } else {
        ngx_http_openclaw_chat_admit(chat);
    }

    return NGX_DONE;
}


static ngx_int_t
ngx_http_openclaw_chat_refuse(ngx_http_request_t *r, ngx_int_t status,
    ngx_str_t *reason)
{
    ngx_int_t                 rc;
    ngx_str_t                 type;
    ngx_http_complex_value_t  cv;

    ngx_openclaw_stats_add(handshakes[NGX_OPENCLAW_STATS_REFUSED], 1);

    if (status == NGX_HTTP_INTERNAL_SERVER_ERROR) {
        return status;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_str_set(&type, "text/plain");

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value = *reason;

    return ngx_http_send_response(r, status, &type, &cv);
}


static ngx_http_openclaw_chat_t *
ngx_http_openclaw_chat_create(ngx_http_request_t *r)
{
    ngx_http_openclaw_chat_t    *chat;
    ngx_http_openclaw_client_t  *client;

    chat = ngx_pcalloc(r->pool, sizeof(ngx_http_openclaw_chat_t));
    if (chat == NULL) {
        return NULL;
    }

    client = &chat->client;

    client->conf = ngx_http_get_module_loc_conf(r, ngx_http_openclaw_module);

    ngx_queue_init(&client->turns);

    if (ngx_http_openclaw_chat_agent(r, client) != NGX_OK
        || ngx_http_openclaw_chat_headers(r, client) != NGX_OK)
    {
        return NULL;
    }

    return chat;
}


static ngx_int_t
ngx_http_openclaw_chat_agent(ngx_http_request_t *r,
    ngx_http_openclaw_client_t *client)
{
    u_char     *p;
    ngx_str_t  *id;

    id = &client->agent_id;

    if (client->conf->agent_id == NULL) {
        ngx_str_set(id, "main");
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, client->conf->agent_id, id) != NGX_OK) {
        return NGX_ERROR;
    }

    /* it becomes a part of the session key, which nobody may forge */

    if (!ngx_http_openclaw_conf_is_agent(id)) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "the value \"%V\" of \"openclaw_agent\" is not the id "
                      "of an agent", id);
        return NGX_ERROR;
    }

    /* the gateway lower-cases keys: two cases would be one session there */

    p = ngx_pnalloc(r->pool, id->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(p, id->data, id->len);
    id->data = p;

    return NGX_OK;
}


static ngx_int_t
ngx_http_openclaw_chat_headers(ngx_http_request_t *r,
    ngx_http_openclaw_client_t *client)
{
    ngx_str_t                      value;
    ngx_uint_t                     i, j, n;
    ngx_keyval_t                  *def;
    ngx_http_openclaw_header_t    *h;
    ngx_http_openclaw_loc_conf_t  *conf;

    conf = client->conf;

    h = conf->headers ? conf->headers->elts : NULL;
    n = conf->headers ? conf->headers->nelts : 0;

    if (ngx_array_init(&client->headers, r->pool, n + 2, sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (def = ngx_http_openclaw_default_headers; def->key.len; def++) {

        if (ngx_http_openclaw_chat_default_header(r->pool, client, &def->key,
                                                  &def->value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < n; i++) {

        if (ngx_http_complex_value(r, &h[i].value, &value) != NGX_OK) {
            return NGX_ERROR;
        }

        for (j = 0; j < value.len; j++) {
            if (value.data[j] < 0x20 && value.data[j] != '\t') {
                ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                              "the value of \"openclaw_set_header\" for "
                              "\"%V\" has a control character", &h[i].name);
                return NGX_ERROR;
            }
        }

        if (value.len
            && ngx_http_openclaw_chat_header(r->pool, &client->headers,
                                             &h[i].name, &value)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* adds a header unless openclaw_set_header has set it, or turned it off */

static ngx_int_t
ngx_http_openclaw_chat_default_header(ngx_pool_t *pool,
    ngx_http_openclaw_client_t *client, ngx_str_t *name, ngx_str_t *value)
{
    ngx_uint_t                   i;
    ngx_array_t                 *set;
    ngx_http_openclaw_header_t  *h;

    set = client->conf->headers;
    h = set ? set->elts : NULL;

    for (i = 0; set && i < set->nelts; i++) {

        if (h[i].name.len == name->len
            && ngx_strncasecmp(h[i].name.data, name->data, name->len) == 0)
        {
            return NGX_OK;
        }
    }

    return ngx_http_openclaw_chat_header(pool, &client->headers, name, value);
}


static ngx_int_t
ngx_http_openclaw_chat_header(ngx_pool_t *pool, ngx_array_t *headers,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_str_t  *line;

    line = ngx_array_push(headers);
    if (line == NULL) {
        return NGX_ERROR;
    }

    line->len = name->len + sizeof(": ") - 1 + value->len;

    line->data = ngx_pnalloc(pool, line->len + 1);
    if (line->data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(line->data, "%V: %V%Z", name, value);

    return NGX_OK;
}


/* it is known who the client is */

static void
ngx_http_openclaw_chat_admit(void *data)
{
    ngx_http_openclaw_chat_t *chat = data;

    u_char     *p;
    ngx_str_t  *text;

    ngx_http_openclaw_limit_who(&chat->client, &chat->sender);

    if (ngx_http_openclaw_limit_connection(&chat->client) != NGX_OK) {
        return;
    }

    text = &chat->client.conf->greeting;

    if (text->len == 0) {
        return;
    }

    p = ngx_http_openclaw_ws_frame(chat->client.ws, NGX_OPENCLAW_FRAME_TEXT,
                             ngx_openclaw_json_response_size(NULL, text));
    if (p) {
        ngx_openclaw_json_response(p, NULL, text);
    }
}


static void
ngx_http_openclaw_chat_message(ngx_http_openclaw_ws_t *ws, ngx_uint_t opcode,
    ngx_str_t *payload)
{
    ngx_int_t                    rc;
    ngx_openclaw_message_t       m;
    ngx_http_openclaw_chat_t    *chat;
    ngx_http_openclaw_client_t  *client;

    chat = ws->data;
    client = &chat->client;

    client->nmessages++;
    ngx_openclaw_stats_add(messages, 1);

    rc = ngx_openclaw_message_parse(&m, payload->data, payload->len);

    if (rc == NGX_DECLINED) {
        ngx_log_error(ws->conf->log_level, ws->connection->log, 0,
                      "client sent invalid message: %V", &m.error);
        ngx_http_openclaw_client_error(client, &m.message_id, m.code,
                                       &m.error);
        ngx_http_openclaw_ws_vain(ws);

    } else if (rc != NGX_OK) {
        ngx_http_openclaw_client_error(client, NULL,
                                       NGX_OPENCLAW_INTERNAL_ERROR, NULL);

    } else {

        switch (m.type) {

        case NGX_OPENCLAW_MESSAGE_SEND:
            ngx_http_openclaw_chat_send(chat, &m);
            break;

        case NGX_OPENCLAW_MESSAGE_ABORT:
            ngx_http_openclaw_chat_abort(chat, &m);
            ngx_http_openclaw_ws_vain(ws);
            break;

        case NGX_OPENCLAW_MESSAGE_PING:
            ngx_http_openclaw_client_frame(client, &ngx_openclaw_json_pong);
            ngx_http_openclaw_ws_vain(ws);
            break;
        }
    }

    ngx_openclaw_message_free(&m);
}


static void
ngx_http_openclaw_chat_send(ngx_http_openclaw_chat_t *chat,
    ngx_openclaw_message_t *m)
{
    ngx_str_t            id, name;
    ngx_openclaw_code_e  code;

    code = ngx_http_openclaw_chat_sender(chat, m, &id, &name);

    if (code == NGX_OPENCLAW_OK) {
        code = ngx_http_openclaw_limit_message(&chat->client);
    }

    if (code == NGX_OPENCLAW_OK) {
        code = ngx_http_openclaw_turn_start(&chat->client, m, &id, &name);
    }

    if (code == NGX_OPENCLAW_OK) {
        chat->client.nturns++;
        return;
    }

    if (code != NGX_OPENCLAW_RATE_LIMITED) {
        ngx_log_error(chat->client.conf->ws.log_level,
                      chat->client.ws->connection->log, 0,
                      "client sent message that was refused: %V",
                      ngx_openclaw_code_name(code));
    }

    ngx_http_openclaw_client_error(&chat->client, &m->message_id, code, NULL);
    ngx_http_openclaw_ws_vain(chat->client.ws);
}


static ngx_openclaw_code_e
ngx_http_openclaw_chat_sender(ngx_http_openclaw_chat_t *chat,
    ngx_openclaw_message_t *m, ngx_str_t *id, ngx_str_t *name)
{
    ngx_uint_t  same;

    *id = chat->sender.id;
    *name = chat->sender.name;

    same = m->sender_id.len == 0
           || (m->sender_id.len == id->len
               && ngx_memcmp(m->sender_id.data, id->data, id->len) == 0);

    if (!same) {

        if (chat->sender.id_bound
            || ngx_http_openclaw_auth_reserved(&m->sender_id))
        {
            return NGX_OPENCLAW_SENDER_REFUSED;
        }

        *id = m->sender_id;

        /* the name of the connection is another sender's, unless bound */

        if (!chat->sender.name_bound) {
            ngx_str_null(name);
        }
    }

    if (m->sender_name.len && !chat->sender.name_bound) {
        *name = m->sender_name;
    }

    return NGX_OPENCLAW_OK;
}


static void
ngx_http_openclaw_chat_abort(ngx_http_openclaw_chat_t *chat,
    ngx_openclaw_message_t *m)
{
    ngx_str_t                    id, name;
    ngx_openclaw_code_e          code;
    ngx_http_openclaw_client_t  *client;

    client = &chat->client;

    code = ngx_http_openclaw_chat_sender(chat, m, &id, &name);

    if (code != NGX_OPENCLAW_OK) {
        ngx_http_openclaw_client_error(client, &m->message_id, code, NULL);
        return;
    }

    if (ngx_http_openclaw_turn_abort(client, &id, &m->message_id)
        && m->message_id.len)
    {
        return;
    }

    /* it may have been sent over another connection, to any worker */

    ngx_http_openclaw_chat_abort_session(client, 0, &id, &id, &m->message_id);

    if (m->group_id.len) {
        ngx_http_openclaw_chat_abort_session(client, 1, &m->group_id, &id,
                                             &m->message_id);
    }
}


static void
ngx_http_openclaw_chat_abort_session(ngx_http_openclaw_client_t *client,
    ngx_uint_t group, ngx_str_t *id, ngx_str_t *sender_id,
    ngx_str_t *message_id)
{
    ngx_str_t    key;
    ngx_pool_t  *pool;

    pool = ngx_create_pool(NGX_HTTP_OPENCLAW_ABORT_POOL_SIZE,
                           client->ws->connection->log);
    if (pool == NULL) {
        return;
    }

    if (ngx_openclaw_session_key(pool, &client->agent_id, group, id, &key)
        == NGX_OK)
    {
        ngx_openclaw_session_abort(&key, sender_id, message_id);
    }

    ngx_destroy_pool(pool);
}


static void
ngx_http_openclaw_chat_writable(ngx_http_openclaw_ws_t *ws)
{
    ngx_http_openclaw_chat_t  *chat;

    chat = ws->data;

    ngx_http_openclaw_turn_resume(&chat->client);
}


static void
ngx_http_openclaw_chat_expire(ngx_http_openclaw_ws_t *ws)
{
    ngx_http_openclaw_chat_t  *chat;

    chat = ws->data;

    ngx_http_openclaw_turn_expire(&chat->client);
}


static void
ngx_http_openclaw_chat_close(ngx_http_openclaw_ws_t *ws)
{
    ngx_http_openclaw_chat_t  *chat;

    chat = ws->data;

    ngx_openclaw_stats_add(closes[ngx_openclaw_stats_close(ws->code)], 1);
    ngx_openclaw_stats_gauge(connections, -1);

    if (chat->auth) {
        ngx_http_openclaw_auth_close(chat->auth);
    }

    ngx_http_openclaw_turn_leave(&chat->client);
    ngx_http_openclaw_limit_leave(&chat->client);
}

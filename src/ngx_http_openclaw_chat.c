
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
#include <ngx_http_openclaw_target.h>
#include <ngx_http_openclaw_chat.h>


#define NGX_HTTP_OPENCLAW_ABORT_POOL_SIZE   1024


static ngx_int_t ngx_http_openclaw_chat_refuse(ngx_http_request_t *r,
    ngx_int_t status, ngx_str_t *reason);
static ngx_http_openclaw_chat_t *ngx_http_openclaw_chat_create(
    ngx_http_request_t *r, ngx_http_openclaw_identity_t *sender);
static u_char *ngx_http_openclaw_chat_keep(u_char *p, ngx_str_t *s);
static ngx_int_t ngx_http_openclaw_chat_agent(ngx_http_request_t *r,
    ngx_http_openclaw_loc_conf_t *conf, ngx_str_t *id);
static ngx_array_t *ngx_http_openclaw_chat_headers(ngx_http_request_t *r,
    ngx_http_openclaw_loc_conf_t *conf);
static ngx_array_t *ngx_http_openclaw_chat_keep_headers(ngx_pool_t *pool,
    ngx_array_t *headers);
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
static void ngx_http_openclaw_chat_log(ngx_http_openclaw_chat_t *chat);


static ngx_http_openclaw_ws_handlers_t  ngx_http_openclaw_chat_handlers = {
    ngx_http_openclaw_chat_message,
    ngx_http_openclaw_chat_writable,
    ngx_http_openclaw_chat_expire,
    ngx_http_openclaw_chat_close
};


ngx_int_t
ngx_http_openclaw_chat_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_str_t                      reason;
    ngx_http_openclaw_auth_t      *auth;
    ngx_http_openclaw_chat_t      *chat;
    ngx_http_openclaw_identity_t   sender;

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

    rc = ngx_http_openclaw_auth_identity(r, &sender, &reason);

    if (rc != NGX_OK) {
        return ngx_http_openclaw_chat_refuse(r, rc, &reason);
    }

    chat = ngx_http_openclaw_chat_create(r, &sender);
    if (chat == NULL) {
        return ngx_http_openclaw_chat_refuse(r,
                                        NGX_HTTP_INTERNAL_SERVER_ERROR, NULL);
    }

    ngx_http_set_ctx(r, chat, ngx_http_openclaw_module);

    if (ngx_http_openclaw_ws_start(chat->client.ws) != NGX_OK) {
        return ngx_http_openclaw_chat_refuse(r,
                                        NGX_HTTP_INTERNAL_SERVER_ERROR, NULL);
    }

    ngx_openclaw_stats_add(handshakes[NGX_OPENCLAW_STATS_ACCEPTED], 1);
    ngx_openclaw_stats_gauge(connections, 1);

    if (auth) {
        chat->auth = auth;
        ngx_http_openclaw_auth_start(&chat->auth, &chat->client, &chat->sender,
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
ngx_http_openclaw_chat_create(ngx_http_request_t *r,
    ngx_http_openclaw_identity_t *sender)
{
    u_char                        *p;
    ngx_str_t                      agent_id;
    ngx_array_t                   *headers;
    ngx_http_openclaw_ws_t        *ws;
    ngx_http_openclaw_chat_t      *chat;
    ngx_http_openclaw_client_t    *client;
    ngx_http_openclaw_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_openclaw_module);

    if (ngx_http_openclaw_chat_agent(r, conf, &agent_id) != NGX_OK) {
        return NULL;
    }

    headers = ngx_http_openclaw_chat_headers(r, conf);
    if (headers == NULL) {
        return NULL;
    }

    ws = ngx_http_openclaw_ws_create(r, &conf->ws,
                                     &ngx_http_openclaw_chat_handlers,
                                     sizeof(ngx_http_openclaw_chat_t)
                                     + agent_id.len + sender->id.len
                                     + sender->name.len);
    if (ws == NULL) {
        return NULL;
    }

    chat = ngx_http_openclaw_ws_user(ws);
    chat->sender = *sender;

    client = &chat->client;

    client->ws = ws;
    client->conf = conf;
    client->agent_id = agent_id;
    client->headers = headers;

    ngx_queue_init(&client->turns);

    /* the request may be gone before the connection */

    p = (u_char *) (chat + 1);
    p = ngx_http_openclaw_chat_keep(p, &client->agent_id);
    p = ngx_http_openclaw_chat_keep(p, &chat->sender.id);
    ngx_http_openclaw_chat_keep(p, &chat->sender.name);

    return chat;
}


static u_char *
ngx_http_openclaw_chat_keep(u_char *p, ngx_str_t *s)
{
    u_char  *last;

    if (s->len == 0) {
        return p;
    }

    last = ngx_cpymem(p, s->data, s->len);
    s->data = p;

    return last;
}


static ngx_int_t
ngx_http_openclaw_chat_agent(ngx_http_request_t *r,
    ngx_http_openclaw_loc_conf_t *conf, ngx_str_t *id)
{
    u_char  *p;

    if (conf->agent_id == NULL) {
        ngx_str_set(id, "main");
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, conf->agent_id, id) != NGX_OK) {
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


static ngx_array_t *
ngx_http_openclaw_chat_headers(ngx_http_request_t *r,
    ngx_http_openclaw_loc_conf_t *conf)
{
    ngx_str_t                    value;
    ngx_uint_t                   i, j;
    ngx_array_t                 *headers;
    ngx_http_openclaw_header_t  *h;

    if (conf->lines) {
        return conf->lines;
    }

    headers = ngx_array_create(r->pool, conf->headers->nelts,
                               sizeof(ngx_str_t));
    if (headers == NULL) {
        return NULL;
    }

    h = conf->headers->elts;

    for (i = 0; i < conf->headers->nelts; i++) {

        if (ngx_http_complex_value(r, &h[i].value, &value) != NGX_OK) {
            return NULL;
        }

        for (j = 0; j < value.len; j++) {
            if (value.data[j] < 0x20 && value.data[j] != '\t') {
                ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                              "the value of \"openclaw_set_header\" for "
                              "\"%V\" has a control character", &h[i].name);
                return NULL;
            }
        }

        if (ngx_http_openclaw_target_line(r->pool, headers, &h[i].name, &value)
            != NGX_OK)
        {
            return NULL;
        }
    }

    return ngx_http_openclaw_chat_keep_headers(r->connection->pool, headers);
}


static ngx_array_t *
ngx_http_openclaw_chat_keep_headers(ngx_pool_t *pool, ngx_array_t *headers)
{
    ngx_str_t    *src, *line;
    ngx_uint_t    i;
    ngx_array_t  *kept;

    kept = ngx_array_create(pool, headers->nelts, sizeof(ngx_str_t));
    if (kept == NULL) {
        return NULL;
    }

    src = headers->elts;

    for (i = 0; i < headers->nelts; i++) {

        line = ngx_array_push(kept);
        if (line == NULL) {
            return NULL;
        }

        line->len = src[i].len;

        line->data = ngx_pnalloc(pool, src[i].len + 1);
        if (line->data == NULL) {
            return NULL;
        }

        ngx_memcpy(line->data, src[i].data, src[i].len + 1);
    }

    return kept;
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

    chat = ngx_http_openclaw_ws_user(ws);
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

    chat = ngx_http_openclaw_ws_user(ws);

    ngx_http_openclaw_turn_resume(&chat->client);
}


static void
ngx_http_openclaw_chat_expire(ngx_http_openclaw_ws_t *ws)
{
    ngx_http_openclaw_chat_t  *chat;

    chat = ngx_http_openclaw_ws_user(ws);

    ngx_http_openclaw_turn_expire(&chat->client);
}


static void
ngx_http_openclaw_chat_close(ngx_http_openclaw_ws_t *ws)
{
    ngx_http_openclaw_chat_t  *chat;

    chat = ngx_http_openclaw_ws_user(ws);

    ngx_openclaw_stats_add(closes[ngx_openclaw_stats_close(ws->code)], 1);
    ngx_openclaw_stats_gauge(connections, -1);

    if (ws->request == NULL) {
        ngx_http_openclaw_chat_log(chat);
    }

    if (chat->auth) {
        ngx_http_openclaw_auth_close(chat->auth);
    }

    ngx_http_openclaw_turn_leave(&chat->client);
    ngx_http_openclaw_limit_leave(&chat->client);
}


/* the line that the access log does not have: it had one at the handshake */

static void
ngx_http_openclaw_chat_log(ngx_http_openclaw_chat_t *chat)
{
    ngx_http_openclaw_ws_t      *ws;
    ngx_http_openclaw_client_t  *client;

    client = &chat->client;
    ws = client->ws;

    ngx_log_error(NGX_LOG_INFO, ws->connection->log, 0,
                  "connection of sender \"%V\" closed with %uD, "
                  "messages: %uD, turns: %uD, errors: %uD, "
                  "frames: %uD received, %uD sent, "
                  "bytes: %O received, %O sent",
                  &chat->sender.id, ws->code, client->nmessages,
                  client->nturns, client->nerrors, ws->frames_in,
                  ws->frames_out, ws->bytes_in, ws->bytes_out);
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_http_openclaw_module.h>
#include <ngx_http_openclaw_chat.h>
#include <ngx_http_openclaw_variable.h>


typedef enum {
    NGX_HTTP_OPENCLAW_VARIABLE_MESSAGES = 0,
    NGX_HTTP_OPENCLAW_VARIABLE_TURNS,
    NGX_HTTP_OPENCLAW_VARIABLE_ERRORS,
    NGX_HTTP_OPENCLAW_VARIABLE_FRAMES_RECEIVED,
    NGX_HTTP_OPENCLAW_VARIABLE_FRAMES_SENT,
    NGX_HTTP_OPENCLAW_VARIABLE_BYTES_RECEIVED,
    NGX_HTTP_OPENCLAW_VARIABLE_BYTES_SENT,
    NGX_HTTP_OPENCLAW_VARIABLE_CLOSE_CODE
} ngx_http_openclaw_variable_e;


typedef enum {
    NGX_HTTP_OPENCLAW_VARIABLE_SENDER_ID = 0,
    NGX_HTTP_OPENCLAW_VARIABLE_SESSION,
    NGX_HTTP_OPENCLAW_VARIABLE_LAST_ERROR
} ngx_http_openclaw_variable_word_e;


static ngx_int_t ngx_http_openclaw_variable_number(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static off_t ngx_http_openclaw_variable_value(ngx_http_openclaw_chat_t *chat,
    uintptr_t data);
static ngx_int_t ngx_http_openclaw_variable_word(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_http_variable_t  ngx_http_openclaw_variables[] = {

    { ngx_string("openclaw_sender_id"), NULL,
      ngx_http_openclaw_variable_word,
      NGX_HTTP_OPENCLAW_VARIABLE_SENDER_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("openclaw_session"), NULL,
      ngx_http_openclaw_variable_word,
      NGX_HTTP_OPENCLAW_VARIABLE_SESSION, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("openclaw_messages"), NULL,
      ngx_http_openclaw_variable_number,
      NGX_HTTP_OPENCLAW_VARIABLE_MESSAGES, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("openclaw_turns"), NULL,
      ngx_http_openclaw_variable_number,
      NGX_HTTP_OPENCLAW_VARIABLE_TURNS, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("openclaw_errors"), NULL,
      ngx_http_openclaw_variable_number,
      NGX_HTTP_OPENCLAW_VARIABLE_ERRORS, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("openclaw_last_error"), NULL,
      ngx_http_openclaw_variable_word,
      NGX_HTTP_OPENCLAW_VARIABLE_LAST_ERROR, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("openclaw_frames_received"), NULL,
      ngx_http_openclaw_variable_number,
      NGX_HTTP_OPENCLAW_VARIABLE_FRAMES_RECEIVED,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("openclaw_frames_sent"), NULL,
      ngx_http_openclaw_variable_number,
      NGX_HTTP_OPENCLAW_VARIABLE_FRAMES_SENT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("openclaw_bytes_received"), NULL,
      ngx_http_openclaw_variable_number,
      NGX_HTTP_OPENCLAW_VARIABLE_BYTES_RECEIVED,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("openclaw_bytes_sent"), NULL,
      ngx_http_openclaw_variable_number,
      NGX_HTTP_OPENCLAW_VARIABLE_BYTES_SENT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("openclaw_close_code"), NULL,
      ngx_http_openclaw_variable_number,
      NGX_HTTP_OPENCLAW_VARIABLE_CLOSE_CODE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_openclaw_variable_add(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_openclaw_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_openclaw_variable_number(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_openclaw_chat_t  *chat;

    chat = ngx_http_get_module_ctx(r->main, ngx_http_openclaw_module);

    if (chat == NULL
        || (data == NGX_HTTP_OPENCLAW_VARIABLE_CLOSE_CODE
            && chat->client.ws->code == 0))
    {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = ngx_pnalloc(r->pool, NGX_OFF_T_LEN);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    v->len = ngx_sprintf(v->data, "%O",
                         ngx_http_openclaw_variable_value(chat, data))
             - v->data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static off_t
ngx_http_openclaw_variable_value(ngx_http_openclaw_chat_t *chat,
    uintptr_t data)
{
    ngx_http_openclaw_ws_t      *ws;
    ngx_http_openclaw_client_t  *client;

    client = &chat->client;
    ws = client->ws;

    switch ((ngx_http_openclaw_variable_e) data) {

    case NGX_HTTP_OPENCLAW_VARIABLE_MESSAGES:
        return client->nmessages;

    case NGX_HTTP_OPENCLAW_VARIABLE_TURNS:
        return client->nturns;

    case NGX_HTTP_OPENCLAW_VARIABLE_ERRORS:
        return client->nerrors;

    case NGX_HTTP_OPENCLAW_VARIABLE_FRAMES_RECEIVED:
        return ws->frames_in;

    case NGX_HTTP_OPENCLAW_VARIABLE_FRAMES_SENT:
        return ws->frames_out;

    case NGX_HTTP_OPENCLAW_VARIABLE_BYTES_RECEIVED:
        return ws->bytes_in;

    case NGX_HTTP_OPENCLAW_VARIABLE_BYTES_SENT:
        return ws->bytes_out;

    default: /* NGX_HTTP_OPENCLAW_VARIABLE_CLOSE_CODE */
        return ws->code;
    }
}


static ngx_int_t
ngx_http_openclaw_variable_word(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                 *word;
    ngx_http_openclaw_chat_t  *chat;

    chat = ngx_http_get_module_ctx(r->main, ngx_http_openclaw_module);

    if (chat == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    switch ((ngx_http_openclaw_variable_word_e) data) {

    case NGX_HTTP_OPENCLAW_VARIABLE_SENDER_ID:
        word = &chat->sender.id;
        break;

    case NGX_HTTP_OPENCLAW_VARIABLE_SESSION:
        word = &chat->client.session;
        break;

    default: /* NGX_HTTP_OPENCLAW_VARIABLE_LAST_ERROR */
        word = ngx_openclaw_code_name(chat->client.last_error);

        if (chat->client.nerrors == 0) {
            v->not_found = 1;
            return NGX_OK;
        }
    }

    if (word->len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->len = word->len;
    v->data = word->data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}

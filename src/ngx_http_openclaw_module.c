
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_http_openclaw_module.h>
#include <ngx_http_openclaw_chat.h>
#include <ngx_http_openclaw_turn.h>
#include <ngx_http_openclaw_limit.h>
#include <ngx_http_openclaw_conf.h>
#include <ngx_http_openclaw_target.h>
#include <ngx_http_openclaw_status.h>
#include <ngx_http_openclaw_variable.h>


#define NGX_HTTP_OPENCLAW_ZONE_SIZE         (16 * 1024 * 1024)

/* pings and the like that a client may send at once */

#define NGX_HTTP_OPENCLAW_MAX_VAIN          2000


static void *ngx_http_openclaw_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_openclaw_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_openclaw_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_openclaw_postconfiguration(ngx_conf_t *cf);

static ngx_int_t ngx_http_openclaw_init_process(ngx_cycle_t *cycle);
static void ngx_http_openclaw_exit_process(ngx_cycle_t *cycle);


static ngx_conf_enum_t  ngx_http_openclaw_stream[] = {
    { ngx_string("delta"), NGX_HTTP_OPENCLAW_STREAM_DELTA },
    { ngx_string("snapshot"), NGX_HTTP_OPENCLAW_STREAM_SNAPSHOT },
    { ngx_string("off"), NGX_HTTP_OPENCLAW_STREAM_OFF },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_openclaw_deflate[] = {
    { ngx_string("off"), NGX_OPENCLAW_DEFLATE_OFF },
    { ngx_string("on"), NGX_OPENCLAW_DEFLATE_ON },
    { ngx_string("takeover"), NGX_OPENCLAW_DEFLATE_TAKEOVER },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_openclaw_log_levels[] = {
    { ngx_string("info"), NGX_LOG_INFO },
    { ngx_string("notice"), NGX_LOG_NOTICE },
    { ngx_string("warn"), NGX_LOG_WARN },
    { ngx_string("error"), NGX_LOG_ERR },
    { ngx_null_string, 0 }
};


static ngx_conf_bitmask_t  ngx_http_openclaw_ssl_protocols[] = {
    { ngx_string("TLSv1"), NGX_SSL_TLSv1 },
    { ngx_string("TLSv1.1"), NGX_SSL_TLSv1_1 },
    { ngx_string("TLSv1.2"), NGX_SSL_TLSv1_2 },
    { ngx_string("TLSv1.3"), NGX_SSL_TLSv1_3 },
    { ngx_null_string, 0 }
};


static ngx_conf_post_t  ngx_http_openclaw_token_post =
    { ngx_http_openclaw_conf_token };
static ngx_conf_post_t  ngx_http_openclaw_token_file_post =
    { ngx_http_openclaw_conf_token_file };
static ngx_conf_post_t  ngx_http_openclaw_file_post =
    { ngx_http_openclaw_conf_file };
static ngx_conf_post_t  ngx_http_openclaw_text_post =
    { ngx_http_openclaw_conf_text };
static ngx_conf_post_t  ngx_http_openclaw_size_post =
    { ngx_http_openclaw_conf_positive_size };
static ngx_conf_post_t  ngx_http_openclaw_time_post =
    { ngx_http_openclaw_conf_positive_time };


static ngx_command_t  ngx_http_openclaw_commands[] = {

    { ngx_string("openclaw_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_openclaw_conf_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openclaw_pass"),
      NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF|NGX_CONF_1MORE,
      ngx_http_openclaw_conf_pass,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openclaw_token"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, token),
      &ngx_http_openclaw_token_post },

    { ngx_string("openclaw_token_file"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, token_file),
      &ngx_http_openclaw_token_file_post },

    { ngx_string("openclaw_set_header"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE2,
      ngx_http_openclaw_conf_set_header,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openclaw_agent"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_agent,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, agent_id),
      NULL },

    { ngx_string("openclaw_sender_id"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, sender_id),
      NULL },

    { ngx_string("openclaw_sender_name"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, sender_name),
      NULL },

    { ngx_string("openclaw_auth"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_auth,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openclaw_auth_token"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_auth_token,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openclaw_auth_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, auth_timeout),
      &ngx_http_openclaw_time_post },

    { ngx_string("openclaw_auth_required"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, auth_required),
      NULL },

    { ngx_string("openclaw_allow_origin"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_openclaw_conf_allow_origin,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openclaw_greeting"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, greeting),
      &ngx_http_openclaw_text_post },

    { ngx_string("openclaw_stream"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_enum,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, stream),
      &ngx_http_openclaw_stream },

    { ngx_string("openclaw_queue"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_num,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, queue),
      NULL },

    { ngx_string("openclaw_message_rate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_openclaw_limit_rate,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openclaw_connections"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_num,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, connections),
      NULL },

    { ngx_string("openclaw_turns"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_num,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, turns),
      NULL },

    { ngx_string("openclaw_answers"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_openclaw_conf_answers,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openclaw_max_message_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_size,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, ws.max_message_size),
      &ngx_http_openclaw_size_post },

    { ngx_string("openclaw_message_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, ws.message_timeout),
      &ngx_http_openclaw_time_post },

    { ngx_string("openclaw_send_buffer"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_size,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, ws.send_buffer),
      &ngx_http_openclaw_size_post },

    { ngx_string("openclaw_send_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, ws.send_timeout),
      &ngx_http_openclaw_time_post },

    { ngx_string("openclaw_ping_interval"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, ws.ping_interval),
      NULL },

    { ngx_string("openclaw_ping_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, ws.ping_timeout),
      &ngx_http_openclaw_time_post },

    { ngx_string("openclaw_deflate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_enum,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, ws.deflate),
      &ngx_http_openclaw_deflate },

    { ngx_string("openclaw_connect_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, agent.connect_timeout),
      &ngx_http_openclaw_time_post },

    { ngx_string("openclaw_read_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, agent.read_timeout),
      &ngx_http_openclaw_time_post },

    { ngx_string("openclaw_turn_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, agent.turn_timeout),
      &ngx_http_openclaw_time_post },

    { ngx_string("openclaw_retry_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, agent.retry_timeout),
      NULL },

    { ngx_string("openclaw_detach"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, detach),
      NULL },

    { ngx_string("openclaw_ssl_verify"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, agent.ssl_verify),
      NULL },

    { ngx_string("openclaw_ssl_name"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, ssl_name),
      NULL },

    { ngx_string("openclaw_ssl_trusted_certificate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, ssl_trusted_certificate),
      &ngx_http_openclaw_file_post },

    { ngx_string("openclaw_ssl_crl"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, ssl_crl),
      &ngx_http_openclaw_file_post },

    { ngx_string("openclaw_ssl_certificate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, ssl_certificate),
      &ngx_http_openclaw_file_post },

    { ngx_string("openclaw_ssl_certificate_key"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, ssl_certificate_key),
      &ngx_http_openclaw_file_post },

    { ngx_string("openclaw_ssl_ciphers"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, agent.ssl_ciphers),
      NULL },

    { ngx_string("openclaw_ssl_protocols"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_openclaw_conf_bitmask,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, agent.ssl_protocols),
      &ngx_http_openclaw_ssl_protocols },

    { ngx_string("openclaw_log_level"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_openclaw_conf_enum,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, ws.log_level),
      &ngx_http_openclaw_log_levels },

    { ngx_string("openclaw_lean"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, ws.lean),
      NULL },

    { ngx_string("openclaw_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_openclaw_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openclaw_loc_conf_t, status),
      &ngx_http_openclaw_status_names },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_openclaw_module_ctx = {
    ngx_http_openclaw_variable_add,        /* preconfiguration */
    ngx_http_openclaw_postconfiguration,   /* postconfiguration */

    ngx_http_openclaw_create_main_conf,    /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_openclaw_create_loc_conf,     /* create location configuration */
    ngx_http_openclaw_merge_loc_conf       /* merge location configuration */
};


ngx_module_t  ngx_http_openclaw_module = {
    NGX_MODULE_V1,
    &ngx_http_openclaw_module_ctx,         /* module context */
    ngx_http_openclaw_commands,            /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_openclaw_init_process,        /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_openclaw_exit_process,        /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_openclaw_create_main_conf(ngx_conf_t *cf)
{
    /*
     * set by ngx_pcalloc():
     *
     *     omcf->zone = NULL;
     *     omcf->used = 0;
     */

    return ngx_pcalloc(cf->pool, sizeof(ngx_http_openclaw_main_conf_t));
}


static void *
ngx_http_openclaw_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_openclaw_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_openclaw_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->urls = NULL;
     *     conf->lines = NULL;
     *     conf->ws.core = NULL;
     *     conf->agent.gateways.* = 0;
     *     conf->agent.* = { 0, NULL } for the strings;
     *     conf->agent.ssl_protocols = 0;
     *     conf->token = { 0, NULL };
     *     conf->token_file = { 0, NULL };
     *     conf->greeting = { 0, NULL };
     *     conf->ssl_name = { 0, NULL };
     *     conf->ssl_trusted_certificate = { { 0, NULL }, NULL, 0 };
     *     conf->ssl_crl = { { 0, NULL }, NULL, 0 };
     *     conf->ssl_certificate = { { 0, NULL }, NULL, 0 };
     *     conf->ssl_certificate_key = { { 0, NULL }, NULL, 0 };
     */

    conf->headers = NGX_CONF_UNSET_PTR;
    conf->agent_id = NGX_CONF_UNSET_PTR;
    conf->sender_id = NGX_CONF_UNSET_PTR;
    conf->sender_name = NGX_CONF_UNSET_PTR;
    conf->origins = NGX_CONF_UNSET_PTR;

    conf->auth_url = NGX_CONF_UNSET_PTR;
    conf->auth_token = NGX_CONF_UNSET_PTR;
    conf->auth_timeout = NGX_CONF_UNSET_MSEC;
    conf->auth_required = NGX_CONF_UNSET;

    conf->status = NGX_CONF_UNSET_UINT;

    conf->stream = NGX_CONF_UNSET_UINT;
    conf->queue = NGX_CONF_UNSET;
    conf->message_rate = NGX_CONF_UNSET_PTR;
    conf->connections = NGX_CONF_UNSET;
    conf->turns = NGX_CONF_UNSET;
    conf->answers = NGX_CONF_UNSET_UINT;
    conf->answer_size = NGX_CONF_UNSET_SIZE;
    conf->detach = NGX_CONF_UNSET_MSEC;

    conf->ws.max_message_size = NGX_CONF_UNSET_SIZE;
    conf->ws.message_timeout = NGX_CONF_UNSET_MSEC;
    conf->ws.send_buffer = NGX_CONF_UNSET_SIZE;
    conf->ws.send_timeout = NGX_CONF_UNSET_MSEC;
    conf->ws.ping_interval = NGX_CONF_UNSET_MSEC;
    conf->ws.ping_timeout = NGX_CONF_UNSET_MSEC;
    conf->ws.deflate = NGX_CONF_UNSET_UINT;
    conf->ws.log_level = NGX_CONF_UNSET_UINT;
    conf->ws.lean = NGX_CONF_UNSET;

    conf->agent.connect_timeout = NGX_CONF_UNSET_MSEC;
    conf->agent.read_timeout = NGX_CONF_UNSET_MSEC;
    conf->agent.turn_timeout = NGX_CONF_UNSET_MSEC;
    conf->agent.retry_timeout = NGX_CONF_UNSET_MSEC;
    conf->agent.ssl_verify = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_openclaw_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_openclaw_loc_conf_t *prev = parent;
    ngx_http_openclaw_loc_conf_t *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    /* a token or a file at this level hides both of the level above */

    if (conf->token.data == NULL) {
        conf->token = prev->token;
        conf->token_file = prev->token_file;
    }

    ngx_conf_merge_ptr_value(conf->headers, prev->headers, NULL);
    ngx_conf_merge_ptr_value(conf->agent_id, prev->agent_id, NULL);
    ngx_conf_merge_ptr_value(conf->sender_id, prev->sender_id, NULL);
    ngx_conf_merge_ptr_value(conf->sender_name, prev->sender_name, NULL);
    ngx_conf_merge_ptr_value(conf->origins, prev->origins, NULL);

    if (conf->auth_token == NGX_CONF_UNSET_PTR) {
        conf->auth_arg = prev->auth_arg;
    }

    ngx_conf_merge_ptr_value(conf->auth_url, prev->auth_url, NULL);
    ngx_conf_merge_ptr_value(conf->auth_token, prev->auth_token, NULL);
    ngx_conf_merge_msec_value(conf->auth_timeout, prev->auth_timeout, 5000);
    ngx_conf_merge_value(conf->auth_required, prev->auth_required, 1);

    if (conf->auth_token == NULL && conf->auth_arg.len == 0) {
        ngx_str_set(&conf->auth_arg, "token");
    }

    ngx_conf_merge_str_value(conf->greeting, prev->greeting, "");

    ngx_conf_merge_uint_value(conf->status, prev->status,
                              NGX_HTTP_OPENCLAW_STATUS_JSON);

    ngx_conf_merge_uint_value(conf->stream, prev->stream,
                              NGX_HTTP_OPENCLAW_STREAM_DELTA);
    ngx_conf_merge_value(conf->queue, prev->queue, 16);
    ngx_conf_merge_ptr_value(conf->message_rate, prev->message_rate, NULL);
    ngx_conf_merge_value(conf->connections, prev->connections, 0);
    ngx_conf_merge_value(conf->turns, prev->turns, 64);
    ngx_conf_merge_uint_value(conf->answers, prev->answers, 8);
    ngx_conf_merge_size_value(conf->answer_size, prev->answer_size,
                              64 * 1024);
    ngx_conf_merge_msec_value(conf->detach, prev->detach, 600000);

    ngx_conf_merge_size_value(conf->ws.max_message_size,
                              prev->ws.max_message_size, 1024 * 1024);
    conf->ws.max_fragments = NGX_OPENCLAW_FRAME_MAX_FRAGMENTS;
    conf->ws.max_vain = NGX_HTTP_OPENCLAW_MAX_VAIN;
    ngx_conf_merge_msec_value(conf->ws.message_timeout,
                              prev->ws.message_timeout, 60000);
    ngx_conf_merge_size_value(conf->ws.send_buffer, prev->ws.send_buffer,
                              256 * 1024);
    ngx_conf_merge_msec_value(conf->ws.send_timeout, prev->ws.send_timeout,
                              60000);
    ngx_conf_merge_msec_value(conf->ws.ping_interval, prev->ws.ping_interval,
                              25000);
    ngx_conf_merge_msec_value(conf->ws.ping_timeout, prev->ws.ping_timeout,
                              20000);
    ngx_conf_merge_uint_value(conf->ws.deflate, prev->ws.deflate,
                              NGX_OPENCLAW_DEFLATE_OFF);
    ngx_conf_merge_uint_value(conf->ws.log_level, prev->ws.log_level,
                              NGX_LOG_INFO);
    ngx_conf_merge_value(conf->ws.lean, prev->ws.lean, 0);

    ngx_conf_merge_msec_value(conf->agent.connect_timeout,
                              prev->agent.connect_timeout, 5000);
    ngx_conf_merge_msec_value(conf->agent.read_timeout,
                              prev->agent.read_timeout, 600000);
    ngx_conf_merge_msec_value(conf->agent.turn_timeout,
                              prev->agent.turn_timeout, 3600000);
    ngx_conf_merge_msec_value(conf->agent.retry_timeout,
                              prev->agent.retry_timeout, 30000);

    ngx_http_openclaw_target_merge_ssl(prev, conf);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    conf->ws.core = clcf;

    if (conf->urls == NULL && clcf->noname && prev->urls) {

        /* "if" and "limit_except" are still their location's endpoint */

        conf->urls = prev->urls;
        conf->agent = prev->agent;
        conf->auth = prev->auth;

        if (clcf->lmt_excpt && clcf->handler == NULL) {
            clcf->handler = ngx_http_openclaw_chat_handler;
        }

        return ngx_http_openclaw_target_headers(cf, conf);
    }

    if (conf->urls == NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_http_openclaw_target_headers(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_openclaw_target_init(cf, conf);
}


static ngx_int_t
ngx_http_openclaw_postconfiguration(ngx_conf_t *cf)
{
    ngx_str_t                       name;
    ngx_http_openclaw_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_openclaw_module);

    if (!omcf->used || omcf->zone) {
        return NGX_OK;
    }

    ngx_str_set(&name, "openclaw");

    omcf->zone = ngx_openclaw_session_zone(cf, &name,
                                           NGX_HTTP_OPENCLAW_ZONE_SIZE,
                                           NGX_HTTP_OPENCLAW_INACTIVE,
                                           &ngx_http_openclaw_module);

    return omcf->zone ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_openclaw_init_process(ngx_cycle_t *cycle)
{
    ngx_http_openclaw_main_conf_t  *omcf;

    omcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_openclaw_module);

    if (omcf == NULL || !omcf->used
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    if (ngx_openclaw_agent_init_process(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_openclaw_session_init_process(cycle, omcf->zone) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_openclaw_turn_init_process(cycle);
}


static void
ngx_http_openclaw_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_openclaw_main_conf_t  *omcf;

    omcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_openclaw_module);

    if (omcf == NULL || !omcf->used
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return;
    }

    ngx_openclaw_agent_exit_process(cycle);
    ngx_openclaw_session_exit_process(cycle);
    ngx_http_openclaw_turn_exit_process(cycle);
    ngx_openclaw_deflate_exit();
}

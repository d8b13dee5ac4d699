
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * Sends each message back as it came, over the connections and frames of the
 * OpenClaw module.  For tests only.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_http_openclaw_ws.h>


#define NGX_HTTP_WS_ECHO_MESSAGE_SIZE       (32 * 1024 * 1024)
#define NGX_HTTP_WS_ECHO_SEND_BUFFER        (256 * 1024)


typedef struct {
    ngx_http_openclaw_ws_conf_t        ws;
} ngx_http_ws_echo_loc_conf_t;


static ngx_int_t ngx_http_ws_echo_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_ws_echo_refuse(ngx_http_request_t *r,
    ngx_int_t status, ngx_str_t *reason);

static void ngx_http_ws_echo_message(ngx_http_openclaw_ws_t *ws,
    ngx_uint_t opcode, ngx_str_t *payload);
static void ngx_http_ws_echo_nothing(ngx_http_openclaw_ws_t *ws);

static void ngx_http_ws_echo_exit_process(ngx_cycle_t *cycle);

static void *ngx_http_ws_echo_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_ws_echo_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_ws_echo(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


static ngx_http_openclaw_ws_handlers_t  ngx_http_ws_echo_handlers = {
    ngx_http_ws_echo_message,
    ngx_http_ws_echo_nothing,              /* writable */
    NULL,                                  /* expire */
    ngx_http_ws_echo_nothing               /* close */
};


static ngx_conf_enum_t  ngx_http_ws_echo_deflate[] = {
    { ngx_string("off"), NGX_OPENCLAW_DEFLATE_OFF },
    { ngx_string("on"), NGX_OPENCLAW_DEFLATE_ON },
    { ngx_string("takeover"), NGX_OPENCLAW_DEFLATE_TAKEOVER },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_ws_echo_commands[] = {

    { ngx_string("ws_echo"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_ws_echo,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ws_echo_max_message_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ws_echo_loc_conf_t, ws.max_message_size),
      NULL },

    { ngx_string("ws_echo_send_buffer"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ws_echo_loc_conf_t, ws.send_buffer),
      NULL },

    { ngx_string("ws_echo_send_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ws_echo_loc_conf_t, ws.send_timeout),
      NULL },

    { ngx_string("ws_echo_ping_interval"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ws_echo_loc_conf_t, ws.ping_interval),
      NULL },

    { ngx_string("ws_echo_ping_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ws_echo_loc_conf_t, ws.ping_timeout),
      NULL },

    { ngx_string("ws_echo_deflate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ws_echo_loc_conf_t, ws.deflate),
      &ngx_http_ws_echo_deflate },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_ws_echo_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_ws_echo_create_loc_conf,      /* create location configuration */
    ngx_http_ws_echo_merge_loc_conf        /* merge location configuration */
};


ngx_module_t  ngx_http_ws_echo_module = {
    NGX_MODULE_V1,
    &ngx_http_ws_echo_module_ctx,          /* module context */
    ngx_http_ws_echo_commands,             /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_ws_echo_exit_process,         /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_ws_echo_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_str_t                     reason;
    ngx_http_openclaw_ws_t       *ws;
    ngx_http_ws_echo_loc_conf_t  *conf;

    if (r->err_status) {

        /* an error page, which would send 101 with the status of the error */

        return r->err_status;
    }

    ngx_str_null(&reason);

    rc = ngx_http_openclaw_ws_check(r, &reason);

    if (rc != NGX_OK) {
        return ngx_http_ws_echo_refuse(r, rc, &reason);
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_ws_echo_module);

    ws = ngx_http_openclaw_ws_create(r, &conf->ws, &ngx_http_ws_echo_handlers,
                                     0);

    if (ws == NULL || ngx_http_openclaw_ws_start(ws) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DONE;
}


static ngx_int_t
ngx_http_ws_echo_refuse(ngx_http_request_t *r, ngx_int_t status,
    ngx_str_t *reason)
{
    ngx_int_t                 rc;
    ngx_str_t                 type;
    ngx_http_complex_value_t  cv;

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


static void
ngx_http_ws_echo_message(ngx_http_openclaw_ws_t *ws, ngx_uint_t opcode,
    ngx_str_t *payload)
{
    u_char  *p;

    p = ngx_http_openclaw_ws_frame(ws, opcode, payload->len);

    if (p) {
        ngx_memcpy(p, payload->data, payload->len);
    }
}


/* the echo keeps nothing: nothing is to be resumed or freed */

static void
ngx_http_ws_echo_nothing(ngx_http_openclaw_ws_t *ws)
{
    /* void */
}


static void
ngx_http_ws_echo_exit_process(ngx_cycle_t *cycle)
{
    ngx_openclaw_deflate_exit();
}


static void *
ngx_http_ws_echo_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_ws_echo_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_ws_echo_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->ws.max_message_size = NGX_CONF_UNSET_SIZE;
    conf->ws.send_buffer = NGX_CONF_UNSET_SIZE;
    conf->ws.send_timeout = NGX_CONF_UNSET_MSEC;
    conf->ws.ping_interval = NGX_CONF_UNSET_MSEC;
    conf->ws.ping_timeout = NGX_CONF_UNSET_MSEC;
    conf->ws.deflate = NGX_CONF_UNSET_UINT;

    return conf;
}


static char *
ngx_http_ws_echo_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_ws_echo_loc_conf_t *prev = parent;
    ngx_http_ws_echo_loc_conf_t *conf = child;

    ngx_conf_merge_size_value(conf->ws.max_message_size,
                              prev->ws.max_message_size,
                              NGX_HTTP_WS_ECHO_MESSAGE_SIZE);
    ngx_conf_merge_size_value(conf->ws.send_buffer, prev->ws.send_buffer,
                              NGX_HTTP_WS_ECHO_SEND_BUFFER);
    ngx_conf_merge_msec_value(conf->ws.send_timeout, prev->ws.send_timeout,
                              60000);
    conf->ws.message_timeout = 60000;

    /* what is no limit of the protocol is none here */
    conf->ws.max_fragments = 0;
    conf->ws.max_vain = 0;

    /* no frames but those that tests wait for */
    ngx_conf_merge_msec_value(conf->ws.ping_interval, prev->ws.ping_interval,
                              0);
    ngx_conf_merge_msec_value(conf->ws.ping_timeout, prev->ws.ping_timeout,
                              20000);
    ngx_conf_merge_uint_value(conf->ws.deflate, prev->ws.deflate,
                              NGX_OPENCLAW_DEFLATE_OFF);

    conf->ws.log_level = NGX_LOG_INFO;
    conf->ws.core = ngx_http_conf_get_module_loc_conf(cf,
                                                      ngx_http_core_module);

    return NGX_CONF_OK;
}


static char *
ngx_http_ws_echo(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return "is duplicate";
    }

    clcf->handler = ngx_http_ws_echo_handler;

    return NGX_CONF_OK;
}

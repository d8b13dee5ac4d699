
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * What ngx_openclaw_agent.c is made of: the request that is sent, and the
 * reason that is given when it fails.
 */


#ifndef _NGX_OPENCLAW_AGENT_INTERNAL_H_INCLUDED_
#define _NGX_OPENCLAW_AGENT_INTERNAL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_agent.h>
#include <ngx_openclaw_curl.h>


#define NGX_OPENCLAW_AGENT_REASON           300


/* what libcurl needs for as long as the transfer lives */

typedef struct {
    struct curl_slist                 *headers;
    struct curl_slist                 *connect_to;
    ngx_str_t                          token;      /* points into headers */
} ngx_openclaw_agent_request_t;


/* text is valid UTF-8 without control characters, and without the token */

typedef struct {
    ngx_openclaw_code_e                code;
    ngx_str_t                          text;
    u_char                             buf[NGX_OPENCLAW_AGENT_REASON];
} ngx_openclaw_agent_reason_t;


/*
 * Tells libcurl what to send, and to whom.  request is zeroed.  NGX_OK or
 * NGX_ERROR (logged); the request is to be destroyed in each case, after the
 * transfer.
 */
ngx_int_t ngx_openclaw_agent_request_create(
    ngx_openclaw_agent_request_t *request, CURL *easy,
    ngx_openclaw_agent_conf_t *conf, ngx_str_t *token, ngx_array_t *headers,
    ngx_str_t *body, ngx_log_t *log);
void ngx_openclaw_agent_request_destroy(ngx_openclaw_agent_request_t *request);


/* a reason of our own words and, if it is not NULL, of a text */
void ngx_openclaw_agent_reason(ngx_openclaw_agent_reason_t *reason,
    ngx_openclaw_code_e code, const char *words, ngx_str_t *text,
    ngx_str_t *token);

/* why a transfer ended without the end of an answer */
void ngx_openclaw_agent_reason_curl(ngx_openclaw_agent_reason_t *reason,
    ngx_openclaw_curl_t *curl, CURLcode error, ngx_str_t *token);

/* why the status is not 200 */
void ngx_openclaw_agent_reason_status(ngx_openclaw_agent_reason_t *reason,
    long status, ngx_str_t *body, ngx_str_t *token);


#endif /* _NGX_OPENCLAW_AGENT_INTERNAL_H_INCLUDED_ */

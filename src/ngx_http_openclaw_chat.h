
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * The chat of one client connection: who it is, what it sends, and what
 * becomes of that.
 */


#ifndef _NGX_HTTP_OPENCLAW_CHAT_H_INCLUDED_
#define _NGX_HTTP_OPENCLAW_CHAT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_http_openclaw_auth.h>
#include <ngx_http_openclaw_turn.h>


/* lives with ws, and is the module's context of the request */

typedef struct {
    ngx_http_openclaw_client_t         client;
    ngx_http_openclaw_identity_t       sender;
    ngx_http_openclaw_auth_t          *auth;          /* or NULL */
} ngx_http_openclaw_chat_t;


/* The content handler of a location with openclaw_pass. */
ngx_int_t ngx_http_openclaw_chat_handler(ngx_http_request_t *r);


#endif /* _NGX_HTTP_OPENCLAW_CHAT_H_INCLUDED_ */

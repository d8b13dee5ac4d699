
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * How much a client may use: messages, connections and turns.
 */


#ifndef _NGX_HTTP_OPENCLAW_LIMIT_H_INCLUDED_
#define _NGX_HTTP_OPENCLAW_LIMIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_http_openclaw_auth.h>
#include <ngx_http_openclaw_turn.h>


/*
 * Finds out who is counted for a client: a sender that the server has bound,
 * or else the address, as an id that the client says could be another one each
 * time.
 */
void ngx_http_openclaw_limit_who(ngx_http_openclaw_client_t *client,
    ngx_http_openclaw_identity_t *sender);

/*
 * Counts the connection until ngx_http_openclaw_limit_leave().
 *
 * NGX_OK or NGX_DECLINED: it is one too many (logged), and is being closed
 */
ngx_int_t ngx_http_openclaw_limit_connection(
    ngx_http_openclaw_client_t *client);
void ngx_http_openclaw_limit_leave(ngx_http_openclaw_client_t *client);

/* Counts a message; NGX_OPENCLAW_OK, or why it is refused (logged). */
ngx_openclaw_code_e ngx_http_openclaw_limit_message(
    ngx_http_openclaw_client_t *client);

/* Tells a ticket of the client how many turns there may be. */
void ngx_http_openclaw_limit_turns(ngx_http_openclaw_client_t *client,
    ngx_openclaw_ticket_t *ticket);

/* the setter of openclaw_message_rate */
char *ngx_http_openclaw_limit_rate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_OPENCLAW_LIMIT_H_INCLUDED_ */

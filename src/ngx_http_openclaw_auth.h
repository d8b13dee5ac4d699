
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * Who is this: the origin of the page that connects, and the identity of the
 * sender, which the client says or the configuration binds.
 */


#ifndef _NGX_HTTP_OPENCLAW_AUTH_H_INCLUDED_
#define _NGX_HTTP_OPENCLAW_AUTH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


#define NGX_HTTP_OPENCLAW_UUID_LEN          36


typedef struct {
    ngx_str_t                          id;
    ngx_str_t                          name;          /* may be empty */

    unsigned                           id_bound:1;    /* by the server: no
                                                         message may differ */
    unsigned                           name_bound:1;
} ngx_http_openclaw_identity_t;


/*
 * Checks the Origin header (RFC 6454, 7) against openclaw_allow_origin.
 *
 * NGX_OK              there is none, or it is allowed
 * NGX_HTTP_FORBIDDEN  it is not (logged); *reason is a line for the client
 */
ngx_int_t ngx_http_openclaw_auth_origin(ngx_http_request_t *r,
    ngx_str_t *reason);

/*
 * Finds out the identity: openclaw_sender_id and openclaw_sender_name, else
 * the arguments senderId and senderName of the request, else a new UUID.
 * The strings are allocated from r->pool.
 *
 * NGX_OK                              the identity is filled in
 * NGX_HTTP_BAD_REQUEST                an argument is wrong
 * NGX_HTTP_FORBIDDEN                  the bound id is empty, or a bound value
 *                                     can't be one (logged)
 * NGX_HTTP_INTERNAL_SERVER_ERROR      no memory
 *
 * *reason is a line for the client then.
 */
ngx_int_t ngx_http_openclaw_auth_identity(ngx_http_request_t *r,
    ngx_http_openclaw_identity_t *identity, ngx_str_t *reason);

/* Writes a random UUID (RFC 9562, 5.4) of that length; NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_openclaw_uuid(u_char *p);


#endif /* _NGX_HTTP_OPENCLAW_AUTH_H_INCLUDED_ */

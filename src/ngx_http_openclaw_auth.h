
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
#include <ngx_http_openclaw_ws.h>
#include <ngx_http_openclaw_turn.h>


#define NGX_HTTP_OPENCLAW_UUID_LEN          36

/* what ids of those begin with who have no token; they are nobody else's */

#define NGX_HTTP_OPENCLAW_ANONYMOUS         "anonymous-"


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
 * With openclaw_auth there is no id yet.  The strings are allocated from
 * r->pool.
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

/* whether an id is one that a client can't have chosen */
ngx_uint_t ngx_http_openclaw_auth_reserved(ngx_str_t *id);

/* Writes a random UUID (RFC 9562, 5.4) of that length; NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_openclaw_uuid(u_char *p);


/* a token, and what the service is asked about it; both empty without one */

typedef struct {
    ngx_str_t                          token;
    ngx_str_t                          body;
} ngx_http_openclaw_auth_ask_t;


/*
 * Takes the token out of the request, where "*" is written over it for the
 * logs of nginx: to be called before anything is logged.  The strings are
 * freed by ngx_http_openclaw_auth_forget(), which may be called twice.
 *
 * NGX_OK                          ask is filled in
 * NGX_HTTP_BAD_REQUEST            too many arguments; *reason is a line for
 *                                 the client
 * NGX_HTTP_INTERNAL_SERVER_ERROR  no memory
 */
ngx_int_t ngx_http_openclaw_auth_token(ngx_http_request_t *r,
    ngx_http_openclaw_auth_ask_t *ask, ngx_str_t *reason);
void ngx_http_openclaw_auth_forget(ngx_http_openclaw_auth_ask_t *ask);

/*
 * The next header of that name in the request, from the i-th of the part on,
 * which are moved behind it; or NULL.
 */
ngx_table_elt_t *ngx_http_openclaw_auth_next(ngx_list_part_t **part,
    ngx_uint_t *i, const char *name);

/* copies a string into the pool; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_openclaw_auth_copy(ngx_pool_t *pool, ngx_str_t *s);

/* percent-decodes it, into the pool, too */
ngx_int_t ngx_http_openclaw_auth_unescape(ngx_pool_t *pool,
    ngx_str_t *value);

/*
 * A byte that two hex digits stand for, or any other, at *p, which is moved
 * behind it.
 */
u_char ngx_http_openclaw_auth_decode(u_char **p, u_char *last);


/* openclaw_auth: who a client is, the service says */

typedef struct ngx_http_openclaw_auth_s  ngx_http_openclaw_auth_t;

typedef void (*ngx_http_openclaw_auth_pt)(void *data);

/*
 * Prepares it, before the handshake is answered and anything is logged; *auth
 * is NULL if it is off.  Returns as ngx_http_openclaw_auth_token().
 */
ngx_int_t ngx_http_openclaw_auth_create(ngx_http_request_t *r,
    ngx_http_openclaw_auth_t **auth, ngx_str_t *reason);

/*
 * Asks the service; the connection is held meanwhile.  In the end the client
 * is sent chat.error and Close 4401, or the identity is filled in, and the
 * handler is called: from within, or later.  The connection is closed when
 * the identity has expired.
 *
 * From here on *owner is to be closed by its owner, and becomes NULL when it
 * is of no use any more, which may be from within.
 */
void ngx_http_openclaw_auth_start(ngx_http_openclaw_auth_t **owner,
    ngx_http_openclaw_client_t *client, ngx_http_openclaw_identity_t *identity,
    ngx_http_openclaw_auth_pt handler, void *data);

/* Lets go of the connection, and frees it; no handler is called any more. */
void ngx_http_openclaw_auth_close(ngx_http_openclaw_auth_t *auth);


#endif /* _NGX_HTTP_OPENCLAW_AUTH_H_INCLUDED_ */


/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * Reaches a worker: each has two sockets in the abstract namespace, whose
 * addresses the zone keeps, so that any other worker finds it, of this or
 * another generation.
 *
 * The one for datagrams wakes the worker.  What a datagram holds is never
 * looked at, the state is in the zone; a datagram of a stranger is a needless
 * look there.  The other one is for streams of posts, whose users are told the
 * pid of the peer and judge it.
 *
 * A worker that shuts down can be reached until its process exits.
 */


#ifndef _NGX_OPENCLAW_POST_H_INCLUDED_
#define _NGX_OPENCLAW_POST_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* an autobound name is a zero byte and five digits, see unix(7) */

typedef struct {
    u_char                             len;
    u_char                             name[15];
} ngx_openclaw_post_address_t;


typedef void (*ngx_openclaw_post_pt)(void *data);

/*
 * The connection has its log and nothing else set, and is the handler's to
 * close.
 */
typedef void (*ngx_openclaw_post_accept_pt)(ngx_connection_t *c,
    ngx_pid_t pid);


/*
 * Opens the socket for datagrams and has handler called when the worker is
 * woken, once for any number of wake-ups at hand.
 *
 * NGX_OK     address holds the name of the socket
 * NGX_ERROR  the worker can't be woken (logged)
 */
ngx_int_t ngx_openclaw_post_init_process(ngx_cycle_t *cycle,
    ngx_openclaw_post_pt handler, void *data,
    ngx_openclaw_post_address_t *address);

/*
 * Opens the socket for streams and has handler called for each connection.
 *
 * NGX_OK     address holds the name of the socket
 * NGX_ERROR  nobody can connect (logged)
 */
ngx_int_t ngx_openclaw_post_listen(ngx_cycle_t *cycle,
    ngx_openclaw_post_accept_pt handler, ngx_openclaw_post_address_t *address);

/* closes both */
void ngx_openclaw_post_exit_process(ngx_cycle_t *cycle);

/*
 * Wakes the worker with that address, which may be this one.
 *
 * NGX_OK        it will look (or has so many wake-ups waiting that it will)
 * NGX_DECLINED  nobody is there
 * NGX_ERROR     something else failed (logged)
 */
ngx_int_t ngx_openclaw_post_wake(ngx_openclaw_post_address_t *address,
    ngx_log_t *log);

/*
 * Connects to the worker with that pid and that address.
 *
 * NGX_OK        *c is connected, as the handler above gets it
 * NGX_AGAIN     not now: it has too many to accept, or there is no connection
 * NGX_DECLINED  it is not there
 * NGX_ERROR     something else failed (logged)
 */
ngx_int_t ngx_openclaw_post_connect(ngx_openclaw_post_address_t *address,
    ngx_pid_t pid, ngx_log_t *log, ngx_connection_t **c);


#endif /* _NGX_OPENCLAW_POST_H_INCLUDED_ */

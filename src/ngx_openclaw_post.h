
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * Wakes a worker: each has a datagram socket in the abstract namespace whose
 * address the zone keeps, so that it can be reached by any other worker, of
 * this or another generation.  What a datagram holds is never looked at, the
 * state is in the zone; a datagram of a stranger is a needless look there.
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
 * Opens the worker's socket and has handler called when it is woken, once for
 * any number of wake-ups at hand.
 *
 * NGX_OK     address holds the name of the socket
 * NGX_ERROR  the worker can't be woken (logged)
 */
ngx_int_t ngx_openclaw_post_init_process(ngx_cycle_t *cycle,
    ngx_openclaw_post_pt handler, void *data,
    ngx_openclaw_post_address_t *address);
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


#endif /* _NGX_OPENCLAW_POST_H_INCLUDED_ */

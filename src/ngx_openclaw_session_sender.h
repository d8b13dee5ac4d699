
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * What a sender uses, over all workers: how fast messages come, and how many
 * connections there are.  Turns are counted by ngx_openclaw_session_enter().
 * A sender is known by a digest.  What a worker that has died had does not
 * count any more as soon as that is noticed.
 */


#ifndef _NGX_OPENCLAW_SESSION_SENDER_H_INCLUDED_
#define _NGX_OPENCLAW_SESSION_SENDER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_OPENCLAW_WHO_LEN                16


/* a connection that counts; must live until it is given back */

typedef struct {
    u_char                             who[NGX_OPENCLAW_WHO_LEN];

    /* private */
    ngx_queue_t                        queue;
    void                              *shared;
    unsigned                           counted:1;
} ngx_openclaw_place_t;


/*
 * Counts a message of somebody who may send rate messages in a thousand
 * seconds, and burst thousandths of a message ahead of that.  Each rate is
 * counted by itself.
 *
 * NGX_OK     it is within that
 * NGX_BUSY   it is not, and does not count
 * NGX_ERROR  there is no room to count it (logged)
 *
 * *excess is in thousandths of a message.
 */
ngx_int_t ngx_openclaw_session_rate(u_char *who, ngx_uint_t rate,
    ngx_uint_t burst, ngx_uint_t *excess);

/*
 * Counts a connection of place->who, of which there may be at most max.
 *
 * NGX_OK     it counts until ngx_openclaw_session_disconnect()
 * NGX_BUSY   there are as many already
 * NGX_ERROR  there is no room to count it (logged)
 */
ngx_int_t ngx_openclaw_session_connect(ngx_openclaw_place_t *place,
    ngx_uint_t max);

/* Does nothing if the connection does not count. */
void ngx_openclaw_session_disconnect(ngx_openclaw_place_t *place);


#endif /* _NGX_OPENCLAW_SESSION_SENDER_H_INCLUDED_ */


/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * Sessions: who shares the agent's memory takes turns, one at a time over all
 * workers and in order of arrival.  A turn holds a ticket from the moment it
 * is accepted until it has ended; the first ticket of a session is granted.
 *
 * This header gives no pointer into shared memory away.
 */


#ifndef _NGX_OPENCLAW_SESSION_H_INCLUDED_
#define _NGX_OPENCLAW_SESSION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct ngx_openclaw_zone_s  ngx_openclaw_zone_t;


typedef enum {
    NGX_OPENCLAW_TICKET_GRANTED = 0,   /* it is this turn's time */
    NGX_OPENCLAW_TICKET_ABORTED        /* the sender wants it to end; still to
                                          be released */
} ngx_openclaw_ticket_e;


typedef struct ngx_openclaw_ticket_s  ngx_openclaw_ticket_t;

typedef void (*ngx_openclaw_ticket_pt)(ngx_openclaw_ticket_t *ticket,
    ngx_openclaw_ticket_e what);


/* lives in the turn; strings must live until the ticket is released */

struct ngx_openclaw_ticket_s {
    ngx_str_t                          key;         /* of the session */
    ngx_str_t                          message_id;  /* <= 128 bytes */
    ngx_str_t                          sender_id;   /* <= 256 bytes */
    ngx_openclaw_ticket_pt             handler;
    void                              *data;

    unsigned                           entered:1;   /* to be released */
    unsigned                           granted:1;
    unsigned                           aborted:1;

    /* private */
    ngx_queue_t                        queue;
    void                              *shared;
    ngx_uint_t                         number;      /* in order of arrival */
};


/*
 * Creates the zone at configuration time; there is one in a cycle.  inactive
 * is how long an idle session is remembered, in seconds.  Returns NULL on
 * error (logged).
 */
ngx_openclaw_zone_t *ngx_openclaw_session_zone(ngx_conf_t *cf,
    ngx_str_t *name, size_t size, time_t inactive, void *tag);

/*
 * Called in each worker process.  NGX_OK, even if the worker can't take part
 * at the moment (logged): this is tried again then.
 */
ngx_int_t ngx_openclaw_session_init_process(ngx_cycle_t *cycle,
    ngx_openclaw_zone_t *zone);
void ngx_openclaw_session_exit_process(ngx_cycle_t *cycle);

/*
 * Writes the key of a session, "agent:<agent>:websocket:direct:<id>" or
 * "...:group:<id>": each byte of id outside [a-z0-9._-] becomes %xx, since
 * the gateway lower-cases keys and reads headers as latin-1.  The key is
 * NUL-terminated, with len not counting that.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_openclaw_session_key(ngx_pool_t *pool, ngx_str_t *agent,
    ngx_uint_t group, ngx_str_t *id, ngx_str_t *key);

/*
 * Enters a ticket at the end of its session's queue, with key, ids, handler
 * and data set and all else zeroed.  At most max turns may wait.
 *
 * NGX_OK        granted at once; the handler is not called for that
 * NGX_AGAIN     the turn waits; the handler is called when it is granted,
 *               from an event, never from within this or another call
 * NGX_BUSY      max turns are waiting already
 * NGX_DECLINED  the same sender has a turn with the same message id there
 * NGX_ERROR     the zone is full (logged)
 *
 * The ticket is to be released after NGX_OK and NGX_AGAIN only.
 */
ngx_int_t ngx_openclaw_session_enter(ngx_openclaw_ticket_t *ticket,
    ngx_uint_t max);

/*
 * Gives the ticket back, granted or not, and lets the next one of its session
 * be granted.  No handler is called for the ticket any more.
 */
void ngx_openclaw_session_release(ngx_openclaw_ticket_t *ticket);

/*
 * Has the handlers of the sender's tickets in a session called with ABORTED,
 * in whatever worker they are: of the one with that message id, or of all if
 * message_id is empty.  Returns the number of tickets found; those of a worker
 * that has yet to answer after a crash of another one are not.
 */
ngx_uint_t ngx_openclaw_session_abort(ngx_str_t *key, ngx_str_t *sender_id,
    ngx_str_t *message_id);


#endif /* _NGX_OPENCLAW_SESSION_H_INCLUDED_ */

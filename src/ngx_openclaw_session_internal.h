
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * What the files of sessions share: this worker's state, and the way into the
 * zone.  ngx_openclaw_session.c is about tickets, ngx_openclaw_session_worker.c
 * about this worker among the others, ngx_openclaw_session_sender.c about what
 * senders use.
 */


#ifndef _NGX_OPENCLAW_SESSION_INTERNAL_H_INCLUDED_
#define _NGX_OPENCLAW_SESSION_INTERNAL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_openclaw_zone.h>


/* how often a worker that waits looks whether the others are alive */

#define NGX_OPENCLAW_SESSION_WATCH          1000


typedef struct {
    ngx_openclaw_zone_t               *zone;
    ngx_openclaw_zone_worker_t        *worker;      /* NULL: not registered */
    ngx_uint_t                         generation;  /* that was seen last */
    ngx_openclaw_post_address_t        address;     /* no len: no socket */
    ngx_openclaw_post_address_t        listen;      /* of relays, likewise */
    ngx_queue_t                        tickets;     /* in order of arrival */
    ngx_queue_t                        places;      /* connections that count */
    ngx_uint_t                         waiting;     /* of them */
    ngx_event_t                        look;        /* some were told */
    ngx_event_t                        watch;
    ngx_connection_t                   connection;  /* for debug logging */
    unsigned                           cleared:1;   /* to be logged */
} ngx_openclaw_session_ctx_t;


/* registers the worker if it is not yet */
ngx_int_t ngx_openclaw_session_register(ngx_cycle_t *cycle);

/*
 * Locks the zone and makes sure that this worker's tickets are in it: the
 * zone may have been cleared since the last time.
 */
void ngx_openclaw_session_lock(void);

/*
 * Unlocks the zone and wakes all workers that are to be woken.  Those that
 * turn out to be dead are reaped, which may have others woken.
 */
void ngx_openclaw_session_unlock(void);

/* looks whether the other workers are alive, and reaps those that are not */
void ngx_openclaw_session_sweep(void);

/* calls for tickets, from above: the zone was cleared; this worker is woken */
void ngx_openclaw_session_enter_anew_locked(void);
void ngx_openclaw_session_connect_anew_locked(void);
void ngx_openclaw_session_woken(void *data);


extern ngx_openclaw_session_ctx_t  ngx_openclaw_session;


#endif /* _NGX_OPENCLAW_SESSION_INTERNAL_H_INCLUDED_ */


/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * What the files of zone_check have in common.
 */


#ifndef _NGX_OPENCLAW_T_ZONE_CHECK_H_INCLUDED_
#define _NGX_OPENCLAW_T_ZONE_CHECK_H_INCLUDED_


#include "zone.h"


/* more than these in one session are not compared with each other */

#define ZONE_MESSAGES                  2048


typedef struct {
    zone_t                            *zone;
    ngx_slab_pool_t                   *pool;
    ngx_openclaw_zone_sh_t            *sh;
    ngx_openclaw_zone_session_t       *last;       /* seen in the tree */
    ngx_openclaw_zone_sender_t        *last_sender;

    ngx_openclaw_zone_session_t       *session;    /* being walked */
    ngx_openclaw_zone_worker_t        *worker;
    ngx_uint_t                         before;     /* number of a ticket */

    ngx_uint_t                         sessions;
    ngx_uint_t                         listed;
    ngx_uint_t                         tickets;
    ngx_uint_t                         owned;
    ngx_uint_t                         answers;
    ngx_uint_t                         rates;
    ngx_uint_t                         connections;
    ngx_uint_t                         held;       /* by senders, and not yet
                                                      found */
    ngx_uint_t                         aged;
    ngx_uint_t                         missing;

    /* messages of the session that must not be there twice */
    ngx_openclaw_zone_message_t       *messages[ZONE_MESSAGES];
    ngx_uint_t                         nmessages;
} zone_check_t;


/* one of a queue; 0, or -1 if there is no use in going on */
typedef int (*zone_item_pt)(zone_check_t *check, ngx_queue_t *q);


/*
 * Walks a queue, whose links must agree in both directions, and returns how
 * many there are in it.
 */
ngx_uint_t zone_walk(zone_check_t *check, ngx_queue_t *head, const char *name,
    zone_item_pt item);

/* the trees */
void zone_check_sessions(zone_check_t *check);
void zone_check_senders(zone_check_t *check);

/* something that counts for a sender */
void zone_check_holder(zone_check_t *check, ngx_openclaw_zone_sender_t *at,
    const char *what, const void *addr);
int zone_check_connection(zone_check_t *check, ngx_queue_t *q);

/* all that senders say to have must have been found by then */
void zone_check_held(zone_check_t *check);


#endif /* _NGX_OPENCLAW_T_ZONE_CHECK_H_INCLUDED_ */

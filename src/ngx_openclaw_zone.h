
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * The shared memory zone: the full picture of what is in it, and how it is
 * created, adopted on reload, locked, and made whole after a crash.  Only
 * ngx_openclaw_zone*.c and ngx_openclaw_session*.c include this file.
 *
 *   slab pool    sessions, tickets, answers, chunks, gateways, senders and
 *                connections
 *   sh           at the end of the zone, where the slab pool never reaches
 *     sessions   rbtree of session    by hash of the key, then the key
 *     active     queue of session     those that have tickets
 *     idle       queue of session     those that have none, oldest last
 *     answers    queue of answer      of all sessions, oldest last
 *     gateways   queue of gateway     those that could not be connected to
 *     senders    rbtree of sender     by who, then the rate
 *     rates      queue of sender      those of a rate, oldest last
 *     wakes      queue of worker      those to be woken after unlocking
 *     workers    array of worker      one for each live process, and for dead
 *                                     ones until they are reaped:
 *                  tickets  queue     all that the worker has entered
 *                  connections  queue  those that it has and that count
 *                  told     queue     those of them that it should look at
 *                  gauges             written by the worker, without the lock
 *     stats        array              counters, by the number of a worker,
 *                                     written without the lock and never
 *                                     cleared; if there are more workers than
 *                                     elements, some share one
 *
 *   session      of both kinds:
 *     tickets    queue of ticket      in order of arrival; the first one is
 *                                     granted, unless workers are missing, all
 *                                     others wait
 *     answers    queue of answer      oldest last
 *   message      has in a session at most one of: a ticket that is neither
 *                ended nor a twin, an answer.  (While workers are missing,
 *                there may be such a ticket that is not known.)
 *   answer
 *     chunks     list of chunk        the text: all chunks but the last one
 *                                     are full and take a page each, so that
 *                                     free pages need not be together
 *
 *   sender       is one of two: how fast somebody sends, or how much somebody
 *                has at the moment, connections and turns that have not ended;
 *                the latter goes with the last of them
 *
 * There is one lock, shpool->mutex: it is the only one that the master
 * process frees when its holder dies.  The holder sets sh->dirty; whoever
 * finds it set knows that the last holder died halfway, throws all that is in
 * the slab pool away, and the live workers enter their tickets and connections
 * anew.
 * Until the last of these has done so, no ticket is granted: it might be that
 * an earlier one of its session is running.  The array of workers outlives
 * this, since an element is in use only while its pid is set, which is the
 * last thing done when it is filled in.
 *
 * A full zone forgets answers, then idle sessions, then rates, the oldest ones
 * first; then it has no room.
 */


#ifndef _NGX_OPENCLAW_ZONE_H_INCLUDED_
#define _NGX_OPENCLAW_ZONE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_post.h>
#include <ngx_openclaw_session.h>
#include <ngx_openclaw_stats.h>
#include <ngx_openclaw_session_sender.h>


typedef struct {
    ngx_pid_t                          pid;        /* 0: not in use */
    ngx_uint_t                         epoch;      /* never used twice */
    ngx_openclaw_post_address_t        address;    /* wakes the worker */
    ngx_openclaw_post_address_t        listen;     /* relays connect there; no
                                                      len: they can't */
    ngx_queue_t                        queue;      /* in sh->wakes */
    ngx_queue_t                        tickets;
    ngx_queue_t                        connections;
    ngx_queue_t                        told;
    unsigned                           waking:1;   /* is in sh->wakes */
    unsigned                           missing:1;  /* has not yet entered its
                                                      tickets anew */
    ngx_uint_t                         slot;       /* in sh->stats */
    ngx_openclaw_stats_gauges_t        gauges;
} ngx_openclaw_zone_worker_t;


typedef struct {
    ngx_rbtree_node_t                  node;       /* key: the first bytes of
                                                      who */
    u_char                             who[NGX_OPENCLAW_WHO_LEN];
    ngx_uint_t                         rate;       /* in thousandths of a
                                                      message a second; 0: of
                                                      what somebody has */
    ngx_queue_t                        queue;      /* in sh->rates, of a rate */
    ngx_msec_t                         last;
    ngx_uint_t                         excess;     /* in thousandths of a
                                                      message */
    ngx_uint_t                         connections;
    ngx_uint_t                         turns;
} ngx_openclaw_zone_sender_t;


typedef struct {
    ngx_queue_t                        own;        /* in worker->connections */
    ngx_openclaw_zone_sender_t        *sender;
} ngx_openclaw_zone_connection_t;


typedef struct {
    ngx_str_node_t                     key;        /* node.key: hash */
    ngx_queue_t                        queue;      /* in sh->active, idle */
    ngx_queue_t                        tickets;
    ngx_queue_t                        answers;
    ngx_uint_t                         ntickets;
    ngx_uint_t                         nanswers;
    time_t                             used;       /* when it became idle */
    u_char                             data[1];    /* of the key */
} ngx_openclaw_zone_session_t;


/* which message a ticket or an answer belongs to */

typedef struct {
    u_char                             digest[NGX_OPENCLAW_DIGEST_LEN];
    uint16_t                           message_len;
    uint16_t                           sender_len;
    u_char                             ids[1];     /* message's, sender's */
} ngx_openclaw_zone_message_t;


typedef struct {
    ngx_queue_t                        queue;      /* in session->tickets */
    ngx_queue_t                        own;        /* in worker->tickets */
    ngx_queue_t                        told;       /* in worker->told */
    ngx_openclaw_zone_session_t       *session;
    ngx_openclaw_zone_sender_t        *sender;     /* NULL: it does not count,
                                                      or has ended */
    ngx_openclaw_zone_worker_t        *worker;     /* the owner */
    ngx_openclaw_ticket_t             *ticket;     /* means something only to
                                                      the owner's process */
    ngx_uint_t                         number;     /* in order of arrival */
    ngx_uint_t                         answers;    /* to be remembered at most
                                                      in the session */
    unsigned                           granted:1;
    unsigned                           aborted:1;
    unsigned                           ended:1;    /* only holds its place */
    unsigned                           twin:1;     /* of an earlier one */
    unsigned                           telling:1;  /* is in worker->told */
    ngx_openclaw_zone_message_t        message;    /* has no fixed size */
} ngx_openclaw_zone_ticket_t;


typedef struct ngx_openclaw_zone_chunk_s  ngx_openclaw_zone_chunk_t;

struct ngx_openclaw_zone_chunk_s {
    ngx_openclaw_zone_chunk_t         *next;       /* NULL: the last one */
    size_t                             len;        /* never 0 */
    u_char                             data[1];
};


typedef struct {
    ngx_queue_t                        queue;      /* in session->answers */
    ngx_queue_t                        age;        /* in sh->answers */
    ngx_openclaw_zone_session_t       *session;
    ngx_openclaw_zone_chunk_t         *chunks;     /* NULL: there is no text */
    size_t                             len;        /* of the text */
    ngx_openclaw_code_e                code;
    ngx_openclaw_zone_message_t        message;    /* has no fixed size */
} ngx_openclaw_zone_answer_t;


/* it has one while it fails; nothing depends on whether there was room */

typedef struct {
    ngx_queue_t                        queue;      /* in sh->gateways */
    ngx_uint_t                         fails;      /* less than fail_timeout
                                                      from one to the next */
    time_t                             last;       /* it failed, or somebody
                                                      was let try */
    unsigned                           down:1;
    size_t                             len;
    u_char                             name[1];
} ngx_openclaw_zone_gateway_t;


typedef struct {
    ngx_atomic_t                       dirty;      /* pid of the lock's holder
                                                      while it changes things */
    ngx_uint_t                         generation; /* counts the throw-aways */
    ngx_uint_t                         epoch;      /* the last one given out */
    ngx_uint_t                         number;     /* the last one given out */
    ngx_uint_t                         missing;    /* how many workers are */
    ngx_rbtree_t                       sessions;
    ngx_rbtree_node_t                  sentinel;
    ngx_queue_t                        active;
    ngx_queue_t                        idle;
    ngx_queue_t                        answers;
    ngx_queue_t                        gateways;
    ngx_rbtree_t                       senders;
    ngx_rbtree_node_t                  senders_sentinel;
    ngx_queue_t                        rates;
    ngx_uint_t                         nrates;
    ngx_queue_t                        wakes;
    ngx_uint_t                         nactive;    /* sessions */
    ngx_uint_t                         nidle;
    ngx_uint_t                         nanswers;
    u_char                            *log_ctx;    /* after the stats */
    ngx_openclaw_stats_t              *stats;      /* after the workers */
    ngx_uint_t                         nstats;
    ngx_uint_t                         nworkers;
    ngx_openclaw_zone_worker_t         workers[1];
} ngx_openclaw_zone_sh_t;


struct ngx_openclaw_zone_s {
    ngx_openclaw_zone_sh_t            *sh;
    ngx_slab_pool_t                   *shpool;
    time_t                             inactive;   /* seconds */
};


/* see ngx_openclaw_session_zone() */
ngx_openclaw_zone_t *ngx_openclaw_zone_create(ngx_conf_t *cf, ngx_str_t *name,
    size_t size, time_t inactive, void *tag);

/*
 * Locks the zone and marks it as being changed; unlocks it.
 *
 * NGX_OK     the zone is sound
 * NGX_AGAIN  the last holder of the lock died halfway: all sessions, tickets
 *            and answers are gone, sh->generation has been raised, and all
 *            workers are missing and in sh->wakes
 */
ngx_int_t ngx_openclaw_zone_lock(ngx_openclaw_zone_t *zone);
void ngx_openclaw_zone_unlock(ngx_openclaw_zone_t *zone);

/* all that follows is called with the zone locked */

/* NULL if all elements are in use */
ngx_openclaw_zone_worker_t *ngx_openclaw_zone_register_locked(
    ngx_openclaw_zone_t *zone, ngx_openclaw_post_address_t *address,
    ngx_openclaw_post_address_t *listen);

/*
 * For a worker that leaves or is dead: removes its tickets and connections.  Of
 * turns that were running it is remembered that they did not come to their end.
 */
void ngx_openclaw_zone_unregister_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_worker_t *worker);

/* the worker is not missing any more: its tickets are there, or never will */
void ngx_openclaw_zone_found_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_worker_t *worker);

/* NULL if there is no such session */
ngx_openclaw_zone_session_t *ngx_openclaw_zone_find_locked(
    ngx_openclaw_zone_t *zone, ngx_str_t *key);

/*
 * Finds or creates a session and makes it active: a ticket is to be added if
 * it has none.  NULL if there is no room.
 */
ngx_openclaw_zone_session_t *ngx_openclaw_zone_get_locked(
    ngx_openclaw_zone_t *zone, ngx_str_t *key);

/* forgets one or two sessions that have been idle for too long */
void ngx_openclaw_zone_expire_locked(ngx_openclaw_zone_t *zone);

/*
 * Adds a ticket to an active session, in its place by ticket->number, without
 * granting it.  NULL if there is no room; the session may be idle then.
 */
ngx_openclaw_zone_ticket_t *ngx_openclaw_zone_add_locked(
    ngx_openclaw_zone_t *zone, ngx_openclaw_zone_session_t *session,
    ngx_openclaw_zone_worker_t *worker, ngx_openclaw_ticket_t *ticket);

/* frees a ticket and grants the next one, or makes the session idle */
void ngx_openclaw_zone_remove_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_ticket_t *t);

/*
 * A ticket was entered anew: if there is another one of the same message, the
 * owner of the later one is told to remove it.
 */
void ngx_openclaw_zone_twins_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_ticket_t *t);

/* has the owner look at a ticket; it is woken after unlocking */
void ngx_openclaw_zone_tell_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_ticket_t *t);

/* any message of the sender matches if message_id is NULL */
ngx_uint_t ngx_openclaw_zone_match(ngx_openclaw_zone_message_t *m,
    ngx_str_t *sender_id, ngx_str_t *message_id);

/* room for something, by forgetting what is old; NULL if there is none */
void *ngx_openclaw_zone_alloc_locked(ngx_openclaw_zone_t *zone, size_t size);

/*
 * The turn of a ticket has ended, how is remembered if the answer is not NULL,
 * the ticket allows it, and there is room: nothing else depends on that.
 */
void ngx_openclaw_zone_end_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_ticket_t *t, ngx_openclaw_answer_t *answer);

/* NULL if that is not remembered */
ngx_openclaw_zone_answer_t *ngx_openclaw_zone_answer_locked(
    ngx_openclaw_zone_session_t *session, ngx_str_t *sender_id,
    ngx_str_t *message_id);

/* copies the whole text, a->len bytes */
void ngx_openclaw_zone_copy_locked(ngx_openclaw_zone_answer_t *a, u_char *p);

void ngx_openclaw_zone_forget_answer_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_answer_t *a);

/* NULL if it has not failed lately */
ngx_openclaw_zone_gateway_t *ngx_openclaw_zone_gateway_locked(
    ngx_openclaw_zone_t *zone, ngx_str_t *name);

/* NULL if there is no room; those that nobody asked for long are forgotten */
ngx_openclaw_zone_gateway_t *ngx_openclaw_zone_add_gateway_locked(
    ngx_openclaw_zone_t *zone, ngx_str_t *name);

void ngx_openclaw_zone_forget_gateway_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_gateway_t *g);

/* NULL if nothing of it is known: 0 for the rate is what it has */
ngx_openclaw_zone_sender_t *ngx_openclaw_zone_sender_locked(
    ngx_openclaw_zone_t *zone, u_char *who, ngx_uint_t rate);

/*
 * Counts a message: NGX_OK, NGX_BUSY if that is one too many, which does not
 * count, or NGX_ERROR if there is no room.
 */
ngx_int_t ngx_openclaw_zone_rate_locked(ngx_openclaw_zone_t *zone,
    u_char *who, ngx_uint_t rate, ngx_uint_t burst, ngx_uint_t *excess);

/* forgets the rate that was used least recently; 0 if there is none */
ngx_uint_t ngx_openclaw_zone_forget_rate_locked(ngx_openclaw_zone_t *zone);

/* counts a turn until it is given back; NULL if there is no room */
ngx_openclaw_zone_sender_t *ngx_openclaw_zone_add_turn_locked(
    ngx_openclaw_zone_t *zone, u_char *who);
void ngx_openclaw_zone_remove_turn_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_sender_t *sender);

/* the same for a connection of the worker */
ngx_openclaw_zone_connection_t *ngx_openclaw_zone_add_connection_locked(
    ngx_openclaw_zone_t *zone, ngx_openclaw_zone_worker_t *worker,
    u_char *who);
void ngx_openclaw_zone_remove_connection_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_connection_t *c);

/* an empty tree of senders, and no rate */
void ngx_openclaw_zone_init_senders(ngx_openclaw_zone_t *zone);


#endif /* _NGX_OPENCLAW_ZONE_H_INCLUDED_ */

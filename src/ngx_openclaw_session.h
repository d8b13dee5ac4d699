
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * Sessions: who shares the agent's memory takes turns, one at a time over all
 * workers and in order of arrival.  A turn holds a ticket from the moment it
 * is accepted until it has ended; the first ticket of a session is granted.
 * How the last turns of a session ended is remembered, so that a message that
 * comes again finds its turn, or the answer, instead of asking the agent anew.
 *
 * This header gives no pointer into shared memory away.
 */


#ifndef _NGX_OPENCLAW_SESSION_H_INCLUDED_
#define _NGX_OPENCLAW_SESSION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_json.h>
#include <ngx_openclaw_post.h>
#include <ngx_openclaw_stats.h>
#include <ngx_openclaw_session_sender.h>


#define NGX_OPENCLAW_DIGEST_LEN             16


typedef struct ngx_openclaw_zone_s  ngx_openclaw_zone_t;


typedef enum {
    NGX_OPENCLAW_TICKET_GRANTED = 0,   /* it is this turn's time */
    NGX_OPENCLAW_TICKET_ABORTED,       /* the sender wants it to end; still to
                                          be released */
    NGX_OPENCLAW_TICKET_TWIN           /* an earlier turn of the same message
                                          has come to light: this ticket is to
                                          be released now, and may be entered
                                          again */
} ngx_openclaw_ticket_e;


typedef enum {

    /* entered, to be released */

    NGX_OPENCLAW_ENTRY_GRANTED = 0,    /* at once; the handler is not called
                                          for that */
    NGX_OPENCLAW_ENTRY_WAITING,        /* the handler is called when it is
                                          granted, from an event, never from
                                          within this or another call */

    /* not entered */

    NGX_OPENCLAW_ENTRY_TAKEN,          /* the message has a turn: *owner */
    NGX_OPENCLAW_ENTRY_ANSWERED,       /* its turn has ended: *answer */
    NGX_OPENCLAW_ENTRY_DUPLICATE,      /* the id is that of another message */
    NGX_OPENCLAW_ENTRY_QUEUE_FULL,     /* max turns are waiting already */
    NGX_OPENCLAW_ENTRY_SENDER_FULL,    /* the sender has ticket->turns */
    NGX_OPENCLAW_ENTRY_ZONE_FULL       /* logged */
} ngx_openclaw_entry_e;


typedef struct ngx_openclaw_ticket_s  ngx_openclaw_ticket_t;

typedef void (*ngx_openclaw_ticket_pt)(ngx_openclaw_ticket_t *ticket,
    ngx_openclaw_ticket_e what);


/* lives in the turn; strings must live until the ticket is released */

struct ngx_openclaw_ticket_s {
    ngx_str_t                          key;         /* of the session */
    ngx_str_t                          message_id;  /* <= 128 bytes */
    ngx_str_t                          sender_id;   /* <= 256 bytes */
    u_char                             digest[NGX_OPENCLAW_DIGEST_LEN];
                                                    /* of what was said */
    ngx_uint_t                         answers;     /* remembered in a session
                                                       at most, 0: none */
    ngx_uint_t                         turns;       /* of who, at most, in all
                                                       sessions */
    u_char                             who[NGX_OPENCLAW_WHO_LEN];
    ngx_openclaw_ticket_pt             handler;
    void                              *data;

    unsigned                           counted:1;   /* as one of who; else
                                                       who has 0 turns */
    unsigned                           entered:1;   /* to be released */
    unsigned                           granted:1;
    unsigned                           aborted:1;
    unsigned                           ended:1;     /* only its place is still
                                                       held */

    /* private */
    ngx_queue_t                        queue;
    void                              *shared;
    ngx_uint_t                         number;      /* in order of arrival */
};


/* how a turn ended */

typedef struct {
    ngx_openclaw_code_e                code;
    ngx_str_t                          text;        /* the answer, or the text
                                                       of the error if that is
                                                       not the code's own */
} ngx_openclaw_answer_t;


/* which worker has a turn */

typedef struct {
    ngx_openclaw_ticket_t             *ticket;      /* NULL: another worker */
    ngx_pid_t                          pid;
    ngx_uint_t                         epoch;
    ngx_openclaw_post_address_t        address;     /* where it listens */
    ngx_uint_t                         number;      /* of the ticket */
} ngx_openclaw_owner_t;


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
 * Enters a ticket at the end of its session's queue, with all before the flags
 * set.  At most max turns may wait.
 *
 * If the same sender's message with that id has a turn already, or had one
 * whose end is remembered, *owner or *answer is filled in.  answer->text.data
 * is ngx_alloc()ed, or NULL, and the caller's to free.  (If there is no memory
 * for it, the code is INTERNAL_ERROR.)
 */
ngx_openclaw_entry_e ngx_openclaw_session_enter(ngx_openclaw_ticket_t *ticket,
    ngx_uint_t max, ngx_openclaw_owner_t *owner,
    ngx_openclaw_answer_t *answer);

/*
 * The turn has ended, but keeps its place until its ticket is released: from
 * now on the message is not found in the queue any more.  The answer is
 * remembered, unless it is NULL or longer than max bytes.  No handler is
 * called for the ticket any more.
 */
void ngx_openclaw_session_end(ngx_openclaw_ticket_t *ticket,
    ngx_openclaw_answer_t *answer, size_t max);

/*
 * Gives the ticket back, granted or not, and lets the next one of its session
 * be granted.  If it has not been ended before, it is now, with that answer.
 * No handler is called for the ticket any more; it may be entered again.
 */
void ngx_openclaw_session_release(ngx_openclaw_ticket_t *ticket,
    ngx_openclaw_answer_t *answer, size_t max);

/*
 * Has the handlers of the sender's tickets in a session called with ABORTED,
 * in whatever worker they are: of the one with that message id, or of all if
 * message_id is empty.  Returns the number of tickets found; those of a worker
 * that has yet to answer after a crash of another one are not.
 */
ngx_uint_t ngx_openclaw_session_abort(ngx_str_t *key, ngx_str_t *sender_id,
    ngx_str_t *message_id);

/* this worker's ticket of a message whose turn has not ended, or NULL */
ngx_openclaw_ticket_t *ngx_openclaw_session_own(ngx_str_t *key,
    ngx_str_t *sender_id, ngx_str_t *message_id);

/* the worker did not answer: if it is dead, its tickets are taken away */
void ngx_openclaw_session_gone(ngx_openclaw_owner_t *owner);

/* others find this worker's turns at that address */
void ngx_openclaw_session_listen(ngx_openclaw_post_address_t *address);

/* 1 if a worker with that pid takes part */
ngx_uint_t ngx_openclaw_session_worker(ngx_pid_t pid);

/*
 * Copies what is counted, of the zone and of all workers, without locking: each
 * number is right by itself.  view->workers is allocated from the pool.  NGX_OK
 * or NGX_ERROR.
 */
ngx_int_t ngx_openclaw_session_stats(ngx_openclaw_zone_t *zone,
    ngx_pool_t *pool, ngx_openclaw_stats_view_t *view);


#endif /* _NGX_OPENCLAW_SESSION_H_INCLUDED_ */

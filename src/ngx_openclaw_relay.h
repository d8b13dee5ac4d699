
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * Carries the answer of a turn to the worker that its client came back to, as
 * posts over a stream socket.  The worker that has the turn, its owner, sends;
 * the other one receives.
 *
 * The owner keeps the whole text so far, and the relay knows how much of that
 * was sent: when the receiver lags behind, parts merge by themselves.  The
 * receiver always reads, it is to its user to merge for a slow client.
 *
 * Nothing blocks, and no handler is called from within a function of this
 * header.
 */


#ifndef _NGX_OPENCLAW_RELAY_H_INCLUDED_
#define _NGX_OPENCLAW_RELAY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_json.h>
#include <ngx_openclaw_session.h>


typedef struct ngx_openclaw_relay_s  ngx_openclaw_relay_t;


/*
 * What a receiver is told.  end or lost comes last and only once: the relay
 * is gone then.  The relay may be closed from within any of them.
 */

typedef struct {

    /* some more of the answer, in whole characters */
    void (*text)(void *data, ngx_str_t *text);

    /* what came until now is void, the answer starts anew */
    void (*reset)(void *data);

    /* the text is whole if the code is OK; else the error's, may be empty */
    void (*end)(void *data, ngx_openclaw_code_e code, ngx_str_t *text);

    /*
     * The owner could not be reached, has hung up before the end, or has no
     * such turn (any more): ngx_openclaw_session_gone(), and enter again.
     */
    void (*lost)(void *data);

} ngx_openclaw_relay_handlers_t;


/*
 * Somebody wants the answer of this ticket's turn, since that time.  The relay
 * is to be attached, ended or closed, at once.
 */
typedef void (*ngx_openclaw_relay_accept_pt)(ngx_openclaw_relay_t *relay,
    ngx_openclaw_ticket_t *ticket, ngx_msec_t since);

/* the receiver has hung up: the relay is gone */
typedef void (*ngx_openclaw_relay_closed_pt)(void *data);


/*
 * Called in each worker process, after ngx_openclaw_session_init_process()
 * and ngx_openclaw_session_exit_process().  NGX_OK, even if others can't reach
 * this worker (logged).
 */
ngx_int_t ngx_openclaw_relay_init_process(ngx_cycle_t *cycle,
    ngx_openclaw_relay_accept_pt handler);
void ngx_openclaw_relay_exit_process(ngx_cycle_t *cycle);

/*
 * The receiving side: asks the owner for the answer of a message, which its
 * client wants since that time (ngx_current_msec: all workers have one clock).
 * The strings are copied; handlers, data and log must live as long as the
 * relay.  NULL if there is no memory.
 */
ngx_openclaw_relay_t *ngx_openclaw_relay_connect(ngx_openclaw_owner_t *owner,
    ngx_str_t *key, ngx_str_t *sender_id, ngx_str_t *message_id,
    ngx_msec_t since, ngx_openclaw_relay_handlers_t *handlers, void *data,
    ngx_log_t *log);

/*
 * The owner's side: sends *text, which must live until the end and may be
 * appended to (and its data be moved) at any time.
 */
void ngx_openclaw_relay_attach(ngx_openclaw_relay_t *relay, ngx_str_t *text,
    ngx_openclaw_relay_closed_pt closed, void *data);

/* *text has grown */
void ngx_openclaw_relay_more(ngx_openclaw_relay_t *relay);

/* *text is another one: what was sent of it is void */
void ngx_openclaw_relay_reset(ngx_openclaw_relay_t *relay);

/*
 * The answer has ended.  If the code is OK, the text given to attach is taken
 * over: its data, ngx_alloc()ed, is freed by the relay, and *text is zeroed.
 * Else reason, which may be NULL or empty, is what the client is told, and
 * *text is not touched.  The relay lives on by itself until all is sent.
 */
void ngx_openclaw_relay_end(ngx_openclaw_relay_t *relay,
    ngx_openclaw_code_e code, ngx_str_t *reason);

/* either side, before the end: hangs up; no handler is called any more */
void ngx_openclaw_relay_close(ngx_openclaw_relay_t *relay);


#endif /* _NGX_OPENCLAW_RELAY_H_INCLUDED_ */

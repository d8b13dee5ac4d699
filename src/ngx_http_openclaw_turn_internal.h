
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * What the files of a turn share.  ngx_http_openclaw_turn.c is its life in the
 * worker that runs it; _create.c makes it from a message; _enter.c finds its
 * place; _answer.c is where the answer goes; _guest.c is a turn that another
 * worker runs; _count.c counts them all.
 *
 * The answer comes from turn->agent, or by turn->source from another worker.
 * It goes to turn->client, by turn->sink to another worker, or nowhere while
 * nobody has come back for it.
 */


#ifndef _NGX_HTTP_OPENCLAW_TURN_INTERNAL_H_INCLUDED_
#define _NGX_HTTP_OPENCLAW_TURN_INTERNAL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_openclaw_relay.h>
#include <ngx_http_openclaw_turn.h>


/* what a turn is counted as; one that another worker runs is not */

typedef enum {
    NGX_HTTP_OPENCLAW_TURN_NONE = 0,
    NGX_HTTP_OPENCLAW_TURN_WAITING,
    NGX_HTTP_OPENCLAW_TURN_RUNNING
} ngx_http_openclaw_turn_state_e;


typedef struct {
    ngx_pool_t                        *pool;
    ngx_log_t                          log;
    ngx_http_openclaw_loc_conf_t      *conf;

    ngx_openclaw_ticket_t              ticket;
    ngx_openclaw_agent_t              *agent;
    ngx_array_t                       *headers;     /* of ngx_str_t */
    ngx_str_t                          body;
    ngx_str_t                          content;     /* its beginning */

    ngx_str_t                          text;        /* the answer so far */
    size_t                             size;        /* allocated for it */

    ngx_http_openclaw_turn_state_e     state;
    ngx_msec_t                         start;       /* the message came */
    ngx_msec_t                         since;       /* who came last for the
                                                       answer came then */
    ngx_http_openclaw_client_t        *client;
    ngx_queue_t                        queue;       /* in client->turns */
    size_t                             sent;        /* of the text to it */
    ngx_str_t                          addr;        /* of the last one */
    u_char                             addr_data[NGX_SOCKADDR_STRLEN];

    ngx_openclaw_relay_t              *sink;

    /* of a guest */
    ngx_openclaw_relay_t              *source;
    ngx_openclaw_owner_t               owner;
    ngx_uint_t                         tries;       /* in vain, in a row */
    ngx_openclaw_code_e                code;        /* if it is over */
    ngx_str_t                          reason;

    ngx_event_t                        timer;
    ngx_msec_t                         deadline;    /* if nobody is there */

    unsigned                           begun:1;     /* some text has come */
    unsigned                           guest:1;
    unsigned                           over:1;      /* a guest's end waits */
    unsigned                           aborted:1;   /* by the sender */
    unsigned                           whole:1;     /* no part is streamed any
                                                       more, the end tells it
                                                       all */
} ngx_http_openclaw_turn_t;


/* how long the timer of a turn with a client keeps a leaving worker, again */

#define NGX_HTTP_OPENCLAW_TURN_HOLD         3600000


/* _turn.c */

/* Asks the agent if it has been granted, and no guest is before it. */
void ngx_http_openclaw_turn_run(ngx_http_openclaw_turn_t *turn);

/* handlers: some more of the answer, and its end */
void ngx_http_openclaw_turn_text(void *data, ngx_str_t *text);
void ngx_http_openclaw_turn_end(void *data, ngx_openclaw_code_e code,
    ngx_str_t *reason);

/* Ends it, as the end handler does, without a word in the log. */
void ngx_http_openclaw_turn_finish(ngx_http_openclaw_turn_t *turn,
    ngx_openclaw_code_e code, ngx_str_t *reason);

void ngx_http_openclaw_turn_set_timer(ngx_http_openclaw_turn_t *turn,
    ngx_msec_t timer);
void ngx_http_openclaw_turn_free(ngx_http_openclaw_turn_t *turn);


/* _count.c */

/* It has come to that state, from whatever it was in. */
void ngx_http_openclaw_turn_count(ngx_http_openclaw_turn_t *turn,
    ngx_http_openclaw_turn_state_e state);

/* It has begun to be answered; it has ended, in that way. */
void ngx_http_openclaw_turn_count_begun(ngx_http_openclaw_turn_t *turn);
void ngx_http_openclaw_turn_count_end(ngx_http_openclaw_turn_t *turn,
    ngx_openclaw_code_e code);


/* _enter.c */

/*
 * Finds the message's place: it may be new, have a turn somewhere, or be
 * answered already.  client wants the answer; it may have the turn already, or
 * be NULL.  If OK is returned, the turn may be gone; else it is to be ended.
 */
ngx_openclaw_code_e ngx_http_openclaw_turn_enter(
    ngx_http_openclaw_turn_t *turn, ngx_http_openclaw_client_t *client,
    ngx_uint_t max);

/* The same for one that was accepted, and has lost its place. */
void ngx_http_openclaw_turn_again(ngx_http_openclaw_turn_t *turn);


/* _create.c */

/* NULL if there is no memory */
ngx_http_openclaw_turn_t *ngx_http_openclaw_turn_create(
    ngx_http_openclaw_client_t *client, ngx_openclaw_message_t *m,
    ngx_str_t *sender_id, ngx_str_t *sender_name);


/* _answer.c */

/*
 * Gives the turn to a client, unless it has it already: chat.typing, and the
 * text so far.
 */
void ngx_http_openclaw_turn_give(ngx_http_openclaw_turn_t *turn,
    ngx_http_openclaw_client_t *client);

/*
 * Takes the turn away from whoever has it, who is told "duplicate".
 *
 * NGX_OK        it is for who came then
 * NGX_DECLINED  somebody has it who came later
 */
ngx_int_t ngx_http_openclaw_turn_take(ngx_http_openclaw_turn_t *turn,
    ngx_msec_t since);

/* The same without a word. */
void ngx_http_openclaw_turn_attach(ngx_http_openclaw_turn_t *turn,
    ngx_http_openclaw_client_t *client);
void ngx_http_openclaw_turn_detach(ngx_http_openclaw_turn_t *turn);

/* Sends what is new in the text, unless it has to wait. */
void ngx_http_openclaw_turn_stream(ngx_http_openclaw_turn_t *turn);

/* Has the agent wait for a client that reads slowly. */
void ngx_http_openclaw_turn_pace(ngx_http_openclaw_turn_t *turn);

/* Sends the end, with all that had to wait. */
void ngx_http_openclaw_turn_report(ngx_http_openclaw_turn_t *turn,
    ngx_openclaw_code_e code, ngx_str_t *reason);


/* _guest.c */

/*
 * Makes a guest of the turn, which asks its owner for the answer.  If OK is
 * returned, the turn may be gone; else it is to be ended.
 */
ngx_openclaw_code_e ngx_http_openclaw_guest_ask(
    ngx_http_openclaw_turn_t *turn, ngx_http_openclaw_client_t *client,
    ngx_openclaw_owner_t *owner);

/* The guest of the same message on that connection, or NULL. */
ngx_http_openclaw_turn_t *ngx_http_openclaw_guest_find(
    ngx_http_openclaw_client_t *client, ngx_openclaw_ticket_t *ticket);

/* Ends a guest: with that, or because the worker must exit now. */
void ngx_http_openclaw_guest_end(ngx_http_openclaw_turn_t *turn,
    ngx_openclaw_code_e code, ngx_str_t *reason);
void ngx_http_openclaw_guest_expire(ngx_http_openclaw_turn_t *turn);

/* Looks for the turn of a guest that was lost. */
void ngx_http_openclaw_guest_again(ngx_http_openclaw_turn_t *turn);

/* Sets or clears turn->guest. */
void ngx_http_openclaw_guest_mark(ngx_http_openclaw_turn_t *turn,
    ngx_uint_t guest);

/*
 * Tells whether an earlier turn of the session is a guest of the same client,
 * with the end of its answer still on the way: the two must not mix.
 */
ngx_uint_t ngx_http_openclaw_guest_before(ngx_http_openclaw_turn_t *turn);

/* Lets those go on that had to wait for a guest of the client. */
void ngx_http_openclaw_guest_next(ngx_http_openclaw_client_t *client);


#endif /* _NGX_HTTP_OPENCLAW_TURN_INTERNAL_H_INCLUDED_ */

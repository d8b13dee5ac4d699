
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * What the files of relays share: the relay, and the posts.
 * ngx_openclaw_relay.c connects, accepts, reads and closes,
 * ngx_openclaw_relay_send.c sends what the owner has.
 */


#ifndef _NGX_OPENCLAW_RELAY_INTERNAL_H_INCLUDED_
#define _NGX_OPENCLAW_RELAY_INTERNAL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_openclaw_relay.h>


/* no post is longer, and none is delivered or sent but as a whole */

#define NGX_OPENCLAW_RELAY_BUFFER           16384

/* how often a socket is read or written before others have their turn */

#define NGX_OPENCLAW_RELAY_ROUNDS           16

/* how long a peer may be silent, when it has nothing to wait for */

#define NGX_OPENCLAW_RELAY_TIMEOUT          60000


typedef enum {
    NGX_OPENCLAW_RELAY_CONNECTING = 0,
    NGX_OPENCLAW_RELAY_RECEIVING,
    NGX_OPENCLAW_RELAY_LOSING,         /* lost is called by the timer */

    NGX_OPENCLAW_RELAY_ACCEPTED,       /* not yet asked */
    NGX_OPENCLAW_RELAY_SENDING,
    NGX_OPENCLAW_RELAY_ENDING,         /* nobody knows it any more */

    NGX_OPENCLAW_RELAY_CLOSED          /* to be freed by who is using it */
} ngx_openclaw_relay_e;


typedef enum {
    NGX_OPENCLAW_RELAY_ASK = 1,        /* receiver: ngx_openclaw_relay_ask_t,
                                          and the strings one after another */
    NGX_OPENCLAW_RELAY_UNKNOWN,        /* owner: there is no such turn */
    NGX_OPENCLAW_RELAY_TEXT,
    NGX_OPENCLAW_RELAY_RESET,
    NGX_OPENCLAW_RELAY_END             /* with the text of an error */
} ngx_openclaw_relay_post_e;


/* each post begins with this */

typedef struct {
    uint16_t                           type;
    uint16_t                           code;        /* of END */
    uint32_t                           len;         /* of what follows */
} ngx_openclaw_relay_head_t;


typedef struct {
    ngx_msec_t                         since;
    uint16_t                           key;
    uint16_t                           sender_id;
    uint16_t                           message_id;
} ngx_openclaw_relay_ask_t;


struct ngx_openclaw_relay_s {
    ngx_openclaw_relay_e               state;
    ngx_connection_t                  *connection;
    ngx_queue_t                        queue;       /* in relays */
    ngx_event_t                        event;
    ngx_log_t                         *log;
    void                              *data;

    u_char                            *pos;         /* what is in buf */
    u_char                            *last;
    u_char                            *buf;

    /* of the receiver */
    ngx_openclaw_relay_handlers_t     *handlers;
    ngx_openclaw_owner_t               owner;
    ngx_str_t                          ask;         /* the post */
    ngx_uint_t                         tries;

    /* of the owner */
    ngx_openclaw_relay_closed_pt       closed;
    ngx_str_t                         *text;
    ngx_str_t                          kept;        /* text or reason, when it
                                                       has ended */
    size_t                             sent;
    ngx_openclaw_code_e                code;

    unsigned                           busy:1;      /* a handler is called */
    unsigned                           reset:1;     /* to be sent */
    unsigned                           last_post:1; /* END is in buf, or sent */
};


/* a worker that leaves waits less */
void ngx_openclaw_relay_set_timer(ngx_openclaw_relay_t *relay,
    ngx_msec_t timer);

/* the connection has failed, or was closed by the peer */
void ngx_openclaw_relay_peer_left(ngx_openclaw_relay_t *relay);

void ngx_openclaw_relay_write_handler(ngx_event_t *wev);

/* appends a post to what is in buf, where there is room for it */
void ngx_openclaw_relay_put(ngx_openclaw_relay_t *relay,
    ngx_openclaw_relay_post_e type, u_char *data, size_t len);

/* at once, or when the handler that is being called returns */
void ngx_openclaw_relay_free(ngx_openclaw_relay_t *relay);


#endif /* _NGX_OPENCLAW_RELAY_INTERNAL_H_INCLUDED_ */


/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * Turns: a message becomes a turn, which waits for its place in the session,
 * runs its agent request, and turns the answer into frames.  A turn ends
 * once, with one chat.response or chat.error, and outlives a client that
 * leaves.
 */


#ifndef _NGX_HTTP_OPENCLAW_TURN_H_INCLUDED_
#define _NGX_HTTP_OPENCLAW_TURN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_openclaw_json.h>
#include <ngx_http_openclaw_module.h>
#include <ngx_http_openclaw_ws.h>


/* a client connection, as its turns see it */

typedef struct {
    ngx_http_openclaw_ws_t            *ws;
    ngx_http_openclaw_loc_conf_t      *conf;
    ngx_str_t                          agent_id;
    ngx_array_t                       *headers;     /* lines of the agent
                                                       request, ngx_str_t,
                                                       NUL-terminated */
    ngx_queue_t                        turns;
    uint32_t                           guests;      /* of them, run by other
                                                       workers */

    /* for the access log */
    uint32_t                           nmessages;
    uint32_t                           nturns;      /* accepted */
    uint32_t                           nerrors;
    ngx_openclaw_code_e                last_error;

    unsigned                           bound:1;     /* who is counted is a
                                                       sender; else an
                                                       address */
    unsigned                           limited:1;   /* the last message came
                                                       too fast */

    ngx_str_t                          session;     /* of the last message */
    size_t                             session_size;

    ngx_openclaw_place_t               place;       /* among the connections of
                                                       who is counted */
} ngx_http_openclaw_client_t;


/* called in each worker process; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_openclaw_turn_init_process(ngx_cycle_t *cycle);
void ngx_http_openclaw_turn_exit_process(ngx_cycle_t *cycle);

/*
 * Takes a chat.send.  Returns NGX_OPENCLAW_OK if it was accepted: either the
 * answer was sent, as it is known already, or chat.typing, and the answer will
 * follow: of a new turn, or of the one that the same message has.  Else
 * nothing was sent, and the code tells why: QUEUE_FULL, TOO_MANY_TURNS,
 * DUPLICATE, ZONE_FULL, SHUTTING_DOWN or INTERNAL_ERROR.
 */
ngx_openclaw_code_e ngx_http_openclaw_turn_start(
    ngx_http_openclaw_client_t *client, ngx_openclaw_message_t *m,
    ngx_str_t *sender_id, ngx_str_t *sender_name);

/*
 * Ends the sender's turn with that message id on this connection, or all of
 * the sender's if the id is empty, with chat.error "aborted".  Returns the
 * number of turns ended.
 */
ngx_uint_t ngx_http_openclaw_turn_abort(ngx_http_openclaw_client_t *client,
    ngx_str_t *sender_id, ngx_str_t *message_id);

/* Lets the turns go on after the client has read what waited for it. */
void ngx_http_openclaw_turn_resume(ngx_http_openclaw_client_t *client);

/*
 * Lets go of the client: its turns run on without it for at most
 * openclaw_detach, or end at once if that is 0.
 */
void ngx_http_openclaw_turn_leave(ngx_http_openclaw_client_t *client);

/*
 * Ends all turns with chat.error "shutting_down": the worker must exit now.
 * From then on no turn starts in this worker.
 */
void ngx_http_openclaw_turn_expire(ngx_http_openclaw_client_t *client);


/* Sends a frame, or chat.error, with the text of the code if text is NULL. */
void ngx_http_openclaw_client_frame(ngx_http_openclaw_client_t *client,
    ngx_str_t *payload);
void ngx_http_openclaw_client_error(ngx_http_openclaw_client_t *client,
    ngx_str_t *id, ngx_openclaw_code_e code, ngx_str_t *text);


#endif /* _NGX_HTTP_OPENCLAW_TURN_H_INCLUDED_ */

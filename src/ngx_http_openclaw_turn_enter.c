
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_http_openclaw_turn_internal.h>


static ngx_openclaw_code_e ngx_http_openclaw_turn_repeat(
    ngx_http_openclaw_turn_t *turn, ngx_http_openclaw_client_t *client,
    ngx_http_openclaw_turn_t *same);
static ngx_openclaw_code_e ngx_http_openclaw_turn_begin(
    ngx_http_openclaw_turn_t *turn, ngx_http_openclaw_client_t *client);
static ngx_openclaw_code_e ngx_http_openclaw_turn_join(
    ngx_http_openclaw_turn_t *turn, ngx_http_openclaw_client_t *client,
    ngx_openclaw_owner_t *owner);
static void ngx_http_openclaw_turn_recall(ngx_http_openclaw_turn_t *turn,
    ngx_http_openclaw_client_t *client, ngx_openclaw_answer_t *answer);


ngx_openclaw_code_e
ngx_http_openclaw_turn_enter(ngx_http_openclaw_turn_t *turn,
    ngx_http_openclaw_client_t *client, ngx_uint_t max)
{
    ngx_openclaw_owner_t       owner;
    ngx_openclaw_answer_t      answer;
    ngx_http_openclaw_turn_t  *same;

    if (turn->client == NULL && client) {
        same = ngx_http_openclaw_guest_find(client, &turn->ticket);

        if (same) {
            return ngx_http_openclaw_turn_repeat(turn, client, same);
        }
    }

    switch (ngx_openclaw_session_enter(&turn->ticket, max, &owner, &answer)) {

    case NGX_OPENCLAW_ENTRY_GRANTED:
    case NGX_OPENCLAW_ENTRY_WAITING:
        return ngx_http_openclaw_turn_begin(turn, client);

    case NGX_OPENCLAW_ENTRY_TAKEN:
        return ngx_http_openclaw_turn_join(turn, client, &owner);

    case NGX_OPENCLAW_ENTRY_ANSWERED:
        ngx_http_openclaw_turn_recall(turn, client, &answer);
        return NGX_OPENCLAW_OK;

    case NGX_OPENCLAW_ENTRY_DUPLICATE:
        return NGX_OPENCLAW_DUPLICATE;

    case NGX_OPENCLAW_ENTRY_QUEUE_FULL:
        return NGX_OPENCLAW_QUEUE_FULL;

    case NGX_OPENCLAW_ENTRY_SENDER_FULL:
        return NGX_OPENCLAW_TOO_MANY_TURNS;

    default: /* NGX_OPENCLAW_ENTRY_ZONE_FULL */
        return NGX_OPENCLAW_ZONE_FULL;
    }
}


/*
 * The message is sent again over a connection that has a guest of it.  The end
 * of that may be on the way, so what the zone knows now would be a second one.
 */

static ngx_openclaw_code_e
ngx_http_openclaw_turn_repeat(ngx_http_openclaw_turn_t *turn,
    ngx_http_openclaw_client_t *client, ngx_http_openclaw_turn_t *same)
{
    if (ngx_memcmp(same->ticket.digest, turn->ticket.digest,
                   NGX_OPENCLAW_DIGEST_LEN)
        != 0)
    {
        return NGX_OPENCLAW_DUPLICATE;
    }

    /* its owner needs not know of it */

    same->since = turn->since;

    ngx_http_openclaw_turn_give(same, client);
    ngx_http_openclaw_turn_free(turn);

    return NGX_OPENCLAW_OK;
}


/* the message is new, or not known any more */

static ngx_openclaw_code_e
ngx_http_openclaw_turn_begin(ngx_http_openclaw_turn_t *turn,
    ngx_http_openclaw_client_t *client)
{
    ngx_uint_t  guest;

    if (turn->begun) {

        /* by a worker that is not there any more */

        return NGX_OPENCLAW_AGENT_INCOMPLETE;
    }

    guest = turn->guest;

    if (guest) {
        ngx_http_openclaw_guest_mark(turn, 0);
    }

    if (turn->client == NULL && client) {

        if (client->ws->leaving && client->ws->busy) {

            /*
             * A connection that is only waiting to be closed may still start
             * a turn, one that is kept for its turns may not: it would stay.
             */

            return NGX_OPENCLAW_SHUTTING_DOWN;
        }

        ngx_http_openclaw_turn_give(turn, client);
    }

    ngx_http_openclaw_turn_count(turn, NGX_HTTP_OPENCLAW_TURN_WAITING);
    ngx_http_openclaw_turn_run(turn);

    if (guest) {
        ngx_http_openclaw_guest_next(client);
    }

    return NGX_OPENCLAW_OK;
}


/* there is a turn of the message */

static ngx_openclaw_code_e
ngx_http_openclaw_turn_join(ngx_http_openclaw_turn_t *turn,
    ngx_http_openclaw_client_t *client, ngx_openclaw_owner_t *owner)
{
    ngx_uint_t                 guest;
    ngx_http_openclaw_turn_t  *other;

    if (client == NULL) {
        ngx_http_openclaw_turn_free(turn);
        return NGX_OPENCLAW_OK;
    }

    if (owner->ticket == NULL) {
        return ngx_http_openclaw_guest_ask(turn, client, owner);
    }

    if (turn->begun) {
        return NGX_OPENCLAW_AGENT_INCOMPLETE;
    }

    other = owner->ticket->data;

    if (other->client != client
        && ngx_http_openclaw_turn_take(other, turn->since) != NGX_OK)
    {
        return NGX_OPENCLAW_DUPLICATE;
    }

    guest = turn->guest;

    ngx_http_openclaw_turn_give(other, client);
    ngx_http_openclaw_turn_free(turn);

    /* it may have waited for a guest of the client before */

    ngx_http_openclaw_turn_run(other);

    if (guest) {
        ngx_http_openclaw_guest_next(client);
    }

    return NGX_OPENCLAW_OK;
}


/* the message was answered: what is remembered is the end of this turn */

static void
ngx_http_openclaw_turn_recall(ngx_http_openclaw_turn_t *turn,
    ngx_http_openclaw_client_t *client, ngx_openclaw_answer_t *answer)
{
    ngx_str_t  reason;

    ngx_str_null(&reason);

    if (turn->client == NULL && client) {
        ngx_http_openclaw_turn_attach(turn, client);
        turn->whole = 1;
    }

    if (answer->code != NGX_OPENCLAW_OK) {
        reason = answer->text;

    } else {

        if (turn->text.data) {
            ngx_free(turn->text.data);
        }

        turn->text = answer->text;
    }

    ngx_http_openclaw_turn_finish(turn, answer->code, &reason);

    if (reason.data) {
        ngx_free(reason.data);
    }
}


void
ngx_http_openclaw_turn_again(ngx_http_openclaw_turn_t *turn)
{
    ngx_str_t            reason;
    ngx_openclaw_code_e  code;

    turn->ticket.granted = 0;
    turn->ticket.aborted = 0;
    turn->ticket.ended = 0;

    /* it was accepted before */

    turn->ticket.turns = NGX_MAX_INT_T_VALUE;

    code = ngx_http_openclaw_turn_enter(turn, turn->client,
                                        NGX_MAX_INT_T_VALUE);

    if (code == NGX_OPENCLAW_DUPLICATE) {
        ngx_http_openclaw_turn_finish(turn, code, NULL);

    } else if (code != NGX_OPENCLAW_OK) {
        ngx_str_set(&reason, "the turn was lost");
        ngx_http_openclaw_turn_end(turn, code, &reason);
    }
}

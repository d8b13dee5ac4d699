
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_openclaw_stats.h>
#include <ngx_http_openclaw_turn_internal.h>


static void ngx_http_openclaw_turn_part(ngx_http_openclaw_turn_t *turn);


void
ngx_http_openclaw_turn_give(ngx_http_openclaw_turn_t *turn,
    ngx_http_openclaw_client_t *client)
{
    if (turn->client == NULL) {
        ngx_http_openclaw_turn_attach(turn, client);
    }

    turn->sent = 0;

    ngx_http_openclaw_client_frame(client, &ngx_openclaw_json_typing);

    ngx_http_openclaw_turn_stream(turn);
    ngx_http_openclaw_turn_pace(turn);
}


ngx_int_t
ngx_http_openclaw_turn_take(ngx_http_openclaw_turn_t *turn, ngx_msec_t since)
{
    /* a guest that was lost may be looking for what another one has found */

    if ((turn->client || turn->sink)
        && (ngx_msec_int_t) (since - turn->since) < 0)
    {
        return NGX_DECLINED;
    }

    turn->since = since;

    if (turn->client) {
        ngx_http_openclaw_client_error(turn->client, &turn->ticket.message_id,
                                       NGX_OPENCLAW_DUPLICATE, NULL);
        ngx_http_openclaw_turn_detach(turn);
    }

    if (turn->sink) {
        ngx_openclaw_relay_end(turn->sink, NGX_OPENCLAW_DUPLICATE, NULL);
        turn->sink = NULL;
    }

    return NGX_OK;
}


void
ngx_http_openclaw_turn_attach(ngx_http_openclaw_turn_t *turn,
    ngx_http_openclaw_client_t *client)
{
    ngx_str_t  *addr;

    turn->client = client;
    ngx_queue_insert_tail(&client->turns, &turn->queue);

    client->ws->busy++;
    client->guests += turn->guest;

    addr = &client->ws->connection->addr_text;

    turn->addr.len = ngx_min(addr->len, NGX_SOCKADDR_STRLEN);
    turn->addr.data = turn->addr_data;
    ngx_memcpy(turn->addr_data, addr->data, turn->addr.len);

    ngx_http_openclaw_turn_set_timer(turn, NGX_HTTP_OPENCLAW_TURN_HOLD);
}


void
ngx_http_openclaw_turn_detach(ngx_http_openclaw_turn_t *turn)
{
    ngx_http_openclaw_ws_t      *ws;
    ngx_http_openclaw_client_t  *client;

    client = turn->client;

    if (client == NULL) {
        return;
    }

    turn->client = NULL;
    ngx_queue_remove(&turn->queue);

    client->guests -= turn->guest;

    ws = client->ws;

    if (--ws->busy == 0) {
        ngx_http_openclaw_ws_idle(ws);
    }
}


void
ngx_http_openclaw_turn_stream(ngx_http_openclaw_turn_t *turn)
{
    if (turn->sink) {
        ngx_openclaw_relay_more(turn->sink);
        return;
    }

    if (turn->client == NULL
        || ngx_http_openclaw_ws_full(turn->client->ws)
        || ngx_http_openclaw_guest_before(turn))
    {
        /* what comes until then makes one part */

        return;
    }

    ngx_http_openclaw_turn_part(turn);
}


static void
ngx_http_openclaw_turn_part(ngx_http_openclaw_turn_t *turn)
{
    u_char                      *p;
    ngx_str_t                   *id, text;
    ngx_http_openclaw_client_t  *client;

    client = turn->client;
    text = turn->text;

    if (turn->whole || turn->sent >= text.len) {
        return;
    }

    switch (client->conf->stream) {

    case NGX_HTTP_OPENCLAW_STREAM_OFF:
        return;

    case NGX_HTTP_OPENCLAW_STREAM_SNAPSHOT:
        break;

    default: /* NGX_HTTP_OPENCLAW_STREAM_DELTA */
        text.data += turn->sent;
        text.len -= turn->sent;
        break;
    }

    turn->sent = turn->text.len;

    id = &turn->ticket.message_id;

    p = ngx_http_openclaw_ws_frame(client->ws, NGX_OPENCLAW_FRAME_TEXT,
                                   ngx_openclaw_json_stream_size(id, &text));
    if (p) {
        ngx_openclaw_json_stream(p, id, &text);
    }
}


void
ngx_http_openclaw_turn_pace(ngx_http_openclaw_turn_t *turn)
{
    if (turn->agent == NULL) {
        return;
    }

    if (turn->client && ngx_http_openclaw_ws_full(turn->client->ws)) {
        ngx_openclaw_agent_pause(turn->agent);

    } else {
        ngx_openclaw_agent_resume(turn->agent);
    }
}


void
ngx_http_openclaw_turn_report(ngx_http_openclaw_turn_t *turn,
    ngx_openclaw_code_e code, ngx_str_t *reason)
{
    u_char                      *p;
    ngx_str_t                   *id;
    ngx_http_openclaw_client_t  *client;

    /* what else failed is for the log only */

    if (code != NGX_OPENCLAW_AGENT_ERROR) {
        reason = NULL;
    }

    if (turn->sink) {
        ngx_openclaw_relay_end(turn->sink, code, reason);
        turn->sink = NULL;
        return;
    }

    client = turn->client;

    if (client == NULL) {
        return;
    }

    id = &turn->ticket.message_id;

    if (code != NGX_OPENCLAW_OK) {
        ngx_http_openclaw_turn_part(turn);
        ngx_http_openclaw_client_error(client, id, code, reason);
        return;
    }

    /* the last snapshot would say the same */

    if (client->conf->stream == NGX_HTTP_OPENCLAW_STREAM_DELTA) {
        ngx_http_openclaw_turn_part(turn);
    }

    p = ngx_http_openclaw_ws_frame(client->ws, NGX_OPENCLAW_FRAME_TEXT,
                            ngx_openclaw_json_response_size(id, &turn->text));
    if (p) {
        ngx_openclaw_json_response(p, id, &turn->text);
    }
}


void
ngx_http_openclaw_client_frame(ngx_http_openclaw_client_t *client,
    ngx_str_t *payload)
{
    u_char  *p;

    p = ngx_http_openclaw_ws_frame(client->ws, NGX_OPENCLAW_FRAME_TEXT,
                                   payload->len);
    if (p) {
        ngx_memcpy(p, payload->data, payload->len);
    }
}


void
ngx_http_openclaw_client_error(ngx_http_openclaw_client_t *client,
    ngx_str_t *id, ngx_openclaw_code_e code, ngx_str_t *text)
{
    u_char  *p;

    if (text == NULL || text->len == 0) {
        text = ngx_openclaw_code_text(code);
    }

    p = ngx_http_openclaw_ws_frame(client->ws, NGX_OPENCLAW_FRAME_TEXT,
                                ngx_openclaw_json_error_size(id, code, text));
    if (p) {
        ngx_openclaw_json_error(p, id, code, text);

        client->nerrors++;
        client->last_error = code;
        ngx_openclaw_stats_add(errors[code], 1);
    }
}

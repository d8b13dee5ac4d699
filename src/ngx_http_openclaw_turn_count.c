
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_openclaw_stats.h>
#include <ngx_http_openclaw_turn_internal.h>


void
ngx_http_openclaw_turn_count(ngx_http_openclaw_turn_t *turn,
    ngx_http_openclaw_turn_state_e state)
{
    if (state == turn->state) {
        return;
    }

    if (turn->state == NGX_HTTP_OPENCLAW_TURN_WAITING) {
        ngx_openclaw_stats_gauge(waiting, -1);

    } else if (turn->state == NGX_HTTP_OPENCLAW_TURN_RUNNING) {
        ngx_openclaw_stats_gauge(running, -1);
    }

    turn->state = state;

    if (state == NGX_HTTP_OPENCLAW_TURN_WAITING) {
        ngx_openclaw_stats_gauge(waiting, 1);

    } else if (state == NGX_HTTP_OPENCLAW_TURN_RUNNING) {
        ngx_openclaw_stats_gauge(running, 1);
        ngx_openclaw_stats_time(queue_wait, ngx_current_msec - turn->start);
    }
}


void
ngx_http_openclaw_turn_count_begun(ngx_http_openclaw_turn_t *turn)
{
    if (turn->state == NGX_HTTP_OPENCLAW_TURN_RUNNING && !turn->begun) {
        ngx_openclaw_stats_time(first_part, ngx_current_msec - turn->start);
    }
}


void
ngx_http_openclaw_turn_count_end(ngx_http_openclaw_turn_t *turn,
    ngx_openclaw_code_e code)
{
    if (turn->state == NGX_HTTP_OPENCLAW_TURN_NONE) {

        /* it is the end of an earlier one, which is remembered */

        return;
    }

    ngx_http_openclaw_turn_count(turn, NGX_HTTP_OPENCLAW_TURN_NONE);

    ngx_openclaw_stats_add(turns[code], 1);

    if (code == NGX_OPENCLAW_OK) {
        ngx_openclaw_stats_time(turn, ngx_current_msec - turn->start);
    }
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_openclaw_relay.h>


ngx_int_t
ngx_openclaw_relay_init_process(ngx_cycle_t *cycle,
    ngx_openclaw_relay_accept_pt handler)
{
    return NGX_OK;
}


void
ngx_openclaw_relay_exit_process(ngx_cycle_t *cycle)
{
    /* void */
}


ngx_openclaw_relay_t *
ngx_openclaw_relay_connect(ngx_openclaw_owner_t *owner, ngx_str_t *key,
    ngx_str_t *sender_id, ngx_str_t *message_id,
    ngx_openclaw_relay_handlers_t *handlers, void *data, ngx_log_t *log)
{
    return NULL;
}


void
ngx_openclaw_relay_attach(ngx_openclaw_relay_t *relay, ngx_str_t *text,
    ngx_openclaw_relay_closed_pt closed, void *data)
{
    /* void */
}


void
ngx_openclaw_relay_more(ngx_openclaw_relay_t *relay)
{
    /* void */
}


void
ngx_openclaw_relay_reset(ngx_openclaw_relay_t *relay)
{
    /* void */
}


void
ngx_openclaw_relay_end(ngx_openclaw_relay_t *relay, ngx_openclaw_code_e code,
    ngx_str_t *reason)
{
    /* void */
}


void
ngx_openclaw_relay_close(ngx_openclaw_relay_t *relay)
{
    /* void */
}

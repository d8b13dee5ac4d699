
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * One HTTP exchange with a small answer: JSON is posted, and what comes back
 * is handed over as a whole.  It is tried once, over a connection of its own.
 */


#ifndef _NGX_OPENCLAW_FETCH_H_INCLUDED_
#define _NGX_OPENCLAW_FETCH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_agent.h>


typedef struct ngx_openclaw_fetch_s  ngx_openclaw_fetch_t;


typedef struct {
    ngx_openclaw_agent_conf_t         *conf;        /* where, and TLS; to live
                                                       as long as the worker */
    ngx_str_t                          body;        /* copied, and wiped */
    size_t                             limit;       /* of the answer's body */
    ngx_msec_t                         timeout;     /* of all */
} ngx_openclaw_fetch_ask_t;


/*
 * The outcome, valid during the call:
 *
 * NGX_OK     body is the answer's, which may be modified; any status
 * NGX_AGAIN  there was none in time
 * NGX_ERROR  there is none, and reason tells why
 */

typedef struct {
    ngx_int_t                          rc;
    ngx_uint_t                         status;
    ngx_str_t                          body;
    ngx_str_t                          reason;
} ngx_openclaw_fetch_answer_t;


typedef void (*ngx_openclaw_fetch_pt)(void *data,
    ngx_openclaw_fetch_answer_t *answer);


/*
 * Starts the exchange.  The handler is called once, from an event, and the
 * fetch is gone then.  log must live until that, or until it is closed.
 *
 * Returns NULL on error, and the handler is not called.
 */
ngx_openclaw_fetch_t *ngx_openclaw_fetch_create(ngx_openclaw_fetch_ask_t *ask,
    ngx_openclaw_fetch_pt handler, void *data, ngx_log_t *log);

/* Ends it before that: the connection is closed, no handler is called. */
void ngx_openclaw_fetch_close(ngx_openclaw_fetch_t *fetch);


#endif /* _NGX_OPENCLAW_FETCH_H_INCLUDED_ */


/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * One agent request: a POST to the gateway's /v1/chat/completions whose
 * streamed answer comes back as text, and which ends exactly once.
 *
 * It is sent to the session's gateway, or to the next one if that can't be
 * connected to; and again, for as long as retry_timeout, if none can be or the
 * gateway answers 503, which prove that nothing ran.  An answer whose stream
 * was lost is looked for in the history of the session.
 *
 * The handler is called from libcurl's write callback or from an event of
 * nginx.  It may call any function of this header, ngx_openclaw_agent_close()
 * included: what libcurl does not allow there is put off.
 */


#ifndef _NGX_OPENCLAW_AGENT_H_INCLUDED_
#define _NGX_OPENCLAW_AGENT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_json.h>
#include <ngx_openclaw_session_gateway.h>


/* so much of a message, in bytes, is enough to know it again */

#define NGX_OPENCLAW_AGENT_WORDS            256


typedef struct ngx_openclaw_agent_s  ngx_openclaw_agent_t;


/* where the agent is; all strings are NUL-terminated, len without the NUL */

typedef struct {
    ngx_openclaw_gateways_t            gateways;

    ngx_flag_t                         ssl_verify;
    ngx_str_t                          ssl_trusted_certificate;  /* a file */
    ngx_str_t                          ssl_crl;                  /* a file */
    ngx_str_t                          ssl_certificate;          /* PEM */
    ngx_str_t                          ssl_certificate_key;      /* PEM */
    ngx_str_t                          ssl_ciphers;
    ngx_uint_t                         ssl_protocols;  /* NGX_SSL_* bits */

    ngx_msec_t                         connect_timeout;
    ngx_msec_t                         read_timeout;
    ngx_msec_t                         turn_timeout;
    ngx_msec_t                         retry_timeout;   /* 0: no retries */
} ngx_openclaw_agent_conf_t;


/* what is asked; all of it is copied, as far as it is needed */

typedef struct {
    ngx_str_t                          token;       /* or empty */
    ngx_array_t                       *headers;     /* lines "Name: value", of
                                                       ngx_str_t, each with a
                                                       NUL; or NULL */
    ngx_str_t                          body;        /* not empty */

    /* for the choice of a gateway and the history, or empty */
    ngx_str_t                          session;     /* the key */
    ngx_str_t                          message;     /* the sender's words, or
                                                       WORDS bytes of them */
} ngx_openclaw_agent_ask_t;


/*
 * An end is reported once, by NGX_OPENCLAW_OK or by the code of an error;
 * nothing is reported after it.
 */

typedef struct {
    /* a part of the answer, valid during the call; never empty */
    void                             (*text)(void *data, ngx_str_t *text);

    /*
     * The whole answer by the agent's own record, instead of all that was
     * reported; at most once, just before the end, which is OK.
     */
    void                             (*replace)(void *data, ngx_str_t *text);

    /*
     * The end.  reason is for the log and, with AGENT_ERROR, for the client;
     * it never holds a secret, and is empty for OK.
     */
    void                             (*end)(void *data,
                                          ngx_openclaw_code_e code,
                                          ngx_str_t *reason);
} ngx_openclaw_agent_handlers_t;


/* called in each worker process; NGX_OK or NGX_ERROR */
ngx_int_t ngx_openclaw_agent_init_process(ngx_cycle_t *cycle);

/* ends all requests; no handler is called from then on, closing is allowed */
void ngx_openclaw_agent_exit_process(ngx_cycle_t *cycle);

/*
 * Sends a request.  conf must live as long as the worker; log, until the
 * request is closed.
 *
 * Returns NULL if there is no memory; nothing is reported then.  No handler
 * is called before the function has returned.
 */
ngx_openclaw_agent_t *ngx_openclaw_agent_create(
    ngx_openclaw_agent_conf_t *conf, ngx_openclaw_agent_ask_t *ask,
    ngx_openclaw_agent_handlers_t *handlers, void *data, ngx_log_t *log);

/*
 * Stops and goes on reading the answer, both at any time.  What libcurl had
 * already handed over is still reported; the timeouts stand still meanwhile.
 */
void ngx_openclaw_agent_pause(ngx_openclaw_agent_t *agent);
void ngx_openclaw_agent_resume(ngx_openclaw_agent_t *agent);

/*
 * Lets go of the request: before its end the connection is closed, which
 * makes the gateway abort the run; after its end the connection is kept for
 * the next one.  No handler is called any more.  To be called exactly once
 * for each agent, also after the end.
 */
void ngx_openclaw_agent_close(ngx_openclaw_agent_t *agent);


#endif /* _NGX_OPENCLAW_AGENT_H_INCLUDED_ */


/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * What ngx_openclaw_agent.c is made of: the request that is sent, the reason
 * that is given when it fails, and what is done before that: another try, or
 * a look into the history.
 */


#ifndef _NGX_OPENCLAW_AGENT_INTERNAL_H_INCLUDED_
#define _NGX_OPENCLAW_AGENT_INTERNAL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_openclaw_agent.h>
#include <ngx_openclaw_curl.h>
#include <ngx_openclaw_sse.h>


#define NGX_OPENCLAW_AGENT_REASON           300


/* what libcurl needs for as long as the transfer lives */

typedef struct {
    struct curl_slist                 *headers;
    struct curl_slist                 *history;    /* headers of that */
    struct curl_slist                 *host;       /* goes before headers */
    struct curl_slist                 *connect_to;
    ngx_str_t                          token;      /* points into headers */
} ngx_openclaw_agent_request_t;


/* text is valid UTF-8 without control characters, and without the token */

typedef struct {
    ngx_openclaw_code_e                code;
    ngx_str_t                          text;
    u_char                             buf[NGX_OPENCLAW_AGENT_REASON];
} ngx_openclaw_agent_reason_t;


typedef struct ngx_openclaw_agent_history_s  ngx_openclaw_agent_history_t;


/*
 * A request goes through these, with over set between the second and the
 * third, if what the transfer still brings is of no interest:
 *
 *   a transfer runs                       0
 *   the next one is waited for            gone, waiting
 *   it has ended                          ended
 *   and so has the transfer               ended, gone
 *
 * lost means that it is the history that is asked from now on.
 */

struct ngx_openclaw_agent_s {
    void                              *data;
    ngx_openclaw_agent_handlers_t     *handlers;
    ngx_log_t                         *log;

    /* event ident must be after 3 pointers as in ngx_connection_t */
    ngx_int_t                          ident;

    ngx_openclaw_agent_conf_t         *conf;
    ngx_openclaw_gateway_t            *gateway;    /* NULL: to be picked */
    uint32_t                           hash;       /* of the session */
    uint64_t                           tried;      /* gateways, since a time
                                                      was waited */
    ngx_uint_t                         down;       /* the gateway was */

    ngx_openclaw_curl_t                curl;
    ngx_openclaw_agent_request_t       request;
    ngx_openclaw_agent_history_t      *history;    /* NULL: it has none */

    ngx_event_t                        event;      /* resumes */
    ngx_event_t                        timer;
    ngx_msec_t                         start;      /* moved on by pauses, */
    ngx_msec_t                         last;       /* as is the last read */
    ngx_msec_t                         paused_at;
    ngx_uint_t                         tries;      /* that failed */

    ngx_openclaw_sse_t                 sse;
    ngx_str_t                          piece;      /* all there is so far of
                                                      an event's data, where
                                                      libcurl has it */
    u_char                            *buf;        /* or else what there is
                                                      of it, or of the body
                                                      of a refusal, or of a
                                                      history */
    size_t                             len;
    size_t                             size;

    long                               status;     /* 0: not known yet */

    ngx_uint_t                         busy;       /* our own functions on the
                                                      stack that still need
                                                      the agent */
    unsigned                           stream:1;   /* the body is one */
    unsigned                           paused:1;
    unsigned                           held:1;     /* libcurl is paused */
    unsigned                           over:1;
    unsigned                           refused:1;  /* by one of those tried */
    unsigned                           waiting:1;
    unsigned                           lost:1;
    unsigned                           looking:1;  /* into the history */
    unsigned                           ended:1;
    unsigned                           drain:1;    /* ended or over, and the
                                                      rest may be read */
    unsigned                           closed:1;   /* by the user */
    unsigned                           gone:1;     /* the transfer */
};


/* adds to the buffer; NGX_OK or NGX_ERROR */
ngx_int_t ngx_openclaw_agent_keep(ngx_openclaw_agent_t *agent, u_char *p,
    size_t len);

/* the end */
void ngx_openclaw_agent_report(ngx_openclaw_agent_t *agent,
    ngx_openclaw_agent_reason_t *reason);

/*
 * What follows from the end, from being closed, and from the end of the
 * transfer.  The agent may be gone after this, so that it is called last.
 */
void ngx_openclaw_agent_settle(ngx_openclaw_agent_t *agent);

void ngx_openclaw_agent_wait(ngx_openclaw_agent_t *agent, ngx_msec_t delay);
void ngx_openclaw_agent_timer(ngx_openclaw_agent_t *agent, ngx_msec_t timer);


/*
 * Tells libcurl what to send; to whom is said by the next one.  request is
 * zeroed.  NGX_OK or NGX_ERROR (logged); the request is to be destroyed in
 * each case, after the transfer.
 */
ngx_int_t ngx_openclaw_agent_request_create(
    ngx_openclaw_agent_request_t *request, CURL *easy,
    ngx_openclaw_agent_ask_t *ask, ngx_log_t *log);

/* before each try */
ngx_int_t ngx_openclaw_agent_request_aim(
    ngx_openclaw_agent_request_t *request, CURL *easy,
    ngx_openclaw_agent_conf_t *conf, ngx_openclaw_gateway_t *gateway,
    ngx_log_t *log);

/* instead of both for a GET of another url, with the headers of the request */
ngx_int_t ngx_openclaw_agent_request_history(
    ngx_openclaw_agent_request_t *request, CURL *easy,
    ngx_openclaw_agent_conf_t *conf, ngx_openclaw_gateway_t *gateway,
    ngx_str_t *url, ngx_log_t *log);

/* the part of them that says where the server is, and of TLS to it */
ngx_int_t ngx_openclaw_agent_request_target(
    ngx_openclaw_agent_request_t *request, CURL *easy,
    ngx_openclaw_agent_conf_t *conf, ngx_openclaw_gateway_t *gateway,
    ngx_str_t *url, ngx_log_t *log);

void ngx_openclaw_agent_request_destroy(ngx_openclaw_agent_request_t *request);


/* a reason of our own words and, if it is not NULL, of a text */
void ngx_openclaw_agent_reason(ngx_openclaw_agent_reason_t *reason,
    ngx_openclaw_code_e code, const char *words, ngx_str_t *text,
    ngx_str_t *token);

/* why a transfer ended without the end of an answer */
void ngx_openclaw_agent_reason_curl(ngx_openclaw_agent_reason_t *reason,
    ngx_openclaw_curl_t *curl, CURLcode error, ngx_str_t *token);

/* why the status is not 200 */
void ngx_openclaw_agent_reason_status(ngx_openclaw_agent_reason_t *reason,
    long status, ngx_str_t *body, ngx_str_t *token);


/* picks a gateway if there is none, and has the request go there */
ngx_int_t ngx_openclaw_agent_aim(ngx_openclaw_agent_t *agent);

/*
 * The transfer has failed, for this reason.  NGX_OK if the next gateway is
 * about to be tried, or NGX_DECLINED.
 */
ngx_int_t ngx_openclaw_agent_next(ngx_openclaw_agent_t *agent, CURLcode error,
    ngx_openclaw_agent_reason_t *reason);

/*
 * Nothing ran, for this reason.  Returns NGX_OK if it is waited for the next
 * try, or NGX_DECLINED with the reason of the end.
 */
ngx_int_t ngx_openclaw_agent_retry(ngx_openclaw_agent_t *agent,
    ngx_openclaw_agent_reason_t *reason);

/* a time between half of it and all of it */
ngx_msec_t ngx_openclaw_agent_jitter(ngx_msec_t time);


/* what has to be known of a request, later; NGX_OK or NGX_ERROR */
ngx_int_t ngx_openclaw_agent_history_create(ngx_openclaw_agent_t *agent,
    ngx_openclaw_agent_ask_t *ask);
void ngx_openclaw_agent_history_run(ngx_openclaw_agent_t *agent,
    ngx_openclaw_event_t *e);

/* whether an error says that the answer is there, but not in the stream */
ngx_uint_t ngx_openclaw_agent_history_told(ngx_str_t *error);

/*
 * The stream was lost, for this reason.  NGX_OK if the history is to be asked
 * as soon as the transfer has ended, or NGX_DECLINED.
 */
ngx_int_t ngx_openclaw_agent_history_lost(ngx_openclaw_agent_t *agent,
    ngx_openclaw_agent_reason_t *reason);
void ngx_openclaw_agent_history_wait(ngx_openclaw_agent_t *agent);

/*
 * Asks the history.  When the transfer has ended, its outcome is the end, or
 * NGX_AGAIN: it is waited for another look.
 */
void ngx_openclaw_agent_history_look(ngx_openclaw_agent_t *agent);
ngx_int_t ngx_openclaw_agent_history_looked(ngx_openclaw_agent_t *agent,
    CURLcode error);


#endif /* _NGX_OPENCLAW_AGENT_INTERNAL_H_INCLUDED_ */


/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_openclaw_agent.h>
#include <ngx_openclaw_agent_internal.h>
#include <ngx_openclaw_sse.h>
#include <ngx_openclaw_stats.h>


#define NGX_OPENCLAW_AGENT_BUFFER           4096
#define NGX_OPENCLAW_AGENT_MAX_EVENT        (16 * 1024 * 1024)
#define NGX_OPENCLAW_AGENT_MAX_BODY         (8 * 1024)     /* of an error */

/* how long the rest of an answer may take after its end */

#define NGX_OPENCLAW_AGENT_DRAIN            5000


static ngx_int_t ngx_openclaw_agent_start(ngx_openclaw_agent_t *agent,
    ngx_openclaw_agent_ask_t *ask);

static size_t ngx_openclaw_agent_write(char *data, size_t size, size_t n,
    void *arg);
static void ngx_openclaw_agent_head(ngx_openclaw_agent_t *agent);
static void ngx_openclaw_agent_body(ngx_openclaw_agent_t *agent, u_char *p,
    size_t len);
static void ngx_openclaw_agent_stream(ngx_openclaw_agent_t *agent, u_char *p,
    u_char *last);
static void ngx_openclaw_agent_piece(ngx_openclaw_agent_t *agent,
    ngx_str_t *piece);
static void ngx_openclaw_agent_event(ngx_openclaw_agent_t *agent);
static void ngx_openclaw_agent_event_error(ngx_openclaw_agent_t *agent,
    ngx_openclaw_event_t *e);

static ngx_int_t ngx_openclaw_agent_done(ngx_openclaw_curl_t *transfer,
    CURLcode error);
static ngx_int_t ngx_openclaw_agent_failed(ngx_openclaw_agent_t *agent,
    CURLcode error);
static void ngx_openclaw_agent_again(ngx_openclaw_agent_t *agent);
static void ngx_openclaw_agent_end(ngx_openclaw_agent_t *agent,
    ngx_openclaw_code_e code, const char *words, ngx_str_t *text);
static void ngx_openclaw_agent_release(ngx_openclaw_agent_t *agent);

static void ngx_openclaw_agent_resume_handler(ngx_event_t *ev);
static void ngx_openclaw_agent_set_timer(ngx_openclaw_agent_t *agent);
static void ngx_openclaw_agent_timer_handler(ngx_event_t *ev);
static void ngx_openclaw_agent_expired(ngx_openclaw_agent_t *agent);


/* the worker is exiting: nothing is reported any more */

static ngx_uint_t  ngx_openclaw_agent_exiting;

/* of the events of all streams */

static ngx_openclaw_molds_t  ngx_openclaw_agent_molds;


ngx_int_t
ngx_openclaw_agent_init_process(ngx_cycle_t *cycle)
{
    return ngx_openclaw_curl_init_process(cycle);
}


void
ngx_openclaw_agent_exit_process(ngx_cycle_t *cycle)
{
    ngx_openclaw_agent_exiting = 1;

    ngx_openclaw_curl_exit_process(cycle);
}


ngx_openclaw_agent_t *
ngx_openclaw_agent_create(ngx_openclaw_agent_conf_t *conf,
    ngx_openclaw_agent_ask_t *ask, ngx_openclaw_agent_handlers_t *handlers,
    void *data, ngx_log_t *log)
{
    ngx_openclaw_agent_t  *agent;

    agent = ngx_calloc(sizeof(ngx_openclaw_agent_t), log);
    if (agent == NULL) {
        return NULL;
    }

    agent->data = data;
    agent->handlers = handlers;
    agent->log = log;
    agent->ident = -1;
    agent->conf = conf;

    agent->curl.done = ngx_openclaw_agent_done;

    agent->event.handler = ngx_openclaw_agent_resume_handler;
    agent->event.data = agent;
    agent->event.log = ngx_cycle->log;

    /* not cancelable: a worker that leaves waits for the end of a turn */

    agent->timer.handler = ngx_openclaw_agent_timer_handler;
    agent->timer.data = agent;
    agent->timer.log = ngx_cycle->log;

    agent->hash = ngx_murmur_hash2(ask->session.data, ask->session.len);

    agent->start = ngx_current_msec;
    agent->last = ngx_current_msec;

    ngx_openclaw_sse_init(&agent->sse);

    if (ngx_openclaw_agent_start(agent, ask) != NGX_OK) {
        ngx_openclaw_curl_destroy(&agent->curl);
        ngx_openclaw_agent_release(agent);
        ngx_free(agent);
        return NULL;
    }

    ngx_openclaw_agent_set_timer(agent);

    return agent;
}


void
ngx_openclaw_agent_pause(ngx_openclaw_agent_t *agent)
{
    if (agent->paused) {
        return;
    }

    agent->paused = 1;
    agent->paused_at = ngx_current_msec;
}


void
ngx_openclaw_agent_resume(ngx_openclaw_agent_t *agent)
{
    ngx_msec_t  pause;

    if (!agent->paused) {
        return;
    }

    agent->paused = 0;

    pause = ngx_current_msec - agent->paused_at;

    agent->start += pause;
    agent->last += pause;

    if (agent->ended || agent->over || agent->closed || agent->gone
        || agent->lost)
    {
        return;
    }

    ngx_openclaw_agent_set_timer(agent);

    /* may be called from libcurl */

    if (agent->held) {
        ngx_post_event(&agent->event, &ngx_posted_events);
    }
}


void
ngx_openclaw_agent_close(ngx_openclaw_agent_t *agent)
{
    if (!agent->ended) {
        ngx_openclaw_stats_add(requests[NGX_OPENCLAW_ABORTED], 1);
    }

    agent->closed = 1;
    agent->log = ngx_cycle->log;

    ngx_openclaw_agent_settle(agent);
}


static ngx_int_t
ngx_openclaw_agent_start(ngx_openclaw_agent_t *agent,
    ngx_openclaw_agent_ask_t *ask)
{
    CURL  *easy;

    if (ngx_openclaw_agent_history_create(agent, ask) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_openclaw_curl_create(&agent->curl) != NGX_OK) {
        return NGX_ERROR;
    }

    easy = agent->curl.easy;

    if (ngx_openclaw_agent_request_create(&agent->request, easy, ask,
                                          agent->log)
        != NGX_OK
        || ngx_openclaw_agent_aim(agent) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ngx_openclaw_agent_write)
        != CURLE_OK
        || curl_easy_setopt(easy, CURLOPT_WRITEDATA, agent) != CURLE_OK)
    {
        return NGX_ERROR;
    }

    return ngx_openclaw_curl_start(&agent->curl);
}


/* called by libcurl, with a part of the body of the answer */

static size_t
ngx_openclaw_agent_write(char *data, size_t size, size_t n, void *arg)
{
    ngx_openclaw_agent_t *agent = arg;

    n *= size;

    if (agent->curl.stopping) {
        return 0;
    }

    if (agent->ended || agent->over) {
        return n;
    }

    if (agent->paused) {
        agent->held = 1;
        return CURL_WRITEFUNC_PAUSE;
    }

    agent->last = ngx_current_msec;

    agent->busy++;

    if (agent->status == 0) {
        ngx_openclaw_agent_head(agent);
    }

    if (agent->stream) {
        ngx_openclaw_agent_stream(agent, (u_char *) data,
                                  (u_char *) data + n);

    } else if (!agent->ended) {
        ngx_openclaw_agent_body(agent, (u_char *) data, n);
    }

    agent->busy--;

    /* with libcurl on the stack, this does not free the agent */

    ngx_openclaw_agent_settle(agent);

    return agent->curl.stopping ? 0 : n;
}


static void
ngx_openclaw_agent_head(ngx_openclaw_agent_t *agent)
{
    char       *type;
    size_t      len;
    ngx_str_t   text;

    type = NULL;

    (void) curl_easy_getinfo(agent->curl.easy, CURLINFO_RESPONSE_CODE,
                             &agent->status);
    (void) curl_easy_getinfo(agent->curl.easy, CURLINFO_CONTENT_TYPE, &type);

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, agent->log, 0,
                   "openclaw agent: status %l", agent->status);

    if (agent->status < 200) {
        agent->status = 0;
    }

    if (agent->status && agent->down) {
        agent->down = 0;
        ngx_openclaw_gateway_works(agent->gateway, agent->log);
    }

    if (agent->status != 200) {
        return;
    }

    if (type == NULL && agent->gone) {

        /* nothing came behind the head, which may have been cut */

        agent->stream = 1;
        return;
    }

    text.data = (u_char *) (type ? type : "");
    text.len = ngx_strlen(text.data);

    len = sizeof("text/event-stream") - 1;

    if (ngx_strncasecmp(text.data, (u_char *) "text/event-stream", len) == 0
        && (text.len == len || text.data[len] == ';'
            || text.data[len] == ' '))
    {
        agent->stream = 1;
        return;
    }

    ngx_openclaw_agent_end(agent, NGX_OPENCLAW_AGENT_ERROR,
                           "the answer is not an event stream: ", &text);
}


/* gathers the body of a refusal, as far as it is of use */

static void
ngx_openclaw_agent_body(ngx_openclaw_agent_t *agent, u_char *p, size_t len)
{
    len = ngx_min(len, NGX_OPENCLAW_AGENT_MAX_BODY - agent->len);

    if (ngx_openclaw_agent_keep(agent, p, len) != NGX_OK
        || agent->len == NGX_OPENCLAW_AGENT_MAX_BODY)
    {
        agent->over = 1;
    }
}


static void
ngx_openclaw_agent_stream(ngx_openclaw_agent_t *agent, u_char *p,
    u_char *last)
{
    ngx_int_t  rc;
    ngx_str_t  piece;

    while (!agent->ended && !agent->over && !agent->closed) {

        rc = ngx_openclaw_sse_parse(&agent->sse, &p, last, &piece);

        switch (rc) {

        case NGX_OK:
            ngx_openclaw_agent_piece(agent, &piece);
            break;

        case NGX_DONE:
            ngx_openclaw_agent_event(agent);
            break;

        default: /* NGX_AGAIN */

            /* libcurl will reuse its buffer */

            ngx_str_null(&piece);
            ngx_openclaw_agent_piece(agent, &piece);
            return;
        }
    }
}


/*
 * Adds to the data of the event.  A first piece is left where it is, so that
 * an event that comes in one is never copied.
 */

static void
ngx_openclaw_agent_piece(ngx_openclaw_agent_t *agent, ngx_str_t *piece)
{
    ngx_str_t  first;

    first = agent->piece;

    if (piece->len && first.len == 0 && agent->len == 0) {
        agent->piece = *piece;
        return;
    }

    ngx_str_null(&agent->piece);

    if (agent->len + first.len + piece->len > NGX_OPENCLAW_AGENT_MAX_EVENT) {
        ngx_openclaw_agent_end(agent, NGX_OPENCLAW_AGENT_ERROR,
                               "event too large", NULL);
        return;
    }

    if (ngx_openclaw_agent_keep(agent, first.data, first.len) != NGX_OK
        || ngx_openclaw_agent_keep(agent, piece->data, piece->len) != NGX_OK)
    {
        ngx_openclaw_agent_end(agent, NGX_OPENCLAW_INTERNAL_ERROR,
                               "no memory for an event", NULL);
    }
}


static void
ngx_openclaw_agent_event(ngx_openclaw_agent_t *agent)
{
    ngx_str_t             data;
    ngx_openclaw_event_t  e;

    data = agent->piece;

    if (data.len == 0) {
        data.data = agent->buf;
        data.len = agent->len;
    }

    ngx_str_null(&agent->piece);
    agent->len = 0;

    if (data.len == 0) {
        return;
    }

    if (ngx_openclaw_event_parse(&e, &ngx_openclaw_agent_molds, data.data,
                                 data.len)
        != NGX_OK)
    {
        ngx_openclaw_event_free(&e);
        ngx_openclaw_agent_end(agent, NGX_OPENCLAW_AGENT_ERROR,
                               "an event of the answer is not JSON", NULL);
        return;
    }

    ngx_openclaw_agent_history_run(agent, &e);

    switch (e.type) {

    case NGX_OPENCLAW_EVENT_TEXT:

        if (e.text.len) {
            agent->handlers->text(agent->data, &e.text);
        }

        break;

    case NGX_OPENCLAW_EVENT_DONE:
        agent->drain = 1;
        ngx_openclaw_agent_end(agent, NGX_OPENCLAW_OK, "", NULL);
        break;

    case NGX_OPENCLAW_EVENT_ERROR:
        ngx_openclaw_agent_event_error(agent, &e);
        break;

    default: /* NGX_OPENCLAW_EVENT_NONE */
        break;
    }

    ngx_openclaw_event_free(&e);

    if (agent->size > NGX_OPENCLAW_AGENT_BUFFER) {
        ngx_free(agent->buf);
        agent->buf = NULL;
        agent->size = 0;
    }
}


static void
ngx_openclaw_agent_event_error(ngx_openclaw_agent_t *agent,
    ngx_openclaw_event_t *e)
{
    ngx_str_t                    *text;
    ngx_openclaw_agent_reason_t   reason;

    text = e->text.len ? &e->text : &e->error;

    ngx_openclaw_agent_reason(&reason, NGX_OPENCLAW_AGENT_ERROR,
                              text->len ? "" : "the agent failed", text,
                              &agent->request.token);

    agent->drain = 1;

    if (ngx_openclaw_agent_history_told(text)
        && ngx_openclaw_agent_history_lost(agent, &reason) == NGX_OK)
    {
        agent->over = 1;
        ngx_openclaw_agent_timer(agent, NGX_OPENCLAW_AGENT_DRAIN);
        return;
    }

    ngx_openclaw_agent_report(agent, &reason);
}


ngx_int_t
ngx_openclaw_agent_keep(ngx_openclaw_agent_t *agent, u_char *p, size_t len)
{
    u_char  *buf;
    size_t   size;

    if (len == 0) {
        return NGX_OK;
    }

    if (agent->size - agent->len < len) {

        size = ngx_max(2 * agent->size, NGX_OPENCLAW_AGENT_BUFFER);
        size = ngx_max(size, agent->len + len);

        buf = ngx_alloc(size, agent->log);
        if (buf == NULL) {
            return NGX_ERROR;
        }

        if (agent->buf) {
            ngx_memcpy(buf, agent->buf, agent->len);
            ngx_free(agent->buf);
        }

        agent->buf = buf;
        agent->size = size;
    }

    ngx_memcpy(agent->buf + agent->len, p, len);
    agent->len += len;

    return NGX_OK;
}


/* the transfer has ended, in one way or another */

static ngx_int_t
ngx_openclaw_agent_done(ngx_openclaw_curl_t *transfer, CURLcode error)
{
    ngx_int_t              rc;
    ngx_openclaw_agent_t  *agent;

    agent = (ngx_openclaw_agent_t *)
                  ((u_char *) transfer - offsetof(ngx_openclaw_agent_t, curl));

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, agent->log, 0,
                   "openclaw agent: done, %d \"%s\"",
                   (int) error, transfer->error);

    rc = NGX_OK;

    agent->gone = 1;
    agent->busy++;

    if (!agent->ended && !agent->closed && !ngx_openclaw_agent_exiting) {
        rc = agent->looking ? ngx_openclaw_agent_history_looked(agent, error)
                            : ngx_openclaw_agent_failed(agent, error);
    }

    if (!agent->waiting) {
        ngx_openclaw_agent_release(agent);
    }

    agent->busy--;

    ngx_openclaw_agent_settle(agent);

    return rc;
}


/*
 * The end, unless something else can be done.  NGX_AGAIN if the transfer is
 * to be started again.
 */

static ngx_int_t
ngx_openclaw_agent_failed(ngx_openclaw_agent_t *agent, CURLcode error)
{
    ngx_str_t                    body;
    ngx_uint_t                   unsent;
    ngx_openclaw_agent_reason_t  reason;

    if (agent->lost) {
        ngx_openclaw_agent_history_wait(agent);
        return NGX_OK;
    }

    if (agent->status == 0) {
        ngx_openclaw_agent_head(agent);

        if (agent->ended) {
            return NGX_OK;
        }
    }

    if (agent->status && !agent->stream) {
        body.data = agent->buf;
        body.len = agent->len;

        ngx_openclaw_agent_reason_status(&reason, agent->status, &body,
                                         &agent->request.token);

        unsent = (agent->status == 503);

    } else {
        ngx_openclaw_agent_reason_curl(&reason, &agent->curl, error,
                                       &agent->request.token);

        if (ngx_openclaw_agent_next(agent, error, &reason) == NGX_OK) {
            return NGX_AGAIN;
        }

        unsent = agent->refused;
    }

    if (unsent && ngx_openclaw_agent_retry(agent, &reason) == NGX_OK) {
        return NGX_AGAIN;
    }

    if (agent->stream && reason.code == NGX_OPENCLAW_AGENT_INCOMPLETE
        && ngx_openclaw_agent_history_lost(agent, &reason) == NGX_OK)
    {
        ngx_openclaw_agent_history_wait(agent);
        return NGX_OK;
    }

    ngx_openclaw_agent_report(agent, &reason);

    return NGX_OK;
}


static void
ngx_openclaw_agent_again(ngx_openclaw_agent_t *agent)
{
    if (ngx_current_msec - agent->start >= agent->conf->turn_timeout) {
        ngx_openclaw_agent_end(agent, NGX_OPENCLAW_AGENT_TIMEOUT,
                               "no end within openclaw_turn_timeout", NULL);
        return;
    }

    if (ngx_openclaw_agent_aim(agent) != NGX_OK
        || ngx_openclaw_curl_start(&agent->curl) != NGX_OK)
    {
        ngx_openclaw_agent_end(agent, NGX_OPENCLAW_INTERNAL_ERROR,
                               "no memory for another try", NULL);
        return;
    }

    agent->gone = 0;
    agent->last = ngx_current_msec;

    ngx_openclaw_agent_set_timer(agent);
}


/* with no transfer running, for the time of the next one */

void
ngx_openclaw_agent_wait(ngx_openclaw_agent_t *agent, ngx_msec_t delay)
{
    agent->waiting = 1;

    ngx_openclaw_agent_timer(agent, delay);
}


static void
ngx_openclaw_agent_end(ngx_openclaw_agent_t *agent, ngx_openclaw_code_e code,
    const char *words, ngx_str_t *text)
{
    ngx_openclaw_agent_reason_t  reason;

    ngx_openclaw_agent_reason(&reason, code, words, text,
                              &agent->request.token);

    ngx_openclaw_agent_report(agent, &reason);
}


void
ngx_openclaw_agent_report(ngx_openclaw_agent_t *agent,
    ngx_openclaw_agent_reason_t *reason)
{
    if (agent->ended || agent->closed) {
        return;
    }

    agent->ended = 1;

    ngx_openclaw_stats_add(requests[reason->code], 1);

    if (agent->timer.timer_set) {
        ngx_del_timer(&agent->timer);
    }

    if (agent->drain && !agent->gone) {
        agent->timer.cancelable = 1;
        ngx_add_timer(&agent->timer, NGX_OPENCLAW_AGENT_DRAIN);
    }

    agent->busy++;
    agent->handlers->end(agent->data, reason->code, &reason->text);
    agent->busy--;
}


/*
 * What follows from the end, from being closed, and from the end of the
 * transfer.  The agent may be gone after this, so that it is called last.
 */

void
ngx_openclaw_agent_settle(ngx_openclaw_agent_t *agent)
{
    if (agent->busy) {
        return;
    }

    if (!agent->gone) {

        if (agent->ended ? !agent->drain
                         : agent->closed || (agent->over && !agent->drain))
        {
            ngx_openclaw_curl_stop(&agent->curl);
        }

        return;
    }

    if (agent->closed) {
        ngx_openclaw_agent_release(agent);
        ngx_free(agent);
    }
}


static void
ngx_openclaw_agent_release(ngx_openclaw_agent_t *agent)
{
    if (agent->timer.timer_set) {
        ngx_del_timer(&agent->timer);
    }

    if (agent->event.posted) {
        ngx_delete_posted_event(&agent->event);
    }

    if (agent->curl.kept) {
        ngx_openclaw_curl_destroy(&agent->curl);
    }

    ngx_openclaw_agent_request_destroy(&agent->request);

    if (agent->history) {
        ngx_free(agent->history);
        agent->history = NULL;
    }

    if (agent->buf) {
        ngx_free(agent->buf);
        agent->buf = NULL;
        agent->size = 0;
    }
}


static void
ngx_openclaw_agent_resume_handler(ngx_event_t *ev)
{
    ngx_openclaw_agent_t  *agent;

    agent = ev->data;

    if (agent->paused) {
        return;
    }

    agent->held = 0;

    ngx_openclaw_curl_resume(&agent->curl);
}


static void
ngx_openclaw_agent_set_timer(ngx_openclaw_agent_t *agent)
{
    ngx_msec_int_t  read, turn;

    read = agent->last + agent->conf->read_timeout - ngx_current_msec;
    turn = agent->start + agent->conf->turn_timeout - ngx_current_msec;

    read = ngx_min(read, turn);

    ngx_add_timer(&agent->timer, (ngx_msec_t) ngx_max(read, 0));
}


void
ngx_openclaw_agent_timer(ngx_openclaw_agent_t *agent, ngx_msec_t timer)
{
    /* a timer that is set would not be moved by less than 300 ms */

    if (agent->timer.timer_set) {
        ngx_del_timer(&agent->timer);
    }

    ngx_add_timer(&agent->timer, timer);
}


/*
 * The timer is not moved by what is read: it finds out when it expires.  Nor
 * is it stopped by a pause, for the sake of a worker that leaves.
 */

static void
ngx_openclaw_agent_timer_handler(ngx_event_t *ev)
{
    ngx_openclaw_agent_t  *agent;

    agent = ev->data;

    if (agent->waiting) {
        agent->waiting = 0;
        agent->busy++;

        if (agent->lost) {
            ngx_openclaw_agent_history_look(agent);

        } else {
            ngx_openclaw_agent_again(agent);
        }

        agent->busy--;
        ngx_openclaw_agent_settle(agent);
        return;
    }

    if (agent->ended || agent->lost) {
        ngx_openclaw_curl_stop(&agent->curl);
        return;
    }

    if (agent->paused) {
        ngx_add_timer(ev, agent->conf->read_timeout);
        return;
    }

    ngx_openclaw_agent_expired(agent);
    ngx_openclaw_agent_settle(agent);
}


static void
ngx_openclaw_agent_expired(ngx_openclaw_agent_t *agent)
{
    ngx_msec_t  now;

    now = ngx_current_msec;

    if (now - agent->last < agent->conf->read_timeout
        && now - agent->start < agent->conf->turn_timeout)
    {
        ngx_openclaw_agent_set_timer(agent);
        return;
    }

    if (agent->status && !agent->stream) {

        /* a refusal need not be read to its end */

        agent->over = 1;

    } else if (now - agent->last >= agent->conf->read_timeout) {
        ngx_openclaw_agent_end(agent, NGX_OPENCLAW_AGENT_TIMEOUT,
                               "no data for openclaw_read_timeout", NULL);

    } else {
        ngx_openclaw_agent_end(agent, NGX_OPENCLAW_AGENT_TIMEOUT,
                               "no end within openclaw_turn_timeout", NULL);
    }
}

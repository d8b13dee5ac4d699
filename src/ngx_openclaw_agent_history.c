
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * An answer may be complete without having come: a gateway that was killed
 * takes the turn up again when it is back, and one that had to ask its model
 * again can't take back what it has streamed.  The answer is then in the
 * history of the session, or will be.  It is never asked for twice.
 *
 * The history is read again and again for as long as there is hope:
 *
 *   the gateway can't be reached          retry_timeout
 *   it has been away, or says that it     read_timeout without anything new,
 *   takes the turn up again               as for a stream
 *   it was there all the time             some seconds: it knows that the
 *                                         connection was cut, and has stopped
 *   the message is not there              none
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_agent_internal.h>
#include <ngx_openclaw_stats.h>


#define NGX_OPENCLAW_AGENT_CHAT             "/v1/chat/completions"

#define NGX_OPENCLAW_AGENT_APPEND_ONLY                                        \
    "Assistant output cannot be represented as an append-only response stream."

#define NGX_OPENCLAW_AGENT_MAX_RUN          80
#define NGX_OPENCLAW_AGENT_MAX_HISTORY      (8 * 1024 * 1024)

/* messages of a history, and as many as the gateway gives at once */

#define NGX_OPENCLAW_AGENT_LIMIT            50
#define NGX_OPENCLAW_AGENT_MAX_LIMIT        1000

/* before the first look, what it may take, and between two; milliseconds */

#define NGX_OPENCLAW_AGENT_LOOK             100
#define NGX_OPENCLAW_AGENT_LOOK_TIMEOUT     10000
#define NGX_OPENCLAW_AGENT_LOOK_INTERVAL    2000

/* a turn is taken up again some seven seconds after the gateway listens */

#define NGX_OPENCLAW_AGENT_GRACE            10000


struct ngx_openclaw_agent_history_s {
    ngx_str_t                          session;    /* the key */
    ngx_openclaw_history_t             found;
    ngx_openclaw_agent_reason_t        reason;     /* if there is no answer */

    ngx_uint_t                         limit;
    ngx_uint_t                         nmessages;  /* of the last look */
    ngx_msec_t                         since;      /* nothing has changed */

    unsigned                           away:1;     /* the gateway is, */
    unsigned                           back:1;     /* or it was */

    u_char                             run[NGX_OPENCLAW_AGENT_MAX_RUN];
};


static ngx_int_t ngx_openclaw_agent_history_start(ngx_openclaw_agent_t *agent);
static ngx_int_t ngx_openclaw_agent_history_url(ngx_openclaw_agent_t *agent,
    ngx_str_t *url);
static size_t ngx_openclaw_agent_history_write(char *data, size_t size,
    size_t n, void *arg);

static ngx_int_t ngx_openclaw_agent_history_read(ngx_openclaw_agent_t *agent,
    CURLcode error);
static ngx_uint_t ngx_openclaw_agent_history_hope(ngx_openclaw_agent_t *agent,
    ngx_int_t rc);
static void ngx_openclaw_agent_history_answer(ngx_openclaw_agent_t *agent);


ngx_int_t
ngx_openclaw_agent_history_create(ngx_openclaw_agent_t *agent,
    ngx_openclaw_agent_ask_t *ask)
{
    size_t                         len;
    u_char                        *p;
    ngx_openclaw_agent_history_t  *h;

    if (ask->session.len == 0) {
        return NGX_OK;
    }

    len = ngx_min(ask->message.len, NGX_OPENCLAW_AGENT_WORDS);

    h = ngx_calloc(sizeof(ngx_openclaw_agent_history_t) + ask->session.len
                   + len, agent->log);
    if (h == NULL) {
        return NGX_ERROR;
    }

    agent->history = h;

    p = (u_char *) h + sizeof(ngx_openclaw_agent_history_t);

    h->session.data = p;
    h->session.len = ask->session.len;

    p = ngx_cpymem(p, ask->session.data, ask->session.len);

    h->found.message.data = p;
    h->found.message.len = len;
    h->found.cut = (len == NGX_OPENCLAW_AGENT_WORDS);

    ngx_memcpy(p, ask->message.data, len);

    h->limit = NGX_OPENCLAW_AGENT_LIMIT;

    return NGX_OK;
}


/* each chunk of a stream has the id */

void
ngx_openclaw_agent_history_run(ngx_openclaw_agent_t *agent,
    ngx_openclaw_event_t *e)
{
    ngx_openclaw_agent_history_t  *h;

    h = agent->history;

    if (h == NULL || h->found.run.len || e->id.len == 0
        || e->id.len > NGX_OPENCLAW_AGENT_MAX_RUN)
    {
        return;
    }

    h->found.run.data = h->run;
    h->found.run.len = e->id.len;
    h->found.created = e->created;

    ngx_memcpy(h->run, e->id.data, e->id.len);
}


ngx_uint_t
ngx_openclaw_agent_history_told(ngx_str_t *error)
{
    return error->len == sizeof(NGX_OPENCLAW_AGENT_APPEND_ONLY) - 1
           && ngx_memcmp(error->data, NGX_OPENCLAW_AGENT_APPEND_ONLY,
                         error->len)
              == 0;
}


ngx_int_t
ngx_openclaw_agent_history_lost(ngx_openclaw_agent_t *agent,
    ngx_openclaw_agent_reason_t *reason)
{
    size_t                         len;
    ngx_str_t                     *url;
    ngx_openclaw_agent_history_t  *h;

    h = agent->history;

    /* without an id nothing has begun, or this is no gateway */

    if (h == NULL || h->found.run.len == 0) {
        return NGX_DECLINED;
    }

    url = &agent->gateway->url;
    len = sizeof(NGX_OPENCLAW_AGENT_CHAT) - 1;

    if (url->len < len
        || ngx_memcmp(url->data + url->len - len, NGX_OPENCLAW_AGENT_CHAT, len)
           != 0)
    {
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_WARN, agent->log, 0,
                  "the stream of the answer was lost, looking for it in the "
                  "history: %V", &reason->text);

    h->reason = *reason;
    h->reason.text.data = h->reason.buf;
    h->since = ngx_current_msec;

    agent->lost = 1;

    return NGX_OK;
}


void
ngx_openclaw_agent_history_wait(ngx_openclaw_agent_t *agent)
{
    agent->over = 0;
    agent->drain = 0;

    ngx_openclaw_agent_wait(agent, NGX_OPENCLAW_AGENT_LOOK);
}


void
ngx_openclaw_agent_history_look(ngx_openclaw_agent_t *agent)
{
    if (ngx_openclaw_agent_history_start(agent) != NGX_OK) {
        ngx_openclaw_agent_report(agent, &agent->history->reason);
        return;
    }

    ngx_openclaw_stats_add(lookups, 1);

    agent->gone = 0;
    agent->looking = 1;

    ngx_openclaw_agent_timer(agent, NGX_OPENCLAW_AGENT_LOOK_TIMEOUT);
}


static ngx_int_t
ngx_openclaw_agent_history_start(ngx_openclaw_agent_t *agent)
{
    CURL       *easy;
    ngx_int_t   rc;
    ngx_str_t   url;

    if (!agent->curl.kept && ngx_openclaw_curl_create(&agent->curl) != NGX_OK)
    {
        return NGX_ERROR;
    }

    easy = agent->curl.easy;

    if (ngx_openclaw_agent_history_url(agent, &url) != NGX_OK) {
        goto failed;
    }

    rc = ngx_openclaw_agent_request_history(&agent->request, easy, agent->conf,
                                            agent->gateway, &url, agent->log);
    ngx_free(url.data);

    /*
     * On a connection of its own, since one that was used before may have
     * died, which is no sign that the gateway is away; libcurl would then
     * send it again, but only so often for one handle.
     */

    if (rc != NGX_OK
        || curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, NULL) != CURLE_OK
        || curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) != CURLE_OK
        || curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) != CURLE_OK
        || curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION,
                            ngx_openclaw_agent_history_write)
           != CURLE_OK
        || curl_easy_setopt(easy, CURLOPT_WRITEDATA, agent) != CURLE_OK)
    {
        goto failed;
    }

    agent->len = 0;

    if (ngx_openclaw_curl_start(&agent->curl) == NGX_OK) {
        return NGX_OK;
    }

failed:

    if (!agent->curl.kept) {
        ngx_openclaw_curl_destroy(&agent->curl);
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_openclaw_agent_history_url(ngx_openclaw_agent_t *agent, ngx_str_t *url)
{
    size_t                         len, base;
    u_char                        *p;
    uintptr_t                      escape;
    ngx_str_t                     *s;
    ngx_openclaw_agent_history_t  *h;

    h = agent->history;
    s = &h->session;

    base = agent->gateway->url.len - (sizeof(NGX_OPENCLAW_AGENT_CHAT) - 1);
    escape = ngx_escape_uri(NULL, s->data, s->len, NGX_ESCAPE_URI_COMPONENT);

    len = base + sizeof("/sessions//history?limit=") + s->len + 2 * escape
          + NGX_INT_T_LEN;

    p = ngx_alloc(len, agent->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->data = p;

    p = ngx_cpymem(p, agent->gateway->url.data, base);
    p = ngx_cpymem(p, "/sessions/", sizeof("/sessions/") - 1);
    p = (u_char *) ngx_escape_uri(p, s->data, s->len,
                                  NGX_ESCAPE_URI_COMPONENT);
    p = ngx_sprintf(p, "/history?limit=%ui", h->limit);
    *p = '\0';

    url->len = p - url->data;

    return NGX_OK;
}


/* called by libcurl */

static size_t
ngx_openclaw_agent_history_write(char *data, size_t size, size_t n, void *arg)
{
    ngx_openclaw_agent_t *agent = arg;

    n *= size;

    if (agent->curl.stopping) {
        return 0;
    }

    if (agent->len + n > NGX_OPENCLAW_AGENT_MAX_HISTORY
        || ngx_openclaw_agent_keep(agent, (u_char *) data, n) != NGX_OK)
    {
        agent->over = 1;
        return 0;
    }

    return n;
}


ngx_int_t
ngx_openclaw_agent_history_looked(ngx_openclaw_agent_t *agent, CURLcode error)
{
    ngx_int_t                      rc;
    ngx_openclaw_agent_reason_t    reason;
    ngx_openclaw_agent_history_t  *h;

    h = agent->history;

    agent->looking = 0;

    if (agent->curl.leaving) {
        ngx_openclaw_agent_reason_curl(&reason, &agent->curl, error,
                                       &agent->request.token);
        ngx_openclaw_agent_report(agent, &reason);
        return NGX_OK;
    }

    rc = ngx_openclaw_agent_history_read(agent, error);

    if (rc == NGX_OK && h->found.state == NGX_OPENCLAW_HISTORY_ANSWER) {
        ngx_openclaw_agent_history_answer(agent);
        return NGX_OK;
    }

    ngx_openclaw_history_free(&h->found);

    agent->over = 0;

    if (ngx_openclaw_agent_history_hope(agent, rc)) {
        ngx_openclaw_agent_wait(agent,
                  ngx_openclaw_agent_jitter(NGX_OPENCLAW_AGENT_LOOK_INTERVAL));
        return NGX_AGAIN;
    }

    ngx_log_error(NGX_LOG_INFO, agent->log, 0,
                  "there is no answer in the history");

    ngx_openclaw_agent_report(agent, &h->reason);

    return NGX_OK;
}


/*
 * NGX_OK        the history was read
 * NGX_AGAIN     the gateway is away
 * NGX_DECLINED  there is none
 */

static ngx_int_t
ngx_openclaw_agent_history_read(ngx_openclaw_agent_t *agent, CURLcode error)
{
    long       status;
    ngx_int_t  rc;

    status = 0;

    (void) curl_easy_getinfo(agent->curl.easy, CURLINFO_RESPONSE_CODE,
                             &status);

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, agent->log, 0,
                   "openclaw agent: history, %d, status %l, %uz bytes",
                   (int) error, status, agent->len);

    if (agent->over) {
        return NGX_DECLINED;
    }

    if (error != CURLE_OK || (status >= 502 && status <= 504)) {
        return NGX_AGAIN;
    }

    if (status != 200) {
        return NGX_DECLINED;
    }

    rc = ngx_openclaw_history_parse(&agent->history->found, agent->buf,
                                    agent->len);

    return (rc == NGX_OK) ? NGX_OK : NGX_DECLINED;
}


/* whether another look may bring the answer */

static ngx_uint_t
ngx_openclaw_agent_history_hope(ngx_openclaw_agent_t *agent, ngx_int_t rc)
{
    ngx_msec_t                     now, time;
    ngx_openclaw_agent_conf_t     *conf;
    ngx_openclaw_agent_history_t  *h;

    h = agent->history;
    conf = agent->conf;
    now = ngx_current_msec;

    if (rc == NGX_DECLINED || conf->retry_timeout == 0
        || now - agent->start >= conf->turn_timeout)
    {
        return 0;
    }

    if (rc == NGX_AGAIN) {

        if (!h->away) {
            ngx_log_error(NGX_LOG_INFO, agent->log, 0,
                          "agent is unavailable, waiting for its history");
        }

        h->away = 1;

        return now - h->since < conf->retry_timeout;
    }

    if (h->found.state == NGX_OPENCLAW_HISTORY_NONE) {

        if (!h->found.more || h->limit == NGX_OPENCLAW_AGENT_MAX_LIMIT) {
            return 0;
        }

        /* ours may be on the page before */

        h->limit = NGX_OPENCLAW_AGENT_MAX_LIMIT;
        return 1;
    }

    if (h->away || h->found.state == NGX_OPENCLAW_HISTORY_RERUN) {
        h->back = 1;
    }

    if (h->away || h->nmessages != h->found.nmessages) {
        h->away = 0;
        h->nmessages = h->found.nmessages;
        h->since = now;
    }

    time = h->back ? conf->read_timeout
                   : ngx_min(conf->retry_timeout, NGX_OPENCLAW_AGENT_GRACE);

    return now - h->since < time;
}


static void
ngx_openclaw_agent_history_answer(ngx_openclaw_agent_t *agent)
{
    ngx_openclaw_agent_reason_t    reason;
    ngx_openclaw_agent_history_t  *h;

    h = agent->history;

    ngx_log_error(NGX_LOG_INFO, agent->log, 0,
                  "the answer was found in the history");

    agent->handlers->replace(agent->data, &h->found.text);

    ngx_openclaw_history_free(&h->found);

    ngx_openclaw_agent_reason(&reason, NGX_OPENCLAW_OK, "", NULL,
                              &agent->request.token);

    ngx_openclaw_agent_report(agent, &reason);
}

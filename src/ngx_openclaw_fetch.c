
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_openclaw_agent_internal.h>
#include <ngx_openclaw_fetch.h>


struct ngx_openclaw_fetch_s {
    void                              *data;
    ngx_openclaw_fetch_pt              handler;    /* NULL: closed */
    ngx_log_t                         *log;

    /* event ident must be after 3 pointers as in ngx_connection_t */
    ngx_int_t                          ident;

    ngx_openclaw_curl_t                curl;
    ngx_openclaw_agent_request_t       request;
    ngx_event_t                        timer;
    ngx_str_t                          body;
    u_char                            *buf;        /* the answer's body */
    size_t                             len;
    size_t                             limit;

    unsigned                           over:1;     /* the limit */
    unsigned                           late:1;
};


static ngx_int_t ngx_openclaw_fetch_start(ngx_openclaw_fetch_t *fetch,
    ngx_openclaw_agent_conf_t *conf);
static CURLcode ngx_openclaw_fetch_set(ngx_openclaw_fetch_t *fetch);
static size_t ngx_openclaw_fetch_write(char *data, size_t size, size_t n,
    void *arg);
static void ngx_openclaw_fetch_timeout(ngx_event_t *ev);
static ngx_int_t ngx_openclaw_fetch_done(ngx_openclaw_curl_t *transfer,
    CURLcode error);
static void ngx_openclaw_fetch_report(ngx_openclaw_fetch_t *fetch,
    CURLcode error);
static void ngx_openclaw_fetch_free(ngx_openclaw_fetch_t *fetch);


static const char  *ngx_openclaw_fetch_headers[] = {
    "Content-Type: application/json",
    "Accept: application/json",
    "Expect:",
    NULL
};


ngx_openclaw_fetch_t *
ngx_openclaw_fetch_create(ngx_openclaw_fetch_ask_t *ask,
    ngx_openclaw_fetch_pt handler, void *data, ngx_log_t *log)
{
    ngx_openclaw_fetch_t  *fetch;

    fetch = ngx_calloc(sizeof(ngx_openclaw_fetch_t), log);
    if (fetch == NULL) {
        return NULL;
    }

    fetch->data = data;
    fetch->handler = handler;
    fetch->log = log;
    fetch->ident = -1;
    fetch->limit = ask->limit;
    fetch->curl.done = ngx_openclaw_fetch_done;

    fetch->body.data = ngx_alloc(ask->body.len + 1, log);
    if (fetch->body.data == NULL) {
        ngx_openclaw_fetch_free(fetch);
        return NULL;
    }

    fetch->body.len = ask->body.len;
    ngx_memcpy(fetch->body.data, ask->body.data, ask->body.len);
    fetch->body.data[ask->body.len] = '\0';

    if (ngx_openclaw_fetch_start(fetch, ask->conf) != NGX_OK) {
        ngx_openclaw_fetch_free(fetch);
        return NULL;
    }

    /* it also keeps a leaving worker until there is an answer */

    fetch->timer.handler = ngx_openclaw_fetch_timeout;
    fetch->timer.data = fetch;
    fetch->timer.log = log;

    ngx_add_timer(&fetch->timer, ask->timeout);

    return fetch;
}


static ngx_int_t
ngx_openclaw_fetch_start(ngx_openclaw_fetch_t *fetch,
    ngx_openclaw_agent_conf_t *conf)
{
    CURLcode                  error;
    const char              **line;
    struct curl_slist        *list;
    ngx_openclaw_gateway_t   *gateway;

    gateway = conf->gateways.elts;

    for (line = ngx_openclaw_fetch_headers; *line; line++) {
        list = curl_slist_append(fetch->request.headers, *line);
        if (list == NULL) {
            return NGX_ERROR;
        }

        fetch->request.headers = list;
    }

    if (ngx_openclaw_curl_create(&fetch->curl) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_openclaw_agent_request_target(&fetch->request, fetch->curl.easy,
                                          conf, gateway, &gateway->url,
                                          fetch->log)
        != NGX_OK)
    {
        goto failed;
    }

    error = ngx_openclaw_fetch_set(fetch);

    if (error != CURLE_OK) {
        ngx_log_error(NGX_LOG_ALERT, fetch->log, 0,
                      "curl_easy_setopt() failed (%d: %s)",
                      (int) error, curl_easy_strerror(error));
        goto failed;
    }

    if (ngx_openclaw_curl_start(&fetch->curl) == NGX_OK) {
        return NGX_OK;
    }

failed:

    ngx_openclaw_curl_destroy(&fetch->curl);

    return NGX_ERROR;
}


/*
 * Nobody would repeat a request that a connection which was kept has lost, so
 * none is kept.  The body stays ours, to be wiped.
 */

static CURLcode
ngx_openclaw_fetch_set(ngx_openclaw_fetch_t *fetch)
{
    CURL      *easy;
    CURLcode   error;

    easy = fetch->curl.easy;

    if ((error = curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L)) != CURLE_OK
        || (error = curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L))
           != CURLE_OK
        || (error = curl_easy_setopt(easy, CURLOPT_POST, 1L)) != CURLE_OK
        || (error = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                     (curl_off_t) fetch->body.len))
           != CURLE_OK
        || (error = curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                                     (char *) fetch->body.data)) != CURLE_OK
        || (error = curl_easy_setopt(easy, CURLOPT_HTTPHEADER,
                                     fetch->request.headers)) != CURLE_OK
        || (error = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION,
                                     ngx_openclaw_fetch_write)) != CURLE_OK)
    {
        return error;
    }

    return curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
}


void
ngx_openclaw_fetch_close(ngx_openclaw_fetch_t *fetch)
{
    fetch->handler = NULL;

    /* libcurl may have to return before the transfer ends; the log is gone */

    fetch->log = ngx_cycle->log;

    if (fetch->timer.timer_set) {
        ngx_del_timer(&fetch->timer);
    }

    ngx_openclaw_curl_stop(&fetch->curl);
}


/* called by libcurl */

static size_t
ngx_openclaw_fetch_write(char *data, size_t size, size_t n, void *arg)
{
    ngx_openclaw_fetch_t *fetch = arg;

    n *= size;

    if (fetch->curl.stopping) {
        return 0;
    }

    if (n > fetch->limit - fetch->len) {
        fetch->over = 1;
        return 0;
    }

    if (fetch->buf == NULL) {
        fetch->buf = ngx_alloc(fetch->limit, fetch->log);
        if (fetch->buf == NULL) {
            return 0;
        }
    }

    ngx_memcpy(fetch->buf + fetch->len, data, n);
    fetch->len += n;

    return n;
}


static void
ngx_openclaw_fetch_timeout(ngx_event_t *ev)
{
    ngx_openclaw_fetch_t  *fetch;

    fetch = ev->data;
    fetch->late = 1;

    ngx_openclaw_curl_stop(&fetch->curl);
}


static ngx_int_t
ngx_openclaw_fetch_done(ngx_openclaw_curl_t *transfer, CURLcode error)
{
    ngx_openclaw_fetch_t  *fetch;

    fetch = (ngx_openclaw_fetch_t *)
                ((u_char *) transfer - offsetof(ngx_openclaw_fetch_t, curl));

    if (fetch->timer.timer_set) {
        ngx_del_timer(&fetch->timer);
    }

    /* nobody is to be told in a process that ends at once */

    if (fetch->handler && !ngx_terminate) {
        ngx_openclaw_fetch_report(fetch, error);
    }

    ngx_openclaw_fetch_free(fetch);

    return NGX_OK;
}


static void
ngx_openclaw_fetch_report(ngx_openclaw_fetch_t *fetch, CURLcode error)
{
    long                          status;
    ngx_str_t                     token;
    ngx_openclaw_agent_reason_t   reason;
    ngx_openclaw_fetch_answer_t   answer;

    ngx_memzero(&answer, sizeof(ngx_openclaw_fetch_answer_t));

    status = 0;

    (void) curl_easy_getinfo(fetch->curl.easy, CURLINFO_RESPONSE_CODE,
                             &status);

    answer.status = (ngx_uint_t) status;

    if (fetch->late
        || (error == CURLE_OPERATION_TIMEDOUT && !fetch->curl.leaving))
    {
        answer.rc = NGX_AGAIN;

    } else if (fetch->over) {
        answer.rc = NGX_ERROR;
        ngx_str_set(&answer.reason, "the answer is too large");

    } else if (error != CURLE_OK) {
        ngx_str_null(&token);
        ngx_openclaw_agent_reason_curl(&reason, &fetch->curl, error, &token);

        answer.rc = NGX_ERROR;
        answer.reason = reason.text;

    } else {
        answer.rc = NGX_OK;
        answer.body.data = fetch->buf;
        answer.body.len = fetch->len;
    }

    fetch->handler(fetch->data, &answer);
}


static void
ngx_openclaw_fetch_free(ngx_openclaw_fetch_t *fetch)
{
    if (fetch->buf) {
        ngx_explicit_memzero(fetch->buf, fetch->len);
        ngx_free(fetch->buf);
    }

    if (fetch->body.data) {
        ngx_explicit_memzero(fetch->body.data, fetch->body.len);
        ngx_free(fetch->body.data);
    }

    ngx_openclaw_agent_request_destroy(&fetch->request);

    ngx_free(fetch);
}

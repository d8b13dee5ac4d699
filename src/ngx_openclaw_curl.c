
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_openclaw_curl.h>
#include <ngx_openclaw_curl_internal.h>


#define NGX_OPENCLAW_CURL_HANDLES           256     /* idle easy handles */

/*
 * When there are more connections than that, libcurl closes an idle one: it
 * counts all, and those in use leave room for idle ones only if that is many.
 * There are never more than half of worker_connections, nor than there are
 * descriptors for.
 */

#define NGX_OPENCLAW_CURL_CONNECTIONS       32

/*
 * What has been read is written by posted events, which nginx runs behind the
 * events of all sockets that are ready.  These may be hundreds: the first one
 * would wait for the last, and be gone from the caches of the processor.
 */

#define NGX_OPENCLAW_CURL_READS             8


static long ngx_openclaw_curl_connections_max(ngx_cycle_t *cycle);
static void ngx_openclaw_curl_recycle(CURL *easy, CURLcode code);

static void ngx_openclaw_curl_enter(void);
static void ngx_openclaw_curl_leave(void);
static ngx_int_t ngx_openclaw_curl_add(ngx_openclaw_curl_t *transfer);
static void ngx_openclaw_curl_fail(ngx_openclaw_curl_t *transfer,
    CURLcode code);
static void ngx_openclaw_curl_finish(ngx_openclaw_curl_t *transfer,
    CURLcode code);
static ngx_openclaw_curl_t *ngx_openclaw_curl_transfer(CURL *easy);

static int ngx_openclaw_curl_socket(CURL *easy, curl_socket_t fd, int what,
    void *data, void *watched);
static ngx_connection_t *ngx_openclaw_curl_watch(curl_socket_t fd);
static void ngx_openclaw_curl_unwatch(ngx_connection_t *c);
static ngx_int_t ngx_openclaw_curl_set_event(ngx_event_t *ev, ngx_int_t event,
    ngx_uint_t on);
static void ngx_openclaw_curl_event(ngx_event_t *ev);
static void ngx_openclaw_curl_write_out(void);

static int ngx_openclaw_curl_timer(CURLM *multi, long timeout, void *data);
static void ngx_openclaw_curl_timer_stop(void);
static void ngx_openclaw_curl_timer_event(ngx_event_t *ev);


/* the one of this process, NULL before init_process and after exit_process */

static CURLM             *ngx_openclaw_curl_multi;

/*
 * Not 0 while libcurl is on the stack, or what was put off is being done; a
 * transfer is in one of the queues from its start to its end, and in that of
 * the kept ones until its next start.
 */

static ngx_uint_t         ngx_openclaw_curl_depth;
static ngx_queue_t        ngx_openclaw_curl_starting;
static ngx_queue_t        ngx_openclaw_curl_running;
static ngx_queue_t        ngx_openclaw_curl_stopping;
static ngx_queue_t        ngx_openclaw_curl_kept;

static ngx_queue_t        ngx_openclaw_curl_connections;
static ngx_event_t        ngx_openclaw_curl_timeout;

static ngx_uint_t         ngx_openclaw_curl_nreads;

/* the debug log wants to know the descriptor of each event */

static ngx_connection_t   ngx_openclaw_curl_dummy;

static ngx_uint_t         ngx_openclaw_curl_nidle;
static CURL              *ngx_openclaw_curl_idle[NGX_OPENCLAW_CURL_HANDLES];


ngx_int_t
ngx_openclaw_curl_init_process(ngx_cycle_t *cycle)
{
    CURLM  *multi;

    ngx_queue_init(&ngx_openclaw_curl_starting);
    ngx_queue_init(&ngx_openclaw_curl_running);
    ngx_queue_init(&ngx_openclaw_curl_stopping);
    ngx_queue_init(&ngx_openclaw_curl_kept);
    ngx_queue_init(&ngx_openclaw_curl_connections);

    ngx_openclaw_curl_dummy.fd = (ngx_socket_t) -1;

    /* what waits for libcurl has timers of its own, so a worker may exit */

    ngx_openclaw_curl_timeout.handler = ngx_openclaw_curl_timer_event;
    ngx_openclaw_curl_timeout.data = &ngx_openclaw_curl_dummy;
    ngx_openclaw_curl_timeout.log = cycle->log;
    ngx_openclaw_curl_timeout.cancelable = 1;

    if (ngx_openclaw_curl_global_init() != CURLE_OK) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "curl_global_init_mem() failed");
        return NGX_ERROR;
    }

    multi = curl_multi_init();

    if (multi == NULL
        || curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION,
                             ngx_openclaw_curl_socket)
           != CURLM_OK
        || curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION,
                             ngx_openclaw_curl_timer)
           != CURLM_OK
        || curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS,
                             ngx_openclaw_curl_connections_max(cycle))
           != CURLM_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "curl_multi_init() failed");
        curl_multi_cleanup(multi);
        curl_global_cleanup();
        return NGX_ERROR;
    }

    ngx_openclaw_curl_multi = multi;

    return NGX_OK;
}


static long
ngx_openclaw_curl_connections_max(ngx_cycle_t *cycle)
{
    ngx_uint_t     max, n;
    struct rlimit  rlmt;

    n = cycle->connection_n;
    max = n / 2;

    if (getrlimit(RLIMIT_NOFILE, &rlmt) == 0 && rlmt.rlim_cur < n + max) {
        max = (rlmt.rlim_cur > n) ? rlmt.rlim_cur - n : 0;
    }

    return ngx_max(max, NGX_OPENCLAW_CURL_CONNECTIONS);
}


void
ngx_openclaw_curl_exit_process(ngx_cycle_t *cycle)
{
    ngx_queue_t          *q;
    ngx_connection_t     *c;
    ngx_openclaw_curl_t  *transfer;

    if (ngx_openclaw_curl_multi == NULL) {
        return;
    }

    while (!ngx_queue_empty(&ngx_openclaw_curl_running)) {
        q = ngx_queue_head(&ngx_openclaw_curl_running);
        transfer = ngx_queue_data(q, ngx_openclaw_curl_t, queue);

        ngx_openclaw_curl_stop(transfer);
    }

    while (!ngx_queue_empty(&ngx_openclaw_curl_kept)) {
        q = ngx_queue_head(&ngx_openclaw_curl_kept);
        transfer = ngx_queue_data(q, ngx_openclaw_curl_t, queue);

        ngx_openclaw_curl_destroy(transfer);
    }

    while (ngx_openclaw_curl_nidle) {
        curl_easy_cleanup(ngx_openclaw_curl_idle[--ngx_openclaw_curl_nidle]);
    }

    curl_multi_cleanup(ngx_openclaw_curl_multi);
    ngx_openclaw_curl_multi = NULL;

    while (!ngx_queue_empty(&ngx_openclaw_curl_connections)) {
        q = ngx_queue_head(&ngx_openclaw_curl_connections);
        c = ngx_queue_data(q, ngx_connection_t, queue);

        ngx_openclaw_curl_unwatch(c);
    }

    ngx_openclaw_curl_timer_stop();
    ngx_openclaw_curl_free_urls();

    curl_global_cleanup();
}


ngx_int_t
ngx_openclaw_curl_create(ngx_openclaw_curl_t *transfer)
{
    CURL  *easy;

    if (ngx_openclaw_curl_multi == NULL) {
        return NGX_ERROR;
    }

    easy = ngx_openclaw_curl_nidle
           ? ngx_openclaw_curl_idle[--ngx_openclaw_curl_nidle]
           : curl_easy_init();

    if (easy == NULL) {
        return NGX_ERROR;
    }

    if (ngx_openclaw_curl_set(easy, transfer) != CURLE_OK) {
        curl_easy_cleanup(easy);
        return NGX_ERROR;
    }

    transfer->easy = easy;

    return NGX_OK;
}


void
ngx_openclaw_curl_destroy(ngx_openclaw_curl_t *transfer)
{
    if (transfer->kept) {
        transfer->kept = 0;
        ngx_queue_remove(&transfer->queue);
    }

    curl_easy_cleanup(transfer->easy);
    transfer->easy = NULL;
}


/* a transfer that failed early leaves a handle that can't be set up anew */

static void
ngx_openclaw_curl_recycle(CURL *easy, CURLcode code)
{
    if (code != CURLE_OK
        || ngx_openclaw_curl_nidle == NGX_OPENCLAW_CURL_HANDLES)
    {
        curl_easy_cleanup(easy);
        return;
    }

    curl_easy_reset(easy);

    ngx_openclaw_curl_idle[ngx_openclaw_curl_nidle++] = easy;
}


ngx_int_t
ngx_openclaw_curl_start(ngx_openclaw_curl_t *transfer)
{
    if (ngx_openclaw_curl_depth == 0
        && ngx_openclaw_curl_add(transfer) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (transfer->kept) {
        transfer->kept = 0;
        ngx_queue_remove(&transfer->queue);
    }

    ngx_queue_insert_tail(ngx_openclaw_curl_depth ? &ngx_openclaw_curl_starting
                                                  : &ngx_openclaw_curl_running,
                          &transfer->queue);

    transfer->started = 1;
    transfer->stopping = 0;
    transfer->requested = 0;
    transfer->repeated = 0;
    transfer->starved = 0;
    transfer->leaving = 0;
    transfer->error[0] = '\0';

    return NGX_OK;
}


void
ngx_openclaw_curl_resume(ngx_openclaw_curl_t *transfer)
{
    CURLcode  code;

    if (!transfer->started || transfer->stopping) {
        return;
    }

    ngx_openclaw_curl_enter();

    code = curl_easy_pause(transfer->easy, CURLPAUSE_CONT);

    if (code != CURLE_OK) {

        /* the multi handle knows nothing of this failure */

        ngx_openclaw_curl_fail(transfer, code);
    }

    ngx_openclaw_curl_leave();
}


void
ngx_openclaw_curl_stop(ngx_openclaw_curl_t *transfer)
{
    if (!transfer->started) {
        return;
    }

    ngx_openclaw_curl_fail(transfer, CURLE_ABORTED_BY_CALLBACK);
}


static void
ngx_openclaw_curl_enter(void)
{
    ngx_openclaw_curl_depth++;
}


/*
 * Does what could not be done with libcurl on the stack.  Handlers called
 * from here only add to the queues, so this does not recurse.
 */

static void
ngx_openclaw_curl_leave(void)
{
    int                   n;
    CURLMsg              *msg;
    CURLcode              code;
    ngx_queue_t          *q;
    ngx_openclaw_curl_t  *transfer;

    if (ngx_openclaw_curl_depth > 1) {
        ngx_openclaw_curl_depth--;
        return;
    }

    for ( ;; ) {

        if (!ngx_queue_empty(&ngx_openclaw_curl_stopping)) {
            q = ngx_queue_head(&ngx_openclaw_curl_stopping);
            transfer = ngx_queue_data(q, ngx_openclaw_curl_t, queue);

            ngx_openclaw_curl_finish(transfer, transfer->code);
            continue;
        }

        if (!ngx_queue_empty(&ngx_openclaw_curl_starting)) {
            q = ngx_queue_head(&ngx_openclaw_curl_starting);
            transfer = ngx_queue_data(q, ngx_openclaw_curl_t, queue);

            if (ngx_openclaw_curl_add(transfer) != NGX_OK) {
                ngx_openclaw_curl_finish(transfer, CURLE_OUT_OF_MEMORY);
                continue;
            }

            ngx_queue_remove(q);
            ngx_queue_insert_tail(&ngx_openclaw_curl_running, q);
            continue;
        }

        msg = curl_multi_info_read(ngx_openclaw_curl_multi, &n);

        if (msg == NULL) {
            break;
        }

        if (msg->msg == CURLMSG_DONE) {

            /* msg does not outlive the removal of the handle */

            code = msg->data.result;
            transfer = ngx_openclaw_curl_transfer(msg->easy_handle);

            ngx_openclaw_curl_finish(transfer, code);
        }
    }

    ngx_openclaw_curl_depth = 0;
}


static ngx_int_t
ngx_openclaw_curl_add(ngx_openclaw_curl_t *transfer)
{
    CURLMcode  code;

    code = curl_multi_add_handle(ngx_openclaw_curl_multi, transfer->easy);

    if (code != CURLM_OK) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "curl_multi_add_handle() failed (%d: %s)",
                      (int) code, curl_multi_strerror(code));
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_openclaw_curl_fail(ngx_openclaw_curl_t *transfer, CURLcode code)
{
    if (transfer->stopping) {
        return;
    }

    transfer->stopping = 1;
    transfer->code = code;

    ngx_openclaw_curl_enter();

    ngx_queue_remove(&transfer->queue);
    ngx_queue_insert_tail(&ngx_openclaw_curl_stopping, &transfer->queue);

    ngx_openclaw_curl_leave();
}


static void
ngx_openclaw_curl_finish(ngx_openclaw_curl_t *transfer, CURLcode code)
{
    CURL  *easy;

    easy = transfer->easy;

    /* it is no error to remove a handle that has not been added */

    (void) curl_multi_remove_handle(ngx_openclaw_curl_multi, easy);

    ngx_queue_remove(&transfer->queue);

    transfer->started = 0;
    transfer->stopping = 1;

    if (transfer->done(transfer, code) == NGX_OK) {
        ngx_openclaw_curl_recycle(easy, code);
        return;
    }

    transfer->kept = 1;
    ngx_queue_insert_tail(&ngx_openclaw_curl_kept, &transfer->queue);
}


static ngx_openclaw_curl_t *
ngx_openclaw_curl_transfer(CURL *easy)
{
    char  *transfer;

    transfer = NULL;

    (void) curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);

    return (ngx_openclaw_curl_t *) transfer;
}


/*
 * What libcurl wants to know of a socket, which stays libcurl's own.  An
 * error returned from here would end all transfers, so only this one's is
 * marked to be ended.
 */

static int
ngx_openclaw_curl_socket(CURL *easy, curl_socket_t fd, int what, void *data,
    void *watched)
{
    ngx_connection_t *c = watched;

    ngx_openclaw_curl_t  *transfer;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "openclaw curl: socket %d, poll %d", (int) fd, what);

    if (what == CURL_POLL_REMOVE) {

        if (c) {
            (void) curl_multi_assign(ngx_openclaw_curl_multi, fd, NULL);
            ngx_openclaw_curl_unwatch(c);
        }

        return 0;
    }

    transfer = ngx_openclaw_curl_transfer(easy);

    if (c == NULL) {
        c = ngx_openclaw_curl_watch(fd);
        if (c == NULL) {
            goto starved;
        }

        (void) curl_multi_assign(ngx_openclaw_curl_multi, fd, c);
    }

    c->data = transfer;

    if (ngx_openclaw_curl_set_event(c->read, NGX_READ_EVENT,
                                    what & CURL_POLL_IN)
        == NGX_OK
        && ngx_openclaw_curl_set_event(c->write, NGX_WRITE_EVENT,
                                       what & CURL_POLL_OUT)
           == NGX_OK)
    {
        return 0;
    }

starved:

    if (transfer) {
        transfer->starved = 1;
        ngx_openclaw_curl_fail(transfer, CURLE_OUT_OF_MEMORY);
    }

    return 0;
}


static ngx_connection_t *
ngx_openclaw_curl_watch(curl_socket_t fd)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(fd, ngx_cycle->log);
    if (c == NULL) {
        return NULL;
    }

    /* both, since a connection is told to close by its read handler */

    c->read->handler = ngx_openclaw_curl_event;
    c->read->log = c->log;
    c->write->handler = ngx_openclaw_curl_event;
    c->write->log = c->log;

    ngx_queue_insert_tail(&ngx_openclaw_curl_connections, &c->queue);

    return c;
}


static void
ngx_openclaw_curl_unwatch(ngx_connection_t *c)
{
    ngx_uint_t  flags;

    if (c->read->active || c->write->active) {

        /* libcurl closes a socket that was still connecting before it tells */

        flags = (fcntl(c->fd, F_GETFD) == -1) ? NGX_CLOSE_EVENT : 0;

        if (ngx_del_conn) {
            ngx_del_conn(c, flags);

        } else {
            if (c->read->active) {
                ngx_del_event(c->read, NGX_READ_EVENT, flags);
            }

            if (c->write->active) {
                ngx_del_event(c->write, NGX_WRITE_EVENT, flags);
            }
        }
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    ngx_queue_remove(&c->queue);

    ngx_free_connection(c);

    c->fd = (ngx_socket_t) -1;
}


/* level-triggered: it is libcurl that reads, and not always to the end */

static ngx_int_t
ngx_openclaw_curl_set_event(ngx_event_t *ev, ngx_int_t event, ngx_uint_t on)
{
    if (on) {
        return ev->active ? NGX_OK
                          : ngx_add_event(ev, event, NGX_LEVEL_EVENT);
    }

    return ev->active ? ngx_del_event(ev, event, 0) : NGX_OK;
}


static void
ngx_openclaw_curl_event(ngx_event_t *ev)
{
    int                   running;
    ngx_connection_t     *c;
    ngx_openclaw_curl_t  *transfer;

    c = ev->data;

    if (c->close) {

        /* the worker is leaving, which it must not before it has to */

        c->close = 0;
        transfer = c->data;

        if (c->error && transfer) {
            transfer->leaving = 1;
            ngx_openclaw_curl_fail(transfer, CURLE_ABORTED_BY_CALLBACK);
        }

        return;
    }

    ngx_openclaw_curl_enter();

    (void) curl_multi_socket_action(ngx_openclaw_curl_multi, c->fd,
                                    ev->write ? CURL_CSELECT_OUT
                                              : CURL_CSELECT_IN,
                                    &running);

    ngx_openclaw_curl_leave();

    if (++ngx_openclaw_curl_nreads >= NGX_OPENCLAW_CURL_READS) {
        ngx_openclaw_curl_write_out();
    }
}


/* with accept_mutex, this is a posted event itself, and runs in here again */

static void
ngx_openclaw_curl_write_out(void)
{
    static ngx_uint_t  running;

    if (running) {
        return;
    }

    running = 1;
    ngx_event_process_posted((ngx_cycle_t *) ngx_cycle, &ngx_posted_events);
    running = 0;

    ngx_openclaw_curl_nreads = 0;
}


static int
ngx_openclaw_curl_timer(CURLM *multi, long timeout, void *data)
{
    ngx_event_t  *ev;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "openclaw curl: timer %l", timeout);

    /* a timer that is set would not be moved by less than 300 ms */

    ngx_openclaw_curl_timer_stop();

    ev = &ngx_openclaw_curl_timeout;

    if (timeout > 0) {
        ngx_add_timer(ev, (ngx_msec_t) timeout);

    } else if (timeout == 0) {

        /*
         * A new transfer may start at once; else it is the next turn of the
         * loop, so that a busy transfer can't hog it.
         */

        ngx_post_event(ev, ngx_openclaw_curl_depth ? &ngx_posted_next_events
                                                   : &ngx_posted_events);
    }

    return 0;
}


static void
ngx_openclaw_curl_timer_stop(void)
{
    ngx_event_t  *ev;

    ev = &ngx_openclaw_curl_timeout;

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    if (ev->posted) {
        ngx_delete_posted_event(ev);
    }
}


static void
ngx_openclaw_curl_timer_event(ngx_event_t *ev)
{
    int  running;

    ngx_openclaw_curl_enter();

    (void) curl_multi_socket_action(ngx_openclaw_curl_multi,
                                    CURL_SOCKET_TIMEOUT, 0, &running);

    ngx_openclaw_curl_leave();
}

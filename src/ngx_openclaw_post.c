
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_openclaw_post.h>


/* more datagrams than this are read in the next round of the event loop */

#define NGX_OPENCLAW_POST_READS             16

#define NGX_OPENCLAW_POST_BACKLOG           511

/* when it is looked again whether there are connections, or files */

#define NGX_OPENCLAW_POST_PAUSE             100


typedef struct {
    ngx_connection_t                  *connection;
    ngx_openclaw_post_pt               handler;
    void                              *data;

    ngx_connection_t                  *listening;
    ngx_openclaw_post_accept_pt        accept;
} ngx_openclaw_post_t;


static ngx_connection_t *ngx_openclaw_post_open(int type,
    ngx_openclaw_post_address_t *address, ngx_event_handler_pt handler,
    ngx_log_t *log);
static ngx_int_t ngx_openclaw_post_bind(ngx_socket_t s, int type,
    ngx_openclaw_post_address_t *address, ngx_log_t *log);
static ngx_connection_t *ngx_openclaw_post_add(ngx_socket_t s,
    ngx_event_handler_pt handler, ngx_log_t *log);
static socklen_t ngx_openclaw_post_sockaddr(
    ngx_openclaw_post_address_t *address, struct sockaddr_un *sun);

static void ngx_openclaw_post_read_handler(ngx_event_t *rev);
static void ngx_openclaw_post_write_handler(ngx_event_t *wev);

static void ngx_openclaw_post_accept_handler(ngx_event_t *rev);
static void ngx_openclaw_post_pause(ngx_event_t *rev);
static ngx_int_t ngx_openclaw_post_reach(ngx_socket_t s,
    ngx_openclaw_post_address_t *address, ngx_pid_t pid, ngx_log_t *log);
static ngx_connection_t *ngx_openclaw_post_connection(ngx_socket_t s,
    ngx_log_t *log);
static ngx_uint_t ngx_openclaw_post_exhausted(void);
static ngx_pid_t ngx_openclaw_post_peer(ngx_socket_t s, ngx_log_t *log);
static void ngx_openclaw_post_close(ngx_socket_t s, ngx_log_t *log);


static ngx_openclaw_post_t  ngx_openclaw_post;


ngx_int_t
ngx_openclaw_post_init_process(ngx_cycle_t *cycle,
    ngx_openclaw_post_pt handler, void *data,
    ngx_openclaw_post_address_t *address)
{
    ngx_connection_t  *c;

    c = ngx_openclaw_post_open(SOCK_DGRAM, address,
                               ngx_openclaw_post_read_handler, cycle->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    ngx_openclaw_post.connection = c;
    ngx_openclaw_post.handler = handler;
    ngx_openclaw_post.data = data;

    return NGX_OK;
}


ngx_int_t
ngx_openclaw_post_listen(ngx_cycle_t *cycle,
    ngx_openclaw_post_accept_pt handler, ngx_openclaw_post_address_t *address)
{
    ngx_connection_t  *c;

    c = ngx_openclaw_post_open(SOCK_STREAM, address,
                               ngx_openclaw_post_accept_handler, cycle->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    /* of the timer: it keeps no worker */

    c->read->cancelable = 1;

    ngx_openclaw_post.listening = c;
    ngx_openclaw_post.accept = handler;

    return NGX_OK;
}


static ngx_connection_t *
ngx_openclaw_post_open(int type, ngx_openclaw_post_address_t *address,
    ngx_event_handler_pt handler, ngx_log_t *log)
{
    ngx_socket_t       s;
    ngx_connection_t  *c;

    s = ngx_socket(AF_UNIX, type, 0);

    if (s == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      ngx_socket_n " for posts failed");
        return NULL;
    }

    if (ngx_openclaw_post_bind(s, type, address, log) != NGX_OK) {
        ngx_openclaw_post_close(s, log);
        return NULL;
    }

    c = ngx_openclaw_post_add(s, handler, log);
    if (c == NULL) {
        ngx_openclaw_post_close(s, log);
        return NULL;
    }

    return c;
}


static ngx_int_t
ngx_openclaw_post_bind(ngx_socket_t s, int type,
    ngx_openclaw_post_address_t *address, ngx_log_t *log)
{
    socklen_t           len;
    struct sockaddr_un  sun;

    if (ngx_nonblocking(s) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      ngx_nonblocking_n " for posts failed");
        return NGX_ERROR;
    }

    if (fcntl(s, F_SETFD, FD_CLOEXEC) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      "fcntl(FD_CLOEXEC) for posts failed");
        return NGX_ERROR;
    }

    ngx_memzero(&sun, sizeof(struct sockaddr_un));
    sun.sun_family = AF_UNIX;

    /* no name at all: the kernel finds one that nobody has */

    if (bind(s, (struct sockaddr *) &sun, sizeof(sa_family_t)) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      "bind() for posts failed");
        return NGX_ERROR;
    }

    len = sizeof(struct sockaddr_un);

    if (getsockname(s, (struct sockaddr *) &sun, &len) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      "getsockname() for posts failed");
        return NGX_ERROR;
    }

    if (len <= offsetof(struct sockaddr_un, sun_path)) {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "no name for posts was given by the system");
        return NGX_ERROR;
    }

    len -= offsetof(struct sockaddr_un, sun_path);

    if (len > sizeof(address->name)) {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "the name for posts is too long: %d", (int) len);
        return NGX_ERROR;
    }

    address->len = (u_char) len;
    ngx_memcpy(address->name, sun.sun_path, len);

    if (type == SOCK_STREAM
        && listen(s, NGX_OPENCLAW_POST_BACKLOG) == -1)
    {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      "listen() for posts failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_connection_t *
ngx_openclaw_post_add(ngx_socket_t s, ngx_event_handler_pt handler,
    ngx_log_t *log)
{
    ngx_event_t       *rev, *wev;
    ngx_connection_t  *c;

    c = ngx_get_connection(s, log);
    if (c == NULL) {
        return NULL;
    }

    rev = c->read;
    wev = c->write;

    c->log = log;
    rev->log = log;
    wev->log = log;

    rev->handler = handler;
    wev->handler = ngx_openclaw_post_write_handler;

    /* a worker that shuts down can still be reached */

    rev->channel = 1;
    wev->channel = 1;

    if (ngx_add_event(rev, NGX_READ_EVENT, NGX_LEVEL_EVENT) == NGX_ERROR) {
        ngx_free_connection(c);
        c->fd = (ngx_socket_t) -1;
        return NULL;
    }

    return c;
}


void
ngx_openclaw_post_exit_process(ngx_cycle_t *cycle)
{
    if (ngx_openclaw_post.connection) {
        ngx_close_connection(ngx_openclaw_post.connection);
        ngx_openclaw_post.connection = NULL;
    }

    if (ngx_openclaw_post.listening) {
        ngx_close_connection(ngx_openclaw_post.listening);
        ngx_openclaw_post.listening = NULL;
    }
}


ngx_int_t
ngx_openclaw_post_wake(ngx_openclaw_post_address_t *address, ngx_log_t *log)
{
    socklen_t           len;
    ngx_err_t           err;
    struct sockaddr_un  sun;

    if (ngx_openclaw_post.connection == NULL) {
        return NGX_ERROR;
    }

    len = ngx_openclaw_post_sockaddr(address, &sun);

    if (sendto(ngx_openclaw_post.connection->fd, "", 1, 0,
               (struct sockaddr *) &sun, len)
        != -1)
    {
        return NGX_OK;
    }

    err = ngx_socket_errno;

    if (err == NGX_EAGAIN) {
        return NGX_OK;
    }

    if (err == NGX_ECONNREFUSED) {
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_ALERT, log, err, "sendto() for a wake-up failed");

    return NGX_ERROR;
}


static void
ngx_openclaw_post_read_handler(ngx_event_t *rev)
{
    u_char             buf[1];
    ngx_err_t          err;
    ngx_uint_t         i;
    ngx_connection_t  *c;

    c = rev->data;

    for (i = 0; i < NGX_OPENCLAW_POST_READS; i++) {

        if (recv(c->fd, buf, 1, 0) != -1) {
            continue;
        }

        err = ngx_socket_errno;

        if (err != NGX_EAGAIN && err != NGX_EINTR) {
            ngx_log_error(NGX_LOG_ALERT, rev->log, err,
                          "recv() of a wake-up failed");
        }

        break;
    }

    ngx_openclaw_post.handler(ngx_openclaw_post.data);
}


static void
ngx_openclaw_post_write_handler(ngx_event_t *wev)
{
    ngx_log_debug0(NGX_LOG_DEBUG_EVENT, wev->log, 0,
                   "post: needless write event");
}


static socklen_t
ngx_openclaw_post_sockaddr(ngx_openclaw_post_address_t *address,
    struct sockaddr_un *sun)
{
    ngx_memzero(sun, sizeof(struct sockaddr_un));

    sun->sun_family = AF_UNIX;
    ngx_memcpy(sun->sun_path, address->name, address->len);

    return offsetof(struct sockaddr_un, sun_path) + address->len;
}


static void
ngx_openclaw_post_accept_handler(ngx_event_t *rev)
{
    ngx_err_t          err;
    ngx_uint_t         i;
    ngx_socket_t       s;
    ngx_connection_t  *lc, *c;

    lc = rev->data;

    if (rev->timedout) {
        rev->timedout = 0;

        if (ngx_add_event(rev, NGX_READ_EVENT, NGX_LEVEL_EVENT) == NGX_ERROR) {
            ngx_add_timer(rev, NGX_OPENCLAW_POST_PAUSE);
            return;
        }
    }

    for (i = 0; i < NGX_OPENCLAW_POST_READS; i++) {

        /* who has connected can wait */

        if (ngx_openclaw_post_exhausted()) {
            ngx_openclaw_post_pause(rev);
            return;
        }

        s = accept(lc->fd, NULL, NULL);

        if (s == (ngx_socket_t) -1) {
            err = ngx_socket_errno;

            if (err == NGX_EAGAIN || err == NGX_EINTR
                || err == NGX_ECONNABORTED)
            {
                return;
            }

            ngx_log_error(NGX_LOG_ALERT, rev->log, err,
                          "accept() for posts failed");

            ngx_openclaw_post_pause(rev);
            return;
        }

        c = ngx_openclaw_post_connection(s, rev->log);

        if (c) {
            ngx_openclaw_post.accept(c, ngx_openclaw_post_peer(s, rev->log));
        }
    }
}


static void
ngx_openclaw_post_pause(ngx_event_t *rev)
{
    if (ngx_del_event(rev, NGX_READ_EVENT, NGX_DISABLE_EVENT) == NGX_OK) {
        ngx_add_timer(rev, NGX_OPENCLAW_POST_PAUSE);
    }
}


ngx_int_t
ngx_openclaw_post_connect(ngx_openclaw_post_address_t *address, ngx_pid_t pid,
    ngx_log_t *log, ngx_connection_t **c)
{
    ngx_int_t     rc;
    ngx_socket_t  s;

    if (address->len == 0) {
        return NGX_DECLINED;
    }

    if (ngx_openclaw_post_exhausted()) {
        return NGX_AGAIN;
    }

    s = ngx_socket(AF_UNIX, SOCK_STREAM, 0);

    if (s == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      ngx_socket_n " for posts failed");
        return NGX_ERROR;
    }

    *c = ngx_openclaw_post_connection(s, log);
    if (*c == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_openclaw_post_reach(s, address, pid, log);

    if (rc != NGX_OK) {
        ngx_close_connection(*c);
        *c = NULL;
    }

    return rc;
}


static ngx_int_t
ngx_openclaw_post_reach(ngx_socket_t s, ngx_openclaw_post_address_t *address,
    ngx_pid_t pid, ngx_log_t *log)
{
    socklen_t           len;
    ngx_err_t           err;
    struct sockaddr_un  sun;

    len = ngx_openclaw_post_sockaddr(address, &sun);

    if (connect(s, (struct sockaddr *) &sun, len) == -1) {
        err = ngx_socket_errno;

        if (err == NGX_EAGAIN || err == NGX_EINTR) {
            return NGX_AGAIN;
        }

        if (err == NGX_ECONNREFUSED) {
            return NGX_DECLINED;
        }

        ngx_log_error(NGX_LOG_ALERT, log, err, "connect() for posts failed");
        return NGX_ERROR;
    }

    /* somebody else may have the name of a worker that is gone */

    return (ngx_openclaw_post_peer(s, log) == pid) ? NGX_OK : NGX_DECLINED;
}


/* closes the socket if there is no connection for it */

static ngx_connection_t *
ngx_openclaw_post_connection(ngx_socket_t s, ngx_log_t *log)
{
    ngx_connection_t  *c;

    if (ngx_nonblocking(s) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      ngx_nonblocking_n " for posts failed");
        ngx_openclaw_post_close(s, log);
        return NULL;
    }

    c = ngx_get_connection(s, log);
    if (c == NULL) {
        ngx_openclaw_post_close(s, log);
        return NULL;
    }

    c->recv = ngx_recv;
    c->send = ngx_send;

    c->log = log;
    c->read->log = log;
    c->write->log = log;

    /* a peer that is gone is nothing to worry about */

    c->log_error = NGX_ERROR_INFO;

    c->write->ready = 1;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);

    return c;
}


static ngx_uint_t
ngx_openclaw_post_exhausted(void)
{
    return ngx_cycle->free_connection_n == 0
           && ngx_cycle->reusable_connections_n == 0;
}


static ngx_pid_t
ngx_openclaw_post_peer(ngx_socket_t s, ngx_log_t *log)
{
#if (NGX_LINUX)
    socklen_t      len;
    struct ucred   cred;

    len = sizeof(struct ucred);

    if (getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      "getsockopt(SO_PEERCRED) failed");
        return NGX_INVALID_PID;
    }

    return cred.pid;
#else
    return NGX_INVALID_PID;
#endif
}


static void
ngx_openclaw_post_close(ngx_socket_t s, ngx_log_t *log)
{
    if (ngx_close_socket(s) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      ngx_close_socket_n " for posts failed");
    }
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_openclaw_post.h>


/* more datagrams than this are read in the next round of the event loop */

#define NGX_OPENCLAW_POST_READS             16


typedef struct {
    ngx_connection_t                  *connection;
    ngx_openclaw_post_pt               handler;
    void                              *data;
} ngx_openclaw_post_t;


static ngx_int_t ngx_openclaw_post_bind(ngx_socket_t s,
    ngx_openclaw_post_address_t *address, ngx_log_t *log);
static ngx_int_t ngx_openclaw_post_listen(ngx_socket_t s, ngx_log_t *log);
static void ngx_openclaw_post_read_handler(ngx_event_t *rev);
static void ngx_openclaw_post_write_handler(ngx_event_t *wev);


static ngx_openclaw_post_t  ngx_openclaw_post;


ngx_int_t
ngx_openclaw_post_init_process(ngx_cycle_t *cycle,
    ngx_openclaw_post_pt handler, void *data,
    ngx_openclaw_post_address_t *address)
{
    ngx_socket_t  s;

    s = ngx_socket(AF_UNIX, SOCK_DGRAM, 0);

    if (s == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_socket_errno,
                      ngx_socket_n " for wake-ups failed");
        return NGX_ERROR;
    }

    if (ngx_openclaw_post_bind(s, address, cycle->log) != NGX_OK
        || ngx_openclaw_post_listen(s, cycle->log) != NGX_OK)
    {
        if (ngx_close_socket(s) == -1) {
            ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_socket_errno,
                          ngx_close_socket_n " for wake-ups failed");
        }

        return NGX_ERROR;
    }

    ngx_openclaw_post.handler = handler;
    ngx_openclaw_post.data = data;

    return NGX_OK;
}


static ngx_int_t
ngx_openclaw_post_bind(ngx_socket_t s, ngx_openclaw_post_address_t *address,
    ngx_log_t *log)
{
    socklen_t           len;
    struct sockaddr_un  sun;

    if (ngx_nonblocking(s) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      ngx_nonblocking_n " for wake-ups failed");
        return NGX_ERROR;
    }

    if (fcntl(s, F_SETFD, FD_CLOEXEC) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      "fcntl(FD_CLOEXEC) for wake-ups failed");
        return NGX_ERROR;
    }

    ngx_memzero(&sun, sizeof(struct sockaddr_un));
    sun.sun_family = AF_UNIX;

    /* no name at all: the kernel finds one that nobody has */

    if (bind(s, (struct sockaddr *) &sun, sizeof(sa_family_t)) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      "bind() for wake-ups failed");
        return NGX_ERROR;
    }

    len = sizeof(struct sockaddr_un);

    if (getsockname(s, (struct sockaddr *) &sun, &len) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      "getsockname() for wake-ups failed");
        return NGX_ERROR;
    }

    if (len <= offsetof(struct sockaddr_un, sun_path)) {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "no name for wake-ups was given by the system");
        return NGX_ERROR;
    }

    len -= offsetof(struct sockaddr_un, sun_path);

    if (len > sizeof(address->name)) {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "the name for wake-ups is too long: %d", (int) len);
        return NGX_ERROR;
    }

    address->len = (u_char) len;
    ngx_memcpy(address->name, sun.sun_path, len);

    return NGX_OK;
}


static ngx_int_t
ngx_openclaw_post_listen(ngx_socket_t s, ngx_log_t *log)
{
    ngx_event_t       *rev, *wev;
    ngx_connection_t  *c;

    c = ngx_get_connection(s, log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    rev = c->read;
    wev = c->write;

    c->log = log;
    rev->log = log;
    wev->log = log;

    rev->handler = ngx_openclaw_post_read_handler;
    wev->handler = ngx_openclaw_post_write_handler;

    /* a worker that shuts down can still be woken */

    rev->channel = 1;
    wev->channel = 1;

    if (ngx_add_event(rev, NGX_READ_EVENT, NGX_LEVEL_EVENT) == NGX_ERROR) {
        ngx_free_connection(c);
        c->fd = (ngx_socket_t) -1;
        return NGX_ERROR;
    }

    ngx_openclaw_post.connection = c;

    return NGX_OK;
}


void
ngx_openclaw_post_exit_process(ngx_cycle_t *cycle)
{
    if (ngx_openclaw_post.connection) {
        ngx_close_connection(ngx_openclaw_post.connection);
        ngx_openclaw_post.connection = NULL;
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

    ngx_memzero(&sun, sizeof(struct sockaddr_un));
    sun.sun_family = AF_UNIX;
    ngx_memcpy(sun.sun_path, address->name, address->len);

    len = offsetof(struct sockaddr_un, sun_path) + address->len;

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


/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>


static void load_bind(load_conn_t *c);
static void load_start_tls(load_conn_t *c);
static void load_tls(load_conn_t *c);
static void load_connected(load_conn_t *c);
static void load_read(load_conn_t *c);
static void load_write(load_conn_t *c);


void
load_connect(load_conn_t *c)
{
    int                 on;
    struct sockaddr_in  sin;

    on = 1;
    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons(atoi(load_conf.port));
    sin.sin_addr.s_addr = inet_addr(load_conf.host);

    c->fd = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, 0);

    if (c->fd == -1) {
        io_die("load: socket");
    }

    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    if (load_conf.sources[0]) {
        load_bind(c);
    }

    c->state = LOAD_CONNECTING;
    c->writing = 1;
    io_epoll(load_ep, EPOLL_CTL_ADD, c->fd, EPOLLIN|EPOLLOUT, c);

    if (connect(c->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        && errno != EINPROGRESS)
    {
        io_die("load: connect");
    }
}


/* each address has ports of its own */

static void
load_bind(load_conn_t *c)
{
    int                 on;
    struct sockaddr_in  sin;

    static unsigned  n;

    on = 1;
    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl((INADDR_LOOPBACK & ~0xff)
                                + load_conf.sources[0]
                                + n++ % (load_conf.sources[1] + 1
                                         - load_conf.sources[0]));

    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));

    if (bind(c->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1) {
        io_die("load: bind");
    }
}


void
load_close(load_conn_t *c)
{
    if (c->state == LOAD_CLOSED) {
        return;
    }

    if (c->ssl) {
        SSL_free(c->ssl);
        c->ssl = NULL;
    }

    close(c->fd);
    io_free(&c->in);
    io_free(&c->text);
    io_free(&c->out);

    c->state = LOAD_CLOSED;
}


/* it was not to be closed */

void
load_lost(load_conn_t *c, const char *why)
{
    unsigned  opened;

    if (load_failed++ == 0) {
        fprintf(stderr, "load: connection %u: %s\n", c->number, why);
    }

    opened = (c->state == LOAD_OPEN);
    load_close(c);

    if (c->busy) {
        load_turn_done(c, 1);

    } else if (load_conf.shakes && !opened) {
        load_open(c);
    }
}


void
load_event(load_conn_t *c, uint32_t events)
{
    int        error;
    socklen_t  len;

    switch (c->state) {

    case LOAD_CLOSED:
        return;

    case LOAD_CONNECTING:
        len = sizeof(error);
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);

        if (error) {
            load_lost(c, strerror(error));
            return;
        }

        if (load_conf.tls) {
            load_start_tls(c);
            return;
        }

        load_connected(c);
        return;

    case LOAD_TLS:
        load_tls(c);
        return;

    default:
        break;
    }

    if (events & ~EPOLLOUT) {
        load_read(c);
        return;
    }

    load_write(c);
}


static void
load_start_tls(load_conn_t *c)
{
    static SSL_CTX  *ctx;

    if (ctx == NULL) {
        ctx = SSL_CTX_new(TLS_client_method());

        if (ctx == NULL) {
            io_die("load: SSL_CTX_new");
        }

        SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS
                              |SSL_MODE_ENABLE_PARTIAL_WRITE
                              |SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }

    c->ssl = SSL_new(ctx);

    if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) == 0) {
        io_die("load: SSL_new");
    }

    SSL_set_connect_state(c->ssl);
    c->state = LOAD_TLS;
    load_tls(c);
}


static void
load_tls(load_conn_t *c)
{
    int  rc;

    rc = SSL_do_handshake(c->ssl);

    if (rc == 1) {
        load_connected(c);
        return;
    }

    rc = SSL_get_error(c->ssl, rc);

    if (rc != SSL_ERROR_WANT_READ && rc != SSL_ERROR_WANT_WRITE) {
        load_lost(c, "TLS handshake failed");
        return;
    }

    c->writing = (rc == SSL_ERROR_WANT_WRITE);
    io_epoll(load_ep, EPOLL_CTL_MOD, c->fd,
             c->writing ? EPOLLIN|EPOLLOUT : EPOLLIN, c);
}


static void
load_connected(load_conn_t *c)
{
    if (load_conf.http) {
        c->state = LOAD_OPEN;
        load_write(c);
        load_open(c);
        return;
    }

    c->state = LOAD_HANDSHAKE;
    load_ws_handshake(c);
}


static void
load_read(load_conn_t *c)
{
    int      rc;
    size_t   used;
    ssize_t  n;

    static char  buffer[IO_READ];

    if (c->ssl) {
        n = SSL_read(c->ssl, buffer, sizeof(buffer));

        if (n <= 0) {
            rc = SSL_get_error(c->ssl, (int) n);

            if (rc == SSL_ERROR_WANT_READ) {
                return;
            }

            n = 0;
        }

    } else {
        n = recv(c->fd, buffer, sizeof(buffer), 0);

        if (n == -1 && errno == EAGAIN) {
            return;
        }
    }

    if (n <= 0) {
        load_lost(c, n == 0 ? "closed by the server" : strerror(errno));
        return;
    }

    load_run.last = io_now();

    /* what has come is copied only if it is not whole */

    if (c->in.len) {
        io_add(&c->in, buffer, n);
    }

    used = load_conf.http
           ? load_http_read(c, c->in.len ? c->in.data : buffer,
                            c->in.len ? c->in.len : (size_t) n)
           : load_ws_read(c, c->in.len ? c->in.data : buffer,
                          c->in.len ? c->in.len : (size_t) n);

    /* it may even be another connection now */

    if (c->state < LOAD_HANDSHAKE) {
        return;
    }

    if (c->in.len) {
        io_cut(&c->in, used);

    } else if (used < (size_t) n) {
        io_add(&c->in, buffer + used, n - used);
    }

    /* what is left in there wakes nobody */

    if (c->ssl && SSL_pending(c->ssl)) {
        load_read(c);
    }
}


void
load_send(load_conn_t *c, const void *data, size_t len)
{
    io_add(&c->out, data, len);
    load_write(c);
}


static void
load_write(load_conn_t *c)
{
    int       rc;
    unsigned  writing;

    if (c->ssl) {
        while (c->out.len) {
            rc = SSL_write(c->ssl, c->out.data, (int) c->out.len);

            if (rc <= 0) {
                break;
            }

            io_cut(&c->out, rc);
        }

    } else if (io_send(c->fd, &c->out) == -1) {
        load_lost(c, "the server reads no more");
        return;
    }

    writing = c->out.len != 0;

    if (writing != c->writing) {
        c->writing = writing;
        io_epoll(load_ep, EPOLL_CTL_MOD, c->fd,
                 writing ? EPOLLIN|EPOLLOUT : EPOLLIN, c);
    }
}

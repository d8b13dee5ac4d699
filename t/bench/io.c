
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include "io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>


static uint64_t io_clock(clockid_t id);


void
io_die(const char *what)
{
    perror(what);
    exit(1);
}


void *
io_alloc(size_t size)
{
    void  *p;

    p = calloc(1, size);

    if (p == NULL) {
        io_die("calloc");
    }

    return p;
}


uint64_t
io_now(void)
{
    return io_clock(CLOCK_MONOTONIC);
}


uint64_t
io_cpu(void)
{
    return io_clock(CLOCK_PROCESS_CPUTIME_ID);
}


static uint64_t
io_clock(clockid_t id)
{
    struct timespec  ts;

    clock_gettime(id, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


/* as many files as this process may open at all */

void
io_nofile(void)
{
    struct rlimit  rl;

    if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
        rl.rlim_cur = rl.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &rl);
    }
}


void
io_add(io_buf_t *b, const void *data, size_t len)
{
    size_t  size;

    if (b->size - b->len <= len) {
        size = 2 * (b->len + len) + 1;

        b->data = realloc(b->data, size);

        if (b->data == NULL) {
            io_die("realloc");
        }

        b->size = size;
    }

    memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
}


void
io_cut(io_buf_t *b, size_t len)
{
    if (len == b->len) {
        io_free(b);
        return;
    }

    b->len -= len;
    memmove(b->data, b->data + len, b->len + 1);
}


void
io_free(io_buf_t *b)
{
    free(b->data);
    memset(b, 0, sizeof(io_buf_t));
}


int
io_send(int fd, io_buf_t *b)
{
    ssize_t  n;

    while (b->len) {
        n = send(fd, b->data, b->len, MSG_NOSIGNAL);

        if (n < 0) {
            return (errno == EAGAIN) ? 0 : -1;
        }

        io_cut(b, n);
    }

    return 0;
}


void
io_epoll(int ep, int op, int fd, uint32_t events, void *data)
{
    struct epoll_event  ev;

    memset(&ev, 0, sizeof(ev));
    ev.events = events;
    ev.data.ptr = data;

    if (epoll_ctl(ep, op, fd, &ev) == -1) {
        io_die("epoll_ctl");
    }
}

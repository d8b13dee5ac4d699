
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/* what the load generator and the agent of "make bench" have in common */


#ifndef _BENCH_IO_H_INCLUDED_
#define _BENCH_IO_H_INCLUDED_


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stddef.h>
#include <stdint.h>


/*
 * In the text of each part of an answer is, after IO_MARK, the time at which
 * the agent has sent it, in nanoseconds.
 */

#define IO_MARK    '@'
#define IO_DIGITS  19

#define IO_READ    65536


typedef struct {
    char    *data;                              /* ends with a zero */
    size_t   len;
    size_t   size;
} io_buf_t;


void io_die(const char *what);
void *io_alloc(size_t size);
uint64_t io_now(void);                          /* in nanoseconds */
uint64_t io_cpu(void);                          /* of this process */
void io_nofile(void);

void io_add(io_buf_t *b, const void *data, size_t len);
void io_cut(io_buf_t *b, size_t len);           /* from its beginning */
void io_free(io_buf_t *b);

int io_send(int fd, io_buf_t *b);               /* -1: the other end is gone */
void io_epoll(int ep, int op, int fd, uint32_t events, void *data);


#endif /* _BENCH_IO_H_INCLUDED_ */


/*
 * Copyright (C) the authors of the OpenClaw module
 */


#ifndef _BENCH_LOAD_H_INCLUDED_
#define _BENCH_LOAD_H_INCLUDED_


#include "io.h"

#include <openssl/ssl.h>


/* 64 classes for each power of two: times are right to 1.6 percent */

#define LOAD_CLASS_BITS  6
#define LOAD_CLASSES     ((64 - LOAD_CLASS_BITS + 1) << LOAD_CLASS_BITS)


typedef enum {
    LOAD_CLOSED = 0,
    LOAD_CONNECTING,
    LOAD_TLS,
    LOAD_HANDSHAKE,
    LOAD_OPEN
} load_state_e;


typedef struct load_conn_s  load_conn_t;

struct load_conn_s {
    int            fd;
    SSL           *ssl;
    load_state_e   state;
    unsigned       writing;
    unsigned       number;
    unsigned       busy;                        /* a turn runs */
    unsigned       parts;                       /* of it, that have come */
    size_t         chunk;                       /* HTTP: what is left of it */
    io_buf_t       in;                          /* what is not yet whole */
    io_buf_t       text;                        /* HTTP: of an event */
    io_buf_t       out;
    load_conn_t   *next;                        /* that has no turn */
};


typedef struct {
    const char    *host;
    const char    *port;
    const char    *path;
    const char    *sender;
    unsigned       sources[2];                  /* last bytes of addresses */
    unsigned       http;
    unsigned       tls;
    unsigned       shakes;
    unsigned       conns;
    unsigned       active;                      /* turns at a time */
    unsigned       parts;
    unsigned       every;                       /* milliseconds */
    unsigned       sessions;                    /* 0: one for a connection */
    double         seconds;
    uint64_t       turns;
} load_conf_t;


typedef struct {
    uint64_t       start;
    uint64_t       end;                         /* no turn starts later */
    uint64_t       last;                        /* time of the last event */
    uint64_t       cpu;
    uint64_t       started;                     /* turns, or handshakes */
    uint64_t       done;
    uint64_t       failed;
    uint64_t       parts;
    uint64_t       worst;
    uint64_t       way[LOAD_CLASSES];           /* how many parts took that */
} load_run_t;


/* load.c */

void load_open(load_conn_t *c);
void load_part(load_conn_t *c, const char *text, size_t len);
void load_turn_done(load_conn_t *c, unsigned failed);

/* load_conn.c */

void load_connect(load_conn_t *c);
void load_event(load_conn_t *c, uint32_t events);
void load_send(load_conn_t *c, const void *data, size_t len);
void load_close(load_conn_t *c);
void load_lost(load_conn_t *c, const char *why);

/* load_ws.c and load_http.c: those that read return what they have used */

void load_ws_handshake(load_conn_t *c);
size_t load_ws_read(load_conn_t *c, char *data, size_t len);
void load_ws_turn(load_conn_t *c, uint64_t turn);

size_t load_http_read(load_conn_t *c, char *data, size_t len);
void load_http_turn(load_conn_t *c);


extern int          load_ep;
extern load_conf_t  load_conf;
extern load_run_t   load_run;
extern unsigned     load_opened;
extern unsigned     load_failed;


#endif /* _BENCH_LOAD_H_INCLUDED_ */

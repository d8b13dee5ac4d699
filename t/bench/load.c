
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * The clients of "make bench":
 *
 *     load [options] address:port
 *
 * Opens the connections, prints {"ready":...}, and waits.  A line on standard
 * input starts a run, whose figures are printed, as one line of JSON, when all
 * its turns have ended; another line starts another run.  A line such as
 * "k500 n20 e0" changes options of turns.  The end of the input is the end.
 */


#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>


#define LOAD_EVENTS   512
#define LOAD_AHEAD    128                       /* handshakes at a time */
#define LOAD_RATE     2000                      /* first turns, per second */
#define LOAD_WAIT     100000000                 /* nanoseconds */
#define LOAD_STALLED  60.0                      /* seconds */


static void load_options(int argc, char *argv[]);
static void load_option(int ch, const char *value);
static void load_usage(void);
static void load_prepare(void);
static unsigned load_wait(int64_t timeout);
static unsigned load_line(void);

static void load_start(void);
static void load_shake(load_conn_t *c);
static unsigned load_more(void);
static int64_t load_next(void);
static unsigned load_running(void);
static void load_report(void);

static unsigned load_class(uint64_t time);
static double load_percentile(double part);


int                  load_ep;
load_conf_t          load_conf;
load_run_t           load_run;
unsigned             load_opened;
unsigned             load_failed;

static load_conn_t  *load_conns;
static load_conn_t  *load_idle;                 /* the first one of those */
static load_conn_t **load_idle_last;
static unsigned      load_asked;                /* connections, to open */
static uint64_t      load_turns;                /* of all runs */
static unsigned      load_input;                /* it is not at its end */


int
main(int argc, char *argv[])
{
    load_options(argc, argv);
    io_nofile();

    load_ep = epoll_create1(0);
    io_epoll(load_ep, EPOLL_CTL_ADD, 0, EPOLLIN, NULL);
    load_input = 1;

    load_conns = io_alloc(load_conf.conns * sizeof(load_conn_t));

    load_prepare();

    printf("{\"ready\":%u,\"failed\":%u}\n", load_opened, load_failed);
    fflush(stdout);

    for ( ;; ) {
        while (load_input && !load_wait(-1)) { /* void */ }

        if (!load_input) {
            return 0;
        }

        load_start();

        while (load_running() && load_input) {
            (void) load_wait(load_next());
        }

        load_report();
    }
}


static void
load_options(int argc, char *argv[])
{
    int    ch;
    char  *p;

    load_conf.path = "/ws";
    load_conf.sender = "u";
    load_conf.conns = 1;
    load_conf.parts = 20;

    while ((ch = getopt(argc, argv, "HTSc:a:n:e:k:t:s:u:p:m:")) != -1) {
        load_option(ch, optarg);
    }

    p = (optind == argc - 1) ? strrchr(argv[optind], ':') : NULL;

    if (p == NULL || load_conf.conns == 0) {
        load_usage();
    }

    *p = '\0';
    load_conf.host = argv[optind];
    load_conf.port = p + 1;

    if (load_conf.active == 0 || load_conf.active > load_conf.conns) {
        load_conf.active = load_conf.conns;
    }
}


static void
load_option(int ch, const char *value)
{
    const char  *p;

    switch (ch) {
    case 'H': load_conf.http = 1; break;
    case 'T': load_conf.tls = 1; break;
    case 'S': load_conf.shakes = 1; break;
    case 'c': load_conf.conns = atoi(value); break;
    case 'a': load_conf.active = atoi(value); break;
    case 'n': load_conf.parts = atoi(value); break;
    case 'e': load_conf.every = atoi(value); break;
    case 'k': load_conf.turns = strtoull(value, NULL, 10); break;
    case 't': load_conf.seconds = atof(value); break;
    case 'm': load_conf.sessions = atoi(value); break;
    case 'u': load_conf.sender = value; break;
    case 'p': load_conf.path = value; break;

    case 's':
        p = strchr(value, '-');
        load_conf.sources[0] = atoi(value);
        load_conf.sources[1] = atoi(p ? p + 1 : value);
        break;

    default: load_usage();
    }
}


static void
load_usage(void)
{
    fprintf(stderr,
            "usage: load [options] address:port\n"
            "  -c n     connections\n"
            "  -a n     turns at a time, one for each connection by default\n"
            "  -k n     turns of a run\n"
            "  -t s     or: seconds in which turns of a run may start\n"
            "  -n n     parts of an answer\n"
            "  -e ms    from one part to the next, 0: all at once\n"
            "  -m n     sessions, one for each connection by default\n"
            "  -u name  of the senders, before their number\n"
            "  -p path  of the chat\n"
            "  -s a[-b] source addresses, 127.0.0.a to 127.0.0.b\n"
            "  -H       HTTP, as to the agent\n"
            "  -T       TLS\n"
            "  -S       handshakes only: open, close, and again\n");
    exit(2);
}


static void
load_prepare(void)
{
    unsigned  i;

    for (i = 0; i < load_conf.conns; i++) {
        load_conns[i].number = i;
    }

    if (load_conf.shakes) {
        return;
    }

    while (load_opened + load_failed < load_conf.conns) {

        while (load_asked < load_conf.conns
               && load_asked - load_opened - load_failed < LOAD_AHEAD)
        {
            load_connect(&load_conns[load_asked++]);
        }

        (void) load_wait(-1);
    }
}


/* a connection is open, or can't be: another handshake may be made */

void
load_open(load_conn_t *c)
{
    load_opened++;

    if (load_conf.shakes) {
        if (c->state == LOAD_OPEN) {
            load_run.done++;
            load_close(c);

        } else {
            load_run.failed++;
        }

        load_shake(c);
    }
}


/* for nanoseconds; returns 1 if there is a line on standard input */

static unsigned
load_wait(int64_t timeout)
{
    int                  i, n;
    unsigned             line;
    load_conn_t         *c;
    struct timespec      ts;
    struct epoll_event   events[LOAD_EVENTS];

    line = 0;
    ts.tv_sec = timeout / 1000000000;
    ts.tv_nsec = timeout % 1000000000;

    n = epoll_pwait2(load_ep, events, LOAD_EVENTS, timeout < 0 ? NULL : &ts,
                     NULL);

    for (i = 0; i < n; i++) {
        c = events[i].data.ptr;

        if (c) {
            load_event(c, events[i].events);

        } else {
            line = load_line();
        }
    }

    return line;
}


static unsigned
load_line(void)
{
    char     *p, line[256];
    ssize_t   n;

    n = read(0, line, sizeof(line) - 1);

    if (n <= 0) {
        load_input = 0;
        return 0;
    }

    line[n] = '\0';

    for (p = strtok(line, " \n"); p; p = strtok(NULL, " \n")) {
        load_option(*p, p + 1);
    }

    return 1;
}


static void
load_start(void)
{
    unsigned  i;

    memset(&load_run, 0, sizeof(load_run_t));

    load_run.start = io_now();
    load_run.last = load_run.start;
    load_run.cpu = io_cpu();
    load_run.end = load_conf.seconds
                   ? load_run.start + (uint64_t) (load_conf.seconds * 1e9)
                   : UINT64_MAX;

    load_idle = NULL;
    load_idle_last = &load_idle;

    for (i = 0; i < load_conf.conns; i++) {

        if (load_conf.shakes) {
            load_shake(&load_conns[i]);

        } else if (load_conns[i].state == LOAD_OPEN) {
            load_conns[i].next = NULL;
            *load_idle_last = &load_conns[i];
            load_idle_last = &load_conns[i].next;
        }
    }
}


static void
load_shake(load_conn_t *c)
{
    if (load_more()) {
        load_run.started++;
        load_run.last = io_now();
        load_connect(c);
    }
}


static unsigned
load_more(void)
{
    if (load_conf.turns && load_run.started >= load_conf.turns) {
        return 0;
    }

    if (load_conf.seconds) {
        return io_now() < load_run.end;
    }

    return load_conf.turns != 0;
}


/*
 * Starts as many turns as may run, and returns how long to wait then.
 *
 * The first ones are spread evenly over a multiple of the time from one part
 * to the next, or the parts of many would come together.
 */

static int64_t
load_next(void)
{
    uint64_t      now, gap, every, laps;
    load_conn_t  *c;

    every = load_conf.every * 1000000ULL;
    gap = 0;

    if (every) {
        laps = load_conf.active * (1000000000ULL / LOAD_RATE) / every + 1;
        gap = laps * every / load_conf.active;
    }

    while (!load_conf.shakes && load_idle && load_more()
           && load_run.started - load_run.done - load_run.failed
              < load_conf.active)
    {
        if (load_run.started < load_conf.active) {
            now = io_now() - load_run.start;

            if (now < load_run.started * gap) {
                return load_run.started * gap - now;
            }
        }

        c = load_idle;
        load_idle = c->next;

        if (load_idle == NULL) {
            load_idle_last = &load_idle;
        }

        c->busy = 1;
        c->parts = 0;
        load_run.started++;

        if (load_conf.http) {
            load_http_turn(c);

        } else {
            load_ws_turn(c, ++load_turns);
        }
    }

    return LOAD_WAIT;
}


static unsigned
load_running(void)
{
    if ((double) (io_now() - load_run.last) > LOAD_STALLED * 1e9) {
        fprintf(stderr, "load: nothing has come for a long time\n");
        return 0;
    }

    return load_run.started > load_run.done + load_run.failed
           || (load_more() && (load_idle || load_conf.shakes));
}


/* there may be several of them in one frame */

void
load_part(load_conn_t *c, const char *text, size_t len)
{
    uint64_t     now, sent, way;
    const char  *p, *last;

    now = io_now();
    p = text;
    last = text + len;

    for ( ;; ) {
        p = memchr(p, IO_MARK, last - p);

        if (p == NULL || last - p <= IO_DIGITS) {
            return;
        }

        sent = strtoull(p + 1, NULL, 10);
        p += IO_DIGITS;

        c->parts++;
        load_run.parts++;

        way = now > sent ? now - sent : 0;
        load_run.way[load_class(way)]++;

        if (way > load_run.worst) {
            load_run.worst = way;
        }
    }
}


void
load_turn_done(load_conn_t *c, unsigned failed)
{
    if (!c->busy) {
        return;
    }

    c->busy = 0;

    /* whoever leaves parts out does less work */

    if (failed || c->parts != load_conf.parts) {

        if (load_run.failed++ == 0) {
            fprintf(stderr, "load: a turn has failed, with %u of %u parts\n",
                    c->parts, load_conf.parts);
        }

    } else {
        load_run.done++;
    }

    if (c->state == LOAD_OPEN) {
        c->next = NULL;
        *load_idle_last = c;
        load_idle_last = &c->next;
    }
}


static void
load_report(void)
{
    printf("{\"turns\":%lu,\"failed\":%lu,\"parts\":%lu,\"seconds\":%.6f,"
           "\"cpu\":%.6f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,"
           "\"p999\":%.1f,\"max\":%.1f,\"lost\":%u}\n",
           (unsigned long) load_run.done,
           (unsigned long) (load_run.started - load_run.done),
           (unsigned long) load_run.parts,
           (double) (io_now() - load_run.start) / 1e9,
           (double) (io_cpu() - load_run.cpu) / 1e9,
           load_percentile(0.5), load_percentile(0.9), load_percentile(0.99),
           load_percentile(0.999), (double) load_run.worst / 1e3, load_failed);
    fflush(stdout);
}


static unsigned
load_class(uint64_t time)
{
    unsigned  shift;

    if (time < 1 << LOAD_CLASS_BITS) {
        return (unsigned) time;
    }

    shift = 63 - __builtin_clzll(time) - LOAD_CLASS_BITS;

    return (shift << LOAD_CLASS_BITS) + (unsigned) (time >> shift);
}


/* in microseconds, the middle of its class */

static double
load_percentile(double part)
{
    double    least;
    uint64_t  n;
    unsigned  i, shift;

    n = 0;
    least = part * (double) load_run.parts;

    for (i = 0; i < LOAD_CLASSES - 1; i++) {
        n += load_run.way[i];

        if (n && (double) n >= least) {
            break;
        }
    }

    if (n == 0) {
        return 0;
    }

    if (i < 1 << LOAD_CLASS_BITS) {
        return (double) i / 1e3;
    }

    shift = (i >> LOAD_CLASS_BITS) - 1;

    return ((double) (i - (shift << LOAD_CLASS_BITS)) + 0.5)
           * (double) (1ULL << shift) / 1e3;
}

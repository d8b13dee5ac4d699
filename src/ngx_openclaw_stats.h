
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * Counters, histograms and gauges of the worker processes.  All of them are in
 * shared memory: counters and histograms by the number of a worker, so that
 * they outlive its process, gauges by process, so that they do not.
 *
 * Adding to them takes one atomic instruction and no lock; old and new worker
 * processes of a reload add to the same ones.  A process that has no part in
 * shared memory, not yet or not at all, adds to memory of its own.
 *
 * Their names and meanings are in the table of ngx_openclaw_stats_table.c.
 */


#ifndef _NGX_OPENCLAW_STATS_H_INCLUDED_
#define _NGX_OPENCLAW_STATS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_json.h>


/* close codes that are told apart, and all others */

#define NGX_OPENCLAW_STATS_CLOSES           14

/* of a histogram, with the one that has no upper bound */

#define NGX_OPENCLAW_STATS_BUCKETS          16


typedef enum {
    NGX_OPENCLAW_STATS_ACCEPTED = 0,
    NGX_OPENCLAW_STATS_REFUSED,
    NGX_OPENCLAW_STATS_HANDSHAKES
} ngx_openclaw_stats_handshake_e;


typedef enum {
    NGX_OPENCLAW_STATS_ACTIVE = 0,     /* there are turns */
    NGX_OPENCLAW_STATS_IDLE,
    NGX_OPENCLAW_STATS_SESSIONS
} ngx_openclaw_stats_session_e;


typedef enum {
    NGX_OPENCLAW_STATS_USED = 0,
    NGX_OPENCLAW_STATS_FREE,
    NGX_OPENCLAW_STATS_PAGES
} ngx_openclaw_stats_page_e;


typedef struct {
    ngx_atomic_t                       buckets[NGX_OPENCLAW_STATS_BUCKETS];
                                                    /* each by itself */
    ngx_atomic_t                       msec;        /* in all */
} ngx_openclaw_stats_histogram_t;


/* of a worker, whatever its process */

typedef struct {
    ngx_atomic_t                       used;        /* not by any worker if
                                                       it is 0 */
    ngx_atomic_t                       handshakes[
                                                NGX_OPENCLAW_STATS_HANDSHAKES];
    ngx_atomic_t                       closes[NGX_OPENCLAW_STATS_CLOSES];
    ngx_atomic_t                       messages;
    ngx_atomic_t                       frames_received;
    ngx_atomic_t                       frames_sent;
    ngx_atomic_t                       bytes_received;
    ngx_atomic_t                       bytes_sent;
    ngx_atomic_t                       errors[NGX_OPENCLAW_CODES];
    ngx_atomic_t                       turns[NGX_OPENCLAW_CODES];
    ngx_atomic_t                       requests[NGX_OPENCLAW_CODES];
    ngx_atomic_t                       retries;
    ngx_atomic_t                       lookups;
    ngx_openclaw_stats_histogram_t     queue_wait;
    ngx_openclaw_stats_histogram_t     first_part;
    ngx_openclaw_stats_histogram_t     turn;
} ngx_openclaw_stats_t;


/* of a process, which alone writes them */

typedef struct {
    ngx_atomic_t                       connections;
    ngx_atomic_t                       waiting;     /* turns */
    ngx_atomic_t                       running;
} ngx_openclaw_stats_gauges_t;


/* of the zone */

typedef struct {
    ngx_atomic_t                       sessions[NGX_OPENCLAW_STATS_SESSIONS];
    ngx_atomic_t                       answers;
    ngx_atomic_t                       pages[NGX_OPENCLAW_STATS_PAGES];
} ngx_openclaw_stats_zone_t;


/* all of them, as they were at a moment */

typedef struct {
    ngx_uint_t                         number;
    ngx_uint_t                         processes;   /* that are alive */
    ngx_openclaw_stats_t               stats;
    ngx_openclaw_stats_gauges_t        gauges;      /* of all of these */
} ngx_openclaw_stats_worker_t;


typedef struct {
    ngx_openclaw_stats_zone_t          zone;
    ngx_openclaw_stats_worker_t       *workers;
    ngx_uint_t                         nworkers;
} ngx_openclaw_stats_view_t;


/* one of them, as the table has it */

typedef enum {
    NGX_OPENCLAW_STATS_COUNTER = 0,
    NGX_OPENCLAW_STATS_HISTOGRAM,      /* of seconds */
    NGX_OPENCLAW_STATS_GAUGE,
    NGX_OPENCLAW_STATS_ZONE            /* a gauge of the zone */
} ngx_openclaw_stats_type_e;


typedef ngx_str_t *(*ngx_openclaw_stats_word_pt)(ngx_uint_t i);


typedef struct {
    ngx_openclaw_stats_type_e          type;
    size_t                             offset;      /* in the struct of that
                                                       type */
    ngx_str_t                          name;
    ngx_str_t                          label;       /* with none it is one
                                                       number, else n */
    ngx_uint_t                         n;
    ngx_openclaw_stats_word_pt         word;        /* of each, NULL: not to
                                                       be shown */
    ngx_str_t                          help;
} ngx_openclaw_stats_metric_t;


/* a bucket's upper bound, the last one's is NGX_MAX_INT_T_VALUE */

typedef struct {
    ngx_uint_t                         msec;
    ngx_str_t                          name;        /* in seconds */
} ngx_openclaw_stats_bound_t;


#define ngx_openclaw_stats_add(field, n)                                      \
    (void) ngx_atomic_fetch_add(&ngx_openclaw_stats->field,                   \
                                (ngx_atomic_int_t) (n))

#define ngx_openclaw_stats_gauge(field, n)                                    \
    ngx_openclaw_stats_gauges->field += (ngx_atomic_uint_t) (n)

#define ngx_openclaw_stats_time(field, msec)                                  \
    ngx_openclaw_stats_observe(&ngx_openclaw_stats->field, msec)


void ngx_openclaw_stats_observe(ngx_openclaw_stats_histogram_t *histogram,
    ngx_msec_t msec);

/* Adds to these from now on; what was added before is lost. */
void ngx_openclaw_stats_attach(ngx_openclaw_stats_t *stats);

/* Moves the gauges there, or back to memory of the process if it is NULL. */
void ngx_openclaw_stats_publish(ngx_openclaw_stats_gauges_t *gauges);

/* adds the numbers of a process or worker to those of all */
void ngx_openclaw_stats_sum(void *all, void *one, size_t size);

/* what this process adds to */
extern ngx_openclaw_stats_t         *ngx_openclaw_stats;
extern ngx_openclaw_stats_gauges_t  *ngx_openclaw_stats_gauges;

extern ngx_openclaw_stats_bound_t
    ngx_openclaw_stats_bounds[NGX_OPENCLAW_STATS_BUCKETS];


/* _table.c */

/* ends with an empty name */
extern ngx_openclaw_stats_metric_t  ngx_openclaw_stats_table[];

/* the index of a close code */
ngx_uint_t ngx_openclaw_stats_close(ngx_uint_t code);


#endif /* _NGX_OPENCLAW_STATS_H_INCLUDED_ */

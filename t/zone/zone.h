
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * The shared memory of a running nginx, looked at from outside: what zone_check
 * and zone_kill have in common.
 *
 * Pointers in the zone are addresses in the workers.  None is followed but by
 * zone_at(), which tells where it is in the copy, or that it leads nowhere.
 */


#ifndef _NGX_OPENCLAW_T_ZONE_H_INCLUDED_
#define _NGX_OPENCLAW_T_ZONE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_zone.h>


#define ZONE_PIDS                      256

/* each 8 bytes of the zone have flags, and the size of what begins there */

#define ZONE_UNIT                      8

#define ZONE_KNOWN                     0x01    /* something is to be here */
#define ZONE_FOUND                     0x02    /* allocated, says the slab */
#define ZONE_SESSION                   0x04    /* in the tree */
#define ZONE_LISTED                    0x08    /* in a queue of its kind */
#define ZONE_OWNED                     0x10    /* in a queue of its owner */
#define ZONE_TOLD                      0x20
#define ZONE_FREE                      0x40    /* a run of free pages */
#define ZONE_SENDER                    0x80    /* in the tree, too */


typedef struct {
    pid_t                              pids[ZONE_PIDS];
    ngx_uint_t                         npids;
    ngx_uint_t                         hold;       /* they stay stopped */

    uintptr_t                          base;       /* in the workers */
    size_t                             size;
    char                               inode[64];  /* of the mapping */

    u_char                            *copy;
    u_char                            *flags;
    uint32_t                          *sizes;

    ngx_uint_t                         faults;
} zone_t;


/* zone_map.c */

/* 0, or -1 with a word on why not in *error */
int zone_find(zone_t *zone, pid_t pid, const char **error);

/*
 * Stops all processes that have the zone, copies it when nobody is in it, and
 * lets them go on.  The same.
 */
int zone_copy(zone_t *zone, const char **error);

/* lets them go on */
void zone_continue(zone_t *zone);

int zone_read(pid_t pid, uintptr_t addr, void *buf, size_t size);
int zone_stop(pid_t pid);
ngx_msec_t zone_now(void);


/* zone_copy.c */

/* NULL if not all of this is in the zone, which is a fault */
void *zone_at(zone_t *zone, const void *addr, size_t size);

/* of what zone_at() has found */
u_char *zone_flags(zone_t *zone, const void *addr);

/* something of that size is to be there, once: 0, or -1 and a fault */
int zone_known(zone_t *zone, const void *addr, size_t size, const char *what);

/* the hash that ngx_murmur_hash2() makes, by its definition */
uint32_t zone_hash(u_char *p, size_t len);

void zone_fault(zone_t *zone, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


/* zone_slab.c */

/*
 * Checks the slab pool against all that is known to be allocated, and returns
 * the number of free pages.
 */
ngx_uint_t zone_check_slab(zone_t *zone, ngx_slab_pool_t *pool);


/* zone_stats.c */

/* how many of something there are, and are said to be */
void zone_check_count(zone_t *zone, const char *what, ngx_uint_t n,
    ngx_uint_t said);

/* the end of the counters, which begin there; NULL and a fault without any */
u_char *zone_check_area(zone_t *zone, ngx_openclaw_zone_sh_t *sh,
    ngx_openclaw_stats_t *stats);

/* the counters of a worker are in use, none of its gauges is below zero */
void zone_check_stats(zone_t *zone, ngx_openclaw_zone_sh_t *sh,
    ngx_openclaw_zone_worker_t *worker);


#endif /* _NGX_OPENCLAW_T_ZONE_H_INCLUDED_ */


/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include "zone.h"


/* how long to wait for a moment at which nobody is in the zone */

#define ZONE_PATIENCE                  5000

#define ZONE_NAME                      " in openclaw zone \""


static int zone_mapping(zone_t *zone, pid_t pid);
static int zone_is_ours(pid_t pid, uintptr_t start, uintptr_t end);
static pid_t zone_parent(pid_t pid, char *state);
static int zone_has(zone_t *zone, pid_t pid);
static int zone_processes(zone_t *zone);
static int zone_stop_all(zone_t *zone);
static int zone_quiet(zone_t *zone, pid_t pid);
static void zone_pause(ngx_msec_t msec);


/* what nginx sets when it starts */

ngx_uint_t  ngx_pagesize;
ngx_uint_t  ngx_pagesize_shift;


int
zone_find(zone_t *zone, pid_t pid, const char **error)
{
    char   state;
    pid_t  parent;

    ngx_pagesize = getpagesize();
    ngx_pagesize_shift = 0;

    while ((ngx_uint_t) 1 << ++ngx_pagesize_shift < ngx_pagesize) {
        /* void */
    }

    if (zone_mapping(zone, pid) != 0) {
        *error = (errno == EPERM || errno == EACCES)
                 ? "not permitted" : "there is no zone";
        return -1;
    }

    /* the master process is the first: while it is stopped, none is born */

    parent = zone_parent(pid, &state);

    zone->pids[0] = (parent > 1 && zone_has(zone, parent)) ? parent : pid;
    zone->npids = 1;

    zone->copy = malloc(zone->size);
    zone->flags = calloc(zone->size / ZONE_UNIT + 1, 1);
    zone->sizes = calloc(zone->size / ZONE_UNIT + 1, sizeof(uint32_t));

    if (zone->copy == NULL || zone->flags == NULL || zone->sizes == NULL) {
        *error = "no memory";
        return -1;
    }

    return 0;
}


static int
zone_mapping(zone_t *zone, pid_t pid)
{
    FILE           *f;
    char            line[512], name[64], perms[8];
    unsigned long   start, end, offset;

    snprintf(name, sizeof(name), "/proc/%d/maps", (int) pid);

    f = fopen(name, "r");
    if (f == NULL) {
        return -1;
    }

    errno = 0;

    while (fgets(line, sizeof(line), f)) {

        if (sscanf(line, "%lx-%lx %7s %lx %63[0-9a-f: ]", &start, &end, perms,
                   &offset, zone->inode) != 5
            || strcmp(perms, "rw-s") != 0
            || strstr(line, "/dev/zero") == NULL)
        {
            continue;
        }

        if (zone_is_ours(pid, start, end)) {
            zone->base = start;
            zone->size = end - start;

            fclose(f);
            return 0;
        }
    }

    fclose(f);
    return -1;
}


static int
zone_is_ours(pid_t pid, uintptr_t start, uintptr_t end)
{
    char                    text[sizeof(ZONE_NAME)];
    uintptr_t               addr;
    ngx_slab_pool_t         pool;
    ngx_openclaw_zone_sh_t  sh;

    if (zone_read(pid, start, &pool, sizeof(ngx_slab_pool_t)) != 0
        || (uintptr_t) pool.addr != start)
    {
        return 0;
    }

    addr = (uintptr_t) pool.data;

    if (addr < start || addr > end - sizeof(ngx_openclaw_zone_sh_t)
        || zone_read(pid, addr, &sh, sizeof(ngx_openclaw_zone_sh_t)) != 0)
    {
        return 0;
    }

    addr = (uintptr_t) sh.log_ctx;

    return addr >= start && addr < end - sizeof(text)
           && zone_read(pid, addr, text, sizeof(text)) == 0
           && ngx_memcmp(text, ZONE_NAME, sizeof(ZONE_NAME) - 1) == 0;
}


int
zone_read(pid_t pid, uintptr_t addr, void *buf, size_t size)
{
    int      fd;
    char     name[64];
    ssize_t  n;

    snprintf(name, sizeof(name), "/proc/%d/mem", (int) pid);

    fd = open(name, O_RDONLY);
    if (fd == -1) {
        return -1;
    }

    n = pread(fd, buf, size, addr);

    close(fd);

    return (n == (ssize_t) size) ? 0 : -1;
}


static pid_t
zone_parent(pid_t pid, char *state)
{
    int    parent;
    FILE  *f;
    char   name[64], line[512], *p;

    snprintf(name, sizeof(name), "/proc/%d/stat", (int) pid);

    *state = 'Z';

    f = fopen(name, "r");
    if (f == NULL) {
        return -1;
    }

    p = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;

    fclose(f);

    if (p == NULL || sscanf(p + 1, " %c %d", state, &parent) != 2) {
        *state = 'Z';
        return -1;
    }

    return parent;
}


/* whether the process has this very mapping */

static int
zone_has(zone_t *zone, pid_t pid)
{
    FILE           *f;
    int             found;
    char            line[512], name[64], inode[64];
    unsigned long   start, end, offset;

    snprintf(name, sizeof(name), "/proc/%d/maps", (int) pid);

    f = fopen(name, "r");
    if (f == NULL) {
        return 0;
    }

    found = 0;

    while (!found && fgets(line, sizeof(line), f)) {
        found = sscanf(line, "%lx-%lx %*s %lx %63[0-9a-f: ]", &start, &end,
                       &offset, inode) == 4
                && start == zone->base
                && strcmp(inode, zone->inode) == 0;
    }

    fclose(f);

    return found;
}


/* adds those that were not known yet and returns their number */

static int
zone_processes(zone_t *zone)
{
    int             n;
    DIR            *dir;
    char            state;
    pid_t           pid;
    ngx_uint_t      i;
    struct dirent  *de;

    dir = opendir("/proc");
    if (dir == NULL) {
        return 0;
    }

    n = 0;

    while ((de = readdir(dir)) != NULL) {
        pid = atoi(de->d_name);

        if (pid <= 0 || zone_parent(pid, &state) != zone->pids[0]
            || state == 'Z' || zone->npids == ZONE_PIDS)
        {
            continue;
        }

        for (i = 0; i < zone->npids && zone->pids[i] != pid; i++) {
            /* void */
        }

        if (i == zone->npids && zone_has(zone, pid)) {
            zone->pids[zone->npids++] = pid;
            n++;
        }
    }

    closedir(dir);

    return n;
}


int
zone_copy(zone_t *zone, const char **error)
{
    int         rc;
    ngx_msec_t  start;
    ngx_uint_t  i;

    start = zone_now();

    for ( ;; ) {
        rc = -1;

        if (zone_stop_all(zone) == 0) {

            for (i = 0; i < zone->npids && rc == -1; i++) {
                rc = zone_quiet(zone, zone->pids[i]);
            }
        }

        if (rc == 1 && zone->hold) {
            return 0;
        }

        zone_continue(zone);

        if (rc == 1) {
            return 0;
        }

        if (zone_now() - start > ZONE_PATIENCE) {
            *error = (rc == 0) ? "somebody is in the zone all the time"
                               : "nobody has the zone";
            return -1;
        }

        zone_pause(1 + random() % 5);
    }
}


static int
zone_stop_all(zone_t *zone)
{
    ngx_uint_t  i;

    zone->npids = 1;
    i = 0;

    do {
        for ( /* void */ ; i < zone->npids; i++) {
            kill(zone->pids[i], SIGSTOP);
        }

        for (i = 0; i < zone->npids; i++) {
            if (zone_stop(zone->pids[i]) != 0) {
                return -1;
            }
        }

    } while (zone_processes(zone));

    return 0;
}


/* waits until the process has stopped, or is no more */

int
zone_stop(pid_t pid)
{
    char        state;
    ngx_uint_t  n;

    for (n = 0; n < 20000; n++) {
        (void) zone_parent(pid, &state);

        if (state == 'T' || state == 't' || state == 'Z' || state == 'X') {
            return 0;
        }

        usleep(100);
    }

    return -1;
}


/*
 * Copies the zone: 1.  0 if the lock is held, or if its holder has died and
 * nobody has seen to that yet; -1 if the process is no more.
 */

static int
zone_quiet(zone_t *zone, pid_t pid)
{
    uintptr_t                addr;
    ngx_slab_pool_t         *pool;
    ngx_openclaw_zone_sh_t  *sh;

    if (zone_read(pid, zone->base, zone->copy, zone->size) != 0) {
        return -1;
    }

    pool = (ngx_slab_pool_t *) zone->copy;
    addr = (uintptr_t) pool->data;

    if (pool->lock.lock) {
        return 0;
    }

    if (addr < zone->base
        || addr > zone->base + zone->size - sizeof(ngx_openclaw_zone_sh_t))
    {
        return 1;
    }

    sh = (ngx_openclaw_zone_sh_t *) (zone->copy + (addr - zone->base));

    return sh->dirty ? 0 : 1;
}


void
zone_continue(zone_t *zone)
{
    ngx_uint_t  i;

    for (i = zone->npids; i > 0; i--) {
        kill(zone->pids[i - 1], SIGCONT);
    }
}


ngx_msec_t
zone_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


static void
zone_pause(ngx_msec_t msec)
{
    usleep(msec * 1000);
}

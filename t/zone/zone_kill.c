
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * Kills a worker process that holds the lock of the zone:
 *
 *     zone_kill PID [STEPS [SECONDS]]
 *
 * The processor is asked to stop the process when it writes to sh->dirty,
 * which is the first thing that the holder of the lock does.  From there it
 * makes so many steps, any number below a thousand by default, and if it then
 * still holds the lock, it is killed.  Where the processor can't be asked, or
 * does not do it, as in some virtual machines, the process goes step by step
 * until it has written there.
 *
 * Prints what was done and exits with 0, or 1 if the process never held the
 * lock, or 2, or 3 if that can't be told: it is not permitted, or the process
 * went step by step and the time was over.
 */


#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include "zone.h"


/* DR7: the first register is in use, for writes, of 8 bytes */

#define ZONE_WATCH                     (1 | (1 << 16) | (2 << 18))


static int zone_kill_caught(pid_t pid, uintptr_t dirty, ngx_uint_t steps,
    ngx_msec_t limit);
static int zone_kill_wait(pid_t pid, int *status, ngx_uint_t patience,
    ngx_msec_t limit);
static int zone_kill_step(pid_t pid, uintptr_t dirty, ngx_uint_t steps);
static int zone_watch_works(void);
static int zone_watch(pid_t pid, uintptr_t addr);
static int zone_holds(pid_t pid, uintptr_t dirty);


int
main(int argc, char **argv)
{
    int               rc;
    pid_t             pid;
    zone_t            zone;
    uintptr_t         dirty;
    ngx_msec_t        limit;
    const char       *error;
    ngx_uint_t        steps;
    ngx_slab_pool_t   pool;

    pid = (argc > 1) ? atoi(argv[1]) : 0;

    if (pid <= 0) {
        fprintf(stderr, "usage: zone_kill PID [STEPS [SECONDS]]\n");
        return 2;
    }

    srandom(getpid() ^ zone_now());

    steps = (argc > 2) ? atoi(argv[2]) : random() % 1000;
    limit = zone_now() + 1000 * ((argc > 3) ? atoi(argv[3]) : 10);

    ngx_memzero(&zone, sizeof(zone_t));

    if (zone_find(&zone, pid, &error) != 0) {
        printf("zone_kill: %s\n", error);
        return (strcmp(error, "not permitted") == 0) ? 3 : 2;
    }

    if (zone_read(pid, zone.base, &pool, sizeof(ngx_slab_pool_t)) != 0) {
        printf("zone_kill: process %d is gone\n", (int) pid);
        return 2;
    }

    dirty = (uintptr_t) pool.data + offsetof(ngx_openclaw_zone_sh_t, dirty);

    rc = zone_kill_caught(pid, dirty, steps, limit);

    if (rc == 1) {
        printf("zone_kill: process %d never held the lock\n", (int) pid);
    }

    return rc;
}


static int
zone_kill_caught(pid_t pid, uintptr_t dirty, ngx_uint_t steps,
    ngx_msec_t limit)
{
    int  status, signo, watched;

    watched = zone_watch_works();

    if (ptrace(PTRACE_SEIZE, pid, 0, 0) == -1) {
        return 3;
    }

    if (ptrace(PTRACE_INTERRUPT, pid, 0, 0) == -1
        || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
    {
        return 1;
    }

    if (watched && zone_watch(pid, dirty) == -1) {
        watched = 0;
    }

    signo = 0;

    for ( ;; ) {

        if (ptrace(watched ? PTRACE_CONT : PTRACE_SINGLESTEP, pid, 0, signo)
            == -1)
        {
            return 1;
        }

        if (zone_kill_wait(pid, &status, watched ? 0 : 1000, limit) != 0) {
            (void) ptrace(PTRACE_INTERRUPT, pid, 0, 0);
            (void) waitpid(pid, &status, 0);
        }

        if (zone_now() > limit) {
            (void) zone_watch(pid, 0);
            (void) ptrace(PTRACE_DETACH, pid, 0, 0);

            if (watched) {
                return 1;
            }

            printf("process %d is too slow, step by step\n", (int) pid);
            return 3;
        }

        if (!WIFSTOPPED(status)) {
            return 1;
        }

        signo = WSTOPSIG(status);

        if (signo != SIGTRAP) {
            continue;
        }

        signo = 0;

        if (!zone_holds(pid, dirty)) {
            continue;
        }

        if (zone_kill_step(pid, dirty, steps) == 0) {
            return 0;
        }

        /* it was out again: not so far the next time */

        steps = steps / 4 * 3;
    }
}


/* looks so often without a break; -1 if the time is over */

static int
zone_kill_wait(pid_t pid, int *status, ngx_uint_t patience, ngx_msec_t limit)
{
    while (waitpid(pid, status, WNOHANG) == 0) {

        if (patience) {
            patience--;
            continue;
        }

        if (zone_now() > limit) {
            return -1;
        }

        usleep(100);
    }

    return 0;
}


static int
zone_kill_step(pid_t pid, uintptr_t dirty, ngx_uint_t steps)
{
    int         status;
    ngx_uint_t  n;

    for (n = 0; n < steps; n++) {

        if (!zone_holds(pid, dirty)) {
            return 1;
        }

        if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) == -1
            || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
        {
            return 1;
        }
    }

    if (!zone_holds(pid, dirty)) {
        return 1;
    }

    kill(pid, SIGKILL);

    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
        /* void */
    }

    printf("process %d was killed in the lock, at step %lu\n", (int) pid, n);

    return 0;
}


/* asks the processor to stop a child of ours */

static int
zone_watch_works(void)
{
    int          status, works;
    pid_t        pid;
    ngx_msec_t   limit;

    static volatile long  watched;

    pid = fork();

    if (pid == -1) {
        return 0;
    }

    if (pid == 0) {
        for ( ;; ) {
            watched++;
            usleep(100);
        }
    }

    limit = zone_now() + 200;
    works = 0;

    if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0
        && ptrace(PTRACE_INTERRUPT, pid, 0, 0) == 0
        && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)
        && zone_watch(pid, (uintptr_t) &watched) == 0
        && ptrace(PTRACE_CONT, pid, 0, 0) == 0)
    {
        works = (zone_kill_wait(pid, &status, 0, limit) == 0
                 && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
    }

    kill(pid, SIGKILL);

    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
        /* void */
    }

    return works;
}


/* at 0, nothing is watched any more */

static int
zone_watch(pid_t pid, uintptr_t addr)
{
#if defined(__x86_64__)

    if (ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[7]), 0)
        == -1)
    {
        return -1;
    }

    if (addr == 0) {
        return 0;
    }

    if (ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[0]),
               addr)
        == -1)
    {
        return -1;
    }

    return ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[7]),
                  ZONE_WATCH);

#else

    return -1;

#endif
}


static int
zone_holds(pid_t pid, uintptr_t dirty)
{
    ngx_atomic_t  value;

    return zone_read(pid, dirty, (void *) &value, sizeof(ngx_atomic_t)) == 0
           && value == (ngx_atomic_uint_t) pid;
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * Counts what the module does with the lock of its zone, for "make bench": the
 * module is linked once more, with these functions between it and nginx.  When
 * a worker process ends it says in the error log what it has counted.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <stdio.h>
#include <time.h>


void __real_ngx_shmtx_lock(ngx_shmtx_t *mtx);
void __real_ngx_shmtx_unlock(ngx_shmtx_t *mtx);
void __wrap_ngx_shmtx_lock(ngx_shmtx_t *mtx);
void __wrap_ngx_shmtx_unlock(ngx_shmtx_t *mtx);

static uint64_t lock_now(void);
static void lock_report(void) __attribute__ ((destructor));


static uint64_t  lock_taken;                    /* when it was */
static uint64_t  lock_locks;
static uint64_t  lock_contended;
static uint64_t  lock_waited;
static uint64_t  lock_waited_most;
static uint64_t  lock_held;
static uint64_t  lock_held_most;


void
__wrap_ngx_shmtx_lock(ngx_shmtx_t *mtx)
{
    uint64_t  start;

    lock_locks++;

    if (!ngx_shmtx_trylock(mtx)) {
        start = lock_now();

        __real_ngx_shmtx_lock(mtx);

        lock_taken = lock_now();
        lock_contended++;
        lock_waited += lock_taken - start;
        lock_waited_most = ngx_max(lock_waited_most, lock_taken - start);

        return;
    }

    lock_taken = lock_now();
}


void
__wrap_ngx_shmtx_unlock(ngx_shmtx_t *mtx)
{
    uint64_t  held;

    held = lock_now() - lock_taken;

    __real_ngx_shmtx_unlock(mtx);

    lock_held += held;
    lock_held_most = ngx_max(lock_held_most, held);
}


static uint64_t
lock_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


static void
lock_report(void)
{
    if (lock_locks == 0) {
        return;
    }

    dprintf(STDERR_FILENO,
            "lock: {\"locks\":%lu,\"contended\":%lu,\"waited\":%lu,"
            "\"waited_most\":%lu,\"held\":%lu,\"held_most\":%lu}\n",
            lock_locks, lock_contended, lock_waited, lock_waited_most,
            lock_held, lock_held_most);
}

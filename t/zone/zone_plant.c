
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * Shows that zone_check finds faults: writes one after the other into the
 * zone of a running nginx, has it checked, and puts back what was there.
 *
 *     zone_plant PID zone_check
 *
 * Prints a line of TAP for each fault.  The processes are stopped all the time.
 * They should have nothing to do.  The zone should have a session with two
 * tickets, one that is idle, an answer, a gateway that has failed, and a rate
 * of 1r/s; the sender of the tickets is to be counted, with a connection.
 */


#include <stdio.h>
#include <stdlib.h>
#include "zone.h"


typedef enum {
    ZONE_IN_POOL = 0,
    ZONE_IN_SH,
    ZONE_IN_ROOT,
    ZONE_IN_ACTIVE,
    ZONE_IN_IDLE,
    ZONE_IN_TICKET,
    ZONE_IN_WAITING,
    ZONE_IN_WORKER,
    ZONE_IN_ANSWER,
    ZONE_IN_CHUNK,
    ZONE_IN_GATEWAY,
    ZONE_IN_SENDER,
    ZONE_IN_CONNECTION,
    ZONE_IN_RATE,
    ZONE_IN_PAGE,
    ZONE_IN_FREE,
    ZONE_IN_STATS,
    ZONE_PLACES
} zone_place_e;


/* what is added to 8 bytes somewhere */

typedef struct {
    const char                        *name;
    zone_place_e                       place;
    size_t                             offset;
    uintptr_t                          add;
} zone_plant_t;


static void zone_places(zone_t *zone, uintptr_t *places);
static uintptr_t zone_item(zone_t *zone, void *head, size_t offset,
    ngx_uint_t last);
static int zone_plant(zone_t *zone, uintptr_t addr, uintptr_t add,
    const char *check);
static int zone_write(pid_t pid, uintptr_t addr, uintptr_t value);


#define zone_in(type, field)           offsetof(ngx_openclaw_zone_##type, field)


static zone_plant_t  zone_plants[] = {

    { "a node of the tree leads nowhere",
      ZONE_IN_ROOT, zone_in(session_t, key.node.left), 0x1000000000 },
    { "a node of the tree leads beside a session",
      ZONE_IN_ROOT, zone_in(session_t, key.node.left), 8 },
    { "the root is red",
      ZONE_IN_ROOT, zone_in(session_t, key.node.color), 1 },
    { "the hash of a session",
      ZONE_IN_ROOT, zone_in(session_t, key.node.key), 1 },
    { "a byte in the key of a session",
      ZONE_IN_ROOT, zone_in(session_t, data), 1 },
    { "the length of a key",
      ZONE_IN_ROOT, zone_in(session_t, key.str.len), 1 },
    { "a key leads beside its bytes",
      ZONE_IN_ROOT, zone_in(session_t, key.str.data), 1 },

    { "a session leads nowhere in its queue",
      ZONE_IN_IDLE, zone_in(session_t, queue.next), 0x1000000000 },
    { "a session leads back wrongly",
      ZONE_IN_IDLE, zone_in(session_t, queue.prev), 8 },
    { "how many tickets an active session has",
      ZONE_IN_ACTIVE, zone_in(session_t, ntickets), 1 },
    { "how many tickets an idle session has",
      ZONE_IN_IDLE, zone_in(session_t, ntickets), 1 },
    { "how many answers a session has",
      ZONE_IN_IDLE, zone_in(session_t, nanswers), 1 },

    { "a ticket leads back wrongly",
      ZONE_IN_WAITING, zone_in(ticket_t, queue.prev), 8 },
    { "a ticket leads on wrongly",
      ZONE_IN_TICKET, zone_in(ticket_t, queue.next), 8 },
    { "the owner's queue of a ticket",
      ZONE_IN_TICKET, zone_in(ticket_t, own.prev), 8 },
    { "the session of a ticket",
      ZONE_IN_TICKET, zone_in(ticket_t, session), 64 },
    { "the worker of a ticket",
      ZONE_IN_TICKET, zone_in(ticket_t, worker), 8 },
    { "the number of a ticket is too high",
      ZONE_IN_WAITING, zone_in(ticket_t, number), 1000 },
    { "a ticket is older than the one before",
      ZONE_IN_WAITING, zone_in(ticket_t, number), (uintptr_t) -2 },
    { "the first ticket is not granted",
      ZONE_IN_TICKET, zone_in(ticket_t, answers) + 8, (uintptr_t) -1 },
    { "another ticket is granted",
      ZONE_IN_WAITING, zone_in(ticket_t, answers) + 8, 1 },
    { "a ticket says that it is told",
      ZONE_IN_WAITING, zone_in(ticket_t, answers) + 8, 16 },
    { "the length of a message's id",
      ZONE_IN_WAITING, zone_in(ticket_t, message.message_len), 500 },

    { "a worker says that it is to be woken",
      ZONE_IN_WORKER, zone_in(worker_t, told) + sizeof(ngx_queue_t), 1 },
    { "a worker is missing",
      ZONE_IN_WORKER, zone_in(worker_t, told) + sizeof(ngx_queue_t), 2 },
    { "a worker's epoch",
      ZONE_IN_WORKER, zone_in(worker_t, epoch), 1000 },
    { "a worker's queue",
      ZONE_IN_WORKER, zone_in(worker_t, tickets.next), 8 },
    { "how many workers are missing",
      ZONE_IN_SH, zone_in(sh_t, missing), 1 },
    { "the queue of wakes",
      ZONE_IN_SH, zone_in(sh_t, wakes.next), 8 },
    { "how many workers there can be",
      ZONE_IN_SH, zone_in(sh_t, nworkers), 1 },

    { "whose counters those of a worker are",
      ZONE_IN_WORKER, zone_in(worker_t, slot), 1000 },
    { "a gauge below zero",
      ZONE_IN_WORKER, zone_in(worker_t, gauges.connections), (uintptr_t) -9 },
    { "how many workers are counted",
      ZONE_IN_SH, zone_in(sh_t, nstats), 1 },
    { "how many sessions are active",
      ZONE_IN_SH, zone_in(sh_t, nactive), 1 },
    { "how many sessions are idle",
      ZONE_IN_SH, zone_in(sh_t, nidle), 1 },
    { "how many answers there are",
      ZONE_IN_SH, zone_in(sh_t, nanswers), 1 },

    { "the session of an answer",
      ZONE_IN_ANSWER, zone_in(answer_t, session), 64 },
    { "the age of an answer",
      ZONE_IN_ANSWER, zone_in(answer_t, age.prev), 8 },
    { "the length of an answer",
      ZONE_IN_ANSWER, zone_in(answer_t, len), 1 },
    { "the text of an answer leads nowhere",
      ZONE_IN_ANSWER, zone_in(answer_t, chunks), 0x1000000000 },
    { "the length of a chunk",
      ZONE_IN_CHUNK, zone_in(chunk_t, len), 1 },
    { "a chunk has another one behind it",
      ZONE_IN_CHUNK, zone_in(chunk_t, next), 1 },

    { "a gateway leads back wrongly",
      ZONE_IN_GATEWAY, zone_in(gateway_t, queue.prev), 8 },
    { "the length of a gateway's name",
      ZONE_IN_GATEWAY, zone_in(gateway_t, len), 1000 },
    { "a gateway that never failed",
      ZONE_IN_GATEWAY, zone_in(gateway_t, fails), (uintptr_t) -1 },

    { "the key of a sender",
      ZONE_IN_SENDER, zone_in(sender_t, node.key), 1 },
    { "how many connections a sender has",
      ZONE_IN_SENDER, zone_in(sender_t, connections), 1 },
    { "how many turns a sender has",
      ZONE_IN_SENDER, zone_in(sender_t, turns), (uintptr_t) -1 },
    { "a sender that has something is a rate",
      ZONE_IN_SENDER, zone_in(sender_t, rate), 1 },
    { "the sender of a ticket",
      ZONE_IN_TICKET, zone_in(ticket_t, sender), 128 },
    { "the sender of a connection",
      ZONE_IN_CONNECTION, zone_in(connection_t, sender), 128 },
    { "a connection leads back wrongly",
      ZONE_IN_CONNECTION, zone_in(connection_t, own.prev), 8 },
    { "a rate leads on wrongly",
      ZONE_IN_RATE, zone_in(sender_t, queue.next), 8 },
    { "a rate is none",
      ZONE_IN_RATE, zone_in(sender_t, rate), (uintptr_t) -1000 },
    { "how many rates there are",
      ZONE_IN_SH, zone_in(sh_t, nrates), 1 },

    { "something was freed, or taken: the map of a page",
      ZONE_IN_PAGE, offsetof(ngx_slab_page_t, slab),
      (uintptr_t) 1 << 40 },
    { "the list of pages with room",
      ZONE_IN_PAGE, offsetof(ngx_slab_page_t, next), 8 },
    { "the list of free pages",
      ZONE_IN_FREE, offsetof(ngx_slab_page_t, next), 8 },
    { "the length of a run of free pages",
      ZONE_IN_FREE, offsetof(ngx_slab_page_t, slab), (uintptr_t) -1 },
    { "how many pages are free",
      ZONE_IN_POOL, offsetof(ngx_slab_pool_t, pfree), 1 },
    { "how much of a size is in use",
      ZONE_IN_STATS, offsetof(ngx_slab_stat_t, used), 1 },
    { "the end of the pool",
      ZONE_IN_POOL, offsetof(ngx_slab_pool_t, end), 8 },

    { NULL, 0, 0, 0 }
};


int
main(int argc, char **argv)
{
    int            n, failed;
    zone_t         zone;
    uintptr_t      places[ZONE_PLACES];
    const char    *error;
    zone_plant_t  *plant;

    if (argc != 3) {
        fprintf(stderr, "usage: zone_plant PID zone_check\n");
        return 2;
    }

    ngx_memzero(&zone, sizeof(zone_t));

    /* no timer of a worker may come upon a fault */

    zone.hold = 1;
    setenv("ZONE_HOLD", "1", 1);

    if (zone_find(&zone, atoi(argv[1]), &error) != 0
        || zone_copy(&zone, &error) != 0)
    {
        printf("zone_plant: %s\n", error);
        return (strcmp(error, "not permitted") == 0) ? 3 : 2;
    }

    zone_places(&zone, places);

    n = 0;
    failed = 0;

    for (plant = zone_plants; plant->name; plant++) {
        n++;

        if (places[plant->place] == 0) {
            printf("not ok %d - %s: there is no place for it\n", n,
                   plant->name);
            failed++;
            continue;
        }

        printf("# %s\n", plant->name);
        fflush(stdout);

        if (zone_plant(&zone, places[plant->place] + plant->offset, plant->add,
                       argv[2])
            != 1)
        {
            printf("not ");
            failed++;
        }

        printf("ok %d - %s\n", n, plant->name);
    }

    zone_continue(&zone);

    printf("1..%d\n", n);

    return failed ? 1 : 0;
}


/* where these things are in the workers; 0 if there is none */

static void
zone_places(zone_t *zone, uintptr_t *places)
{
    uintptr_t                     addr, slot;
    ngx_slab_page_t              *page;
    ngx_slab_pool_t              *pool;
    ngx_openclaw_zone_sh_t       *sh;
    ngx_openclaw_zone_answer_t   *a;
    ngx_openclaw_zone_ticket_t   *t;
    ngx_openclaw_zone_worker_t   *worker;
    ngx_openclaw_zone_session_t  *session;

    ngx_memzero(places, ZONE_PLACES * sizeof(uintptr_t));

    pool = (ngx_slab_pool_t *) zone->copy;
    sh = zone_at(zone, pool->data, sizeof(ngx_openclaw_zone_sh_t));

    places[ZONE_IN_POOL] = zone->base;
    places[ZONE_IN_SH] = (uintptr_t) pool->data;
    places[ZONE_IN_FREE] = (uintptr_t) pool->free.next;

    addr = (uintptr_t) sh->sessions.root;
    places[ZONE_IN_ROOT] = addr;

    places[ZONE_IN_IDLE] = zone_item(zone, &sh->idle,
                                     zone_in(session_t, queue), 0);

    addr = zone_item(zone, &sh->answers, zone_in(answer_t, age), 0);
    places[ZONE_IN_ANSWER] = addr;

    if (addr) {
        a = zone_at(zone, (void *) addr, sizeof(ngx_openclaw_zone_answer_t));
        places[ZONE_IN_CHUNK] = (uintptr_t) a->chunks;
    }

    places[ZONE_IN_GATEWAY] = zone_item(zone, &sh->gateways,
                                        zone_in(gateway_t, queue), 0);
    places[ZONE_IN_RATE] = zone_item(zone, &sh->rates,
                                     zone_in(sender_t, queue), 0);

    addr = zone_item(zone, &sh->active, zone_in(session_t, queue), 0);
    places[ZONE_IN_ACTIVE] = addr;

    if (addr == 0) {
        return;
    }

    session = zone_at(zone, (void *) addr,
                      sizeof(ngx_openclaw_zone_session_t));

    places[ZONE_IN_WAITING] = zone_item(zone, &session->tickets,
                                        zone_in(ticket_t, queue), 1);

    addr = zone_item(zone, &session->tickets, zone_in(ticket_t, queue), 0);
    places[ZONE_IN_TICKET] = addr;

    t = zone_at(zone, (void *) addr, sizeof(ngx_openclaw_zone_ticket_t));
    places[ZONE_IN_WORKER] = (uintptr_t) t->worker;
    places[ZONE_IN_SENDER] = (uintptr_t) t->sender;

    worker = zone_at(zone, t->worker, sizeof(ngx_openclaw_zone_worker_t));
    places[ZONE_IN_CONNECTION] = zone_item(zone, &worker->connections,
                                           zone_in(connection_t, own), 0);

    /* the page with that ticket, and the size of what is in it */

    addr = (uintptr_t) (pool->pages
                        + ((addr - (uintptr_t) pool->start)
                           >> ngx_pagesize_shift));
    places[ZONE_IN_PAGE] = addr;

    page = zone_at(zone, (void *) addr, sizeof(ngx_slab_page_t));
    slot = (page->slab & 0xf) - pool->min_shift;
    places[ZONE_IN_STATS] = (uintptr_t) (pool->stats + slot);
}


static uintptr_t
zone_item(zone_t *zone, void *head, size_t offset, ngx_uint_t last)
{
    uintptr_t     h;
    ngx_queue_t  *q;

    q = head;
    h = zone->base + ((u_char *) head - zone->copy);

    q = last ? q->prev : q->next;

    return ((uintptr_t) q == h) ? 0 : (uintptr_t) q - offset;
}


/* what zone_check says to that */

static int
zone_plant(zone_t *zone, uintptr_t addr, uintptr_t add, const char *check)
{
    int        rc;
    char       command[512];
    uintptr_t  value;

    if (zone_read(zone->pids[0], addr, &value, sizeof(uintptr_t)) != 0
        || zone_write(zone->pids[0], addr, value + add) != 0)
    {
        return -1;
    }

    snprintf(command, sizeof(command), "%s %d | sed 's/^/#   /'; "
             "exit ${PIPESTATUS[0]}", check, (int) zone->pids[0]);

    setenv("ZONE_CHECK", command, 1);
    rc = system("bash -c \"$ZONE_CHECK\"");

    if (zone_write(zone->pids[0], addr, value) != 0) {
        return -1;
    }

    return WIFEXITED(rc) ? WEXITSTATUS(rc) : -1;
}


static int
zone_write(pid_t pid, uintptr_t addr, uintptr_t value)
{
    int      fd;
    char     name[64];
    ssize_t  n;

    snprintf(name, sizeof(name), "/proc/%d/mem", (int) pid);

    fd = open(name, O_RDWR);
    if (fd == -1) {
        return -1;
    }

    n = pwrite(fd, &value, sizeof(uintptr_t), addr);

    close(fd);

    return (n == sizeof(uintptr_t)) ? 0 : -1;
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * Checks the shared memory of a running nginx, from outside:
 *
 *     zone_check PID       of the master process, or of a worker process
 *
 * Each structure must be what ngx_openclaw_zone.h says, and everything that
 * the slab pool has given out must be found in exactly one of them.  Prints
 * "sound: ..." and exits with 0, or a line for each fault and exits with 1; 2
 * if it could not look, 3 if it was not allowed to.
 */


#include <stdio.h>
#include <stdlib.h>
#include "zone_check.h"


#define ZONE_MAX_IDS                   (128 + 256)
#define ZONE_MAX_NAME                  1024


static int zone_check(zone_t *zone);
static int zone_check_header(zone_check_t *check);
static int zone_check_active(zone_check_t *check, ngx_queue_t *q);
static int zone_check_idle(zone_check_t *check, ngx_queue_t *q);
static int zone_check_session(zone_check_t *check, ngx_queue_t *q,
    ngx_uint_t active);
static ngx_openclaw_zone_session_t *zone_check_listed(zone_check_t *check,
    ngx_queue_t *q);
static int zone_check_ticket(zone_check_t *check, ngx_queue_t *q);
static void zone_check_granted(zone_check_t *check,
    ngx_openclaw_zone_ticket_t *t, ngx_uint_t first);

static int zone_check_answer(zone_check_t *check, ngx_queue_t *q);
static int zone_check_chunks(zone_check_t *check,
    ngx_openclaw_zone_answer_t *a);
static int zone_check_age(zone_check_t *check, ngx_queue_t *q);
static void zone_check_message(zone_check_t *check,
    ngx_openclaw_zone_message_t *m);

static int zone_check_gateway(zone_check_t *check, ngx_queue_t *q);
static void zone_check_workers(zone_check_t *check);
static int zone_check_wake(zone_check_t *check, ngx_queue_t *q);
static int zone_check_own(zone_check_t *check, ngx_queue_t *q);
static int zone_check_told(zone_check_t *check, ngx_queue_t *q);
static ngx_openclaw_zone_worker_t *zone_worker(zone_check_t *check,
    ngx_openclaw_zone_worker_t *addr);

int
main(int argc, char **argv)
{
    int          rc;
    zone_t       zone;
    const char  *error;

    if (argc != 2 || atoi(argv[1]) <= 0) {
        fprintf(stderr, "usage: zone_check PID\n");
        return 2;
    }

    ngx_memzero(&zone, sizeof(zone_t));

    /* zone_plant has stopped the processes, and lets them go on */

    zone.hold = (getenv("ZONE_HOLD") != NULL);

    if (zone_find(&zone, atoi(argv[1]), &error) != 0
        || zone_copy(&zone, &error) != 0)
    {
        printf("zone_check: %s\n", error);
        return (strcmp(error, "not permitted") == 0) ? 3 : 2;
    }

    rc = zone_check(&zone);

    free(zone.copy);
    free(zone.flags);
    free(zone.sizes);

    return rc;
}


static int
zone_check(zone_t *zone)
{
    ngx_uint_t    free, n;
    zone_check_t  check;

    ngx_memzero(&check, sizeof(zone_check_t));

    check.zone = zone;
    check.pool = (ngx_slab_pool_t *) zone->copy;

    if (zone_check_header(&check) != 0) {
        return 1;
    }

    zone_check_sessions(&check);
    zone_check_senders(&check);

    n = zone_walk(&check, &check.sh->active, "active", zone_check_active);
    zone_check_count(zone, "active sessions", n, check.sh->nactive);

    n = zone_walk(&check, &check.sh->idle, "idle", zone_check_idle);
    zone_check_count(zone, "idle sessions", n, check.sh->nidle);

    if (check.listed != check.sessions) {
        zone_fault(zone, "of %lu sessions %lu are active or idle",
                   check.sessions, check.listed);
    }

    check.aged = zone_walk(&check, &check.sh->answers, "answers",
                           zone_check_age);

    if (check.aged != check.answers) {
        zone_fault(zone, "of %lu answers %lu have an age", check.answers,
                   check.aged);
    }

    zone_check_count(zone, "answers", check.answers, check.sh->nanswers);

    zone_walk(&check, &check.sh->gateways, "gateways", zone_check_gateway);

    zone_check_workers(&check);

    zone_check_held(&check);

    n = check.tickets;

    if (check.owned != n) {
        zone_fault(zone, "of %lu tickets %lu have an owner", n, check.owned);
    }

    free = zone_check_slab(zone, check.pool);

    if (zone->faults) {
        printf("%lu faults\n", zone->faults);
        return 1;
    }

    printf("sound: %lu sessions, %lu tickets, %lu answers, %lu connections, "
           "%lu rates, %lu pages free\n", check.sessions, n, check.answers,
           check.connections, check.rates, free);

    return 0;
}


static int
zone_check_header(zone_check_t *check)
{
    u_char                      *end;
    uintptr_t                    sh;
    ngx_uint_t                   n;
    ngx_openclaw_stats_t        *stats;
    ngx_openclaw_zone_worker_t  *workers;

    sh = (uintptr_t) check->pool->data;

    if (sh % ngx_pagesize || check->pool->end != (u_char *) sh
        || (uintptr_t) check->pool->addr != check->zone->base)
    {
        zone_fault(check->zone, "the pool ends at %p, sh is at %lx",
                   check->pool->end, (long) sh);
        return -1;
    }

    check->sh = zone_at(check->zone, (void *) sh,
                        sizeof(ngx_openclaw_zone_sh_t));
    if (check->sh == NULL) {
        return -1;
    }

    n = check->sh->nworkers;
    workers = ((ngx_openclaw_zone_sh_t *) sh)->workers;
    stats = (ngx_openclaw_stats_t *) (workers + n);

    if (n == 0 || n > NGX_MAX_PROCESSES || check->sh->stats != stats
        || zone_at(check->zone, workers, n * sizeof(*workers)) == NULL)
    {
        zone_fault(check->zone, "there are %lu workers", n);
        return -1;
    }

    end = zone_check_area(check->zone, check->sh, stats);

    if (end == NULL) {
        return -1;
    }

    if (check->sh->log_ctx != end) {
        zone_fault(check->zone, "its name is not where it ends");
    }

    if (check->pool->log_ctx != check->sh->log_ctx) {
        zone_fault(check->zone, "the pool has another name");
    }

    return 0;
}


/*
 * Walks a queue, whose links must agree in both directions, and returns how
 * many there are in it.
 */

ngx_uint_t
zone_walk(zone_check_t *check, ngx_queue_t *head, const char *name,
    zone_item_pt item)
{
    ngx_uint_t    n;
    ngx_queue_t  *h, *q, *p, *prev;

    /* as the workers see it */

    h = (ngx_queue_t *) (check->zone->base
                         + ((u_char *) head - check->zone->copy));
    prev = h;
    n = 0;

    for (q = head->next; /* void */ ; q = p->next) {

        p = zone_at(check->zone, q, sizeof(ngx_queue_t));
        if (p == NULL) {
            zone_fault(check->zone, "%s: %p leads nowhere", name, prev);
            return n;
        }

        if (p->prev != prev) {
            zone_fault(check->zone, "%s: %p leads back to %p, not %p", name,
                       q, p->prev, prev);
        }

        if (q == h) {
            return n;
        }

        if (++n > check->zone->size / sizeof(ngx_queue_t)) {
            zone_fault(check->zone, "%s: has no end", name);
            return n;
        }

        if (item(check, q) != 0) {
            return n;
        }

        prev = q;
    }
}


static int
zone_check_active(zone_check_t *check, ngx_queue_t *q)
{
    return zone_check_session(check, q, 1);
}


static int
zone_check_idle(zone_check_t *check, ngx_queue_t *q)
{
    return zone_check_session(check, q, 0);
}


static int
zone_check_session(zone_check_t *check, ngx_queue_t *q, ngx_uint_t active)
{
    ngx_uint_t                    n, m;
    ngx_openclaw_zone_session_t  *session;

    session = zone_check_listed(check, q);
    if (session == NULL) {
        return -1;
    }

    check->session = ngx_queue_data(q, ngx_openclaw_zone_session_t, queue);
    check->before = 0;
    check->nmessages = 0;

    n = zone_walk(check, &session->tickets, "tickets of a session",
                  zone_check_ticket);

    if (n != session->ntickets || (n == 0) == active) {
        zone_fault(check->zone, "\"%.*s\" is %s and has %lu tickets, it says "
                   "%lu", (int) session->key.str.len, session->data,
                   active ? "active" : "idle", n, session->ntickets);
    }

    m = zone_walk(check, &session->answers, "answers of a session",
                  zone_check_answer);

    if (m != session->nanswers) {
        zone_fault(check->zone, "\"%.*s\" has %lu answers, it says %lu",
                   (int) session->key.str.len, session->data, m,
                   session->nanswers);
    }

    check->tickets += n;
    check->answers += m;

    return 0;
}


static ngx_openclaw_zone_session_t *
zone_check_listed(zone_check_t *check, ngx_queue_t *q)
{
    u_char                       *flags;
    ngx_openclaw_zone_session_t  *session, *at;

    at = ngx_queue_data(q, ngx_openclaw_zone_session_t, queue);

    session = zone_at(check->zone, at, sizeof(ngx_openclaw_zone_session_t));
    if (session == NULL) {
        return NULL;
    }

    flags = zone_flags(check->zone, at);

    if (!(*flags & ZONE_SESSION) || (*flags & ZONE_LISTED)) {
        zone_fault(check->zone, "%p is active or idle, and is no session or "
                   "is there twice", at);
        return NULL;
    }

    *flags |= ZONE_LISTED;
    check->listed++;

    return session;
}


static int
zone_check_ticket(zone_check_t *check, ngx_queue_t *q)
{
    size_t                       size;
    ngx_openclaw_zone_ticket_t  *t, *at;

    at = ngx_queue_data(q, ngx_openclaw_zone_ticket_t, queue);
    size = offsetof(ngx_openclaw_zone_ticket_t, message.ids);

    t = zone_at(check->zone, at, size);
    if (t == NULL) {
        return -1;
    }

    size += t->message.message_len + t->message.sender_len;

    if (t->session != check->session
        || t->message.message_len + t->message.sender_len > ZONE_MAX_IDS
        || zone_at(check->zone, at, size) == NULL)
    {
        zone_fault(check->zone, "%p is no ticket of session %p", at,
                   check->session);
        return -1;
    }

    if (zone_known(check->zone, at, size, "ticket") != 0) {
        return -1;
    }

    *zone_flags(check->zone, at) |= ZONE_LISTED;

    if (zone_worker(check, t->worker) == NULL) {
        zone_fault(check->zone, "ticket %p belongs to worker %p", at,
                   t->worker);
    }

    if (t->number > check->sh->number || t->number <= check->before) {
        zone_fault(check->zone, "ticket %p has number %lu, after %lu", at,
                   t->number, check->before);
    }

    zone_check_granted(check, t, check->before == 0);

    if (!t->ended && !t->twin) {
        zone_check_message(check, &t->message);
    }

    if (t->sender) {
        zone_check_holder(check, t->sender, "ticket", at);
    }

    check->before = t->number;

    return 0;
}


static void
zone_check_granted(zone_check_t *check, ngx_openclaw_zone_ticket_t *t,
    ngx_uint_t first)
{
    if (t->granted && !first) {
        zone_fault(check->zone, "ticket %lu is granted and not the first",
                   t->number);
    }

    if (!t->granted && first && check->sh->missing == 0) {
        zone_fault(check->zone, "ticket %lu is the first and not granted",
                   t->number);
    }
}


static int
zone_check_answer(zone_check_t *check, ngx_queue_t *q)
{
    size_t                       size;
    ngx_openclaw_zone_answer_t  *a, *at;

    at = ngx_queue_data(q, ngx_openclaw_zone_answer_t, queue);
    size = offsetof(ngx_openclaw_zone_answer_t, message.ids);

    a = zone_at(check->zone, at, size);
    if (a == NULL) {
        return -1;
    }

    size += a->message.message_len + a->message.sender_len;

    if (a->session != check->session
        || a->message.message_len + a->message.sender_len > ZONE_MAX_IDS
        || zone_at(check->zone, at, size) == NULL)
    {
        zone_fault(check->zone, "%p is no answer of session %p", at,
                   check->session);
        return -1;
    }

    if (zone_known(check->zone, at, size, "answer") != 0) {
        return -1;
    }

    *zone_flags(check->zone, at) |= ZONE_LISTED;

    zone_check_message(check, &a->message);

    return zone_check_chunks(check, a);
}


static int
zone_check_chunks(zone_check_t *check, ngx_openclaw_zone_answer_t *a)
{
    size_t                      len, head;
    ngx_openclaw_zone_chunk_t  *chunk, *at;

    head = offsetof(ngx_openclaw_zone_chunk_t, data);
    len = 0;

    for (at = a->chunks; at; at = chunk->next) {

        chunk = zone_at(check->zone, at, head);
        if (chunk == NULL) {
            return -1;
        }

        if (chunk->len == 0 || chunk->len > ngx_pagesize - head
            || (chunk->next && chunk->len != ngx_pagesize - head))
        {
            zone_fault(check->zone, "chunk %p of answer \"%.*s\" has %zu "
                       "bytes", at, (int) a->message.message_len,
                       a->message.ids, chunk->len);
            return -1;
        }

        if (zone_known(check->zone, at, head + chunk->len, "chunk") != 0) {
            return -1;
        }

        len += chunk->len;
    }

    if (len != a->len) {
        zone_fault(check->zone, "answer \"%.*s\" has %zu bytes, it says %zu",
                   (int) a->message.message_len, a->message.ids, len, a->len);
    }

    return 0;
}


/* the queue of all answers */

static int
zone_check_age(zone_check_t *check, ngx_queue_t *q)
{
    u_char                      *flags;
    ngx_openclaw_zone_answer_t  *at;

    at = ngx_queue_data(q, ngx_openclaw_zone_answer_t, age);

    if (zone_at(check->zone, at, sizeof(ngx_openclaw_zone_answer_t)) == NULL) {
        return -1;
    }

    flags = zone_flags(check->zone, at);

    if (!(*flags & ZONE_LISTED) || (*flags & ZONE_OWNED)) {
        zone_fault(check->zone, "answers: %p is none of a session, or is there "
                   "twice", at);
        return -1;
    }

    *flags |= ZONE_OWNED;

    return 0;
}


/* in a session each message has one ticket that has not ended, or one answer */

static void
zone_check_message(zone_check_t *check, ngx_openclaw_zone_message_t *m)
{
    ngx_uint_t                    i;
    ngx_openclaw_zone_message_t  *other;

    for (i = 0; i < check->nmessages; i++) {
        other = check->messages[i];

        if (other->message_len == m->message_len
            && other->sender_len == m->sender_len
            && ngx_memcmp(other->ids, m->ids, m->message_len + m->sender_len)
               == 0)
        {
            zone_fault(check->zone, "message \"%.*s\" is there twice",
                       (int) m->message_len, m->ids);
        }
    }

    if (check->nmessages < ZONE_MESSAGES) {
        check->messages[check->nmessages++] = m;
    }
}


static int
zone_check_gateway(zone_check_t *check, ngx_queue_t *q)
{
    size_t                        size;
    ngx_openclaw_zone_gateway_t  *g, *at;

    at = ngx_queue_data(q, ngx_openclaw_zone_gateway_t, queue);
    size = offsetof(ngx_openclaw_zone_gateway_t, name);

    g = zone_at(check->zone, at, size);
    if (g == NULL) {
        return -1;
    }

    size += g->len;

    if (g->len == 0 || g->len > ZONE_MAX_NAME
        || zone_at(check->zone, at, size) == NULL)
    {
        zone_fault(check->zone, "%p is no gateway", at);
        return -1;
    }

    if (zone_known(check->zone, at, size, "gateway") != 0) {
        return -1;
    }

    if (g->fails == 0) {
        zone_fault(check->zone, "gateway \"%.*s\" has not failed",
                   (int) g->len, g->name);
    }

    return 0;
}


static void
zone_check_workers(zone_check_t *check)
{
    ngx_uint_t                   i;
    ngx_openclaw_zone_sh_t      *sh;
    ngx_openclaw_zone_worker_t  *worker;

    sh = check->pool->data;

    zone_walk(check, &check->sh->wakes, "wakes", zone_check_wake);

    for (i = 0; i < check->sh->nworkers; i++) {
        worker = zone_at(check->zone, &sh->workers[i],
                         sizeof(ngx_openclaw_zone_worker_t));

        if (worker->pid == 0) {
            continue;
        }

        check->worker = &sh->workers[i];

        if (worker->waking
            != !!(*zone_flags(check->zone, check->worker) & ZONE_LISTED))
        {
            zone_fault(check->zone, "worker %d is %sin wakes",
                       (int) worker->pid, worker->waking ? "not " : "");
        }

        if (worker->epoch == 0 || worker->epoch > check->sh->epoch) {
            zone_fault(check->zone, "worker %d has epoch %lu",
                       (int) worker->pid, worker->epoch);
        }

        zone_check_stats(check->zone, check->sh, worker);

        check->missing += worker->missing;

        zone_walk(check, &worker->told, "told", zone_check_told);

        check->owned += zone_walk(check, &worker->tickets,
                                  "tickets of a worker", zone_check_own);

        check->connections += zone_walk(check, &worker->connections,
                                        "connections of a worker",
                                        zone_check_connection);
    }

    if (check->missing != check->sh->missing) {
        zone_fault(check->zone, "%lu workers are missing, it says %lu",
                   check->missing, check->sh->missing);
    }
}


static int
zone_check_wake(zone_check_t *check, ngx_queue_t *q)
{
    u_char                      *flags;
    ngx_openclaw_zone_worker_t  *worker, *at;

    at = ngx_queue_data(q, ngx_openclaw_zone_worker_t, queue);
    worker = zone_worker(check, at);

    if (worker == NULL) {
        zone_fault(check->zone, "wakes: %p is no worker", at);
        return -1;
    }

    flags = zone_flags(check->zone, at);

    if (*flags & ZONE_LISTED) {
        zone_fault(check->zone, "wakes: worker %d is there twice",
                   (int) worker->pid);
        return -1;
    }

    *flags |= ZONE_LISTED;

    return 0;
}


static int
zone_check_told(zone_check_t *check, ngx_queue_t *q)
{
    u_char                      *flags;
    ngx_openclaw_zone_ticket_t  *t, *at;

    at = ngx_queue_data(q, ngx_openclaw_zone_ticket_t, told);

    t = zone_at(check->zone, at, sizeof(ngx_openclaw_zone_ticket_t));
    if (t == NULL) {
        return -1;
    }

    flags = zone_flags(check->zone, at);

    if (!(*flags & ZONE_LISTED) || (*flags & ZONE_TOLD)
        || t->worker != check->worker)
    {
        zone_fault(check->zone, "told: %p is no ticket of worker %p, or is "
                   "there twice", at, check->worker);
        return -1;
    }

    *flags |= ZONE_TOLD;

    return 0;
}


static int
zone_check_own(zone_check_t *check, ngx_queue_t *q)
{
    u_char                      *flags;
    ngx_openclaw_zone_ticket_t  *t, *at;

    at = ngx_queue_data(q, ngx_openclaw_zone_ticket_t, own);

    t = zone_at(check->zone, at, sizeof(ngx_openclaw_zone_ticket_t));
    if (t == NULL) {
        return -1;
    }

    flags = zone_flags(check->zone, at);

    if (!(*flags & ZONE_LISTED) || (*flags & ZONE_OWNED)
        || t->worker != check->worker)
    {
        zone_fault(check->zone, "%p is no ticket of worker %p, or is there "
                   "twice", at, check->worker);
        return -1;
    }

    *flags |= ZONE_OWNED;

    if (t->telling != !!(*flags & ZONE_TOLD)) {
        zone_fault(check->zone, "ticket %lu is %stold", t->number,
                   t->telling ? "not " : "");
    }

    return 0;
}


/* NULL if that is no worker, or not in use */

static ngx_openclaw_zone_worker_t *
zone_worker(zone_check_t *check, ngx_openclaw_zone_worker_t *addr)
{
    size_t                       offset;
    ngx_openclaw_zone_sh_t      *sh;
    ngx_openclaw_zone_worker_t  *worker;

    sh = check->pool->data;
    offset = (u_char *) addr - (u_char *) sh->workers;

    if (addr < sh->workers || offset % sizeof(ngx_openclaw_zone_worker_t)
        || offset / sizeof(ngx_openclaw_zone_worker_t) >= check->sh->nworkers)
    {
        return NULL;
    }

    worker = zone_at(check->zone, addr, sizeof(ngx_openclaw_zone_worker_t));

    return (worker && worker->pid) ? worker : NULL;
}

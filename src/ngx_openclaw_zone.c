
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_zone.h>


/* sh takes one part in so many of the zone, or what is enough */

#define NGX_OPENCLAW_ZONE_SHARE             8

/* counters are told apart of so many workers, if half of sh has room */

#define NGX_OPENCLAW_ZONE_STATS             128

/* how many answers and idle sessions at most make room for an allocation */

#define NGX_OPENCLAW_ZONE_EVICT             1024


static ngx_int_t ngx_openclaw_zone_init(ngx_shm_zone_t *shm_zone, void *data);
static void ngx_openclaw_zone_carve(ngx_openclaw_zone_t *zone,
    ngx_str_t *name);
static void ngx_openclaw_zone_clear(ngx_openclaw_zone_t *zone);

static void ngx_openclaw_zone_put_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_session_t *session);
static void ngx_openclaw_zone_grant_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_session_t *session);
static void ngx_openclaw_zone_forget_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_session_t *session);


ngx_openclaw_zone_t *
ngx_openclaw_zone_create(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    time_t inactive, void *tag)
{
    ngx_shm_zone_t       *shm_zone;
    ngx_openclaw_zone_t  *zone;

    if (size < 8 * ngx_pagesize) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small", name);
        return NULL;
    }

    if (name->len > ngx_pagesize / 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the name of zone \"%V\" is too long", name);
        return NULL;
    }

    shm_zone = ngx_shared_memory_add(cf, name, size, tag);
    if (shm_zone == NULL) {
        return NULL;
    }

    if (shm_zone->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is duplicate", name);
        return NULL;
    }

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_openclaw_zone_t));
    if (zone == NULL) {
        return NULL;
    }

    zone->inactive = inactive;

    shm_zone->init = ngx_openclaw_zone_init;
    shm_zone->data = zone;

    return zone;
}


static ngx_int_t
ngx_openclaw_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_openclaw_zone_t  *ozone = data;

    ngx_openclaw_zone_t  *zone;

    zone = shm_zone->data;

    if (ozone) {
        zone->sh = ozone->sh;
        zone->shpool = ozone->shpool;

        return NGX_OK;
    }

    zone->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shm_zone->shm.exists) {
        zone->sh = zone->shpool->data;

        return NGX_OK;
    }

    ngx_openclaw_zone_carve(zone, &shm_zone->shm.name);

    return NGX_OK;
}


static void
ngx_openclaw_zone_carve(ngx_openclaw_zone_t *zone, ngx_str_t *name)
{
    u_char                  *end;
    size_t                   size, rest;
    ngx_uint_t               n, nstats;
    ngx_openclaw_zone_sh_t  *sh;

    end = zone->shpool->end;
    size = (end - (u_char *) zone->shpool) / NGX_OPENCLAW_ZONE_SHARE;

    rest = sizeof(ngx_openclaw_zone_sh_t)
           + sizeof(" in openclaw zone \"\"") + name->len;

    nstats = size / 2 / sizeof(ngx_openclaw_stats_t);
    nstats = ngx_min(nstats, NGX_OPENCLAW_ZONE_STATS);

    rest += nstats * sizeof(ngx_openclaw_stats_t);

    n = (size - rest) / sizeof(ngx_openclaw_zone_worker_t);
    n = ngx_min(n, NGX_MAX_PROCESSES);

    size = rest + n * sizeof(ngx_openclaw_zone_worker_t);

    /* the slab pool ends with a whole page */

    sh = (ngx_openclaw_zone_sh_t *)
             ((uintptr_t) (end - size) & ~((uintptr_t) ngx_pagesize - 1));

    ngx_memzero(sh, size);

    sh->nworkers = n;
    sh->stats = (ngx_openclaw_stats_t *) &sh->workers[n];
    sh->nstats = nstats;
    sh->log_ctx = (u_char *) &sh->stats[nstats];
    ngx_sprintf(sh->log_ctx, " in openclaw zone \"%V\"%Z", name);

    zone->sh = sh;
    zone->shpool->data = sh;
    zone->shpool->end = (u_char *) sh;

    ngx_openclaw_zone_clear(zone);
}


static void
ngx_openclaw_zone_clear(ngx_openclaw_zone_t *zone)
{
    ngx_uint_t                   i;
    ngx_openclaw_zone_sh_t      *sh;
    ngx_openclaw_zone_worker_t  *worker;

    ngx_slab_init(zone->shpool);

    sh = zone->sh;

    zone->shpool->log_ctx = sh->log_ctx;
    zone->shpool->log_nomem = 0;

    ngx_rbtree_init(&sh->sessions, &sh->sentinel, ngx_str_rbtree_insert_value);
    ngx_queue_init(&sh->active);
    ngx_queue_init(&sh->idle);
    ngx_queue_init(&sh->answers);
    ngx_queue_init(&sh->gateways);
    ngx_openclaw_zone_init_senders(zone);
    ngx_queue_init(&sh->wakes);

    sh->nactive = 0;
    sh->nidle = 0;
    sh->nanswers = 0;

    sh->missing = 0;
    sh->generation++;

    for (i = 0; i < sh->nworkers; i++) {
        worker = &sh->workers[i];

        if (worker->pid == 0) {
            continue;
        }

        ngx_queue_init(&worker->tickets);
        ngx_queue_init(&worker->connections);
        ngx_queue_init(&worker->told);

        worker->waking = 1;
        ngx_queue_insert_tail(&sh->wakes, &worker->queue);

        worker->missing = 1;
        sh->missing++;
    }
}


ngx_int_t
ngx_openclaw_zone_lock(ngx_openclaw_zone_t *zone)
{
    ngx_uint_t               dirty;
    ngx_openclaw_zone_sh_t  *sh;

    ngx_shmtx_lock(&zone->shpool->mutex);

    sh = zone->sh;
    dirty = sh->dirty;

    sh->dirty = ngx_pid;
    ngx_memory_barrier();

    if (dirty) {
        ngx_openclaw_zone_clear(zone);
        return NGX_AGAIN;
    }

    return NGX_OK;
}


void
ngx_openclaw_zone_unlock(ngx_openclaw_zone_t *zone)
{
    ngx_memory_barrier();
    zone->sh->dirty = 0;

    ngx_shmtx_unlock(&zone->shpool->mutex);
}


ngx_openclaw_zone_session_t *
ngx_openclaw_zone_find_locked(ngx_openclaw_zone_t *zone, ngx_str_t *key)
{
    uint32_t         hash;
    ngx_str_node_t  *node;

    hash = ngx_murmur_hash2(key->data, key->len);

    node = ngx_str_rbtree_lookup(&zone->sh->sessions, key, hash);
    if (node == NULL) {
        return NULL;
    }

    return ngx_rbtree_data(&node->node, ngx_openclaw_zone_session_t, key.node);
}


ngx_openclaw_zone_session_t *
ngx_openclaw_zone_get_locked(ngx_openclaw_zone_t *zone, ngx_str_t *key)
{
    ngx_openclaw_zone_session_t  *session;

    session = ngx_openclaw_zone_find_locked(zone, key);

    if (session) {

        if (session->ntickets == 0) {
            ngx_queue_remove(&session->queue);
            zone->sh->nidle--;

            ngx_queue_insert_head(&zone->sh->active, &session->queue);
            zone->sh->nactive++;
        }

        return session;
    }

    session = ngx_openclaw_zone_alloc_locked(zone,
                                 offsetof(ngx_openclaw_zone_session_t, data)
                                 + key->len);
    if (session == NULL) {
        return NULL;
    }

    session->key.node.key = ngx_murmur_hash2(key->data, key->len);
    session->key.str.len = key->len;
    session->key.str.data = session->data;
    ngx_memcpy(session->data, key->data, key->len);

    session->ntickets = 0;
    session->nanswers = 0;
    session->used = 0;

    ngx_queue_init(&session->tickets);
    ngx_queue_init(&session->answers);

    ngx_rbtree_insert(&zone->sh->sessions, &session->key.node);
    ngx_queue_insert_head(&zone->sh->active, &session->queue);
    zone->sh->nactive++;

    return session;
}


static void
ngx_openclaw_zone_put_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_session_t *session)
{
    session->used = ngx_time();

    ngx_queue_remove(&session->queue);
    zone->sh->nactive--;

    ngx_queue_insert_head(&zone->sh->idle, &session->queue);
    zone->sh->nidle++;
}


void
ngx_openclaw_zone_expire_locked(ngx_openclaw_zone_t *zone)
{
    time_t                        now;
    ngx_uint_t                    n;
    ngx_queue_t                  *q;
    ngx_openclaw_zone_session_t  *session;

    now = ngx_time();

    for (n = 0; n < 2; n++) {

        if (ngx_queue_empty(&zone->sh->idle)) {
            return;
        }

        q = ngx_queue_last(&zone->sh->idle);
        session = ngx_queue_data(q, ngx_openclaw_zone_session_t, queue);

        if (now - session->used < zone->inactive) {
            return;
        }

        ngx_openclaw_zone_forget_locked(zone, session);
    }
}


void *
ngx_openclaw_zone_alloc_locked(ngx_openclaw_zone_t *zone, size_t size)
{
    void                         *p;
    ngx_uint_t                    n;
    ngx_queue_t                  *q;
    ngx_openclaw_zone_sh_t       *sh;
    ngx_openclaw_zone_answer_t   *a;
    ngx_openclaw_zone_session_t  *session;

    sh = zone->sh;

    for (n = 0; /* void */ ; n++) {

        p = ngx_slab_alloc_locked(zone->shpool, size);

        if (p != NULL || n == NGX_OPENCLAW_ZONE_EVICT) {
            return p;
        }

        if (!ngx_queue_empty(&sh->answers)) {
            q = ngx_queue_last(&sh->answers);
            a = ngx_queue_data(q, ngx_openclaw_zone_answer_t, age);

            ngx_openclaw_zone_forget_answer_locked(zone, a);
            continue;
        }

        if (!ngx_queue_empty(&sh->idle)) {
            q = ngx_queue_last(&sh->idle);
            session = ngx_queue_data(q, ngx_openclaw_zone_session_t, queue);

            ngx_openclaw_zone_forget_locked(zone, session);
            continue;
        }

        if (!ngx_openclaw_zone_forget_rate_locked(zone)) {
            return NULL;
        }
    }
}


ngx_openclaw_zone_worker_t *
ngx_openclaw_zone_register_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_post_address_t *address, ngx_openclaw_post_address_t *listen)
{
    ngx_uint_t                   i;
    ngx_openclaw_zone_sh_t      *sh;
    ngx_openclaw_zone_worker_t  *worker;

    sh = zone->sh;

    for (i = 0; i < sh->nworkers; i++) {
        worker = &sh->workers[i];

        if (worker->pid) {
            continue;
        }

        worker->epoch = ++sh->epoch;
        worker->address = *address;
        worker->listen = *listen;
        worker->waking = 0;
        worker->missing = 0;
        worker->slot = ngx_worker % sh->nstats;
        ngx_memzero(&worker->gauges, sizeof(ngx_openclaw_stats_gauges_t));

        ngx_queue_init(&worker->tickets);
        ngx_queue_init(&worker->connections);
        ngx_queue_init(&worker->told);

        ngx_memory_barrier();

        worker->pid = ngx_pid;

        return worker;
    }

    return NULL;
}


void
ngx_openclaw_zone_unregister_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_worker_t *worker)
{
    ngx_queue_t                     *q;
    ngx_openclaw_answer_t            answer;
    ngx_openclaw_zone_ticket_t      *t;
    ngx_openclaw_zone_connection_t  *c;

    ngx_str_null(&answer.text);

    /* first of all, as removing one of them may grant another one */

    for (q = ngx_queue_head(&worker->tickets);
         q != ngx_queue_sentinel(&worker->tickets);
         q = ngx_queue_next(q))
    {
        t = ngx_queue_data(q, ngx_openclaw_zone_ticket_t, own);

        if (!t->ended && !t->twin && (t->granted || t->aborted)) {
            answer.code = t->aborted ? NGX_OPENCLAW_ABORTED
                                     : NGX_OPENCLAW_AGENT_INCOMPLETE;

            ngx_openclaw_zone_end_locked(zone, t, &answer);
        }
    }

    while (!ngx_queue_empty(&worker->tickets)) {
        q = ngx_queue_head(&worker->tickets);
        t = ngx_queue_data(q, ngx_openclaw_zone_ticket_t, own);

        ngx_openclaw_zone_remove_locked(zone, t);
    }

    while (!ngx_queue_empty(&worker->connections)) {
        q = ngx_queue_head(&worker->connections);
        c = ngx_queue_data(q, ngx_openclaw_zone_connection_t, own);

        ngx_openclaw_zone_remove_connection_locked(zone, c);
    }

    ngx_openclaw_zone_found_locked(zone, worker);

    if (worker->waking) {
        ngx_queue_remove(&worker->queue);
    }

    worker->pid = 0;
}


ngx_openclaw_zone_ticket_t *
ngx_openclaw_zone_add_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_session_t *session, ngx_openclaw_zone_worker_t *worker,
    ngx_openclaw_ticket_t *ticket)
{
    u_char                       *p;
    size_t                        len;
    ngx_queue_t                  *q;
    ngx_openclaw_zone_ticket_t   *t, *prev;
    ngx_openclaw_zone_message_t  *m;

    len = ticket->message_id.len + ticket->sender_id.len;

    t = ngx_openclaw_zone_alloc_locked(zone,
                      offsetof(ngx_openclaw_zone_ticket_t, message.ids) + len);
    if (t == NULL) {
        goto failed;
    }

    t->sender = NULL;

    if (ticket->counted && !ticket->ended) {
        t->sender = ngx_openclaw_zone_add_turn_locked(zone, ticket->who);

        if (t->sender == NULL) {
            ngx_slab_free_locked(zone->shpool, t);
            goto failed;
        }
    }

    t->session = session;
    t->worker = worker;
    t->ticket = ticket;
    t->number = ticket->number;
    t->answers = ticket->answers;
    t->granted = ticket->granted;
    t->aborted = ticket->aborted;
    t->ended = ticket->ended;
    t->twin = 0;
    t->telling = 0;

    m = &t->message;

    ngx_memcpy(m->digest, ticket->digest, NGX_OPENCLAW_DIGEST_LEN);
    m->message_len = (uint16_t) ticket->message_id.len;
    m->sender_len = (uint16_t) ticket->sender_id.len;

    p = ngx_cpymem(m->ids, ticket->message_id.data, ticket->message_id.len);
    ngx_memcpy(p, ticket->sender_id.data, ticket->sender_id.len);

    /* a new ticket is the last one; one entered anew finds its place */

    for (q = ngx_queue_last(&session->tickets);
         q != ngx_queue_sentinel(&session->tickets);
         q = ngx_queue_prev(q))
    {
        prev = ngx_queue_data(q, ngx_openclaw_zone_ticket_t, queue);

        if ((ngx_int_t) (t->number - prev->number) > 0) {
            break;
        }
    }

    ngx_queue_insert_after(q, &t->queue);
    ngx_queue_insert_tail(&worker->tickets, &t->own);

    session->ntickets++;

    return t;

failed:

    if (session->ntickets == 0) {
        ngx_openclaw_zone_put_locked(zone, session);
    }

    return NULL;
}


void
ngx_openclaw_zone_remove_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_ticket_t *t)
{
    ngx_openclaw_zone_session_t  *session;

    session = t->session;

    ngx_queue_remove(&t->queue);
    ngx_queue_remove(&t->own);

    if (t->telling) {
        ngx_queue_remove(&t->told);
    }

    if (t->sender) {
        ngx_openclaw_zone_remove_turn_locked(zone, t->sender);
    }

    ngx_slab_free_locked(zone->shpool, t);

    if (--session->ntickets == 0) {
        ngx_openclaw_zone_put_locked(zone, session);
        return;
    }

    ngx_openclaw_zone_grant_locked(zone, session);
}


static void
ngx_openclaw_zone_grant_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_session_t *session)
{
    ngx_queue_t                 *q;
    ngx_openclaw_zone_ticket_t  *t;

    if (zone->sh->missing) {
        return;
    }

    q = ngx_queue_head(&session->tickets);
    t = ngx_queue_data(q, ngx_openclaw_zone_ticket_t, queue);

    if (!t->granted) {
        t->granted = 1;
        ngx_openclaw_zone_tell_locked(zone, t);
    }
}


/*
 * While workers are missing, a message may have come again that has a ticket
 * already, which turns up now.  The later one of the two was not granted; it
 * may even have been aborted, and left an answer.
 */

void
ngx_openclaw_zone_twins_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_ticket_t *t)
{
    ngx_str_t                     sender_id, message_id;
    ngx_queue_t                  *q, *tickets;
    ngx_openclaw_zone_answer_t   *a;
    ngx_openclaw_zone_ticket_t   *other, *later;
    ngx_openclaw_zone_message_t  *m;

    if (t->ended) {
        return;
    }

    m = &t->message;

    message_id.len = m->message_len;
    message_id.data = m->ids;
    sender_id.len = m->sender_len;
    sender_id.data = m->ids + m->message_len;

    a = ngx_openclaw_zone_answer_locked(t->session, &sender_id, &message_id);
    if (a) {
        ngx_openclaw_zone_forget_answer_locked(zone, a);
    }

    tickets = &t->session->tickets;

    for (q = ngx_queue_head(tickets);
         q != ngx_queue_sentinel(tickets);
         q = ngx_queue_next(q))
    {
        other = ngx_queue_data(q, ngx_openclaw_zone_ticket_t, queue);

        if (other == t || other->ended
            || !ngx_openclaw_zone_match(&other->message, &sender_id,
                                        &message_id))
        {
            continue;
        }

        later = ((ngx_int_t) (t->number - other->number) > 0) ? t : other;

        later->twin = 1;
        ngx_openclaw_zone_tell_locked(zone, later);
    }
}


void
ngx_openclaw_zone_tell_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_ticket_t *t)
{
    ngx_openclaw_zone_worker_t  *worker;

    worker = t->worker;

    if (!t->telling) {
        t->telling = 1;
        ngx_queue_insert_tail(&worker->told, &t->told);
    }

    if (!worker->waking) {
        worker->waking = 1;
        ngx_queue_insert_tail(&zone->sh->wakes, &worker->queue);
    }
}


/*
 * The tickets of a worker that was missing are known now.  When those of all
 * are, it is clear which ones are the first of their sessions.
 */

void
ngx_openclaw_zone_found_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_worker_t *worker)
{
    ngx_queue_t                  *q;
    ngx_openclaw_zone_sh_t       *sh;
    ngx_openclaw_zone_session_t  *session;

    if (!worker->missing) {
        return;
    }

    sh = zone->sh;

    worker->missing = 0;

    if (--sh->missing) {
        return;
    }

    for (q = ngx_queue_head(&sh->active);
         q != ngx_queue_sentinel(&sh->active);
         q = ngx_queue_next(q))
    {
        session = ngx_queue_data(q, ngx_openclaw_zone_session_t, queue);
        ngx_openclaw_zone_grant_locked(zone, session);
    }
}


static void
ngx_openclaw_zone_forget_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_session_t *session)
{
    ngx_queue_t                 *q;
    ngx_openclaw_zone_answer_t  *a;

    while (!ngx_queue_empty(&session->answers)) {
        q = ngx_queue_head(&session->answers);
        a = ngx_queue_data(q, ngx_openclaw_zone_answer_t, queue);

        ngx_openclaw_zone_forget_answer_locked(zone, a);
    }

    ngx_queue_remove(&session->queue);
    zone->sh->nidle--;

    ngx_rbtree_delete(&zone->sh->sessions, &session->key.node);
    ngx_slab_free_locked(zone->shpool, session);
}


ngx_uint_t
ngx_openclaw_zone_match(ngx_openclaw_zone_message_t *m, ngx_str_t *sender_id,
    ngx_str_t *message_id)
{
    if (m->sender_len != sender_id->len
        || ngx_memcmp(m->ids + m->message_len, sender_id->data,
                      sender_id->len)
           != 0)
    {
        return 0;
    }

    if (message_id == NULL) {
        return 1;
    }

    return m->message_len == message_id->len
           && ngx_memcmp(m->ids, message_id->data, message_id->len) == 0;
}

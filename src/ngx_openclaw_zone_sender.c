
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_zone.h>


/* there is at most one rate for so many bytes of the zone, of 128 bytes each */

#define NGX_OPENCLAW_ZONE_RATE_SHARE        1024


static ngx_openclaw_zone_sender_t *ngx_openclaw_zone_create_sender_locked(
    ngx_openclaw_zone_t *zone, u_char *who, ngx_uint_t rate);
static void ngx_openclaw_zone_free_sender_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_sender_t *sender);
static ngx_openclaw_zone_sender_t *ngx_openclaw_zone_create_rate_locked(
    ngx_openclaw_zone_t *zone, u_char *who, ngx_uint_t rate);
static ngx_uint_t ngx_openclaw_zone_level(ngx_openclaw_zone_sender_t *sender);
static void ngx_openclaw_zone_expire_rates_locked(ngx_openclaw_zone_t *zone);
static ngx_openclaw_zone_sender_t *ngx_openclaw_zone_holder_locked(
    ngx_openclaw_zone_t *zone, u_char *who);
static void ngx_openclaw_zone_leave_sender_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_sender_t *sender);
static void ngx_openclaw_zone_insert_sender(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static ngx_rbtree_key_t ngx_openclaw_zone_sender_key(u_char *who);
static ngx_int_t ngx_openclaw_zone_cmp_sender(u_char *who, ngx_uint_t rate,
    ngx_openclaw_zone_sender_t *sender);


void
ngx_openclaw_zone_init_senders(ngx_openclaw_zone_t *zone)
{
    ngx_openclaw_zone_sh_t  *sh;

    sh = zone->sh;

    ngx_rbtree_init(&sh->senders, &sh->senders_sentinel,
                    ngx_openclaw_zone_insert_sender);
    ngx_queue_init(&sh->rates);
    sh->nrates = 0;
}


ngx_openclaw_zone_sender_t *
ngx_openclaw_zone_sender_locked(ngx_openclaw_zone_t *zone, u_char *who,
    ngx_uint_t rate)
{
    ngx_int_t                    rc;
    ngx_rbtree_key_t             key;
    ngx_rbtree_node_t           *node, *sentinel;
    ngx_openclaw_zone_sender_t  *sender;

    key = ngx_openclaw_zone_sender_key(who);

    node = zone->sh->senders.root;
    sentinel = zone->sh->senders.sentinel;

    while (node != sentinel) {

        if (key != node->key) {
            node = (key < node->key) ? node->left : node->right;
            continue;
        }

        sender = ngx_rbtree_data(node, ngx_openclaw_zone_sender_t, node);

        rc = ngx_openclaw_zone_cmp_sender(who, rate, sender);

        if (rc == 0) {
            return sender;
        }

        node = (rc < 0) ? node->left : node->right;
    }

    return NULL;
}


static ngx_openclaw_zone_sender_t *
ngx_openclaw_zone_create_sender_locked(ngx_openclaw_zone_t *zone, u_char *who,
    ngx_uint_t rate)
{
    ngx_openclaw_zone_sender_t  *sender;

    sender = ngx_openclaw_zone_alloc_locked(zone,
                                          sizeof(ngx_openclaw_zone_sender_t));
    if (sender == NULL) {
        return NULL;
    }

    sender->node.key = ngx_openclaw_zone_sender_key(who);
    ngx_memcpy(sender->who, who, NGX_OPENCLAW_WHO_LEN);
    sender->rate = rate;
    sender->last = ngx_current_msec;
    sender->excess = 0;
    sender->connections = 0;
    sender->turns = 0;

    ngx_rbtree_insert(&zone->sh->senders, &sender->node);

    return sender;
}


static void
ngx_openclaw_zone_free_sender_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_sender_t *sender)
{
    ngx_rbtree_delete(&zone->sh->senders, &sender->node);
    ngx_slab_free_locked(zone->shpool, sender);
}


ngx_int_t
ngx_openclaw_zone_rate_locked(ngx_openclaw_zone_t *zone, u_char *who,
    ngx_uint_t rate, ngx_uint_t burst, ngx_uint_t *excess)
{
    ngx_openclaw_zone_sender_t  *sender;

    ngx_openclaw_zone_expire_rates_locked(zone);

    *excess = 0;

    sender = ngx_openclaw_zone_sender_locked(zone, who, rate);

    if (sender == NULL) {
        sender = ngx_openclaw_zone_create_rate_locked(zone, who, rate);
        return sender ? NGX_OK : NGX_ERROR;
    }

    ngx_queue_remove(&sender->queue);
    ngx_queue_insert_head(&zone->sh->rates, &sender->queue);

    *excess = ngx_openclaw_zone_level(sender);

    if (*excess > burst) {
        return NGX_BUSY;
    }

    sender->excess = *excess;
    sender->last = ngx_current_msec;

    return NGX_OK;
}


static ngx_openclaw_zone_sender_t *
ngx_openclaw_zone_create_rate_locked(ngx_openclaw_zone_t *zone, u_char *who,
    ngx_uint_t rate)
{
    size_t                       size;
    ngx_openclaw_zone_sh_t      *sh;
    ngx_openclaw_zone_sender_t  *sender;

    sh = zone->sh;
    size = zone->shpool->end - zone->shpool->start;

    /* there may be more senders than answers of anybody are worth */

    if (sh->nrates >= size / NGX_OPENCLAW_ZONE_RATE_SHARE) {
        (void) ngx_openclaw_zone_forget_rate_locked(zone);
    }

    sender = ngx_openclaw_zone_create_sender_locked(zone, who, rate);
    if (sender == NULL) {
        return NULL;
    }

    ngx_queue_insert_head(&sh->rates, &sender->queue);
    sh->nrates++;

    return sender;
}


/* what one more message would make of the excess, as in limit_req */

static ngx_uint_t
ngx_openclaw_zone_level(ngx_openclaw_zone_sender_t *sender)
{
    uint64_t        leaked;
    ngx_uint_t      level;
    ngx_msec_int_t  ms;

    /* the clock of another worker may be a bit ahead */

    ms = (ngx_msec_int_t) (ngx_current_msec - sender->last);
    ms = ngx_max(ms, 0);

    leaked = (uint64_t) sender->rate * ms / 1000;
    level = sender->excess + 1000;

    return (leaked < level) ? level - leaked : 0;
}


/* forgets one or two that make no difference any more */

static void
ngx_openclaw_zone_expire_rates_locked(ngx_openclaw_zone_t *zone)
{
    ngx_uint_t                   n;
    ngx_queue_t                 *q;
    ngx_openclaw_zone_sender_t  *sender;

    for (n = 0; n < 2 && !ngx_queue_empty(&zone->sh->rates); n++) {
        q = ngx_queue_last(&zone->sh->rates);
        sender = ngx_queue_data(q, ngx_openclaw_zone_sender_t, queue);

        if (ngx_openclaw_zone_level(sender)) {
            return;
        }

        (void) ngx_openclaw_zone_forget_rate_locked(zone);
    }
}


ngx_uint_t
ngx_openclaw_zone_forget_rate_locked(ngx_openclaw_zone_t *zone)
{
    ngx_queue_t                 *q;
    ngx_openclaw_zone_sh_t      *sh;
    ngx_openclaw_zone_sender_t  *sender;

    sh = zone->sh;

    if (ngx_queue_empty(&sh->rates)) {
        return 0;
    }

    q = ngx_queue_last(&sh->rates);
    ngx_queue_remove(q);
    sh->nrates--;

    sender = ngx_queue_data(q, ngx_openclaw_zone_sender_t, queue);
    ngx_openclaw_zone_free_sender_locked(zone, sender);

    return 1;
}


/* what somebody has is known for as long as it is something */

static ngx_openclaw_zone_sender_t *
ngx_openclaw_zone_holder_locked(ngx_openclaw_zone_t *zone, u_char *who)
{
    ngx_openclaw_zone_sender_t  *sender;

    sender = ngx_openclaw_zone_sender_locked(zone, who, 0);

    return sender ? sender
                  : ngx_openclaw_zone_create_sender_locked(zone, who, 0);
}


static void
ngx_openclaw_zone_leave_sender_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_sender_t *sender)
{
    if (sender->turns == 0 && sender->connections == 0) {
        ngx_openclaw_zone_free_sender_locked(zone, sender);
    }
}


ngx_openclaw_zone_sender_t *
ngx_openclaw_zone_add_turn_locked(ngx_openclaw_zone_t *zone, u_char *who)
{
    ngx_openclaw_zone_sender_t  *sender;

    sender = ngx_openclaw_zone_holder_locked(zone, who);

    if (sender) {
        sender->turns++;
    }

    return sender;
}


void
ngx_openclaw_zone_remove_turn_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_sender_t *sender)
{
    sender->turns--;
    ngx_openclaw_zone_leave_sender_locked(zone, sender);
}


ngx_openclaw_zone_connection_t *
ngx_openclaw_zone_add_connection_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_worker_t *worker, u_char *who)
{
    ngx_openclaw_zone_sender_t      *sender;
    ngx_openclaw_zone_connection_t  *c;

    c = ngx_openclaw_zone_alloc_locked(zone,
                                      sizeof(ngx_openclaw_zone_connection_t));
    if (c == NULL) {
        return NULL;
    }

    sender = ngx_openclaw_zone_holder_locked(zone, who);

    if (sender == NULL) {
        ngx_slab_free_locked(zone->shpool, c);
        return NULL;
    }

    sender->connections++;
    c->sender = sender;
    ngx_queue_insert_tail(&worker->connections, &c->own);

    return c;
}


void
ngx_openclaw_zone_remove_connection_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_connection_t *c)
{
    ngx_openclaw_zone_sender_t  *sender;

    sender = c->sender;

    ngx_queue_remove(&c->own);
    ngx_slab_free_locked(zone->shpool, c);

    sender->connections--;
    ngx_openclaw_zone_leave_sender_locked(zone, sender);
}


static void
ngx_openclaw_zone_insert_sender(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel)
{
    ngx_int_t                     rc;
    ngx_rbtree_node_t           **p;
    ngx_openclaw_zone_sender_t   *sender, *other;

    sender = ngx_rbtree_data(node, ngx_openclaw_zone_sender_t, node);

    for ( ;; ) {

        if (node->key != temp->key) {
            p = (node->key < temp->key) ? &temp->left : &temp->right;

        } else {
            other = ngx_rbtree_data(temp, ngx_openclaw_zone_sender_t, node);
            rc = ngx_openclaw_zone_cmp_sender(sender->who, sender->rate,
                                              other);

            p = (rc < 0) ? &temp->left : &temp->right;
        }

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


static ngx_rbtree_key_t
ngx_openclaw_zone_sender_key(u_char *who)
{
    ngx_rbtree_key_t  key;

    ngx_memcpy(&key, who, sizeof(ngx_rbtree_key_t));

    return key;
}


static ngx_int_t
ngx_openclaw_zone_cmp_sender(u_char *who, ngx_uint_t rate,
    ngx_openclaw_zone_sender_t *sender)
{
    if (rate != sender->rate) {
        return (rate < sender->rate) ? -1 : 1;
    }

    return ngx_memcmp(who, sender->who, NGX_OPENCLAW_WHO_LEN);
}

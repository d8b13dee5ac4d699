
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <stdio.h>
#include "zone_check.h"


/* no tree of so many nodes as have room is as deep */

#define ZONE_MAX_DEPTH                 128

#define ZONE_MAX_KEY                   1024


/* what is particular to a tree */

typedef struct {
    ngx_rbtree_node_t                 *sentinel;   /* in the workers */

    /* a node where it is: 0, or -1 if it is none */
    int                              (*node)(zone_check_t *check,
                                             ngx_rbtree_node_t *addr);

    /* the same, after all that are less */
    void                             (*order)(zone_check_t *check,
                                              ngx_rbtree_node_t *addr);
} zone_tree_t;


static void zone_check_tree(zone_check_t *check, ngx_rbtree_t *tree,
    ngx_rbtree_node_t *sentinel, zone_tree_t *t);
static int zone_check_node(zone_check_t *check, zone_tree_t *t,
    ngx_rbtree_node_t *addr, ngx_rbtree_node_t *parent, ngx_uint_t red,
    ngx_uint_t depth);

static int zone_check_session_node(zone_check_t *check,
    ngx_rbtree_node_t *addr);
static void zone_check_session_order(zone_check_t *check,
    ngx_rbtree_node_t *addr);

static int zone_check_sender_node(zone_check_t *check,
    ngx_rbtree_node_t *addr);
static void zone_check_sender_order(zone_check_t *check,
    ngx_rbtree_node_t *addr);
static int zone_check_rate(zone_check_t *check, ngx_queue_t *q);


static void
zone_check_tree(zone_check_t *check, ngx_rbtree_t *tree,
    ngx_rbtree_node_t *sentinel, zone_tree_t *t)
{
    /* where the workers see it */

    t->sentinel = (ngx_rbtree_node_t *)
                      (check->zone->base
                       + ((u_char *) sentinel - check->zone->copy));

    if (tree->sentinel != t->sentinel || sentinel->color) {
        zone_fault(check->zone, "tree: the sentinel is %p", tree->sentinel);
        return;
    }

    /* the root's parent is left as it was when the root is replaced */

    (void) zone_check_node(check, t, tree->root, NULL, 0, 0);
}


/*
 * Returns the number of black nodes down to the sentinel, -1 on a fault.  red:
 * the parent is.
 */

static int
zone_check_node(zone_check_t *check, zone_tree_t *t, ngx_rbtree_node_t *addr,
    ngx_rbtree_node_t *parent, ngx_uint_t red, ngx_uint_t depth)
{
    int                 left, right;
    ngx_rbtree_node_t  *node;

    if (addr == t->sentinel) {
        return 1;
    }

    if (depth == ZONE_MAX_DEPTH) {
        zone_fault(check->zone, "tree: %p is too deep", addr);
        return -1;
    }

    if (t->node(check, addr) != 0) {
        return -1;
    }

    node = zone_at(check->zone, addr, sizeof(ngx_rbtree_node_t));
    if (node == NULL) {
        return -1;
    }

    if ((parent && node->parent != parent) || (node->color && red)
        || (parent == NULL && node->color))
    {
        zone_fault(check->zone, "tree: %p has parent %p and color %u", addr,
                   node->parent, node->color);
    }

    left = zone_check_node(check, t, node->left, addr, node->color, depth + 1);

    t->order(check, addr);

    right = zone_check_node(check, t, node->right, addr, node->color,
                            depth + 1);

    if (left == -1 || right == -1) {
        return -1;
    }

    if (left != right) {
        zone_fault(check->zone, "tree: %p has %d and %d black nodes below",
                   addr, left, right);
    }

    return left + !node->color;
}


void
zone_check_sessions(zone_check_t *check)
{
    zone_tree_t  t = { NULL, zone_check_session_node,
                       zone_check_session_order };

    zone_check_tree(check, &check->sh->sessions, &check->sh->sentinel, &t);
}


static int
zone_check_session_node(zone_check_t *check, ngx_rbtree_node_t *addr)
{
    size_t                        size;
    ngx_openclaw_zone_session_t  *session, *at;

    at = ngx_rbtree_data(addr, ngx_openclaw_zone_session_t, key.node);
    size = offsetof(ngx_openclaw_zone_session_t, data);

    session = zone_at(check->zone, at, size);
    if (session == NULL) {
        return -1;
    }

    size += session->key.str.len;

    if (session->key.str.len == 0 || session->key.str.len > ZONE_MAX_KEY
        || session->key.str.data != at->data
        || zone_at(check->zone, at, size) == NULL)
    {
        zone_fault(check->zone, "tree: %p is no session", at);
        return -1;
    }

    if (zone_known(check->zone, at, size, "session") != 0) {
        return -1;
    }

    *zone_flags(check->zone, at) |= ZONE_SESSION;
    check->sessions++;

    return 0;
}


/* the one before this one is less */

static void
zone_check_session_order(zone_check_t *check, ngx_rbtree_node_t *addr)
{
    ngx_int_t                     rc;
    ngx_openclaw_zone_session_t  *session, *last;

    session = zone_at(check->zone,
                      ngx_rbtree_data(addr, ngx_openclaw_zone_session_t,
                                      key.node),
                      sizeof(ngx_openclaw_zone_session_t));

    if (session->key.node.key
        != zone_hash(session->data, session->key.str.len))
    {
        zone_fault(check->zone, "tree: the hash of \"%.*s\" is wrong",
                   (int) session->key.str.len, session->data);
    }

    last = check->last;
    check->last = session;

    if (last == NULL) {
        return;
    }

    if (last->key.node.key != session->key.node.key) {
        rc = (last->key.node.key < session->key.node.key) ? -1 : 1;

    } else if (last->key.str.len != session->key.str.len) {
        rc = (last->key.str.len < session->key.str.len) ? -1 : 1;

    } else {
        rc = ngx_memcmp(last->data, session->data, session->key.str.len);
    }

    if (rc >= 0) {
        zone_fault(check->zone, "tree: \"%.*s\" comes after \"%.*s\"",
                   (int) session->key.str.len, session->data,
                   (int) last->key.str.len, last->data);
    }
}


void
zone_check_senders(zone_check_t *check)
{
    ngx_uint_t   n;
    zone_tree_t  t = { NULL, zone_check_sender_node,
                       zone_check_sender_order };

    zone_check_tree(check, &check->sh->senders, &check->sh->senders_sentinel,
                    &t);

    n = zone_walk(check, &check->sh->rates, "rates", zone_check_rate);

    if (n != check->rates || n != check->sh->nrates) {
        zone_fault(check->zone, "of %lu rates %lu are in the queue, it says "
                   "%lu", check->rates, n, check->sh->nrates);
    }
}


static int
zone_check_sender_node(zone_check_t *check, ngx_rbtree_node_t *addr)
{
    ngx_uint_t                   held;
    ngx_openclaw_zone_sender_t  *sender, *at;

    at = ngx_rbtree_data(addr, ngx_openclaw_zone_sender_t, node);

    sender = zone_at(check->zone, at, sizeof(ngx_openclaw_zone_sender_t));
    if (sender == NULL) {
        return -1;
    }

    if (zone_known(check->zone, at, sizeof(ngx_openclaw_zone_sender_t),
                   "sender")
        != 0)
    {
        return -1;
    }

    held = sender->connections + sender->turns;

    *zone_flags(check->zone, at) |= ZONE_SENDER;

    check->held += held;
    check->rates += (sender->rate != 0);

    if ((held == 0) != (sender->rate != 0)) {
        zone_fault(check->zone, "sender %p has rate %lu, %lu connections and "
                   "%lu turns", at, sender->rate, sender->connections,
                   sender->turns);
    }

    return 0;
}


static void
zone_check_sender_order(zone_check_t *check, ngx_rbtree_node_t *addr)
{
    ngx_int_t                    rc;
    ngx_rbtree_key_t             key;
    ngx_openclaw_zone_sender_t  *sender, *last;

    sender = zone_at(check->zone,
                     ngx_rbtree_data(addr, ngx_openclaw_zone_sender_t, node),
                     sizeof(ngx_openclaw_zone_sender_t));

    ngx_memcpy(&key, sender->who, sizeof(ngx_rbtree_key_t));

    if (sender->node.key != key) {
        zone_fault(check->zone, "tree: the key of sender %p is wrong", addr);
    }

    last = check->last_sender;
    check->last_sender = sender;

    if (last == NULL) {
        return;
    }

    if (last->node.key != sender->node.key) {
        rc = (last->node.key < sender->node.key) ? -1 : 1;

    } else if (last->rate != sender->rate) {
        rc = (last->rate < sender->rate) ? -1 : 1;

    } else {
        rc = ngx_memcmp(last->who, sender->who, NGX_OPENCLAW_WHO_LEN);
    }

    if (rc >= 0) {
        zone_fault(check->zone, "tree: sender %p is not in order", addr);
    }
}


static int
zone_check_rate(zone_check_t *check, ngx_queue_t *q)
{
    u_char                      *flags;
    ngx_openclaw_zone_sender_t  *sender, *at;

    at = ngx_queue_data(q, ngx_openclaw_zone_sender_t, queue);

    sender = zone_at(check->zone, at, sizeof(ngx_openclaw_zone_sender_t));
    if (sender == NULL) {
        return -1;
    }

    flags = zone_flags(check->zone, at);

    if (!(*flags & ZONE_SENDER) || (*flags & ZONE_LISTED)
        || sender->rate == 0)
    {
        zone_fault(check->zone, "rates: %p is none, or is there twice", at);
        return -1;
    }

    *flags |= ZONE_LISTED;

    return 0;
}


/* what was found is taken off what the sender says */

void
zone_check_holder(zone_check_t *check, ngx_openclaw_zone_sender_t *at,
    const char *what, const void *addr)
{
    ngx_uint_t                  *left;
    ngx_openclaw_zone_sender_t  *sender;

    sender = zone_at(check->zone, at, sizeof(ngx_openclaw_zone_sender_t));
    if (sender == NULL) {
        return;
    }

    if (!(*zone_flags(check->zone, at) & ZONE_SENDER) || sender->rate) {
        zone_fault(check->zone, "%s %p counts for %p, which is no sender",
                   what, addr, at);
        return;
    }

    left = (*what == 't') ? &sender->turns : &sender->connections;

    if (*left == 0) {
        zone_fault(check->zone, "%s %p is one more than sender %p says", what,
                   addr, at);
        return;
    }

    (*left)--;
    check->held--;
}


int
zone_check_connection(zone_check_t *check, ngx_queue_t *q)
{
    ngx_openclaw_zone_connection_t  *c, *at;

    at = ngx_queue_data(q, ngx_openclaw_zone_connection_t, own);

    c = zone_at(check->zone, at, sizeof(ngx_openclaw_zone_connection_t));
    if (c == NULL) {
        return -1;
    }

    if (zone_known(check->zone, at, sizeof(ngx_openclaw_zone_connection_t),
                   "connection")
        != 0)
    {
        return -1;
    }

    zone_check_holder(check, c->sender, "connection", at);

    return 0;
}


void
zone_check_held(zone_check_t *check)
{
    if (check->held) {
        zone_fault(check->zone, "%lu connections and turns of senders are not "
                   "there", check->held);
    }
}

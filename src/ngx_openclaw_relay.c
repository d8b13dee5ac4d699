
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_openclaw_relay_internal.h>


/* when the owner is tried again that can't accept now, and how often */

#define NGX_OPENCLAW_RELAY_RETRY            100
#define NGX_OPENCLAW_RELAY_TRIES            100

/* what a process that dies takes from hanging up until it is known as dead */

#define NGX_OPENCLAW_RELAY_LOST             100

/* how long a worker that leaves waits, at most */

#define NGX_OPENCLAW_RELAY_LEAVING          5000


typedef struct {
    ngx_queue_t                        relays;
    ngx_openclaw_relay_accept_pt       handler;
} ngx_openclaw_relay_ctx_t;


static ngx_openclaw_relay_t *ngx_openclaw_relay_create(size_t size,
    ngx_log_t *log);
static ngx_int_t ngx_openclaw_relay_open(ngx_openclaw_relay_t *relay,
    ngx_connection_t *c);
static void ngx_openclaw_relay_event_handler(ngx_event_t *ev);

static void ngx_openclaw_relay_reach(ngx_openclaw_relay_t *relay);
static void ngx_openclaw_relay_hang_up(ngx_openclaw_relay_t *relay);
static void ngx_openclaw_relay_lost(ngx_openclaw_relay_t *relay);

static void ngx_openclaw_relay_accept(ngx_connection_t *c, ngx_pid_t pid);
static ngx_int_t ngx_openclaw_relay_asked(ngx_openclaw_relay_t *relay,
    ngx_str_t *post);

static void ngx_openclaw_relay_read_handler(ngx_event_t *rev);
static ngx_int_t ngx_openclaw_relay_parse(ngx_openclaw_relay_t *relay);
static ngx_int_t ngx_openclaw_relay_post(ngx_openclaw_relay_t *relay,
    ngx_openclaw_relay_head_t *head, u_char *p);
static void ngx_openclaw_relay_disconnect(ngx_openclaw_relay_t *relay);


static ngx_openclaw_relay_ctx_t  ngx_openclaw_relays;


ngx_int_t
ngx_openclaw_relay_init_process(ngx_cycle_t *cycle,
    ngx_openclaw_relay_accept_pt handler)
{
    ngx_openclaw_post_address_t  address;

    ngx_queue_init(&ngx_openclaw_relays.relays);
    ngx_openclaw_relays.handler = handler;

    if (ngx_openclaw_post_listen(cycle, ngx_openclaw_relay_accept, &address)
        == NGX_OK)
    {
        ngx_openclaw_session_listen(&address);
    }

    return NGX_OK;
}


void
ngx_openclaw_relay_exit_process(ngx_cycle_t *cycle)
{
    ngx_queue_t           *q;
    ngx_openclaw_relay_t  *relay;

    if (ngx_openclaw_relays.handler == NULL) {
        return;
    }

    while (!ngx_queue_empty(&ngx_openclaw_relays.relays)) {
        q = ngx_queue_head(&ngx_openclaw_relays.relays);
        relay = ngx_queue_data(q, ngx_openclaw_relay_t, queue);

        ngx_openclaw_relay_free(relay);
    }

    ngx_openclaw_relays.handler = NULL;
}


ngx_openclaw_relay_t *
ngx_openclaw_relay_connect(ngx_openclaw_owner_t *owner, ngx_str_t *key,
    ngx_str_t *sender_id, ngx_str_t *message_id, ngx_msec_t since,
    ngx_openclaw_relay_handlers_t *handlers, void *data, ngx_log_t *log)
{
    u_char                     *p;
    size_t                      len;
    ngx_openclaw_relay_t       *relay;
    ngx_openclaw_relay_ask_t    ask;
    ngx_openclaw_relay_head_t   head;

    len = sizeof(ngx_openclaw_relay_ask_t)
          + key->len + sender_id->len + message_id->len;

    if (len > NGX_OPENCLAW_RELAY_BUFFER - sizeof(ngx_openclaw_relay_head_t)) {
        return NULL;
    }

    relay = ngx_openclaw_relay_create(sizeof(ngx_openclaw_relay_head_t) + len,
                                      log);
    if (relay == NULL) {
        return NULL;
    }

    relay->owner = *owner;
    relay->handlers = handlers;
    relay->data = data;

    ngx_memzero(&head, sizeof(ngx_openclaw_relay_head_t));
    head.type = NGX_OPENCLAW_RELAY_ASK;
    head.len = (uint32_t) len;

    ngx_memzero(&ask, sizeof(ngx_openclaw_relay_ask_t));
    ask.since = since;
    ask.key = (uint16_t) key->len;
    ask.sender_id = (uint16_t) sender_id->len;
    ask.message_id = (uint16_t) message_id->len;

    p = ngx_cpymem(relay->ask.data, &head, sizeof(ngx_openclaw_relay_head_t));
    p = ngx_cpymem(p, &ask, sizeof(ngx_openclaw_relay_ask_t));
    p = ngx_cpymem(p, key->data, key->len);
    p = ngx_cpymem(p, sender_id->data, sender_id->len);
    ngx_memcpy(p, message_id->data, message_id->len);

    ngx_post_event(&relay->event, &ngx_posted_events);

    return relay;
}


void
ngx_openclaw_relay_close(ngx_openclaw_relay_t *relay)
{
    ngx_openclaw_relay_free(relay);
}


static ngx_openclaw_relay_t *
ngx_openclaw_relay_create(size_t size, ngx_log_t *log)
{
    ngx_openclaw_relay_t  *relay;

    relay = ngx_calloc(sizeof(ngx_openclaw_relay_t) + size, log);
    if (relay == NULL) {
        return NULL;
    }

    relay->log = log;

    relay->ask.len = size;
    relay->ask.data = (u_char *) relay + sizeof(ngx_openclaw_relay_t);

    relay->event.handler = ngx_openclaw_relay_event_handler;
    relay->event.data = relay;
    relay->event.log = log;
    relay->event.cancelable = 1;

    ngx_queue_insert_tail(&ngx_openclaw_relays.relays, &relay->queue);

    return relay;
}


static ngx_int_t
ngx_openclaw_relay_open(ngx_openclaw_relay_t *relay, ngx_connection_t *c)
{
    relay->connection = c;

    c->data = relay;
    c->read->handler = ngx_openclaw_relay_read_handler;
    c->write->handler = ngx_openclaw_relay_write_handler;

    relay->buf = ngx_alloc(NGX_OPENCLAW_RELAY_BUFFER, relay->log);
    if (relay->buf == NULL) {
        return NGX_ERROR;
    }

    relay->pos = relay->buf;
    relay->last = relay->buf;

    return ngx_handle_read_event(c->read, 0);
}


static void
ngx_openclaw_relay_event_handler(ngx_event_t *ev)
{
    ngx_openclaw_relay_t  *relay;

    relay = ev->data;

    switch (relay->state) {

    case NGX_OPENCLAW_RELAY_CONNECTING:
        ngx_openclaw_relay_reach(relay);
        break;

    case NGX_OPENCLAW_RELAY_LOSING:
        ngx_openclaw_relay_lost(relay);
        break;

    case NGX_OPENCLAW_RELAY_ENDING:
        ngx_log_error(NGX_LOG_ERR, relay->log, NGX_ETIMEDOUT,
                      "worker process does not read the end of an answer");

        /* fall through */

    default: /* ACCEPTED */
        ngx_openclaw_relay_free(relay);
        break;
    }
}


void
ngx_openclaw_relay_set_timer(ngx_openclaw_relay_t *relay, ngx_msec_t timer)
{
    if (relay->event.timer_set) {
        ngx_del_timer(&relay->event);
    }

    if (ngx_exiting) {
        timer = ngx_min(timer, NGX_OPENCLAW_RELAY_LEAVING);
    }

    ngx_add_timer(&relay->event, timer);
}


static void
ngx_openclaw_relay_reach(ngx_openclaw_relay_t *relay)
{
    ssize_t            n;
    ngx_int_t          rc;
    ngx_connection_t  *c;

    rc = ngx_openclaw_post_connect(&relay->owner.address, relay->owner.pid,
                                   relay->log, &c);
    if (rc == NGX_OK) {

        if (ngx_openclaw_relay_open(relay, c) != NGX_OK) {
            ngx_openclaw_relay_hang_up(relay);
            return;
        }

        n = c->send(c, relay->ask.data, relay->ask.len);

        if (n == (ssize_t) relay->ask.len) {
            relay->state = NGX_OPENCLAW_RELAY_RECEIVING;
            return;
        }

        /* there is room for it in a new socket, so the peer is gone */

        ngx_openclaw_relay_hang_up(relay);
        return;
    }

    if (rc == NGX_AGAIN && ++relay->tries < NGX_OPENCLAW_RELAY_TRIES) {
        ngx_openclaw_relay_set_timer(relay, NGX_OPENCLAW_RELAY_RETRY);
        return;
    }

    ngx_openclaw_relay_hang_up(relay);
}


/* the owner may be about to die, which the handler is to find out */

static void
ngx_openclaw_relay_hang_up(ngx_openclaw_relay_t *relay)
{
    ngx_openclaw_relay_disconnect(relay);

    relay->state = NGX_OPENCLAW_RELAY_LOSING;

    ngx_openclaw_relay_set_timer(relay, NGX_OPENCLAW_RELAY_LOST);
}


static void
ngx_openclaw_relay_lost(ngx_openclaw_relay_t *relay)
{
    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, relay->log, 0,
                   "relay from worker process %P is lost", relay->owner.pid);

    relay->busy = 1;
    relay->handlers->lost(relay->data);
    relay->busy = 0;

    ngx_openclaw_relay_free(relay);
}


static void
ngx_openclaw_relay_accept(ngx_connection_t *c, ngx_pid_t pid)
{
    ngx_openclaw_relay_t  *relay;

    if (!ngx_openclaw_session_worker(pid)) {
        ngx_log_error(NGX_LOG_INFO, c->log, 0,
                      "process %P is no worker, its connection is closed", pid);
        ngx_close_connection(c);
        return;
    }

    relay = ngx_openclaw_relay_create(0, c->log);
    if (relay == NULL) {
        ngx_close_connection(c);
        return;
    }

    relay->state = NGX_OPENCLAW_RELAY_ACCEPTED;

    if (ngx_openclaw_relay_open(relay, c) != NGX_OK) {
        ngx_openclaw_relay_free(relay);
        return;
    }

    ngx_openclaw_relay_set_timer(relay, NGX_OPENCLAW_RELAY_TIMEOUT);
}


static ngx_int_t
ngx_openclaw_relay_asked(ngx_openclaw_relay_t *relay, ngx_str_t *post)
{
    u_char                    *p;
    ngx_str_t                  key, sender_id, message_id;
    ngx_connection_t          *c;
    ngx_openclaw_ticket_t     *ticket;
    ngx_openclaw_relay_ask_t   ask;

    if (post->len < sizeof(ngx_openclaw_relay_ask_t)) {
        return NGX_ERROR;
    }

    ngx_memcpy(&ask, post->data, sizeof(ngx_openclaw_relay_ask_t));

    if (post->len != sizeof(ngx_openclaw_relay_ask_t)
                     + ask.key + ask.sender_id + ask.message_id)
    {
        return NGX_ERROR;
    }

    p = post->data + sizeof(ngx_openclaw_relay_ask_t);

    key.len = ask.key;
    key.data = p;

    sender_id.len = ask.sender_id;
    sender_id.data = p + ask.key;

    message_id.len = ask.message_id;
    message_id.data = p + ask.key + ask.sender_id;

    ticket = ngx_openclaw_session_own(&key, &sender_id, &message_id);

    relay->pos = relay->buf;
    relay->last = relay->buf;

    if (ticket == NULL) {
        c = relay->connection;

        ngx_openclaw_relay_put(relay, NGX_OPENCLAW_RELAY_UNKNOWN, NULL, 0);
        (void) c->send(c, relay->buf, relay->last - relay->buf);

        return NGX_ERROR;
    }

    ngx_del_timer(&relay->event);
    relay->state = NGX_OPENCLAW_RELAY_SENDING;

    ngx_openclaw_relays.handler(relay, ticket, ask.since);

    return NGX_OK;
}


static void
ngx_openclaw_relay_read_handler(ngx_event_t *rev)
{
    ssize_t                n;
    ngx_uint_t             i;
    ngx_connection_t      *c;
    ngx_openclaw_relay_t  *relay;
    u_char                 needless[1];

    c = rev->data;
    relay = c->data;

    if (c->close) {

        /* worker_shutdown_timeout: its user decides, if it has one */

        c->close = 0;
        c->error = 0;

        if (relay->state == NGX_OPENCLAW_RELAY_ENDING) {
            ngx_openclaw_relay_free(relay);
        }

        return;
    }

    for (i = 0; i < NGX_OPENCLAW_RELAY_ROUNDS; i++) {

        if (relay->state == NGX_OPENCLAW_RELAY_SENDING
            || relay->state == NGX_OPENCLAW_RELAY_ENDING)
        {
            /* nothing is expected but the end, and buf is in use */

            n = c->recv(c, needless, 1);
            n = (n > 0) ? NGX_ERROR : n;

        } else {
            n = c->recv(c, relay->last,
                        relay->buf + NGX_OPENCLAW_RELAY_BUFFER - relay->last);
        }

        if (n == NGX_AGAIN) {

            if (ngx_handle_read_event(rev, 0) != NGX_OK) {
                ngx_openclaw_relay_peer_left(relay);
            }

            return;
        }

        if (n == 0 || n == NGX_ERROR) {
            ngx_openclaw_relay_peer_left(relay);
            return;
        }

        relay->last += n;

        if (ngx_openclaw_relay_parse(relay) != NGX_OK) {
            return;
        }
    }

    ngx_post_event(rev, &ngx_posted_next_events);
}


/* NGX_DONE if the relay, or its connection, is gone */

static ngx_int_t
ngx_openclaw_relay_parse(ngx_openclaw_relay_t *relay)
{
    size_t                     len;
    u_char                    *p;
    ngx_int_t                  rc;
    ngx_openclaw_relay_head_t  head;

    for ( ;; ) {
        len = relay->last - relay->pos;

        if (len < sizeof(ngx_openclaw_relay_head_t)) {
            break;
        }

        ngx_memcpy(&head, relay->pos, sizeof(ngx_openclaw_relay_head_t));
        p = relay->pos + sizeof(ngx_openclaw_relay_head_t);

        if (head.len > NGX_OPENCLAW_RELAY_BUFFER
                       - sizeof(ngx_openclaw_relay_head_t))
        {
            ngx_openclaw_relay_peer_left(relay);
            return NGX_DONE;
        }

        if (len - sizeof(ngx_openclaw_relay_head_t) < head.len) {
            break;
        }

        relay->pos = p + head.len;

        relay->busy = 1;
        rc = ngx_openclaw_relay_post(relay, &head, p);
        relay->busy = 0;

        if (rc == NGX_DONE || relay->state == NGX_OPENCLAW_RELAY_CLOSED) {
            ngx_openclaw_relay_free(relay);
            return NGX_DONE;
        }

        if (rc == NGX_ERROR) {
            ngx_openclaw_relay_peer_left(relay);
            return NGX_DONE;
        }

        /* the owner is asked once, and buf is for what it answers now */

        if (relay->handlers == NULL) {
            return NGX_OK;
        }
    }

    if (relay->pos != relay->buf) {
        ngx_memmove(relay->buf, relay->pos, len);

        relay->pos = relay->buf;
        relay->last = relay->buf + len;
    }

    return NGX_OK;
}


/*
 * NGX_OK     there may be more
 * NGX_DONE   that was the last one
 * NGX_ERROR  something is wrong with it, or the peer is not to go on
 */

static ngx_int_t
ngx_openclaw_relay_post(ngx_openclaw_relay_t *relay,
    ngx_openclaw_relay_head_t *head, u_char *p)
{
    ngx_str_t                       post;
    ngx_openclaw_relay_handlers_t  *handlers;

    post.len = head->len;
    post.data = p;

    if (relay->state == NGX_OPENCLAW_RELAY_ACCEPTED) {

        if (head->type != NGX_OPENCLAW_RELAY_ASK) {
            return NGX_ERROR;
        }

        return ngx_openclaw_relay_asked(relay, &post);
    }

    handlers = relay->handlers;

    switch (head->type) {

    case NGX_OPENCLAW_RELAY_TEXT:
        handlers->text(relay->data, &post);
        return NGX_OK;

    case NGX_OPENCLAW_RELAY_RESET:
        handlers->reset(relay->data);
        return NGX_OK;

    case NGX_OPENCLAW_RELAY_END:
        handlers->end(relay->data, (ngx_openclaw_code_e) head->code, &post);
        return NGX_DONE;

    case NGX_OPENCLAW_RELAY_UNKNOWN:
        handlers->lost(relay->data);
        return NGX_DONE;
    }

    return NGX_ERROR;
}


void
ngx_openclaw_relay_peer_left(ngx_openclaw_relay_t *relay)
{
    if (relay->state == NGX_OPENCLAW_RELAY_RECEIVING) {
        ngx_openclaw_relay_hang_up(relay);
        return;
    }

    if (relay->state == NGX_OPENCLAW_RELAY_SENDING && relay->closed) {
        relay->busy = 1;
        relay->closed(relay->data);
        relay->busy = 0;
    }

    ngx_openclaw_relay_free(relay);
}


static void
ngx_openclaw_relay_disconnect(ngx_openclaw_relay_t *relay)
{
    if (relay->connection) {
        ngx_close_connection(relay->connection);
        relay->connection = NULL;
    }

    if (relay->buf) {
        ngx_free(relay->buf);
        relay->buf = NULL;
    }
}


void
ngx_openclaw_relay_free(ngx_openclaw_relay_t *relay)
{
    if (relay->event.timer_set) {
        ngx_del_timer(&relay->event);
    }

    if (relay->event.posted) {
        ngx_delete_posted_event(&relay->event);
    }

    relay->state = NGX_OPENCLAW_RELAY_CLOSED;

    if (relay->busy) {
        return;
    }

    ngx_openclaw_relay_disconnect(relay);

    ngx_queue_remove(&relay->queue);

    if (relay->kept.data) {
        ngx_free(relay->kept.data);
    }

    ngx_free(relay);
}

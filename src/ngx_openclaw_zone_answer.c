
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_zone.h>


/* an answer that takes one part in so many of the zone is not worth it */

#define NGX_OPENCLAW_ZONE_ANSWER            4


static void ngx_openclaw_zone_remember_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_ticket_t *t, ngx_openclaw_answer_t *answer);
static ngx_openclaw_zone_answer_t *ngx_openclaw_zone_create_answer_locked(
    ngx_openclaw_zone_t *zone, ngx_openclaw_zone_message_t *m,
    ngx_openclaw_answer_t *answer);
static ngx_int_t ngx_openclaw_zone_write_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_answer_t *a, ngx_str_t *text);
static void ngx_openclaw_zone_free_answer_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_answer_t *a);


void
ngx_openclaw_zone_end_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_ticket_t *t, ngx_openclaw_answer_t *answer)
{
    t->ended = 1;

    if (t->sender) {
        ngx_openclaw_zone_remove_turn_locked(zone, t->sender);
        t->sender = NULL;
    }

    if (t->telling) {
        ngx_queue_remove(&t->told);
        t->telling = 0;
    }

    /* the message of a twin has another turn, whose end it will be */

    if (answer && t->answers && !t->twin) {
        ngx_openclaw_zone_remember_locked(zone, t, answer);
    }
}


static void
ngx_openclaw_zone_remember_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_ticket_t *t, ngx_openclaw_answer_t *answer)
{
    size_t                        size;
    ngx_str_t                     sender_id, message_id;
    ngx_queue_t                  *q;
    ngx_openclaw_zone_answer_t   *a;
    ngx_openclaw_zone_message_t  *m;
    ngx_openclaw_zone_session_t  *session;

    session = t->session;
    m = &t->message;

    message_id.len = m->message_len;
    message_id.data = m->ids;
    sender_id.len = m->sender_len;
    sender_id.data = m->ids + m->message_len;

    a = ngx_openclaw_zone_answer_locked(session, &sender_id, &message_id);
    if (a) {
        ngx_openclaw_zone_forget_answer_locked(zone, a);
    }

    size = zone->shpool->end - zone->shpool->start;

    if (answer->text.len > size / NGX_OPENCLAW_ZONE_ANSWER) {
        return;
    }

    while (session->nanswers >= t->answers) {
        q = ngx_queue_last(&session->answers);
        a = ngx_queue_data(q, ngx_openclaw_zone_answer_t, queue);

        ngx_openclaw_zone_forget_answer_locked(zone, a);
    }

    a = ngx_openclaw_zone_create_answer_locked(zone, m, answer);
    if (a == NULL) {
        return;
    }

    a->session = session;
    session->nanswers++;

    ngx_queue_insert_head(&session->answers, &a->queue);
    ngx_queue_insert_head(&zone->sh->answers, &a->age);
    zone->sh->nanswers++;
}


static ngx_openclaw_zone_answer_t *
ngx_openclaw_zone_create_answer_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_message_t *m, ngx_openclaw_answer_t *answer)
{
    size_t                       len;
    ngx_openclaw_zone_answer_t  *a;

    len = offsetof(ngx_openclaw_zone_message_t, ids)
          + m->message_len + m->sender_len;

    a = ngx_openclaw_zone_alloc_locked(zone,
                          offsetof(ngx_openclaw_zone_answer_t, message) + len);
    if (a == NULL) {
        return NULL;
    }

    a->chunks = NULL;
    a->len = answer->text.len;
    a->code = answer->code;
    ngx_memcpy(&a->message, m, len);

    if (ngx_openclaw_zone_write_locked(zone, a, &answer->text) != NGX_OK) {
        ngx_openclaw_zone_free_answer_locked(zone, a);
        return NULL;
    }

    return a;
}


static ngx_int_t
ngx_openclaw_zone_write_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_answer_t *a, ngx_str_t *text)
{
    u_char                      *p, *end;
    size_t                       size, head;
    ngx_openclaw_zone_chunk_t   *chunk, **last;

    head = offsetof(ngx_openclaw_zone_chunk_t, data);

    p = text->data;
    end = text->data + text->len;
    last = &a->chunks;

    while (p != end) {
        size = ngx_min((size_t) (end - p), ngx_pagesize - head);

        chunk = ngx_openclaw_zone_alloc_locked(zone, head + size);
        if (chunk == NULL) {
            return NGX_ERROR;
        }

        chunk->next = NULL;
        chunk->len = size;
        ngx_memcpy(chunk->data, p, size);

        *last = chunk;
        last = &chunk->next;

        p += size;
    }

    return NGX_OK;
}


ngx_openclaw_zone_answer_t *
ngx_openclaw_zone_answer_locked(ngx_openclaw_zone_session_t *session,
    ngx_str_t *sender_id, ngx_str_t *message_id)
{
    ngx_queue_t                 *q;
    ngx_openclaw_zone_answer_t  *a;

    for (q = ngx_queue_head(&session->answers);
         q != ngx_queue_sentinel(&session->answers);
         q = ngx_queue_next(q))
    {
        a = ngx_queue_data(q, ngx_openclaw_zone_answer_t, queue);

        if (ngx_openclaw_zone_match(&a->message, sender_id, message_id)) {
            return a;
        }
    }

    return NULL;
}


void
ngx_openclaw_zone_copy_locked(ngx_openclaw_zone_answer_t *a, u_char *p)
{
    ngx_openclaw_zone_chunk_t  *chunk;

    for (chunk = a->chunks; chunk; chunk = chunk->next) {
        p = ngx_cpymem(p, chunk->data, chunk->len);
    }
}


void
ngx_openclaw_zone_forget_answer_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_answer_t *a)
{
    ngx_queue_remove(&a->queue);
    ngx_queue_remove(&a->age);
    a->session->nanswers--;
    zone->sh->nanswers--;

    ngx_openclaw_zone_free_answer_locked(zone, a);
}


static void
ngx_openclaw_zone_free_answer_locked(ngx_openclaw_zone_t *zone,
    ngx_openclaw_zone_answer_t *a)
{
    ngx_openclaw_zone_chunk_t  *chunk, *next;

    for (chunk = a->chunks; chunk; chunk = next) {
        next = chunk->next;
        ngx_slab_free_locked(zone->shpool, chunk);
    }

    ngx_slab_free_locked(zone->shpool, a);
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_md5.h>
#include <ngx_http.h>
#include <ngx_http_openclaw_auth.h>
#include <ngx_http_openclaw_limit.h>
#include <ngx_http_openclaw_turn_internal.h>


#define NGX_HTTP_OPENCLAW_TURN_POOL_SIZE    1024


static ngx_int_t ngx_http_openclaw_turn_ids(ngx_http_openclaw_turn_t *turn,
    ngx_http_openclaw_client_t *client, ngx_openclaw_message_t *m,
    ngx_str_t *sender_id);
static void ngx_http_openclaw_turn_digest(u_char *digest,
    ngx_openclaw_message_t *m);
static void ngx_http_openclaw_turn_digest_add(ngx_md5_t *md5, ngx_str_t *s);
static ngx_int_t ngx_http_openclaw_turn_headers(
    ngx_http_openclaw_turn_t *turn, ngx_array_t *headers);
static u_char *ngx_http_openclaw_turn_log_error(ngx_log_t *log, u_char *buf,
    size_t len);


ngx_http_openclaw_turn_t *
ngx_http_openclaw_turn_create(ngx_http_openclaw_client_t *client,
    ngx_openclaw_message_t *m, ngx_str_t *sender_id, ngx_str_t *sender_name)
{
    ngx_pool_t                *pool;
    ngx_log_t                 *log;
    ngx_http_openclaw_turn_t  *turn;
    ngx_openclaw_request_t     request;

    /* the connection's log goes with it */

    log = client->conf->ws.core->error_log;

    pool = ngx_create_pool(NGX_HTTP_OPENCLAW_TURN_POOL_SIZE, log);
    if (pool == NULL) {
        return NULL;
    }

    turn = ngx_pcalloc(pool, sizeof(ngx_http_openclaw_turn_t));
    if (turn == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    turn->pool = pool;
    turn->conf = client->conf;
    turn->ticket.answers = turn->conf->answers;
    ngx_http_openclaw_limit_turns(client, &turn->ticket);

    turn->log = *log;
    turn->log.handler = ngx_http_openclaw_turn_log_error;
    turn->log.data = turn;

    turn->timer.data = turn;
    turn->timer.log = &turn->log;

    if (ngx_http_openclaw_turn_ids(turn, client, m, sender_id) != NGX_OK) {
        goto failed;
    }

    ngx_http_openclaw_turn_digest(turn->ticket.digest, m);

    if (ngx_http_openclaw_turn_headers(turn, client->headers) != NGX_OK) {
        goto failed;
    }

    request.agent = client->agent_id;
    request.sender_id = *sender_id;
    request.sender_name = *sender_name;
    request.message_id = turn->ticket.message_id;
    request.time = ngx_time();
    request.message = m;

    /* content that is indented has line ends: at most two for each byte */

    request.words.len = ngx_min(m->content.len * (m->group ? 3 : 1),
                                NGX_OPENCLAW_AGENT_WORDS);

    request.words.data = ngx_pnalloc(pool, request.words.len);
    if (request.words.data == NULL) {
        goto failed;
    }

    turn->body.data = ngx_openclaw_body_create(&request, &turn->body.len);
    if (turn->body.data == NULL) {
        goto failed;
    }

    turn->content = request.words;

    return turn;

failed:

    ngx_http_openclaw_turn_free(turn);

    return NULL;
}


static ngx_int_t
ngx_http_openclaw_turn_ids(ngx_http_openclaw_turn_t *turn,
    ngx_http_openclaw_client_t *client, ngx_openclaw_message_t *m,
    ngx_str_t *sender_id)
{
    ngx_openclaw_ticket_t  *t;

    t = &turn->ticket;

    t->sender_id.data = ngx_pstrdup(turn->pool, sender_id);
    if (t->sender_id.data == NULL) {
        return NGX_ERROR;
    }

    t->sender_id.len = sender_id->len;

    if (m->message_id.len) {
        t->message_id.data = ngx_pstrdup(turn->pool, &m->message_id);
        if (t->message_id.data == NULL) {
            return NGX_ERROR;
        }

        t->message_id.len = m->message_id.len;

    } else {
        t->message_id.data = ngx_pnalloc(turn->pool,
                                         NGX_HTTP_OPENCLAW_UUID_LEN);
        if (t->message_id.data == NULL) {
            return NGX_ERROR;
        }

        if (ngx_http_openclaw_uuid(t->message_id.data) != NGX_OK) {
            return NGX_ERROR;
        }

        t->message_id.len = NGX_HTTP_OPENCLAW_UUID_LEN;
    }

    return ngx_openclaw_session_key(turn->pool, &client->agent_id,
                                    m->group,
                                    m->group ? &m->group_id : sender_id,
                                    &t->key);
}


/* what was said: an id that comes again has to come with the same */

static void
ngx_http_openclaw_turn_digest(u_char *digest, ngx_openclaw_message_t *m)
{
    ngx_md5_t   md5;
    ngx_uint_t  i;

    ngx_md5_init(&md5);

    ngx_http_openclaw_turn_digest_add(&md5, &m->content);

    for (i = 0; i < m->nmedia; i++) {
        ngx_http_openclaw_turn_digest_add(&md5, &m->media[i].path);
        ngx_http_openclaw_turn_digest_add(&md5, &m->media[i].type);
    }

    ngx_md5_final(digest, &md5);
}


static void
ngx_http_openclaw_turn_digest_add(ngx_md5_t *md5, ngx_str_t *s)
{
    ngx_md5_update(md5, &s->len, sizeof(size_t));

    if (s->len) {
        ngx_md5_update(md5, s->data, s->len);
    }
}


static ngx_int_t
ngx_http_openclaw_turn_headers(ngx_http_openclaw_turn_t *turn,
    ngx_array_t *headers)
{
    ngx_str_t   *line, *src;
    ngx_uint_t   i, n;

    src = headers->elts;
    n = headers->nelts;

    turn->headers = ngx_array_create(turn->pool, n + 1, sizeof(ngx_str_t));
    if (turn->headers == NULL) {
        return NGX_ERROR;
    }

    line = ngx_array_push_n(turn->headers, n + 1);
    if (line == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        line[i] = src[i];

        if (headers == turn->conf->lines) {

            /* they are there as long as the worker */

            continue;
        }

        line[i].data = ngx_pnalloc(turn->pool, src[i].len + 1);
        if (line[i].data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(line[i].data, src[i].data, src[i].len + 1);
    }

    line[n].len = sizeof("x-openclaw-session-key: ") - 1
                  + turn->ticket.key.len;

    line[n].data = ngx_pnalloc(turn->pool, line[n].len + 1);
    if (line[n].data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(line[n].data, "x-openclaw-session-key: %V%Z",
                &turn->ticket.key);

    return NGX_OK;
}


static u_char *
ngx_http_openclaw_turn_log_error(ngx_log_t *log, u_char *buf, size_t len)
{
    ngx_http_openclaw_turn_t  *turn;

    turn = log->data;

    return ngx_snprintf(buf, len, ", client: %V, session: \"%V\", "
                        "message: \"%V\"", &turn->addr, &turn->ticket.key,
                        &turn->ticket.message_id);
}

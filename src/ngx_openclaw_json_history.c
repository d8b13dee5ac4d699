
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * The gateway's GET /sessions/<key>/history, as it was found to be:
 *
 * - A message is there as soon as its turn has begun, without the blocks of
 *   context, with the time of its arrival by the gateway's clock.  What the
 *   agent says is there when it is complete; each text, call of a tool and
 *   result has the id of its run, which is that of the stream's chunks, and
 *   the last text has a stopReason of "stop" or "length".
 *
 * - A turn whose connection was cut stays unanswered, and is taken out as soon
 *   as the next message comes.
 *
 * - A gateway that was killed takes its interrupted turns up again, one after
 *   another, beginning some five seconds after it listens: a user message of
 *   its own is added, with a provenance that says so, and the answer follows
 *   with that message's id for a run.
 *
 * - Texts longer than 8000 characters are cut, and marked as such.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_json.h>

#include <cjson/cJSON.h>


/* how much older than its run a message may look, in seconds */

#define NGX_OPENCLAW_HISTORY_SLACK          2


typedef struct {
    ngx_openclaw_history_t            *history;
    ngx_str_t                          rerun;      /* the id of its run */
    unsigned                           again:1;    /* there was a rerun */
    unsigned                           last:1;     /* the text is complete */
    unsigned                           next:1;     /* another message came */
    unsigned                           wrong:1;    /* not sure any more */
} ngx_openclaw_history_walk_t;


static const cJSON *ngx_openclaw_history_find(ngx_openclaw_history_t *h,
    const cJSON *list);
static ngx_uint_t ngx_openclaw_history_is_ours(ngx_openclaw_history_t *h,
    const cJSON *item);
static ngx_uint_t ngx_openclaw_history_is_words(ngx_openclaw_history_t *h,
    const char *words);
static ngx_uint_t ngx_openclaw_history_has(ngx_str_t *text,
    ngx_str_t *words);
static void ngx_openclaw_history_trim(ngx_str_t *s);

static void ngx_openclaw_history_step(ngx_openclaw_history_walk_t *walk,
    const cJSON *item);
static void ngx_openclaw_history_text(ngx_openclaw_history_walk_t *walk,
    const cJSON *item);
static void ngx_openclaw_history_append(ngx_openclaw_history_walk_t *walk,
    const char *text, ngx_uint_t first);

static ngx_uint_t ngx_openclaw_history_is_rerun(const cJSON *item);
static void ngx_openclaw_history_rerun(ngx_openclaw_history_walk_t *walk,
    const cJSON *item);
static ngx_uint_t ngx_openclaw_history_is_run(const cJSON *item,
    ngx_str_t *run);
static const char *ngx_openclaw_history_string(const cJSON *item,
    const char *name);
static ngx_uint_t ngx_openclaw_history_is(const cJSON *item,
    const char *name, const char *value);


ngx_int_t
ngx_openclaw_history_parse(ngx_openclaw_history_t *h, u_char *data,
    size_t len)
{
    cJSON                        *root;
    ngx_uint_t                    found;
    const cJSON                  *list, *item;
    ngx_openclaw_history_walk_t   walk;

    h->state = NGX_OPENCLAW_HISTORY_NONE;
    h->nmessages = 0;
    h->more = 0;
    ngx_str_null(&h->text);

    ngx_openclaw_json_repair(data, len);

    if (ngx_openclaw_json_scan(data, len, &found) != NGX_OK) {
        return NGX_DECLINED;
    }

    root = cJSON_ParseWithLength((char *) data, len);
    list = cJSON_GetObjectItemCaseSensitive(root, "messages");

    if (!cJSON_IsArray(list)) {
        cJSON_Delete(root);
        return NGX_DECLINED;
    }

    h->more = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "hasMore"));

    item = ngx_openclaw_history_find(h, list);

    if (item == NULL) {
        cJSON_Delete(root);
        return NGX_OK;
    }

    ngx_memzero(&walk, sizeof(ngx_openclaw_history_walk_t));

    walk.history = h;

    h->text.data = malloc(len);
    if (h->text.data == NULL) {
        cJSON_Delete(root);
        return NGX_ERROR;
    }

    while (item && !walk.wrong && !walk.next) {
        ngx_openclaw_history_step(&walk, item);
        h->nmessages++;

        item = item->next;
    }

    if (walk.last && h->text.len && !walk.wrong) {
        h->state = NGX_OPENCLAW_HISTORY_ANSWER;

    } else if (!walk.wrong && !walk.next) {
        h->state = walk.again ? NGX_OPENCLAW_HISTORY_RERUN
                              : NGX_OPENCLAW_HISTORY_MESSAGE;
    }

    cJSON_Delete(root);

    return NGX_OK;
}


void
ngx_openclaw_history_free(ngx_openclaw_history_t *h)
{
    free(h->text.data);

    ngx_str_null(&h->text);
}


/*
 * Where the answer begins, or would begin: behind our message, if that is the
 * last one anybody sent; else at what our run has said.
 */

static const cJSON *
ngx_openclaw_history_find(ngx_openclaw_history_t *h, const cJSON *list)
{
    const cJSON  *item, *run, *user;

    run = NULL;
    user = NULL;

    cJSON_ArrayForEach(item, list) {

        if (ngx_openclaw_history_is(item, "role", "user")) {

            if (!ngx_openclaw_history_is_rerun(item)) {
                user = item;
            }

        } else if (run == NULL && ngx_openclaw_history_is_run(item, &h->run)) {
            run = item;
        }
    }

    if (user && ngx_openclaw_history_is_ours(h, user)) {
        return user;
    }

    /* more of it may be on the page before */

    if (run == list->child && h->more) {
        return NULL;
    }

    return run;
}


/*
 * The time keeps an older message of the same words out: the turn before had
 * ended when ours began.
 */

static ngx_uint_t
ngx_openclaw_history_is_ours(ngx_openclaw_history_t *h, const cJSON *item)
{
    const char   *text;
    const cJSON  *part, *time;

    time = cJSON_GetObjectItemCaseSensitive(item, "timestamp");

    if (!cJSON_IsNumber(time) || h->created == 0
        || time->valuedouble / 1000
           < (double) (h->created - NGX_OPENCLAW_HISTORY_SLACK))
    {
        return 0;
    }

    item = cJSON_GetObjectItemCaseSensitive(item, "content");

    if (cJSON_IsString(item)) {
        return ngx_openclaw_history_is_words(h, item->valuestring);
    }

    cJSON_ArrayForEach(part, item) {
        text = ngx_openclaw_history_string(part, "text");

        if (text && ngx_openclaw_history_is_words(h, text)) {
            return 1;
        }
    }

    return 0;
}


/* what was sent may have media lines and a name before the sender's words */

static ngx_uint_t
ngx_openclaw_history_is_words(ngx_openclaw_history_t *h, const char *words)
{
    u_char     *p;
    ngx_str_t   ours, text;

    ours = h->message;
    text.data = (u_char *) words;
    text.len = ngx_strlen(words);

    ngx_openclaw_history_trim(&ours);

    /* no words are in any message */

    if (ours.len == 0) {
        return 0;
    }

    if (h->cut) {
        return ngx_openclaw_history_has(&text, &ours);
    }

    ngx_openclaw_history_trim(&text);

    if (text.len < ours.len) {
        return 0;
    }

    p = text.data + text.len - ours.len;

    return ngx_memcmp(p, ours.data, ours.len) == 0
           && (p == text.data || p[-1] <= ' ');
}


static ngx_uint_t
ngx_openclaw_history_has(ngx_str_t *text, ngx_str_t *words)
{
    u_char  *p, *last;

    if (text->len < words->len) {
        return 0;
    }

    last = text->data + text->len - words->len;

    for (p = text->data; p <= last; p++) {

        if (ngx_memcmp(p, words->data, words->len) == 0) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_openclaw_history_trim(ngx_str_t *s)
{
    while (s->len && s->data[0] <= ' ') {
        s->data++;
        s->len--;
    }

    while (s->len && s->data[s->len - 1] <= ' ') {
        s->len--;
    }
}


static void
ngx_openclaw_history_step(ngx_openclaw_history_walk_t *walk,
    const cJSON *item)
{
    ngx_openclaw_history_t  *h;

    h = walk->history;

    if (ngx_openclaw_history_is(item, "role", "user")) {

        if (ngx_openclaw_history_is_rerun(item)) {
            ngx_openclaw_history_rerun(walk, item);

        } else if (h->nmessages) {
            walk->next = 1;
        }

        return;
    }

    if (ngx_openclaw_history_is(item, "role", "toolResult")) {
        walk->last = 0;
        return;
    }

    if (!ngx_openclaw_history_is(item, "role", "assistant")) {
        return;
    }

    if (!ngx_openclaw_history_is_run(item, &h->run)
        && !ngx_openclaw_history_is_run(item, &walk->rerun))
    {
        walk->wrong = 1;
        return;
    }

    ngx_openclaw_history_text(walk, item);
}


/* what a run said before and after its tools are parts of one answer */

static void
ngx_openclaw_history_text(ngx_openclaw_history_walk_t *walk,
    const cJSON *item)
{
    const char   *text, *reason;
    ngx_uint_t    first;
    const cJSON  *part, *content;

    first = 1;
    content = cJSON_GetObjectItemCaseSensitive(item, "content");

    if (cJSON_IsString(content)) {
        ngx_openclaw_history_append(walk, content->valuestring, first);
    }

    cJSON_ArrayForEach(part, content) {
        text = ngx_openclaw_history_string(part, "text");

        if (text && ngx_openclaw_history_is(part, "type", "text")) {
            ngx_openclaw_history_append(walk, text, first);
            first = 0;
        }
    }

    reason = ngx_openclaw_history_string(item, "stopReason");

    walk->last = reason && (ngx_strcmp(reason, "stop") == 0
                            || ngx_strcmp(reason, "length") == 0);

    if (reason && (ngx_strcmp(reason, "error") == 0
                   || ngx_strcmp(reason, "aborted") == 0))
    {
        walk->wrong = 1;
    }

    item = cJSON_GetObjectItemCaseSensitive(item, "__openclaw");

    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "truncated"))) {
        walk->wrong = 1;
    }
}


static void
ngx_openclaw_history_append(ngx_openclaw_history_walk_t *walk,
    const char *text, ngx_uint_t first)
{
    size_t      len;
    ngx_str_t  *s;

    len = ngx_strlen(text);
    s = &walk->history->text;

    if (len == 0) {
        return;
    }

    /* as the gateway's stream joins them */

    if (first && s->len) {
        s->data[s->len++] = '\n';
        s->data[s->len++] = '\n';
    }

    ngx_memcpy(s->data + s->len, text, len);
    s->len += len;
}


static ngx_uint_t
ngx_openclaw_history_is_rerun(const cJSON *item)
{
    item = cJSON_GetObjectItemCaseSensitive(item, "provenance");

    return ngx_openclaw_history_is(item, "kind", "internal_system")
           && ngx_openclaw_history_is(item, "sourceTool",
                                      "main_session_restart_recovery");
}


/* its "idempotencyKey" is the id of the run and ":user" */

static void
ngx_openclaw_history_rerun(ngx_openclaw_history_walk_t *walk,
    const cJSON *item)
{
    const char  *key;
    ngx_str_t   *s;

    s = &walk->rerun;

    walk->again = 1;
    walk->last = 0;

    key = ngx_openclaw_history_string(item, "idempotencyKey");

    s->data = (u_char *) (key ? key : "");
    s->len = ngx_strlen(s->data);

    if (s->len > sizeof(":user") - 1
        && ngx_memcmp(s->data + s->len - (sizeof(":user") - 1), ":user",
                      sizeof(":user") - 1) == 0)
    {
        s->len -= sizeof(":user") - 1;
    }
}


static ngx_uint_t
ngx_openclaw_history_is_run(const cJSON *item, ngx_str_t *run)
{
    const char  *id;

    item = cJSON_GetObjectItemCaseSensitive(item, "__openclaw");
    id = ngx_openclaw_history_string(item, "runId");

    return id && run->len && ngx_strlen(id) == run->len
           && ngx_memcmp(id, run->data, run->len) == 0;
}


static const char *
ngx_openclaw_history_string(const cJSON *item, const char *name)
{
    item = cJSON_GetObjectItemCaseSensitive(item, name);

    return cJSON_IsString(item) ? item->valuestring : NULL;
}


static ngx_uint_t
ngx_openclaw_history_is(const cJSON *item, const char *name,
    const char *value)
{
    const char  *s;

    s = ngx_openclaw_history_string(item, name);

    return s && ngx_strcmp(s, value) == 0;
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


/* Any bytes as the data of an event, or as the body of a refused request. */


#include <fuzz.h>
#include <ngx_openclaw_json.h>

#include <cjson/cJSON.h>


static ngx_int_t parse(fuzz_log_t *log, u_char *data, size_t len,
    ngx_uint_t body, ngx_openclaw_molds_t *mold);
static void check_next(const u_char *data, size_t len, ngx_uint_t at,
    ngx_openclaw_molds_t *mold);
static void check_repair(const u_char *data, size_t len);
static void check_text(ngx_str_t *text);
static void check_frame(u_char *frame, size_t len, u_char *end,
    const char *type, const char *name, ngx_str_t *text);
static void check_frames(ngx_str_t *text);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                     *copy;
    ngx_int_t                   rc;
    fuzz_log_t                  guarded, followed;
    ngx_uint_t                  at, body;
    ngx_openclaw_molds_t   mold, other;

    if (size < 1) {
        return 0;
    }

    at = *data >> 1;
    body = *data++ & 1;
    size--;

    copy = fuzz_guarded(data, size);

    if (copy == NULL) {
        return 0;
    }

    ngx_memzero(&guarded, sizeof(fuzz_log_t));
    ngx_memzero(&followed, sizeof(fuzz_log_t));
    ngx_memzero(&mold, sizeof(mold));
    ngx_memzero(&other, sizeof(other));

    rc = parse(&guarded, copy, size, body, &mold);

    /* it does not matter what follows */

    copy = fuzz_copy(data, size);
    copy = realloc(copy, size + 8);
    fuzz_check(copy != NULL);
    ngx_memcpy(copy + size, "\"}]1e9.\\", 8);

    fuzz_check(parse(&followed, copy, size, body, &other) == rc);
    fuzz_check(fuzz_log_same(&guarded, &followed));
    fuzz_check(ngx_memcmp(copy + size, "\"}]1e9.\\", 8) == 0);

    free(copy);

    if (!body) {
        check_next(data, size, at, &mold);
    }

    check_repair(data, size);

    fuzz_log_free(&guarded);
    fuzz_log_free(&followed);

    return 0;
}


static ngx_int_t
parse(fuzz_log_t *log, u_char *data, size_t len, ngx_uint_t body,
    ngx_openclaw_molds_t *mold)
{
    ngx_int_t             rc;
    ngx_openclaw_event_t  e;

    rc = body ? ngx_openclaw_error_parse(&e, data, len)
              : ngx_openclaw_event_parse(&e, mold, data, len);

    fuzz_check(rc == NGX_OK || rc == NGX_ERROR);

    if (rc == NGX_OK) {
        check_text(&e.text);
        check_text(&e.error);

        fuzz_check(!body || e.type == NGX_OPENCLAW_EVENT_ERROR);
        fuzz_check(e.type != NGX_OPENCLAW_EVENT_TEXT || e.text.len);
        fuzz_check(e.type == NGX_OPENCLAW_EVENT_TEXT
                   || e.type == NGX_OPENCLAW_EVENT_ERROR
                   || e.text.len == 0);
        fuzz_check(e.type == NGX_OPENCLAW_EVENT_ERROR || e.error.len == 0);

        check_frames(&e.text);

        fuzz_log(log, 'T', e.type, e.text.data, e.text.len);
        fuzz_log(log, 'E', 0, e.error.data, e.error.len);
        fuzz_log(log, 'I', (ngx_uint_t) e.created, e.id.data, e.id.len);
    }

    ngx_openclaw_event_free(&e);

    return rc;
}


/*
 * An event that is much like the one before means what it means as the first
 * one: bytes are put in at some place.
 */

static void
check_next(const u_char *data, size_t len, ngx_uint_t at,
    ngx_openclaw_molds_t *mold)
{
    size_t                      n, size;
    u_char                     *copy;
    ngx_int_t                   rc;
    ngx_uint_t                  i;
    fuzz_log_t                  first, next;
    ngx_openclaw_molds_t   none, same;

    static const char  *put[] = { "", "a", "\"", "\\", "\\n", "\\u0041", "\xff",
                                  "\xc3\xa9", "0", "7", ".5", "-", "e1", " ",
                                  "\",\"content\":\"", "\",\"id\":\"",
                                  NULL };

    at = len * at / 127;

    for (i = 0; put[i]; i++) {
        n = strlen(put[i]);
        size = len + n;

        ngx_memzero(&first, sizeof(fuzz_log_t));
        ngx_memzero(&next, sizeof(fuzz_log_t));
        ngx_memzero(&none, sizeof(none));
        same = *mold;

        copy = realloc(fuzz_copy(data, at), size + 1);
        fuzz_check(copy != NULL);
        ngx_memcpy(copy + at, put[i], n);
        ngx_memcpy(copy + at + n, data + at, len - at);
        rc = parse(&first, copy, size, 0, &none);

        ngx_memcpy(copy, data, at);
        ngx_memcpy(copy + at, put[i], n);
        ngx_memcpy(copy + at + n, data + at, len - at);
        fuzz_check(parse(&next, copy, size, 0, &same) == rc);
        fuzz_check(fuzz_log_same(&first, &next));

        fuzz_log_free(&first);
        fuzz_log_free(&next);
        free(copy);
    }
}


/* what is UTF-8 stays, other bytes become "?", whatever is around them */

static void
check_repair(const u_char *data, size_t len)
{
    size_t   i;
    u_char  *copy;

    copy = fuzz_copy(data, len);
    ngx_openclaw_json_repair(copy, len);

    fuzz_check(fuzz_utf8(copy, len) == NGX_OK);

    if (fuzz_utf8(data, len) == NGX_OK) {
        fuzz_check(ngx_memcmp(copy, data, len) == 0);
    }

    for (i = 0; i < len; i++) {
        fuzz_check(copy[i] == data[i] || (copy[i] == '?' && data[i] >= 0x80));
    }

    free(copy);
}


static void
check_text(ngx_str_t *text)
{
    fuzz_check((text->len == 0) == (text->data == NULL));
    fuzz_check(fuzz_utf8(text->data, text->len) == NGX_OK);
    fuzz_check(text->len == 0 || memchr(text->data, 0, text->len) == NULL);
}


/* frames have the size that was announced, and say what they should */

static void
check_frames(ngx_str_t *text)
{
    size_t      len;
    u_char     *frame, *end;
    ngx_str_t   id;

    ngx_str_set(&id, "m\"1");

    len = ngx_openclaw_json_stream_size(&id, text);
    frame = fuzz_copy("", 0);
    frame = realloc(frame, len);
    fuzz_check(frame != NULL);
    end = ngx_openclaw_json_stream(frame, &id, text);
    check_frame(frame, len, end, "chat.stream", "content", text);

    len = ngx_openclaw_json_response_size(&id, text);
    frame = realloc(frame, len);
    fuzz_check(frame != NULL);
    end = ngx_openclaw_json_response(frame, &id, text);
    check_frame(frame, len, end, "chat.response", "content", text);

    len = ngx_openclaw_json_error_size(&id, NGX_OPENCLAW_AGENT_ERROR, text);
    frame = realloc(frame, len);
    fuzz_check(frame != NULL);
    end = ngx_openclaw_json_error(frame, &id, NGX_OPENCLAW_AGENT_ERROR, text);
    check_frame(frame, len, end, "chat.error", "error", text);

    free(frame);
}


static void
check_frame(u_char *frame, size_t len, u_char *end, const char *type,
    const char *name, ngx_str_t *text)
{
    cJSON        *root;
    const cJSON  *item;

    fuzz_check(end == frame + len);
    fuzz_check(fuzz_utf8(frame, len) == NGX_OK);

    root = cJSON_ParseWithLength((char *) frame, len);
    fuzz_check(root != NULL);

    item = cJSON_GetObjectItemCaseSensitive(root, "type");
    fuzz_check(item && ngx_strcmp(item->valuestring, type) == 0);

    item = cJSON_GetObjectItemCaseSensitive(root, "messageId");
    fuzz_check(item && ngx_strcmp(item->valuestring, "m\"1") == 0);

    item = cJSON_GetObjectItemCaseSensitive(root, name);
    fuzz_check(item && ngx_strlen(item->valuestring) == text->len);
    fuzz_check(text->len == 0
               || ngx_memcmp(item->valuestring, text->data, text->len) == 0);

    cJSON_Delete(root);
}

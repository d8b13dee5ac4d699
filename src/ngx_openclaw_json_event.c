
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_json.h>
#include <ngx_openclaw_json_internal.h>


static void ngx_openclaw_event_run(ngx_openclaw_event_t *e,
    const cJSON *root);
static void ngx_openclaw_event_error(ngx_openclaw_event_t *e,
    const cJSON *error);
static const cJSON *ngx_openclaw_event_content(const cJSON *root);


ngx_int_t
ngx_openclaw_event_parse(ngx_openclaw_event_t *e,
    ngx_openclaw_molds_t *molds, u_char *data, size_t len)
{
    ngx_str_t  s;

    ngx_memzero(e, sizeof(ngx_openclaw_event_t));

    if (ngx_openclaw_event_again(e, molds, data, len) == NGX_OK) {
        return NGX_OK;
    }

    s.data = data;
    s.len = len;

    if (ngx_openclaw_json_blank(&s)) {
        return NGX_OK;
    }

    if (len >= sizeof("[DONE]") - 1
        && ngx_memcmp(data, "[DONE]", sizeof("[DONE]") - 1) == 0)
    {
        e->type = NGX_OPENCLAW_EVENT_DONE;
        return NGX_OK;
    }

    ngx_openclaw_json_repair(data, len);

    if (ngx_openclaw_event_tree(e, data, len) != NGX_OK) {
        return NGX_ERROR;
    }

    if (e->type != NGX_OPENCLAW_EVENT_ERROR) {
        ngx_openclaw_event_learn(molds, data, len);
    }

    return NGX_OK;
}


ngx_int_t
ngx_openclaw_event_tree(ngx_openclaw_event_t *e, u_char *data, size_t len)
{
    cJSON        *root;
    ngx_uint_t    found;
    const cJSON  *item;

    ngx_memzero(e, sizeof(ngx_openclaw_event_t));

    if (ngx_openclaw_json_read(data, len, 0, &found, &root) != NGX_OK) {
        return NGX_ERROR;
    }

    e->root = root;

    item = cJSON_GetObjectItemCaseSensitive(root, "error");

    if (item && !cJSON_IsNull(item)) {
        ngx_openclaw_event_error(e, item);
        return NGX_OK;
    }

    ngx_openclaw_event_run(e, root);

    item = ngx_openclaw_event_content(root);

    if (item && cJSON_IsString(item) && item->valuestring[0]) {
        e->type = NGX_OPENCLAW_EVENT_TEXT;
        ngx_openclaw_json_string(item, &e->text);
    }

    return NGX_OK;
}


ngx_int_t
ngx_openclaw_error_parse(ngx_openclaw_event_t *e, u_char *data, size_t len)
{
    cJSON       *root;
    ngx_uint_t   found;

    ngx_memzero(e, sizeof(ngx_openclaw_event_t));

    e->type = NGX_OPENCLAW_EVENT_ERROR;

    ngx_openclaw_json_repair(data, len);

    if (ngx_openclaw_json_read(data, len, 0, &found, &root) != NGX_OK) {
        return NGX_ERROR;
    }

    e->root = root;

    ngx_openclaw_event_error(e,
                             cJSON_GetObjectItemCaseSensitive(root, "error"));

    return NGX_OK;
}


static void
ngx_openclaw_event_run(ngx_openclaw_event_t *e, const cJSON *root)
{
    const cJSON  *item;

    item = cJSON_GetObjectItemCaseSensitive(root, "id");

    if (cJSON_IsString(item)) {
        ngx_openclaw_json_string(item, &e->id);
    }

    item = cJSON_GetObjectItemCaseSensitive(root, "created");

    /* a number of seconds that a double holds exactly */

    if (cJSON_IsNumber(item) && item->valuedouble > 0
        && item->valuedouble < 1e15)
    {
        e->created = (int64_t) item->valuedouble;
    }
}


/* {"message":...,"type":...} or just the message */

static void
ngx_openclaw_event_error(ngx_openclaw_event_t *e, const cJSON *error)
{
    const cJSON  *message, *type;

    e->type = NGX_OPENCLAW_EVENT_ERROR;

    if (cJSON_IsString(error)) {
        ngx_openclaw_json_string(error, &e->text);
        return;
    }

    message = cJSON_GetObjectItemCaseSensitive(error, "message");
    type = cJSON_GetObjectItemCaseSensitive(error, "type");

    if (cJSON_IsString(message)) {
        ngx_openclaw_json_string(message, &e->text);
    }

    if (cJSON_IsString(type)) {
        ngx_openclaw_json_string(type, &e->error);
    }
}


/* choices[0].delta.content; each step takes NULL for NULL */

static const cJSON *
ngx_openclaw_event_content(const cJSON *root)
{
    const cJSON  *item;

    item = cJSON_GetObjectItemCaseSensitive(root, "choices");
    item = cJSON_GetArrayItem(item, 0);
    item = cJSON_GetObjectItemCaseSensitive(item, "delta");

    return cJSON_GetObjectItemCaseSensitive(item, "content");
}


void
ngx_openclaw_event_free(ngx_openclaw_event_t *e)
{
    cJSON_Delete(e->root);

    e->root = NULL;
}

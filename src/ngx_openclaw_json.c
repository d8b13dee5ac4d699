
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_frame.h>
#include <ngx_openclaw_json.h>
#include <ngx_openclaw_json_internal.h>


/* what a message must not have, which costs many times its length to read */

#define NGX_OPENCLAW_JSON_BOUNDS                                              \
    (NGX_OPENCLAW_JSON_DEEP|NGX_OPENCLAW_JSON_MANY)


typedef struct ngx_openclaw_json_field_s  ngx_openclaw_json_field_t;

typedef ngx_int_t (*ngx_openclaw_json_field_pt)(ngx_openclaw_message_t *m,
    const ngx_openclaw_json_field_t *field, const cJSON *item);


struct ngx_openclaw_json_field_s {
    const char                        *name;
    ngx_openclaw_json_field_pt         handler;
    size_t                             offset;   /* of its string in m */
    size_t                             max;      /* bytes of a string */
};


/* what a client asks for, with the first so many fields of the table */

typedef struct {
    const char                        *name;
    ngx_openclaw_message_e             type;
    ngx_uint_t                         nfields;
} ngx_openclaw_json_type_t;


static ngx_int_t ngx_openclaw_message_read(ngx_openclaw_message_t *m,
    const cJSON *root, ngx_uint_t found);
static const cJSON *ngx_openclaw_message_items(const cJSON *root,
    const cJSON **items);
static const ngx_openclaw_json_type_t *ngx_openclaw_message_type(
    const cJSON *item);
static ngx_int_t ngx_openclaw_message_text(ngx_openclaw_message_t *m,
    const ngx_openclaw_json_field_t *field, const cJSON *item);
static ngx_int_t ngx_openclaw_message_line(ngx_openclaw_message_t *m,
    const ngx_openclaw_json_field_t *field, const cJSON *item);
static ngx_int_t ngx_openclaw_message_lines(ngx_openclaw_message_t *m,
    const ngx_openclaw_json_field_t *field, const cJSON *item);
static ngx_int_t ngx_openclaw_message_string(ngx_openclaw_message_t *m,
    const ngx_openclaw_json_field_t *field, const cJSON *item,
    const char *expected, ngx_str_t *s);
static ngx_int_t ngx_openclaw_message_chat_type(ngx_openclaw_message_t *m,
    const ngx_openclaw_json_field_t *field, const cJSON *item);
static ngx_int_t ngx_openclaw_message_object(ngx_openclaw_message_t *m,
    const ngx_openclaw_json_field_t *field, const cJSON *item);
static ngx_int_t ngx_openclaw_message_media(ngx_openclaw_message_t *m,
    const cJSON *paths, const cJSON *types);
static ngx_int_t ngx_openclaw_message_complete(ngx_openclaw_message_t *m);
static ngx_int_t ngx_openclaw_message_refuse(ngx_openclaw_message_t *m,
    ngx_openclaw_code_e code);
static ngx_int_t ngx_openclaw_message_refuse_bounds(
    ngx_openclaw_message_t *m, ngx_uint_t found);
static ngx_int_t ngx_openclaw_message_refuse_field(ngx_openclaw_message_t *m,
    ngx_openclaw_code_e code, const char *name, const char *what);


/* a message's fields; those of chat.abort come first */

static const ngx_openclaw_json_field_t  ngx_openclaw_json_fields[] = {

    { "messageId",
      ngx_openclaw_message_line,
      offsetof(ngx_openclaw_message_t, message_id),
      NGX_OPENCLAW_JSON_MAX_MESSAGE_ID },

    { "senderId",
      ngx_openclaw_message_line,
      offsetof(ngx_openclaw_message_t, sender_id),
      NGX_OPENCLAW_JSON_MAX_ID },

    { "chatType",
      ngx_openclaw_message_chat_type,
      0,
      0 },

    { "groupId",
      ngx_openclaw_message_line,
      offsetof(ngx_openclaw_message_t, group_id),
      NGX_OPENCLAW_JSON_MAX_ID },

    { "content",
      ngx_openclaw_message_text,
      offsetof(ngx_openclaw_message_t, content),
      NGX_MAX_SIZE_T_VALUE },

    { "senderName",
      ngx_openclaw_message_line,
      offsetof(ngx_openclaw_message_t, sender_name),
      NGX_OPENCLAW_JSON_MAX_ID },

    { "groupSubject",
      ngx_openclaw_message_line,
      offsetof(ngx_openclaw_message_t, group_subject),
      NGX_OPENCLAW_JSON_MAX_ID },

    { "replyToMessageId",
      ngx_openclaw_message_line,
      offsetof(ngx_openclaw_message_t, reply_id),
      NGX_OPENCLAW_JSON_MAX_ID },

    { "replyToBody",
      ngx_openclaw_message_text,
      offsetof(ngx_openclaw_message_t, reply_body),
      NGX_MAX_SIZE_T_VALUE },

    { "mediaPath",
      ngx_openclaw_message_line,
      offsetof(ngx_openclaw_message_t, media[0].path),
      NGX_MAX_SIZE_T_VALUE },

    { "mediaType",
      ngx_openclaw_message_line,
      offsetof(ngx_openclaw_message_t, media[0].type),
      NGX_OPENCLAW_JSON_MAX_ID },

    { "mediaPaths",
      ngx_openclaw_message_lines,
      0,
      NGX_MAX_SIZE_T_VALUE },

    { "mediaTypes",
      ngx_openclaw_message_lines,
      0,
      NGX_OPENCLAW_JSON_MAX_ID },

    { "customData",
      ngx_openclaw_message_object,
      0,
      0 }
};

#define NGX_OPENCLAW_JSON_FIELDS                                              \
    (sizeof(ngx_openclaw_json_fields) / sizeof(ngx_openclaw_json_field_t))

#define NGX_OPENCLAW_JSON_MESSAGE_ID        0
#define NGX_OPENCLAW_JSON_ABORT_FIELDS      4
#define NGX_OPENCLAW_JSON_MEDIA_PATHS       11
#define NGX_OPENCLAW_JSON_MEDIA_TYPES       12


static const ngx_openclaw_json_type_t  ngx_openclaw_json_types[] = {

    { "chat.send",
      NGX_OPENCLAW_MESSAGE_SEND,
      NGX_OPENCLAW_JSON_FIELDS },

    { "chat.abort",
      NGX_OPENCLAW_MESSAGE_ABORT,
      NGX_OPENCLAW_JSON_ABORT_FIELDS },

    { "ping",
      NGX_OPENCLAW_MESSAGE_PING,
      0 },

    { NULL,
      0,
      0 }
};


ngx_int_t
ngx_openclaw_message_parse(ngx_openclaw_message_t *m, u_char *data,
    size_t len)
{
    cJSON       *root;
    uint32_t     utf8;
    ngx_int_t    rc;
    ngx_uint_t   found;

    ngx_memzero(m, sizeof(ngx_openclaw_message_t));

    utf8 = 0;

    if (ngx_openclaw_utf8_check(&utf8, data, len) != NGX_OK) {
        return ngx_openclaw_message_refuse(m, NGX_OPENCLAW_PARSE_ERROR);
    }

    rc = ngx_openclaw_json_read(data, len, NGX_OPENCLAW_JSON_BOUNDS, &found,
                                &root);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_ABORT) {
        return ngx_openclaw_message_refuse_bounds(m, found);
    }

    if (rc == NGX_DECLINED) {
        return ngx_openclaw_message_refuse(m, NGX_OPENCLAW_PARSE_ERROR);
    }

    m->root = root;

    if (cJSON_IsNull(root)) {
        return ngx_openclaw_message_refuse(m, NGX_OPENCLAW_PARSE_ERROR);
    }

    if (!cJSON_IsObject(root)) {
        return ngx_openclaw_message_refuse(m, NGX_OPENCLAW_INVALID_MESSAGE);
    }

    return ngx_openclaw_message_read(m, root, found);
}


static ngx_int_t
ngx_openclaw_message_read(ngx_openclaw_message_t *m, const cJSON *root,
    ngx_uint_t found)
{
    ngx_int_t                         rc;
    ngx_uint_t                        i;
    const cJSON                      *type;
    const cJSON                      *items[NGX_OPENCLAW_JSON_FIELDS];
    const ngx_openclaw_json_type_t   *t;
    const ngx_openclaw_json_field_t  *field;

    m->repaired = (found != 0);

    type = ngx_openclaw_message_items(root, items);

    /* a refusal tells which message it is for, whatever the reason */

    if (items[NGX_OPENCLAW_JSON_MESSAGE_ID]) {
        (void) ngx_openclaw_message_line(m, ngx_openclaw_json_fields,
                                         items[NGX_OPENCLAW_JSON_MESSAGE_ID]);
        m->code = NGX_OPENCLAW_OK;
        ngx_str_null(&m->error);
    }

    t = ngx_openclaw_message_type(type);

    if (t == NULL) {
        return ngx_openclaw_message_refuse(m, NGX_OPENCLAW_INVALID_MESSAGE);
    }

    m->type = t->type;

    if (found & NGX_OPENCLAW_JSON_NUL) {
        m->code = NGX_OPENCLAW_BAD_FIELD;
        ngx_str_set(&m->error, "Failed to parse message: "
                               "a NUL (\\u0000) is not allowed");
        return NGX_DECLINED;
    }

    for (i = 0; i < t->nfields; i++) {

        if (items[i] == NULL) {
            continue;
        }

        field = &ngx_openclaw_json_fields[i];

        rc = field->handler(m, field, items[i]);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    /* other messages have no media, and what is not theirs is unchecked */

    if (m->type == NGX_OPENCLAW_MESSAGE_SEND) {
        rc = ngx_openclaw_message_media(m,
                                        items[NGX_OPENCLAW_JSON_MEDIA_PATHS],
                                        items[NGX_OPENCLAW_JSON_MEDIA_TYPES]);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return ngx_openclaw_message_complete(m);
}


/*
 * Finds the fields, of which the last one of a name wins, as in JavaScript,
 * and null is none.  Returns that of the type.
 */

static const cJSON *
ngx_openclaw_message_items(const cJSON *root, const cJSON **items)
{
    ngx_uint_t    i;
    const cJSON  *item, *type;

    type = NULL;
    ngx_memzero(items, NGX_OPENCLAW_JSON_FIELDS * sizeof(cJSON *));

    for (item = root->child; item; item = item->next) {

        if (ngx_strcmp(item->string, "type") == 0) {
            type = item;
            continue;
        }

        for (i = 0; i < NGX_OPENCLAW_JSON_FIELDS; i++) {

            if (ngx_strcmp(item->string, ngx_openclaw_json_fields[i].name)
                == 0)
            {
                items[i] = cJSON_IsNull(item) ? NULL : item;
                break;
            }
        }
    }

    return type;
}


static const ngx_openclaw_json_type_t *
ngx_openclaw_message_type(const cJSON *item)
{
    const ngx_openclaw_json_type_t  *t;

    if (item == NULL || !cJSON_IsString(item)) {
        return NULL;
    }

    for (t = ngx_openclaw_json_types; t->name; t++) {
        if (ngx_strcmp(item->valuestring, t->name) == 0) {
            return t;
        }
    }

    return NULL;
}


/* free text, which may have line ends in it */

static ngx_int_t
ngx_openclaw_message_text(ngx_openclaw_message_t *m,
    const ngx_openclaw_json_field_t *field, const cJSON *item)
{
    ngx_str_t  *s;

    if (!cJSON_IsString(item)) {
        return ngx_openclaw_message_refuse_field(m, NGX_OPENCLAW_BAD_FIELD,
                                             field->name, "must be a string");
    }

    s = (ngx_str_t *) ((u_char *) m + field->offset);

    ngx_openclaw_json_string(item, s);

    return NGX_OK;
}


/* an id, a name or the like */

static ngx_int_t
ngx_openclaw_message_line(ngx_openclaw_message_t *m,
    const ngx_openclaw_json_field_t *field, const cJSON *item)
{
    ngx_str_t  s;
    ngx_int_t  rc;

    rc = ngx_openclaw_message_string(m, field, item, "must be a string", &s);

    if (rc == NGX_OK) {
        *(ngx_str_t *) ((u_char *) m + field->offset) = s;
    }

    return rc;
}


static ngx_int_t
ngx_openclaw_message_lines(ngx_openclaw_message_t *m,
    const ngx_openclaw_json_field_t *field, const cJSON *item)
{
    ngx_int_t    rc;
    ngx_str_t    s;
    const char  *expected;

    expected = "must be an array of strings";

    if (!cJSON_IsArray(item)) {
        return ngx_openclaw_message_refuse_field(m, NGX_OPENCLAW_BAD_FIELD,
                                                 field->name, expected);
    }

    for (item = item->child; item; item = item->next) {
        rc = ngx_openclaw_message_string(m, field, item, expected, &s);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_openclaw_message_string(ngx_openclaw_message_t *m,
    const ngx_openclaw_json_field_t *field, const cJSON *item,
    const char *expected, ngx_str_t *s)
{
    char         what[40];
    const char  *err;

    if (!cJSON_IsString(item)) {
        return ngx_openclaw_message_refuse_field(m, NGX_OPENCLAW_BAD_FIELD,
                                                 field->name, expected);
    }

    ngx_openclaw_json_string(item, s);

    if (s->len > field->max) {
        (void) snprintf(what, sizeof(what), "must be at most %u bytes long",
                        (unsigned) field->max);

        return ngx_openclaw_message_refuse_field(m, NGX_OPENCLAW_TOO_LONG,
                                                 field->name, what);
    }

    err = ngx_openclaw_id_check(s, s->len);

    /* all halves of pairs look the same by now, but two ids must not */

    if (err == NULL && m->repaired
        && strstr(item->valuestring, "\xef\xbf\xbd") != NULL)
    {
        err = "contains half of a surrogate pair";
    }

    if (err) {
        return ngx_openclaw_message_refuse_field(m, NGX_OPENCLAW_BAD_FIELD,
                                                 field->name, err);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_openclaw_message_chat_type(ngx_openclaw_message_t *m,
    const ngx_openclaw_json_field_t *field, const cJSON *item)
{
    if (cJSON_IsString(item)) {

        if (ngx_strcmp(item->valuestring, "group") == 0) {
            m->group = 1;
            return NGX_OK;
        }

        if (ngx_strcmp(item->valuestring, "direct") == 0) {
            return NGX_OK;
        }
    }

    return ngx_openclaw_message_refuse_field(m, NGX_OPENCLAW_BAD_FIELD,
                                             field->name,
                                             "must be \"direct\" or \"group\"");
}


static ngx_int_t
ngx_openclaw_message_object(ngx_openclaw_message_t *m,
    const ngx_openclaw_json_field_t *field, const cJSON *item)
{
    if (!cJSON_IsObject(item)) {
        return ngx_openclaw_message_refuse_field(m, NGX_OPENCLAW_BAD_FIELD,
                                            field->name, "must be an object");
    }

    if (item->child == NULL) {
        return NGX_OK;
    }

    m->printed = cJSON_PrintUnformatted(item);

    if (m->printed == NULL) {
        return NGX_ERROR;
    }

    m->custom_data.data = m->printed;
    m->custom_data.len = ngx_strlen(m->printed);

    return NGX_OK;
}


/* puts the list of paths, with their types, behind the single path */

static ngx_int_t
ngx_openclaw_message_media(ngx_openclaw_message_t *m, const cJSON *paths,
    const cJSON *types)
{
    const cJSON           *path, *type;
    ngx_openclaw_media_t  *media;

    media = m->media;

    if (media->path.len) {
        media++;

    } else {
        ngx_str_null(&media->type);
    }

    path = paths ? paths->child : NULL;
    type = types ? types->child : NULL;

    for ( /* void */ ; path; path = path->next) {

        if (media == m->media + NGX_OPENCLAW_JSON_MAX_MEDIA) {
            return ngx_openclaw_message_refuse_field(m, NGX_OPENCLAW_TOO_LONG,
                             "mediaPaths", "must make no more than "
                             ngx_value(NGX_OPENCLAW_JSON_MAX_MEDIA) " media");
        }

        ngx_openclaw_json_string(path, &media->path);

        if (type) {
            ngx_openclaw_json_string(type, &media->type);
            type = type->next;
        }

        if (media->path.len) {
            media++;

        } else {
            ngx_str_null(&media->type);
        }
    }

    m->nmedia = media - m->media;

    return NGX_OK;
}


static ngx_int_t
ngx_openclaw_message_complete(ngx_openclaw_message_t *m)
{
    if (m->type == NGX_OPENCLAW_MESSAGE_SEND
        && ngx_openclaw_json_blank(&m->content))
    {
        return ngx_openclaw_message_refuse(m, NGX_OPENCLAW_INVALID_MESSAGE);
    }

    if (m->group && m->group_id.len == 0) {
        return ngx_openclaw_message_refuse(m, NGX_OPENCLAW_GROUP_ID_REQUIRED);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_openclaw_message_refuse(ngx_openclaw_message_t *m,
    ngx_openclaw_code_e code)
{
    m->code = code;
    m->error = *ngx_openclaw_code_text(code);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_openclaw_message_refuse_bounds(ngx_openclaw_message_t *m,
    ngx_uint_t found)
{
    m->code = NGX_OPENCLAW_PARSE_ERROR;

    if (found & NGX_OPENCLAW_JSON_DEEP) {
        ngx_str_set(&m->error, "Failed to parse message: arrays and objects "
                               "may be at most "
                               ngx_value(NGX_OPENCLAW_JSON_MAX_DEPTH)
                               " levels deep");
    } else {
        ngx_str_set(&m->error, "Failed to parse message: it may have at most "
                               ngx_value(NGX_OPENCLAW_JSON_MAX_VALUES)
                               " values");
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_openclaw_message_refuse_field(ngx_openclaw_message_t *m,
    ngx_openclaw_code_e code, const char *name, const char *what)
{
    int  n;

    n = snprintf((char *) m->text, sizeof(m->text),
                 "Failed to parse message: field \"%s\" %s", name, what);

    m->code = code;
    m->error.data = m->text;
    m->error.len = ngx_min((size_t) n, sizeof(m->text) - 1);

    return NGX_DECLINED;
}


void
ngx_openclaw_message_free(ngx_openclaw_message_t *m)
{
    cJSON_free(m->printed);
    cJSON_Delete(m->root);

    m->printed = NULL;
    m->root = NULL;
}


ngx_int_t
ngx_openclaw_json_read(u_char *data, size_t len, ngx_uint_t bounds,
    ngx_uint_t *found, cJSON **root)
{
    const char  *end, *last;

    if (ngx_openclaw_json_scan(data, len, found) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (*found & bounds) {
        return NGX_ABORT;
    }

    ngx_set_errno(0);

    *root = cJSON_ParseWithLengthOpts((char *) data, len, &end, 0);

    if (*root == NULL) {
        return (ngx_errno == NGX_ENOMEM) ? NGX_ERROR : NGX_DECLINED;
    }

    last = (char *) data + len;

    while (end < last && (u_char) *end <= ' ') {
        end++;
    }

    if (end < last) {
        cJSON_Delete(*root);
        *root = NULL;
        return NGX_DECLINED;
    }

    return NGX_OK;
}


const cJSON *
ngx_openclaw_json_member(const cJSON *object, const char *name)
{
    const cJSON  *item, *last;

    if (!cJSON_IsObject(object)) {
        return NULL;
    }

    last = NULL;

    cJSON_ArrayForEach(item, object) {

        if (ngx_strcmp(item->string, name) == 0) {
            last = item;
        }
    }

    return last;
}


void
ngx_openclaw_json_string(const cJSON *item, ngx_str_t *s)
{
    s->data = (u_char *) item->valuestring;
    s->len = ngx_strlen(item->valuestring);

    if (s->len == 0) {
        s->data = NULL;
    }
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


/* Any bytes as a message, and what the agent and the client are told of it. */


#include <fuzz.h>
#include <ngx_openclaw_json.h>

#include <cjson/cJSON.h>


#define FUZZ_MARKER  "\xe2\x9f\xa6" "openclaw:ctx" "\xe2\x9f\xa7"


static ngx_int_t parse(fuzz_log_t *log, u_char *data, size_t len,
    time_t time);
static void check_message(ngx_openclaw_message_t *m);
static void check_line(ngx_str_t *s, size_t max);
static void check_string(ngx_str_t *s);
static void check_refused(ngx_openclaw_message_t *m);

static void check_body(fuzz_log_t *log, ngx_openclaw_message_t *m,
    time_t time);
static const char *check_body_json(const cJSON *root,
    ngx_openclaw_message_t *m, size_t *images);
static const char *check_media(const char *p, size_t lines);
static void check_blocks(const char *p, ngx_openclaw_request_t *r);
static const char *check_block(const char *p, const char *label,
    const char *object, const char *name, ngx_str_t *value);
static void check_content(const char *p, ngx_openclaw_request_t *r);
static void check_group(const char *p, ngx_str_t *content);
static ngx_uint_t begins_line(const char *p, size_t at);

static ngx_uint_t contains(ngx_str_t *s, const char *what);
static ngx_uint_t equal(const cJSON *item, ngx_str_t *s);
static void log_message(fuzz_log_t *log, ngx_openclaw_message_t *m);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char      *copy;
    time_t       time;
    ngx_int_t    rc;
    fuzz_log_t   guarded, followed;

    if (size < 4) {
        return 0;
    }

    time = (time_t) data[0] << 24 | data[1] << 16 | data[2] << 8 | data[3];
    data += 4;
    size -= 4;

    copy = fuzz_guarded(data, size);

    if (copy == NULL) {
        return 0;
    }

    ngx_memzero(&guarded, sizeof(fuzz_log_t));
    ngx_memzero(&followed, sizeof(fuzz_log_t));

    rc = parse(&guarded, copy, size, time);

    /* it does not matter what follows */

    copy = fuzz_copy(data, size);
    copy = realloc(copy, size + 8);
    fuzz_check(copy != NULL);
    ngx_memcpy(copy + size, "\"}]1e9.\\", 8);

    fuzz_check(parse(&followed, copy, size, time) == rc);
    fuzz_check(fuzz_log_same(&guarded, &followed));
    fuzz_check(ngx_memcmp(copy + size, "\"}]1e9.\\", 8) == 0);

    free(copy);

    fuzz_log_free(&guarded);
    fuzz_log_free(&followed);

    return 0;
}


static ngx_int_t
parse(fuzz_log_t *log, u_char *data, size_t len, time_t time)
{
    u_char                  *copy;
    ngx_int_t                rc;
    ngx_openclaw_message_t   m;

    copy = fuzz_copy(data, len);
    rc = ngx_openclaw_message_parse(&m, data, len);

    if (rc == NGX_OK) {
        fuzz_check(fuzz_utf8(copy, len) == NGX_OK);
        fuzz_check(m.code == NGX_OPENCLAW_OK && m.error.len == 0);

        check_message(&m);

        if (m.type == NGX_OPENCLAW_MESSAGE_SEND) {
            check_body(log, &m, time);
        }

    } else {
        fuzz_check(rc == NGX_DECLINED);
        check_refused(&m);
    }

    log_message(log, &m);

    ngx_openclaw_message_free(&m);
    free(copy);

    return rc;
}


static void
check_message(ngx_openclaw_message_t *m)
{
    cJSON       *root;
    ngx_uint_t   i;

    check_line(&m->message_id, NGX_OPENCLAW_JSON_MAX_MESSAGE_ID);
    check_line(&m->sender_id, NGX_OPENCLAW_JSON_MAX_ID);
    check_line(&m->sender_name, NGX_OPENCLAW_JSON_MAX_ID);
    check_line(&m->group_id, NGX_OPENCLAW_JSON_MAX_ID);
    check_line(&m->group_subject, NGX_OPENCLAW_JSON_MAX_ID);
    check_line(&m->reply_id, NGX_OPENCLAW_JSON_MAX_ID);
    check_string(&m->reply_body);
    check_string(&m->content);

    fuzz_check(!m->group || m->group_id.len);
    fuzz_check(m->type != NGX_OPENCLAW_MESSAGE_SEND
               || !ngx_openclaw_json_blank(&m->content));
    fuzz_check(m->nmedia <= NGX_OPENCLAW_JSON_MAX_MEDIA);

    for (i = 0; i < m->nmedia; i++) {
        fuzz_check(m->media[i].path.len);
        check_line(&m->media[i].path, NGX_MAX_SIZE_T_VALUE);
        check_line(&m->media[i].type, NGX_OPENCLAW_JSON_MAX_ID);
    }

    if (m->custom_data.len) {
        check_string(&m->custom_data);
        root = cJSON_ParseWithLength((char *) m->custom_data.data,
                                     m->custom_data.len);
        fuzz_check(cJSON_IsObject(root));
        cJSON_Delete(root);
    }
}


static void
check_line(ngx_str_t *s, size_t max)
{
    size_t  i;

    check_string(s);
    fuzz_check(s->len <= max);

    for (i = 0; i < s->len; i++) {
        fuzz_check(s->data[i] >= 0x20 && s->data[i] != 0x7f);
        fuzz_check(s->data[i] != 0xc2 || s->data[i + 1] >= 0xa0);
    }
}


static void
check_string(ngx_str_t *s)
{
    fuzz_check((s->len == 0) == (s->data == NULL));
    fuzz_check(fuzz_utf8(s->data, s->len) == NGX_OK);
    fuzz_check(s->len == 0 || memchr(s->data, 0, s->len) == NULL);
}


/* the answer is sent in any case */

static void
check_refused(ngx_openclaw_message_t *m)
{
    size_t   len;
    cJSON   *root;
    u_char  *frame;

    fuzz_check(m->code != NGX_OPENCLAW_OK && m->error.len);
    check_line(&m->error, sizeof(m->text));
    check_line(&m->message_id, NGX_OPENCLAW_JSON_MAX_MESSAGE_ID);

    len = ngx_openclaw_json_error_size(&m->message_id, m->code, &m->error);
    frame = malloc(len);
    fuzz_check(frame != NULL);
    fuzz_check(ngx_openclaw_json_error(frame, &m->message_id, m->code,
                                       &m->error)
               == frame + len);

    root = cJSON_ParseWithLength((char *) frame, len);
    fuzz_check(root != NULL);

    fuzz_check(equal(cJSON_GetObjectItemCaseSensitive(root, "messageId"),
                     &m->message_id));
    fuzz_check(equal(cJSON_GetObjectItemCaseSensitive(root, "error"),
                     &m->error));
    fuzz_check(equal(cJSON_GetObjectItemCaseSensitive(root, "code"),
                     ngx_openclaw_code_name(m->code)));

    cJSON_Delete(root);
    free(frame);
}


static void
check_body(fuzz_log_t *log, ngx_openclaw_message_t *m, time_t time)
{
    size_t                   len, images, lines;
    cJSON                   *root;
    u_char                  *body;
    const char              *p;
    ngx_openclaw_request_t   r;

    ngx_memzero(&r, sizeof(ngx_openclaw_request_t));

    ngx_str_set(&r.agent, "ma\"in");
    ngx_str_set(&r.sender_id, "u1");

    if (m->sender_id.len) {
        r.sender_id = m->sender_id;
    }

    r.sender_name = m->sender_name;
    r.message_id = m->message_id;
    r.time = time;
    r.message = m;

    body = ngx_openclaw_body_create(&r, &len);
    fuzz_check(body != NULL);
    fuzz_check(fuzz_utf8(body, len) == NGX_OK);
    fuzz_log(log, 'B', 0, body, len);

    root = cJSON_ParseWithLength((char *) body, len);
    fuzz_check(root != NULL);

    p = check_body_json(root, m, &images);
    lines = m->nmedia - images;

    if (m->group || lines || r.sender_name.len || m->reply_id.len
        || m->reply_body.len || m->custom_data.len)
    {
        check_blocks(check_media(p, lines), &r);

    } else {
        check_content(p, &r);
    }

    cJSON_Delete(root);
    ngx_openclaw_body_free(body);
}


/* returns the text of the one user message */

static const char *
check_body_json(const cJSON *root, ngx_openclaw_message_t *m, size_t *images)
{
    const cJSON  *item, *content, *text, *url;

    item = cJSON_GetObjectItemCaseSensitive(root, "model");
    fuzz_check(item && ngx_strcmp(item->valuestring, "openclaw/ma\"in") == 0);

    item = cJSON_GetObjectItemCaseSensitive(root, "stream");
    fuzz_check(cJSON_IsTrue(item));

    item = cJSON_GetObjectItemCaseSensitive(root, "messages");
    fuzz_check(cJSON_GetArraySize(item) == 1);
    item = cJSON_GetArrayItem(item, 0);
    fuzz_check(cJSON_GetArraySize(item) == 2);

    content = cJSON_GetObjectItemCaseSensitive(item, "content");
    item = cJSON_GetObjectItemCaseSensitive(item, "role");
    fuzz_check(item && ngx_strcmp(item->valuestring, "user") == 0);

    *images = 0;

    if (cJSON_IsString(content)) {
        return content->valuestring;
    }

    fuzz_check(cJSON_IsArray(content) && content->child);
    text = cJSON_GetObjectItemCaseSensitive(content->child, "text");
    fuzz_check(cJSON_IsString(text));

    for (item = content->child->next; item; item = item->next) {
        url = cJSON_GetObjectItemCaseSensitive(item, "image_url");
        url = cJSON_GetObjectItemCaseSensitive(url, "url");
        fuzz_check(cJSON_IsString(url));
        fuzz_check(strncmp(url->valuestring, "data:image/", 11) == 0);
        (*images)++;
    }

    fuzz_check(*images > 0 && *images <= m->nmedia);

    return text->valuestring;
}


/* as many lines as there are media, and one that counts them */

static const char *
check_media(const char *p, size_t lines)
{
    if (lines > 1) {
        lines++;
    }

    while (lines--) {
        fuzz_check(strncmp(p, "[media attached", 15) == 0);
        p = strpbrk(p, "]\n");
        fuzz_check(p && p[0] == ']' && p[1] == '\n');
        p += 2;
    }

    return p;
}


/* the blocks are those that were meant to be, and nothing looks like one */

static void
check_blocks(const char *p, ngx_openclaw_request_t *r)
{
    ngx_openclaw_message_t  *m;

    m = r->message;

    p = check_block(p, "Conversation info:", "sender", "id", &r->sender_id);

    if (m->reply_id.len || m->reply_body.len) {
        p = check_block(p, "Reply target of current user message:", NULL,
                        "message_id", &m->reply_id);
    }

    if (m->custom_data.len) {
        p = check_block(p, "Custom data:", NULL, NULL, NULL);
    }

    check_content(p, r);
}


static const char *
check_block(const char *p, const char *label, const char *object,
    const char *name, ngx_str_t *value)
{
    cJSON        *root;
    const char   *end;
    const cJSON  *item;

    fuzz_check(strncmp(p, label, strlen(label)) == 0);
    p += strlen(label);

    fuzz_check(strncmp(p, " " FUZZ_MARKER "\n```json\n",
                       sizeof(FUZZ_MARKER) + 9)
               == 0);
    p += sizeof(FUZZ_MARKER) + 9;

    end = strstr(p, "```");
    fuzz_check(end && end[-1] == '\n' && end[3] == '\n' && end[4] == '\n');

    root = cJSON_ParseWithLength(p, end - p);
    fuzz_check(cJSON_IsObject(root));

    item = object ? cJSON_GetObjectItemCaseSensitive(root, object) : root;

    if (name && !contains(value, "```") && !contains(value, FUZZ_MARKER)) {
        item = cJSON_GetObjectItemCaseSensitive(item, name);
        fuzz_check(equal(item, value));
    }

    cJSON_Delete(root);

    fuzz_check(strstr(p, FUZZ_MARKER) == NULL
               || strstr(p, FUZZ_MARKER) > end);

    return end + 5;
}


static void
check_content(const char *p, ngx_openclaw_request_t *r)
{
    ngx_str_t  *content;

    content = &r->message->content;

    fuzz_check(strstr(p, FUZZ_MARKER) == NULL);

    if (contains(content, FUZZ_MARKER)) {
        return;
    }

    if (r->message->group) {
        check_group(p, content);
        return;
    }

    fuzz_check(strlen(p) == content->len);
    fuzz_check(ngx_memcmp(p, content->data, content->len) == 0);
}


/*
 * In a group there is the sender's name before it, on the same line, and the
 * other lines are indented.
 */

static void
check_group(const char *p, ngx_str_t *content)
{
    char        *want, *dst;
    size_t       i, len, name;
    const char  *end;

    want = malloc(content->len * 3);
    fuzz_check(want != NULL);

    dst = want;

    for (i = 0; i < content->len; i++) {

        if (i && begins_line((char *) content->data, i)) {
            *dst++ = ' ';
            *dst++ = ' ';
        }

        *dst++ = content->data[i];
    }

    len = dst - want;

    fuzz_check(strlen(p) >= len + 2);
    name = strlen(p) - len;
    fuzz_check(ngx_memcmp(p + name, want, len) == 0);
    fuzz_check(ngx_memcmp(p + name - 2, ": ", 2) == 0);

    end = strchr(p, '\n');
    fuzz_check(end == NULL || (size_t) (end - p) >= name);

    free(want);
}


/* whether p[at] is the first character of a line that is not empty */

static ngx_uint_t
begins_line(const char *p, size_t at)
{
    ngx_uint_t   i;
    const char  *end;

    static const char  *ends[] = { "\n", "\v", "\f", "\r", "\xc2\x85",
                                   "\xe2\x80\xa8", "\xe2\x80\xa9", NULL };

    if (memchr("\n\v\f\r", p[at], 4)) {
        return 0;
    }

    for (i = 0; ends[i]; i++) {
        end = ends[i];

        if (at >= strlen(end)
            && memcmp(p + at - strlen(end), end, strlen(end)) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
contains(ngx_str_t *s, const char *what)
{
    return s->len && strstr((char *) s->data, what) != NULL;
}


/* what is empty is left out */

static ngx_uint_t
equal(const cJSON *item, ngx_str_t *s)
{
    if (s->len == 0) {
        return item == NULL;
    }

    return cJSON_IsString(item) && ngx_strlen(item->valuestring) == s->len
           && ngx_memcmp(item->valuestring, s->data, s->len) == 0;
}


static void
log_message(fuzz_log_t *log, ngx_openclaw_message_t *m)
{
    ngx_uint_t  i;

    fuzz_log(log, 'M', m->type * 2 + m->group, m->content.data,
             m->content.len);
    fuzz_log(log, 'E', m->code, m->error.data, m->error.len);
    fuzz_log(log, 'i', 0, m->message_id.data, m->message_id.len);
    fuzz_log(log, 's', 0, m->sender_id.data, m->sender_id.len);
    fuzz_log(log, 'n', 0, m->sender_name.data, m->sender_name.len);
    fuzz_log(log, 'g', 0, m->group_id.data, m->group_id.len);
    fuzz_log(log, 'j', 0, m->group_subject.data, m->group_subject.len);
    fuzz_log(log, 'r', 0, m->reply_id.data, m->reply_id.len);
    fuzz_log(log, 'b', 0, m->reply_body.data, m->reply_body.len);
    fuzz_log(log, 'c', 0, m->custom_data.data, m->custom_data.len);

    for (i = 0; i < m->nmedia; i++) {
        fuzz_log(log, 'p', i, m->media[i].path.data, m->media[i].path.len);
        fuzz_log(log, 't', i, m->media[i].type.data, m->media[i].type.len);
    }
}

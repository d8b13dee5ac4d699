
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * What the agent is told, in the gateway's own format for channels: it shows
 * such blocks to the model with the turn they belong to, and keeps them out
 * of its history.  It knows them by the marker, so that a sender's text must
 * not have it, and by the fence around their JSON.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_json.h>
#include <ngx_openclaw_json_body.h>


#define NGX_OPENCLAW_BODY_MAX_IMAGES        8
#define NGX_OPENCLAW_BODY_MAX_MIME          100
#define NGX_OPENCLAW_BODY_MAX_PATH          4096


/* the beginning of an image's URI, and how the gateway wants it */

typedef struct {
    ngx_str_t                          prefix;
    ngx_str_t                          url;
} ngx_openclaw_body_image_t;


static ngx_uint_t ngx_openclaw_body_images(ngx_openclaw_message_t *m);
static const ngx_openclaw_body_image_t *ngx_openclaw_body_image(
    ngx_str_t *path);

static void ngx_openclaw_body_prompt(ngx_openclaw_body_text_t *t,
    ngx_openclaw_request_t *r, ngx_uint_t images);
static void ngx_openclaw_body_media(ngx_openclaw_body_text_t *t,
    ngx_openclaw_message_t *m, ngx_uint_t images);
static void ngx_openclaw_body_media_line(ngx_openclaw_body_text_t *t,
    ngx_openclaw_media_t *media);
static void ngx_openclaw_body_info(ngx_openclaw_body_text_t *t,
    ngx_openclaw_request_t *r);
static void ngx_openclaw_body_reply(ngx_openclaw_body_text_t *t,
    ngx_openclaw_message_t *m);
static void ngx_openclaw_body_custom(ngx_openclaw_body_text_t *t,
    ngx_openclaw_message_t *m);
static void ngx_openclaw_body_content(ngx_openclaw_body_text_t *t,
    ngx_openclaw_request_t *r);
static void ngx_openclaw_body_json(ngx_openclaw_body_text_t *t,
    ngx_openclaw_request_t *r, ngx_str_t *prompt, ngx_uint_t images);

static size_t ngx_openclaw_body_block(ngx_openclaw_body_text_t *t,
    const char *label);
static void ngx_openclaw_body_block_end(ngx_openclaw_body_text_t *t,
    size_t from);
static void ngx_openclaw_body_member(ngx_openclaw_body_text_t *t,
    const char *name, ngx_str_t *value);
static void ngx_openclaw_body_time(ngx_openclaw_body_text_t *t, time_t time);

/* what the gateway takes; jpg is what many call it */

static const ngx_openclaw_body_image_t  ngx_openclaw_body_image_types[] = {

    { ngx_string("data:image/jpeg;base64,"),
      ngx_string("data:image/jpeg;base64,") },

    { ngx_string("data:image/jpg;base64,"),
      ngx_string("data:image/jpeg;base64,") },

    { ngx_string("data:image/png;base64,"),
      ngx_string("data:image/png;base64,") },

    { ngx_string("data:image/gif;base64,"),
      ngx_string("data:image/gif;base64,") },

    { ngx_string("data:image/webp;base64,"),
      ngx_string("data:image/webp;base64,") },

    { ngx_string("data:image/heic;base64,"),
      ngx_string("data:image/heic;base64,") },

    { ngx_string("data:image/heif;base64,"),
      ngx_string("data:image/heif;base64,") },

    { ngx_null_string,
      ngx_null_string }
};


u_char *
ngx_openclaw_body_create(ngx_openclaw_request_t *r, size_t *len)
{
    ngx_str_t                 prompt;
    ngx_uint_t                images;
    ngx_openclaw_body_text_t  body, text;

    ngx_memzero(&body, sizeof(ngx_openclaw_body_text_t));
    ngx_memzero(&text, sizeof(ngx_openclaw_body_text_t));

    images = ngx_openclaw_body_images(r->message);

    ngx_openclaw_body_prompt(&text, r, images);

    if (!text.failed) {
        prompt.data = text.start;
        prompt.len = text.len;

        ngx_openclaw_body_json(&body, r, &prompt, images);
    }

    free(text.start);

    if (text.failed || body.failed) {
        free(body.start);
        return NULL;
    }

    *len = body.len;

    return body.start;
}


void
ngx_openclaw_body_free(u_char *body)
{
    free(body);
}


/* returns a bit for each of the media that is sent as an image */

static ngx_uint_t
ngx_openclaw_body_images(ngx_openclaw_message_t *m)
{
    ngx_uint_t  i, n, images;

    n = 0;
    images = 0;

    for (i = 0; i < m->nmedia && n < NGX_OPENCLAW_BODY_MAX_IMAGES; i++) {
        if (ngx_openclaw_body_image(&m->media[i].path)) {
            images |= (ngx_uint_t) 1 << i;
            n++;
        }
    }

    return images;
}


static const ngx_openclaw_body_image_t *
ngx_openclaw_body_image(ngx_str_t *path)
{
    const ngx_openclaw_body_image_t  *image;

    for (image = ngx_openclaw_body_image_types; image->prefix.len; image++) {

        if (path->len > image->prefix.len
            && strncasecmp((char *) path->data, (char *) image->prefix.data,
                           image->prefix.len)
               == 0)
        {
            return image;
        }
    }

    return NULL;
}


static void
ngx_openclaw_body_prompt(ngx_openclaw_body_text_t *t,
    ngx_openclaw_request_t *r, ngx_uint_t images)
{
    ngx_uint_t               lines;
    ngx_openclaw_message_t  *m;

    m = r->message;

    lines = images ^ (((ngx_uint_t) 1 << m->nmedia) - 1);

    if (m->group || lines || r->sender_name.len || m->reply_id.len
        || m->reply_body.len || m->custom_data.len)
    {
        ngx_openclaw_body_media(t, m, images);
        ngx_openclaw_body_info(t, r);
        ngx_openclaw_body_reply(t, m);
        ngx_openclaw_body_custom(t, m);
    }

    ngx_openclaw_body_content(t, r);
}


static void
ngx_openclaw_body_media(ngx_openclaw_body_text_t *t,
    ngx_openclaw_message_t *m, ngx_uint_t images)
{
    int         n;
    char        buf[64];
    ngx_uint_t  i, k, total;

    total = 0;

    for (i = 0; i < m->nmedia; i++) {
        total += !(images >> i & 1);
    }

    if (total > 1) {
        n = snprintf(buf, sizeof(buf), "[media attached: %d files]\n",
                     (int) total);
        ngx_openclaw_body_add(t, buf, n);
    }

    k = 0;

    for (i = 0; i < m->nmedia; i++) {

        if (images >> i & 1) {
            continue;
        }

        if (total > 1) {
            n = snprintf(buf, sizeof(buf), "[media attached %d/%d: ",
                         (int) ++k, (int) total);
            ngx_openclaw_body_add(t, buf, n);

        } else {
            ngx_openclaw_body_const(t, "[media attached: ");
        }

        ngx_openclaw_body_media_line(t, &m->media[i]);
    }
}


/* "path (type)]"; the data of a data: URI stays out of the text */

static void
ngx_openclaw_body_media_line(ngx_openclaw_body_text_t *t,
    ngx_openclaw_media_t *media)
{
    u_char     *p, *last;
    ngx_str_t   path, type;

    path = media->path;
    type = media->type;

    if (path.len > 5
        && strncasecmp((char *) path.data, "data:", 5) == 0)
    {
        if (type.len == 0) {
            p = path.data + 5;
            last = p + ngx_min(path.len - 5, NGX_OPENCLAW_BODY_MAX_MIME);

            type.data = p;

            while (p < last && *p > ' ' && *p < 0x7f && *p != ';'
                   && *p != ',')
            {
                p++;
            }

            type.len = p - type.data;
        }

        ngx_str_set(&path, "data");
    }

    if (path.len > NGX_OPENCLAW_BODY_MAX_PATH) {
        path.len = NGX_OPENCLAW_BODY_MAX_PATH;

        while (path.len && (path.data[path.len] & 0xc0) == 0x80) {
            path.len--;
        }
    }

    ngx_openclaw_body_line(t, &path, ']');

    if (type.len) {
        ngx_openclaw_body_const(t, " (");
        ngx_openclaw_body_line(t, &type, ']');
        ngx_openclaw_body_const(t, ")");
    }

    ngx_openclaw_body_const(t, "]\n");
}


static void
ngx_openclaw_body_info(ngx_openclaw_body_text_t *t,
    ngx_openclaw_request_t *r)
{
    size_t                   from;
    ngx_openclaw_message_t  *m;

    m = r->message;

    from = ngx_openclaw_body_block(t, "Conversation info:");

    if (m->group) {
        ngx_openclaw_body_const(t, "\"chat_id\":\"websocket:group:");
        ngx_openclaw_body_escaped(t, &m->group_id);

    } else {
        ngx_openclaw_body_const(t, "\"chat_id\":\"websocket:direct:");
        ngx_openclaw_body_escaped(t, &r->sender_id);
    }

    ngx_openclaw_body_const(t, "\"");

    ngx_openclaw_body_member(t, ",\"message_id\":", &r->message_id);
    ngx_openclaw_body_member(t, ",\"reply_to_id\":", &m->reply_id);

    if (m->group) {
        ngx_openclaw_body_member(t, ",\"conversation_label\":",
                                 &m->group_subject);
    }

    ngx_openclaw_body_const(t, ",\"sender\":{\"id\":\"");
    ngx_openclaw_body_escaped(t, &r->sender_id);
    ngx_openclaw_body_const(t, "\"");
    ngx_openclaw_body_member(t, ",\"name\":", &r->sender_name);
    ngx_openclaw_body_const(t, "},\"timestamp\":\"");
    ngx_openclaw_body_time(t, r->time);
    ngx_openclaw_body_const(t, "\"");

    if (m->group) {
        ngx_openclaw_body_member(t, ",\"group_subject\":", &m->group_subject);
        ngx_openclaw_body_const(t, ",\"is_group_chat\":true");
    }

    ngx_openclaw_body_const(t, ",\"was_mentioned\":true");

    ngx_openclaw_body_block_end(t, from);
}


static void
ngx_openclaw_body_reply(ngx_openclaw_body_text_t *t,
    ngx_openclaw_message_t *m)
{
    size_t  from;

    if (m->reply_id.len == 0 && m->reply_body.len == 0) {
        return;
    }

    from = ngx_openclaw_body_block(t, "Reply target of current user message:");

    ngx_openclaw_body_member(t, "\"message_id\":", &m->reply_id);

    if (m->reply_id.len && m->reply_body.len) {
        ngx_openclaw_body_const(t, ",");
    }

    ngx_openclaw_body_member(t, "\"body\":", &m->reply_body);

    ngx_openclaw_body_block_end(t, from);
}


static void
ngx_openclaw_body_custom(ngx_openclaw_body_text_t *t,
    ngx_openclaw_message_t *m)
{
    size_t  from;

    if (m->custom_data.len == 0) {
        return;
    }

    from = ngx_openclaw_body_block(t, "Custom data:");

    ngx_openclaw_body_const(t, "\"source\":\"websocket\",\"type\":\"custom\","
                               "\"payload\":");
    ngx_openclaw_body_add(t, m->custom_data.data, m->custom_data.len);

    ngx_openclaw_body_block_end(t, from);
}


/* without its block, a message in the history of a group has to tell whose */

static void
ngx_openclaw_body_content(ngx_openclaw_body_text_t *t,
    ngx_openclaw_request_t *r)
{
    size_t      from;
    ngx_str_t  *words;

    if (r->message->group) {
        ngx_openclaw_body_line(t, r->sender_name.len ? &r->sender_name
                                                     : &r->sender_id,
                               0);
        ngx_openclaw_body_const(t, ": ");
    }

    from = t->len;

    ngx_openclaw_body_add(t, r->message->content.data,
                          r->message->content.len);
    ngx_openclaw_body_strip(t, from);

    if (r->message->group) {
        ngx_openclaw_body_indent(t, from);
    }

    words = &r->words;

    if (!t->failed && words->len) {
        words->len = ngx_min(words->len, t->len - from);
        ngx_memcpy(words->data, t->start + from, words->len);
    }
}


static void
ngx_openclaw_body_json(ngx_openclaw_body_text_t *t,
    ngx_openclaw_request_t *r, ngx_str_t *prompt, ngx_uint_t images)
{
    ngx_str_t                         data;
    ngx_uint_t                        i;
    const ngx_openclaw_body_image_t  *image;

    ngx_openclaw_body_const(t, "{\"model\":\"openclaw/");
    ngx_openclaw_body_escaped(t, &r->agent);
    ngx_openclaw_body_const(t, "\",\"stream\":true,"
                               "\"stream_options\":{\"include_usage\":true},"
                               "\"messages\":[{\"role\":\"user\","
                               "\"content\":");

    if (images) {
        ngx_openclaw_body_const(t, "[{\"type\":\"text\",\"text\":");
    }

    ngx_openclaw_body_const(t, "\"");
    ngx_openclaw_body_escaped(t, prompt);
    ngx_openclaw_body_const(t, "\"");

    for (i = 0; images >> i; i++) {

        if (!(images >> i & 1)) {
            continue;
        }

        data = r->message->media[i].path;
        image = ngx_openclaw_body_image(&data);

        data.data += image->prefix.len;
        data.len -= image->prefix.len;

        ngx_openclaw_body_const(t, "},{\"type\":\"image_url\","
                                   "\"image_url\":{\"url\":\"");
        ngx_openclaw_body_add(t, image->url.data, image->url.len);
        ngx_openclaw_body_escaped(t, &data);
        ngx_openclaw_body_const(t, "\"}");
    }

    if (images) {
        ngx_openclaw_body_const(t, "}]");
    }

    ngx_openclaw_body_const(t, "}]}");
}


/* opens a block; returns where its JSON begins */

static size_t
ngx_openclaw_body_block(ngx_openclaw_body_text_t *t, const char *label)
{
    size_t  from;

    ngx_openclaw_body_add(t, label, ngx_strlen(label));
    ngx_openclaw_body_const(t, " " NGX_OPENCLAW_BODY_MARKER "\n```json\n");

    from = t->len;

    ngx_openclaw_body_const(t, "{");

    return from;
}


static void
ngx_openclaw_body_block_end(ngx_openclaw_body_text_t *t, size_t from)
{
    ngx_openclaw_body_const(t, "}");

    ngx_openclaw_body_strip(t, from);
    ngx_openclaw_body_cut(t, from);
    ngx_openclaw_body_fences(t, from);

    ngx_openclaw_body_const(t, "\n```\n\n");
}


static void
ngx_openclaw_body_member(ngx_openclaw_body_text_t *t, const char *name,
    ngx_str_t *value)
{
    if (value->len == 0) {
        return;
    }

    ngx_openclaw_body_add(t, name, ngx_strlen(name));
    ngx_openclaw_body_const(t, "\"");
    ngx_openclaw_body_escaped(t, value);
    ngx_openclaw_body_const(t, "\"");
}


/* "Sun 2026-11-22T14:02:00Z" */

static void
ngx_openclaw_body_time(ngx_openclaw_body_text_t *t, time_t time)
{
    int   n, day, sec, leap, length, month, year;
    char  buf[64];

    static char  *week[] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
    static u_char  months[] = { 31, 28, 31, 30, 31, 30,
                                31, 31, 30, 31, 30, 31 };

    day = (int) (time / 86400);
    sec = (int) (time % 86400);

    for (year = 1970; ; year++) {
        leap = (year % 4 == 0 && (year % 100 || year % 400 == 0));

        if (day < 365 + leap) {
            break;
        }

        day -= 365 + leap;
    }

    for (month = 0; ; month++) {
        length = months[month] + (month == 1 ? leap : 0);

        if (day < length) {
            break;
        }

        day -= length;
    }

    n = snprintf(buf, sizeof(buf), "%s %04d-%02d-%02dT%02d:%02d:%02dZ",
                 week[time / 86400 % 7], year, month + 1, day + 1,
                 sec / 3600, sec / 60 % 60, sec % 60);

    ngx_openclaw_body_add(t, buf, n);
}

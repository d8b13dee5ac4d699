
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_json.h>
#include <ngx_openclaw_json_body.h>


/* a space without width, U+200B */

#define NGX_OPENCLAW_BODY_BREAK             "\xe2\x80\x8b"

/*
 * Strings of blocks, in characters: the longest one, and what stays of a
 * longer one.  The difference has room for the bytes that tell so.
 */

#define NGX_OPENCLAW_BODY_MAX_STRING        2000
#define NGX_OPENCLAW_BODY_CUT_STRING        1986
#define NGX_OPENCLAW_BODY_CUT               "\xe2\x80\xa6[truncated]"

#define NGX_OPENCLAW_BODY_INDENT            "  "


static ngx_uint_t ngx_openclaw_body_begins(u_char *p, u_char *start);
static u_char *ngx_openclaw_body_room(ngx_openclaw_body_text_t *t,
    size_t len);


/*
 * Takes the markers out.  Each one goes as soon as it is complete, so that
 * what comes together when it is gone can't be one in the end.
 */

void
ngx_openclaw_body_strip(ngx_openclaw_body_text_t *t, size_t from)
{
    u_char  *src, *dst, *start, *last;

    if (t->failed) {
        return;
    }

    start = t->start + from;
    last = t->start + t->len;
    dst = start;

    for (src = start; src < last; src++) {

        *dst++ = *src;

        if (*src == 0xa7
            && dst - start >= (ssize_t) NGX_OPENCLAW_BODY_MARKER_LEN
            && ngx_memcmp(dst - NGX_OPENCLAW_BODY_MARKER_LEN,
                          NGX_OPENCLAW_BODY_MARKER,
                          NGX_OPENCLAW_BODY_MARKER_LEN)
               == 0)
        {
            dst -= NGX_OPENCLAW_BODY_MARKER_LEN;
        }
    }

    t->len = dst - t->start;
}


void
ngx_openclaw_body_cut(ngx_openclaw_body_text_t *t, size_t from)
{
    size_t       n;
    u_char      *src, *dst, *last, *cut, *next;
    ngx_uint_t   quoted;

    if (t->failed) {
        return;
    }

    n = 0;
    cut = NULL;
    quoted = 0;
    src = t->start + from;
    dst = src;
    last = t->start + t->len;

    while (src < last) {

        next = src + 1;

        if (*src == '"') {

            if (quoted && n > NGX_OPENCLAW_BODY_MAX_STRING) {
                dst = ngx_cpymem(cut, NGX_OPENCLAW_BODY_CUT,
                                 sizeof(NGX_OPENCLAW_BODY_CUT) - 1);
            }

            n = 0;
            quoted = !quoted;

        } else if (quoted) {

            if (n == NGX_OPENCLAW_BODY_CUT_STRING) {
                cut = dst;
            }

            if (*src == '\\') {
                next = src + ((src[1] == 'u') ? 6 : 2);
            }

            while ((*next & 0xc0) == 0x80) {
                next++;
            }

            n++;
        }

        while (src < next) {
            *dst++ = *src++;
        }
    }

    t->len = dst - t->start;
}


/* puts a break into each "```", which would end the block, from behind */

void
ngx_openclaw_body_fences(ngx_openclaw_body_text_t *t, size_t from)
{
    size_t       len;
    u_char      *p, *src, *dst;
    ngx_uint_t   n, run;

    if (t->failed) {
        return;
    }

    n = 0;
    run = 0;
    len = sizeof(NGX_OPENCLAW_BODY_BREAK) - 1;

    for (p = t->start + from; p < t->start + t->len; p++) {
        run = (*p == '`') ? run + 1 : 0;
        n += (run >= 3);
    }

    if (n == 0 || ngx_openclaw_body_room(t, n * len) == NULL) {
        return;
    }

    run = 0;
    src = t->start + t->len;
    t->len += n * len;
    dst = t->start + t->len;

    while (n) {
        run = (*--src == '`') ? run + 1 : 0;

        if (run >= 3) {
            dst -= len;
            ngx_memcpy(dst, NGX_OPENCLAW_BODY_BREAK, len);
            n--;
        }

        *--dst = *src;
    }
}


/*
 * Indents each line but the first, from behind: a member of a group could
 * write one that looks like what another member has said.
 */

void
ngx_openclaw_body_indent(ngx_openclaw_body_text_t *t, size_t from)
{
    size_t   n, len;
    u_char  *p, *dst;

    if (t->failed) {
        return;
    }

    n = 0;
    len = sizeof(NGX_OPENCLAW_BODY_INDENT) - 1;

    for (p = t->start + from + 1; p < t->start + t->len; p++) {
        n += ngx_openclaw_body_begins(p, t->start + from);
    }

    if (n == 0 || ngx_openclaw_body_room(t, n * len) == NULL) {
        return;
    }

    p = t->start + t->len;
    t->len += n * len;
    dst = t->start + t->len;

    while (n) {
        *--dst = *--p;

        if (ngx_openclaw_body_begins(p, t->start + from)) {
            dst -= len;
            ngx_memcpy(dst, NGX_OPENCLAW_BODY_INDENT, len);
            n--;
        }
    }
}


/* whether a line, and not an empty one, begins at p, behind start */

static ngx_uint_t
ngx_openclaw_body_begins(u_char *p, u_char *start)
{
    if (*p >= LF && *p <= CR) {
        return 0;
    }

    if (p[-1] >= LF && p[-1] <= CR) {
        return 1;
    }

    /* U+0085, U+2028 and U+2029 */

    return (p - start >= 2 && p[-2] == 0xc2 && p[-1] == 0x85)
           || (p - start >= 3 && p[-3] == 0xe2 && p[-2] == 0x80
               && (p[-1] == 0xa8 || p[-1] == 0xa9));
}


void
ngx_openclaw_body_line(ngx_openclaw_body_text_t *t, ngx_str_t *s,
    u_char unwanted)
{
    size_t   from;
    u_char  *p, *last;

    from = t->len;

    ngx_openclaw_body_add(t, s->data, s->len);
    ngx_openclaw_body_strip(t, from);

    if (t->failed) {
        return;
    }

    last = t->start + t->len;

    for (p = t->start + from; p < last; p++) {

        if (*p < 0x20 || *p == 0x7f || *p == unwanted) {
            *p = ' ';
        }

        /* U+2028 and U+2029, as spaces of the same length */

        if (last - p >= 3 && p[0] == 0xe2 && p[1] == 0x80
            && (p[2] == 0xa8 || p[2] == 0xa9))
        {
            ngx_memcpy(p, "   ", 3);
        }
    }
}


/* returns where len bytes may be written, NULL if there is no memory */

static u_char *
ngx_openclaw_body_room(ngx_openclaw_body_text_t *t, size_t len)
{
    size_t   size;
    u_char  *start;

    if (t->failed) {
        return NULL;
    }

    if (t->size - t->len < len) {

        size = ngx_max(t->size * 2, t->len + len);
        size = ngx_max(size, 512);

        start = realloc(t->start, size);

        if (start == NULL) {
            t->failed = 1;
            return NULL;
        }

        t->start = start;
        t->size = size;
    }

    return t->start + t->len;
}


void
ngx_openclaw_body_add(ngx_openclaw_body_text_t *t, const void *data,
    size_t len)
{
    u_char  *p;

    p = ngx_openclaw_body_room(t, len);

    if (p && len) {
        ngx_memcpy(p, data, len);
        t->len += len;
    }
}


void
ngx_openclaw_body_escaped(ngx_openclaw_body_text_t *t, ngx_str_t *s)
{
    size_t   len;
    u_char  *p;

    len = ngx_openclaw_json_escaped_size(s);
    p = ngx_openclaw_body_room(t, len);

    if (p) {
        ngx_openclaw_json_escape(p, s);
        t->len += len;
    }
}

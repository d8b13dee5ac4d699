
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_frame.h>
#include <ngx_openclaw_json.h>
#include <ngx_openclaw_json_internal.h>


/* a byte in all eight of a word, and whether one of those is below n */

#define ngx_openclaw_json_all(ch)  (0x0101010101010101 * (uint64_t) (ch))

#define ngx_openclaw_json_below(word, n)                                      \
    (((word) - ngx_openclaw_json_all(n)) & ~(word))


static u_char *ngx_openclaw_json_scan_unicode(u_char *p, u_char *last,
    ngx_uint_t *found);
static ngx_int_t ngx_openclaw_json_hex4(u_char *p, u_char *last);
static size_t ngx_openclaw_json_space(u_char *p, u_char *last);


/*
 * How a byte is escaped within a string: as it is (0), as backslash and that
 * character, or as "u00" and two digits.
 */

static const u_char  ngx_openclaw_json_escapes[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u',
    'b', 't', 'n', 'u', 'f', 'r', 'u', 'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u',
    0, 0, '"', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '\\'
};


/*
 * cJSON takes control characters, and \u with anything behind it, and ends a
 * string at its first NUL.  So these are looked for before, and what can't be
 * a character is written over by U+FFFD.
 */

ngx_int_t
ngx_openclaw_json_scan(u_char *data, size_t len, ngx_uint_t *found)
{
    u_char      *p, *last;
    ngx_uint_t   quoted, depth, values;

    *found = 0;
    quoted = 0;
    depth = 0;
    values = 0;
    last = data + len;

    for (p = data; p < last; p++) {

        if (*p < 0x20) {
            if (quoted || (*p != LF && *p != CR && *p != '\t')) {
                return NGX_DECLINED;
            }

        } else if (*p == '"') {
            quoted = !quoted;

        } else if (quoted && *p != '\\') {
            continue;

        } else if (*p == '[' || *p == '{') {
            values++;

            if (++depth > NGX_OPENCLAW_JSON_MAX_DEPTH) {
                *found |= NGX_OPENCLAW_JSON_DEEP;
            }

        } else if (*p == ']' || *p == '}') {
            depth -= (depth > 0);

        } else if (*p == ',') {
            values++;

        } else if (*p == '\\') {
            p++;

            if (p < last && *p == 'u') {
                p = ngx_openclaw_json_scan_unicode(p, last, found);

                if (p == NULL) {
                    return NGX_DECLINED;
                }
            }
        }
    }

    if (values > NGX_OPENCLAW_JSON_MAX_VALUES) {
        *found |= NGX_OPENCLAW_JSON_MANY;
    }

    return NGX_OK;
}


/* p is at the "u" of an escape; returns the last byte of it, NULL if bad */

static u_char *
ngx_openclaw_json_scan_unicode(u_char *p, u_char *last, ngx_uint_t *found)
{
    ngx_int_t  ch, low;

    ch = ngx_openclaw_json_hex4(p + 1, last);

    if (ch == NGX_ERROR) {
        return NULL;
    }

    if (ch != 0 && (ch < 0xd800 || ch > 0xdfff)) {
        return p + 4;
    }

    if (ch != 0 && ch < 0xdc00 && last - p >= 11 && p[5] == '\\'
        && p[6] == 'u')
    {
        low = ngx_openclaw_json_hex4(p + 7, last);

        if (low >= 0xdc00 && low <= 0xdfff) {
            return p + 10;
        }
    }

    *found |= ch ? NGX_OPENCLAW_JSON_HALF : NGX_OPENCLAW_JSON_NUL;

    ngx_memcpy(p + 1, "fffd", 4);

    return p + 4;
}


static ngx_int_t
ngx_openclaw_json_hex4(u_char *p, u_char *last)
{
    u_char      ch;
    ngx_int_t   value;
    ngx_uint_t  i;

    if (last - p < 4) {
        return NGX_ERROR;
    }

    value = 0;

    for (i = 0; i < 4; i++) {
        ch = p[i];

        if (ch >= '0' && ch <= '9') {
            value = value * 16 + ch - '0';
            continue;
        }

        ch |= 0x20;

        if (ch < 'a' || ch > 'f') {
            return NGX_ERROR;
        }

        value = value * 16 + ch - 'a' + 10;
    }

    return value;
}


/* writes "?" over what is not UTF-8, as a model may stop within a character */

void
ngx_openclaw_json_repair(u_char *data, size_t len)
{
    u_char     *p, *last, *start;
    uint32_t    utf8;
    ngx_int_t   rc;

    utf8 = 0;

    if (ngx_openclaw_utf8_check(&utf8, data, len) == NGX_OK) {
        return;
    }

    utf8 = 0;
    start = data;
    last = data + len;

    for (p = data; p < last; /* void */ ) {

        rc = ngx_openclaw_utf8_check(&utf8, p, 1);

        if (rc == NGX_AGAIN) {
            p++;
            continue;
        }

        if (rc == NGX_OK) {
            start = ++p;
            continue;
        }

        /* a byte that breaks a character off may begin another one */

        utf8 = 0;

        if (start == p) {
            p++;
        }

        ngx_memset(start, '?', p - start);
        start = p;
    }

    ngx_memset(start, '?', last - start);
}


/* whether there is nothing but what JavaScript's trim() takes away */

ngx_uint_t
ngx_openclaw_json_blank(ngx_str_t *s)
{
    u_char  *p, *last;
    size_t   n;

    if (s->len == 0) {
        return 1;
    }

    p = s->data;
    last = p + s->len;

    while (p < last) {
        n = ngx_openclaw_json_space(p, last);

        if (n == 0) {
            return 0;
        }

        p += n;
    }

    return 1;
}


static size_t
ngx_openclaw_json_space(u_char *p, u_char *last)
{
    uint32_t  ch;

    if (*p == ' ' || (*p >= '\t' && *p <= '\r')) {
        return 1;
    }

    if (last - p >= 2 && p[0] == 0xc2 && p[1] == 0xa0) {
        return 2;
    }

    if (last - p < 3) {
        return 0;
    }

    ch = (uint32_t) p[0] << 16 | (uint32_t) p[1] << 8 | p[2];

    /* U+2000 - U+200A */

    if (ch >= 0xe28080 && ch <= 0xe2808a) {
        return 3;
    }

    switch (ch) {

    case 0xe19a80:  /* U+1680 */
    case 0xe280a8:  /* U+2028 */
    case 0xe280a9:  /* U+2029 */
    case 0xe280af:  /* U+202F */
    case 0xe2819f:  /* U+205F */
    case 0xe38080:  /* U+3000 */
    case 0xefbbbf:  /* U+FEFF */
        return 3;
    }

    return 0;
}


const char *
ngx_openclaw_id_check(ngx_str_t *id, size_t max)
{
    u_char    *p, *last;
    uint32_t   utf8;

    if (id->len == 0) {
        return NULL;
    }

    if (id->len > max) {
        return "is too long";
    }

    utf8 = 0;

    if (ngx_openclaw_utf8_check(&utf8, id->data, id->len) != NGX_OK) {
        return "is not valid UTF-8";
    }

    last = id->data + id->len;

    for (p = id->data; p < last; p++) {

        /* U+0000 - U+001F, U+007F, and U+0080 - U+009F in two bytes */

        if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0)) {
            return "contains control characters";
        }
    }

    return NULL;
}


size_t
ngx_openclaw_json_escaped_size(ngx_str_t *text)
{
    size_t   size;
    u_char  *p, *last;

    if (text->len == 0) {
        return 0;
    }

    p = text->data;
    last = p + text->len;
    size = text->len;

    for ( ;; ) {
        p = ngx_openclaw_json_run(p, last);

        if (p == last) {
            return size;
        }

        size += (ngx_openclaw_json_escapes[*p++] == 'u') ? 5 : 1;
    }
}


u_char *
ngx_openclaw_json_escape(u_char *p, ngx_str_t *text)
{
    u_char  *src, *end, *last, ch;

    static u_char  hex[] = "0123456789abcdef";

    if (text->len == 0) {
        return p;
    }

    src = text->data;
    last = src + text->len;

    for ( ;; ) {
        end = ngx_openclaw_json_run(src, last);

        if (end > src) {
            p = ngx_cpymem(p, src, end - src);
        }

        if (end == last) {
            return p;
        }

        ch = ngx_openclaw_json_escapes[*end];

        *p++ = '\\';
        *p++ = ch;

        if (ch == 'u') {
            *p++ = '0';
            *p++ = '0';
            *p++ = hex[*end >> 4];
            *p++ = hex[*end & 0xf];
        }

        src = end + 1;
    }
}


u_char *
ngx_openclaw_json_run(u_char *p, u_char *last)
{
    uint64_t  word, found;

    /* a borrow may reach a higher byte, but only from one that is a find */

    while (last - p >= 8) {
        ngx_memcpy(&word, p, 8);

        found = ngx_openclaw_json_below(word, 0x20)
                | ngx_openclaw_json_below(word ^ ngx_openclaw_json_all('"'), 1)
                | ngx_openclaw_json_below(word ^ ngx_openclaw_json_all('\\'),
                                          1);
        found &= ngx_openclaw_json_all(0x80);

        if (found) {
#if (NGX_HAVE_LITTLE_ENDIAN && defined __GNUC__)
            return p + __builtin_ctzll(found) / 8;
#else
            break;
#endif
        }

        p += 8;
    }

    while (p < last && ngx_openclaw_json_escapes[*p] == 0) {
        p++;
    }

    return p;
}

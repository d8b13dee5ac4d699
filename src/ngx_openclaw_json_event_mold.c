
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * The events of streams are many and much alike: they differ in the text, and
 * those of another run in its id and time.  cJSON would make a tree of each, to
 * have these few values of it.  So it reads an event once, and what is around
 * the values is remembered: the mold that later ones are compared with.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_frame.h>
#include <ngx_openclaw_json.h>
#include <ngx_openclaw_json_internal.h>


/* digits that stand in the places of values while a mold is tried twice */

#define NGX_OPENCLAW_MOLD_TRIES             2

#define ngx_openclaw_mold_digit(value, try)                                   \
    (1 + (value) * NGX_OPENCLAW_MOLD_TRIES + (try))

/* so many digits fit into any number */

#define NGX_OPENCLAW_MOLD_MAX_DIGITS        15

/* the most events that are let go before another one is made a mold of */

#define NGX_OPENCLAW_MOLD_MAX_PAUSE         1023


/* a value in an event: what is between the quotes, or the digits */

typedef struct {
    ngx_openclaw_mold_value_e          value;
    u_char                            *start;
    u_char                            *end;
} ngx_openclaw_mold_hole_t;


static ngx_int_t ngx_openclaw_mold_match(ngx_openclaw_mold_t *m,
    ngx_openclaw_event_t *e, u_char *p, u_char *last);
static u_char *ngx_openclaw_mold_value(ngx_openclaw_mold_value_e value,
    u_char *p, u_char *last, ngx_uint_t *escaped);
static u_char *ngx_openclaw_mold_string(u_char *p, u_char *last,
    ngx_uint_t *escaped);
static u_char *ngx_openclaw_mold_number(u_char *p, u_char *last);
static int64_t ngx_openclaw_mold_digits(u_char *p, u_char *last);
static void ngx_openclaw_mold_text(ngx_openclaw_event_t *e, u_char *p,
    u_char *last, ngx_uint_t escaped);

static ngx_openclaw_mold_t *ngx_openclaw_mold_least(
    ngx_openclaw_molds_t *molds);
static ngx_uint_t ngx_openclaw_mold_holes(ngx_openclaw_mold_hole_t *holes,
    u_char *data, u_char *last);
static ngx_int_t ngx_openclaw_mold_find(ngx_openclaw_mold_hole_t *hole,
    ngx_openclaw_mold_value_e value, u_char *data, u_char *last);
static u_char *ngx_openclaw_mold_cast(u_char *p,
    ngx_openclaw_mold_hole_t *holes, ngx_uint_t n, u_char *data,
    u_char *last, ngx_uint_t filled, ngx_uint_t try);
static ngx_uint_t ngx_openclaw_mold_proves(ngx_openclaw_mold_hole_t *holes,
    ngx_uint_t n, u_char *data, size_t len, ngx_uint_t try);
static ngx_uint_t ngx_openclaw_mold_is(ngx_str_t *s, ngx_uint_t digit);


/* in the order of ngx_openclaw_mold_value_e */

static const ngx_str_t  ngx_openclaw_mold_names[] = {
    ngx_string("\"id\":"),
    ngx_string("\"created\":"),
    ngx_string("\"content\":")
};

/* what stands behind a backslash; \u is left to cJSON */

static const char  ngx_openclaw_mold_escapes[] = "\"\\/nrtbf";
static const char  ngx_openclaw_mold_escaped[] = "\"\\/\n\r\t\b\f";


ngx_int_t
ngx_openclaw_event_again(ngx_openclaw_event_t *e, ngx_openclaw_molds_t *molds,
    u_char *data, size_t len)
{
    ngx_uint_t            i, n;
    ngx_openclaw_mold_t  *m;

    n = molds->last;

    for (i = 0; i < NGX_OPENCLAW_MOLDS; i++) {
        m = &molds->elts[n];

        if (m->size && ngx_openclaw_mold_match(m, e, data, data + len)
                       == NGX_OK)
        {
            if (m->used++ == 0) {
                molds->pause = 0;
                molds->passed = 0;
            }

            molds->last = n;

            return NGX_OK;
        }

        n = (n + 1) % NGX_OPENCLAW_MOLDS;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_openclaw_mold_match(ngx_openclaw_mold_t *m, ngx_openclaw_event_t *e,
    u_char *p, u_char *last)
{
    u_char      *start, *data, *text, *text_end;
    int64_t      created;
    ngx_str_t    id;
    ngx_uint_t   i, escaped, text_escaped;

    data = m->data;
    created = 0;
    text = NULL;
    text_end = NULL;
    text_escaped = 0;

    ngx_str_null(&id);

    for (i = 0; /* void */ ; i++) {

        if ((size_t) (last - p) < m->before[i]
            || ngx_memcmp(p, data, m->before[i]) != 0)
        {
            return NGX_DECLINED;
        }

        p += m->before[i];
        data += m->before[i];

        if (i == m->n) {
            break;
        }

        start = p;
        p = ngx_openclaw_mold_value(m->values[i], p, last, &escaped);

        if (p == NULL) {
            return NGX_DECLINED;
        }

        switch (m->values[i]) {

        case NGX_OPENCLAW_MOLD_ID:

            if (escaped) {
                return NGX_DECLINED;
            }

            id.len = p - start;
            id.data = id.len ? start : NULL;
            break;

        case NGX_OPENCLAW_MOLD_CREATED:
            created = ngx_openclaw_mold_digits(start, p);
            break;

        default: /* NGX_OPENCLAW_MOLD_CONTENT */
            text = start;
            text_end = p;
            text_escaped = escaped;
            break;
        }
    }

    if (p != last) {
        return NGX_DECLINED;
    }

    e->id = id;
    e->created = created;

    if (text != text_end) {
        ngx_openclaw_mold_text(e, text, text_end, text_escaped);
    }

    return NGX_OK;
}


/* returns the end of a value, or NULL if it is not one that is known here */

static u_char *
ngx_openclaw_mold_value(ngx_openclaw_mold_value_e value, u_char *p,
    u_char *last, ngx_uint_t *escaped)
{
    u_char    *end;
    uint32_t   utf8;

    *escaped = 0;

    if (value == NGX_OPENCLAW_MOLD_CREATED) {
        return ngx_openclaw_mold_number(p, last);
    }

    end = ngx_openclaw_mold_string(p, last, escaped);

    if (end == NULL) {
        return NULL;
    }

    utf8 = 0;

    return (ngx_openclaw_utf8_check(&utf8, p, end - p) == NGX_OK && utf8 == 0)
           ? end : NULL;
}


static u_char *
ngx_openclaw_mold_string(u_char *p, u_char *last, ngx_uint_t *escaped)
{
    for ( ;; ) {
        p = ngx_openclaw_json_run(p, last);

        if (p == last) {
            return NULL;
        }

        if (*p == '"') {
            return p;
        }

        if (*p != '\\' || last - p < 2 || p[1] == '\0'
            || ngx_strchr(ngx_openclaw_mold_escapes, p[1]) == NULL)
        {
            return NULL;
        }

        *escaped = 1;
        p += 2;
    }
}


static u_char *
ngx_openclaw_mold_number(u_char *p, u_char *last)
{
    u_char  *start;

    for (start = p; p < last && *p >= '0' && *p <= '9'; p++) {

        if (p - start == NGX_OPENCLAW_MOLD_MAX_DIGITS) {
            return NULL;
        }
    }

    if (p == start || (*start == '0' && p - start > 1)) {
        return NULL;
    }

    return p;
}


static int64_t
ngx_openclaw_mold_digits(u_char *p, u_char *last)
{
    int64_t  n;

    for (n = 0; p < last; p++) {
        n = n * 10 + (*p - '0');
    }

    return n;
}


/* takes the escapes out in place */

static void
ngx_openclaw_mold_text(ngx_openclaw_event_t *e, u_char *p, u_char *last,
    ngx_uint_t escaped)
{
    char    *ch;
    u_char  *src;

    e->type = NGX_OPENCLAW_EVENT_TEXT;
    e->text.data = p;
    e->text.len = last - p;

    if (!escaped) {
        return;
    }

    for (src = p; src < last; src++) {

        if (*src == '\\') {
            src++;
            ch = ngx_strchr(ngx_openclaw_mold_escapes, *src);
            *p++ = ngx_openclaw_mold_escaped[ch - ngx_openclaw_mold_escapes];
            continue;
        }

        *p++ = *src;
    }

    e->text.len = p - e->text.data;
}


void
ngx_openclaw_event_learn(ngx_openclaw_molds_t *molds, u_char *data,
    size_t len)
{
    u_char                    *last, *p;
    ngx_uint_t                 i, n, try;
    ngx_openclaw_mold_t       *m;
    ngx_openclaw_mold_hole_t   holes[NGX_OPENCLAW_MOLD_VALUES];

    /* what is of no use is made more and more rarely */

    if (molds->passed < molds->pause) {
        molds->passed++;
        return;
    }

    molds->passed = 0;
    molds->pause = ngx_min(molds->pause * 2 + 1, NGX_OPENCLAW_MOLD_MAX_PAUSE);

    last = data + len;
    n = ngx_openclaw_mold_holes(holes, data, last);

    for (i = 0; i < n; i++) {
        len -= holes[i].end - holes[i].start;
    }

    if (len + NGX_OPENCLAW_MOLD_VALUES > NGX_OPENCLAW_MOLD_SIZE) {
        return;
    }

    m = ngx_openclaw_mold_least(molds);
    m->size = 0;
    m->used = 0;

    /* what is found in one try may be from elsewhere */

    for (try = 0; try < NGX_OPENCLAW_MOLD_TRIES; try++) {
        p = ngx_openclaw_mold_cast(m->data, holes, n, data, last, 1, try);

        if (!ngx_openclaw_mold_proves(holes, n, m->data, p - m->data, try)) {
            return;
        }
    }

    p = ngx_openclaw_mold_cast(m->data, holes, n, data, last, 0, 0);

    m->size = p - m->data;
    m->n = n;
    p = data;

    for (i = 0; i < n; i++) {
        m->values[i] = holes[i].value;
        m->before[i] = holes[i].start - p;
        p = holes[i].end;
    }

    m->before[n] = last - p;
}


/* the one to be written over: what was of use long ago is forgotten in time */

static ngx_openclaw_mold_t *
ngx_openclaw_mold_least(ngx_openclaw_molds_t *molds)
{
    ngx_uint_t            i;
    ngx_openclaw_mold_t  *m, *least;

    least = molds->elts;

    for (i = 0; i < NGX_OPENCLAW_MOLDS; i++) {
        m = &molds->elts[i];

        if (m->size == 0) {
            return m;
        }

        m->used -= m->used / 4;

        if (m->used < least->used) {
            least = m;
        }
    }

    return least;
}


/* the values that are there, in their order; returns how many */

static ngx_uint_t
ngx_openclaw_mold_holes(ngx_openclaw_mold_hole_t *holes, u_char *data,
    u_char *last)
{
    ngx_uint_t                i, j, n;
    ngx_openclaw_mold_hole_t  hole;

    n = 0;

    for (i = 0; i < NGX_OPENCLAW_MOLD_VALUES; i++) {

        if (ngx_openclaw_mold_find(&hole, i, data, last) != NGX_OK) {
            continue;
        }

        for (j = n; j > 0 && holes[j - 1].start > hole.start; j--) {
            holes[j] = holes[j - 1];
        }

        holes[j] = hole;
        n++;
    }

    /* a name may be in a string, which is then no place for another one */

    for (i = 1; i < n; i++) {
        if (holes[i - 1].end > holes[i].start) {
            return 0;
        }
    }

    return n;
}


/* the first of its name may be another one's: that is found out later */

static ngx_int_t
ngx_openclaw_mold_find(ngx_openclaw_mold_hole_t *hole,
    ngx_openclaw_mold_value_e value, u_char *data, u_char *last)
{
    u_char           *p;
    ngx_uint_t        escaped;
    const ngx_str_t  *name;

    name = &ngx_openclaw_mold_names[value];

    p = memmem(data, last - data, name->data, name->len);
    if (p == NULL) {
        return NGX_DECLINED;
    }

    p += name->len;

    while (p < last && *p == ' ') {
        p++;
    }

    if (value != NGX_OPENCLAW_MOLD_CREATED) {

        if (p == last || *p != '"') {
            return NGX_DECLINED;
        }

        p++;
    }

    hole->value = value;
    hole->start = p;
    hole->end = ngx_openclaw_mold_value(value, p, last, &escaped);

    return hole->end ? NGX_OK : NGX_DECLINED;
}


/* what is around the values, with a digit in their places, or with nothing */

static u_char *
ngx_openclaw_mold_cast(u_char *p, ngx_openclaw_mold_hole_t *holes,
    ngx_uint_t n, u_char *data, u_char *last, ngx_uint_t filled,
    ngx_uint_t try)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        p = ngx_cpymem(p, data, holes[i].start - data);
        data = holes[i].end;

        if (filled) {
            *p++ = (u_char) ('0' + ngx_openclaw_mold_digit(holes[i].value,
                                                           try));
        }
    }

    return ngx_cpymem(p, data, last - data);
}


/*
 * Whether the digits are what cJSON finds for the values whose places they are
 * in, and nothing for the others.
 */

static ngx_uint_t
ngx_openclaw_mold_proves(ngx_openclaw_mold_hole_t *holes, ngx_uint_t n,
    u_char *data, size_t len, ngx_uint_t try)
{
    ngx_uint_t            i, proved;
    ngx_uint_t            digits[NGX_OPENCLAW_MOLD_VALUES];
    ngx_openclaw_event_t  probe;

    ngx_memzero(digits, sizeof(digits));

    for (i = 0; i < n; i++) {
        digits[holes[i].value] = ngx_openclaw_mold_digit(holes[i].value, try);
    }

    proved = ngx_openclaw_event_tree(&probe, data, len) == NGX_OK
             && probe.type != NGX_OPENCLAW_EVENT_ERROR
             && ngx_openclaw_mold_is(&probe.id, digits[NGX_OPENCLAW_MOLD_ID])
             && ngx_openclaw_mold_is(&probe.text,
                                     digits[NGX_OPENCLAW_MOLD_CONTENT])
             && probe.created == (int64_t) digits[NGX_OPENCLAW_MOLD_CREATED];

    ngx_openclaw_event_free(&probe);

    return proved;
}


static ngx_uint_t
ngx_openclaw_mold_is(ngx_str_t *s, ngx_uint_t digit)
{
    if (digit == 0) {
        return s->len == 0;
    }

    return s->len == 1 && s->data[0] == '0' + digit;
}

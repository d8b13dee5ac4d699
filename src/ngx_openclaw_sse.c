
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_sse.h>


#define ngx_openclaw_sse_eol(ch)  ((ch) == LF || (ch) == CR)


static u_char *ngx_openclaw_sse_find_eol(u_char *p, u_char *last);


static const ngx_str_t  ngx_openclaw_sse_bom = ngx_string("\xef\xbb\xbf");
static const ngx_str_t  ngx_openclaw_sse_data = ngx_string("data");
static const ngx_str_t  ngx_openclaw_sse_line = ngx_string("data: ");
static const ngx_str_t  ngx_openclaw_sse_lf = ngx_string("\n");


void
ngx_openclaw_sse_init(ngx_openclaw_sse_t *sse)
{
    ngx_memzero(sse, sizeof(ngx_openclaw_sse_t));
}


ngx_int_t
ngx_openclaw_sse_parse(ngx_openclaw_sse_t *sse, u_char **pos, u_char *last,
    ngx_str_t *piece)
{
    u_char     *p, *start;
    ngx_int_t   rc;
    enum {
        sw_bom = 0,
        sw_line,
        sw_name,
        sw_space,
        sw_value,
        sw_skip,
        sw_eol
    } state;

    rc = NGX_AGAIN;
    state = sse->state;

    for (p = *pos; p < last && rc == NGX_AGAIN; /* void */ ) {

        switch (state) {

        case sw_bom:

            if (*p == ngx_openclaw_sse_bom.data[sse->matched]) {
                p++;

                if (++sse->matched == ngx_openclaw_sse_bom.len) {
                    state = sw_line;
                }

                break;
            }

            /* a part of a BOM begins the name of a field that is not ours */

            state = sse->matched ? sw_skip : sw_line;
            break;

        case sw_line:

            if (sse->cr) {
                sse->cr = 0;

                if (*p == LF) {
                    p++;
                    break;
                }
            }

            sse->matched = 0;

            if (!sse->data && last - p >= (ssize_t) ngx_openclaw_sse_line.len
                && ngx_memcmp(p, ngx_openclaw_sse_line.data,
                              ngx_openclaw_sse_line.len)
                   == 0)
            {
                /* as all events begin, so it is not read byte by byte */

                p += ngx_openclaw_sse_line.len;
                sse->data = 1;
                state = sw_value;
                break;
            }

            if (!ngx_openclaw_sse_eol(*p)) {
                state = sw_name;
                break;
            }

            /*
             * an event must not wait for the LF that may follow its CR, which
             * is taken for one more empty line then
             */

            p++;

            if (sse->data) {
                sse->data = 0;
                rc = NGX_DONE;
            }

            break;

        case sw_name:

            if (sse->matched < ngx_openclaw_sse_data.len) {

                if (*p == ngx_openclaw_sse_data.data[sse->matched]) {
                    sse->matched++;
                    p++;

                } else {
                    state = sw_skip;
                }

                break;
            }

            if (*p == ':') {
                p++;
                state = sw_space;

            } else if (ngx_openclaw_sse_eol(*p)) {
                state = sw_eol;

            } else {
                state = sw_skip;
                break;
            }

            if (sse->data) {
                *piece = ngx_openclaw_sse_lf;
                rc = NGX_OK;
            }

            sse->data = 1;
            break;

        case sw_space:

            if (*p == ' ') {
                p++;
            }

            state = sw_value;
            break;

        case sw_value:

            start = p;
            p = ngx_openclaw_sse_find_eol(p, last);

            if (p < last) {
                state = sw_eol;
            }

            if (p > start) {
                piece->data = start;
                piece->len = p - start;
                rc = NGX_OK;
            }

            break;

        case sw_skip:

            p = ngx_openclaw_sse_find_eol(p, last);

            if (p < last) {
                state = sw_eol;
            }

            break;

        case sw_eol:

            sse->cr = (*p++ == CR);
            state = sw_line;
            break;
        }
    }

    *pos = p;
    sse->state = state;

    return rc;
}


static u_char *
ngx_openclaw_sse_find_eol(u_char *p, u_char *last)
{
    u_char  *lf, *cr;

    lf = memchr(p, LF, last - p);

    if (lf == NULL) {
        lf = last;
    }

    cr = memchr(p, CR, lf - p);

    return cr ? cr : lf;
}

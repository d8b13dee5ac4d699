
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_openclaw_session.h>
#include <ngx_openclaw_stats.h>
#include <ngx_http_openclaw_module.h>
#include <ngx_http_openclaw_conf.h>
#include <ngx_http_openclaw_ws.h>
#include <ngx_http_openclaw_status.h>


#define NGX_HTTP_OPENCLAW_STATUS_BUFFER     16384


typedef void (*ngx_http_openclaw_status_pt)(ngx_http_openclaw_status_t *st);


typedef struct {
    ngx_str_t                          type;
    ngx_http_openclaw_status_pt        print;
} ngx_http_openclaw_status_format_t;


static ngx_int_t ngx_http_openclaw_status_handler(ngx_http_request_t *r);
static ngx_http_openclaw_status_format_t *ngx_http_openclaw_status_format(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_openclaw_status_refuse(ngx_http_request_t *r);
static ngx_int_t ngx_http_openclaw_status_view(ngx_http_request_t *r,
    ngx_http_openclaw_status_t *st);
static ngx_int_t ngx_http_openclaw_status_send(ngx_http_request_t *r,
    ngx_http_openclaw_status_format_t *format,
    ngx_http_openclaw_status_t *st);
static ngx_buf_t *ngx_http_openclaw_status_room(
    ngx_http_openclaw_status_t *st, size_t size);

static void ngx_http_openclaw_status_json(ngx_http_openclaw_status_t *st);
static void ngx_http_openclaw_status_json_worker(
    ngx_http_openclaw_status_t *st, ngx_openclaw_stats_worker_t *worker);
static void ngx_http_openclaw_status_json_metric(
    ngx_http_openclaw_status_t *st, ngx_openclaw_stats_worker_t *worker,
    ngx_openclaw_stats_metric_t *m, const char *before);
static void ngx_http_openclaw_status_json_histogram(
    ngx_http_openclaw_status_t *st, ngx_openclaw_stats_histogram_t *h);

static void ngx_http_openclaw_status_prometheus(
    ngx_http_openclaw_status_t *st);
static void ngx_http_openclaw_status_samples(ngx_http_openclaw_status_t *st,
    ngx_openclaw_stats_worker_t *worker, ngx_openclaw_stats_metric_t *m);
static void ngx_http_openclaw_status_buckets(ngx_http_openclaw_status_t *st,
    ngx_openclaw_stats_worker_t *worker, ngx_openclaw_stats_metric_t *m);


ngx_conf_enum_t  ngx_http_openclaw_status_names[] = {
    { ngx_string("json"), NGX_HTTP_OPENCLAW_STATUS_JSON },
    { ngx_string("prometheus"), NGX_HTTP_OPENCLAW_STATUS_PROMETHEUS },
    { ngx_string("html"), NGX_HTTP_OPENCLAW_STATUS_HTML },
    { ngx_null_string, 0 }
};


/* by NGX_HTTP_OPENCLAW_STATUS_... */

static ngx_http_openclaw_status_format_t
    ngx_http_openclaw_status_formats[] =
{
    { ngx_string("application/json"),
      ngx_http_openclaw_status_json },

    { ngx_string("text/plain; version=0.0.4; charset=utf-8"),
      ngx_http_openclaw_status_prometheus },

    { ngx_string("text/html; charset=utf-8"),
      ngx_http_openclaw_status_page }
};


char *
ngx_http_openclaw_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_openclaw_loc_conf_t *olcf = conf;

    char                      *rv;
    ngx_http_core_loc_conf_t  *clcf;

    if (olcf->status != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    if (olcf->urls) {
        return "can't be in one location with \"openclaw_pass\"";
    }

    if (cf->args->nelts == 1) {
        olcf->status = NGX_HTTP_OPENCLAW_STATUS_JSON;

    } else {
        rv = ngx_http_openclaw_conf_enum(cf, cmd, conf);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_openclaw_status_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_openclaw_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                           rc;
    ngx_http_openclaw_status_t          st;
    ngx_http_openclaw_status_format_t  *format;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    format = ngx_http_openclaw_status_format(r);

    if (format == NULL) {
        return ngx_http_openclaw_status_refuse(r);
    }

    if (ngx_http_openclaw_status_view(r, &st) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    format->print(&st);

    if (st.failed || st.buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_openclaw_status_send(r, format, &st);
}


/* that of the argument, or of the directive; NULL if there is no such one */

static ngx_http_openclaw_status_format_t *
ngx_http_openclaw_status_format(ngx_http_request_t *r)
{
    ngx_str_t                      value;
    ngx_conf_enum_t               *e;
    ngx_http_openclaw_loc_conf_t  *olcf;

    if (ngx_http_arg(r, (u_char *) "format", 6, &value) != NGX_OK) {
        olcf = ngx_http_get_module_loc_conf(r, ngx_http_openclaw_module);

        return &ngx_http_openclaw_status_formats[olcf->status];
    }

    for (e = ngx_http_openclaw_status_names; e->name.len; e++) {

        if (e->name.len == value.len
            && ngx_strncasecmp(e->name.data, value.data, e->name.len) == 0)
        {
            return &ngx_http_openclaw_status_formats[e->value];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_openclaw_status_refuse(ngx_http_request_t *r)
{
    ngx_str_t                 type;
    ngx_http_complex_value_t  cv;

    ngx_str_set(&type, "text/plain");

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    ngx_str_set(&cv.value, "The format is json, prometheus, or html.\n");

    return ngx_http_send_response(r, NGX_HTTP_BAD_REQUEST, &type, &cv);
}


static ngx_int_t
ngx_http_openclaw_status_view(ngx_http_request_t *r,
    ngx_http_openclaw_status_t *st)
{
    ngx_uint_t                      i;
    ngx_openclaw_stats_worker_t    *worker;
    ngx_http_openclaw_main_conf_t  *omcf;

    ngx_memzero(st, sizeof(ngx_http_openclaw_status_t));

    st->pool = r->pool;
    st->last = &st->out;

    omcf = ngx_http_get_module_main_conf(r, ngx_http_openclaw_module);

    /* there is none if nothing is passed anywhere */

    if (omcf->zone == NULL) {
        return NGX_OK;
    }

    if (ngx_openclaw_session_stats(omcf->zone, r->pool, &st->view) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < st->view.nworkers; i++) {
        worker = &st->view.workers[i];

        st->all.processes += worker->processes;

        ngx_openclaw_stats_sum(&st->all.stats, &worker->stats,
                               sizeof(ngx_openclaw_stats_t));
        ngx_openclaw_stats_sum(&st->all.gauges, &worker->gauges,
                               sizeof(ngx_openclaw_stats_gauges_t));
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_openclaw_status_send(ngx_http_request_t *r,
    ngx_http_openclaw_status_format_t *format,
    ngx_http_openclaw_status_t *st)
{
    ngx_int_t         rc;

    static ngx_str_t  cache = ngx_string("no-store");
    static ngx_str_t  sniff = ngx_string("nosniff");

    if (ngx_http_openclaw_ws_header(r, "Cache-Control", &cache) != NGX_OK
        || ngx_http_openclaw_ws_header(r, "X-Content-Type-Options", &sniff)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (format->print == ngx_http_openclaw_status_page
        && ngx_http_openclaw_ws_header(r, "Content-Security-Policy",
                                       &ngx_http_openclaw_status_policy)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = st->len;
    r->headers_out.content_type = format->type;
    r->headers_out.content_type_len = format->type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    st->buf->last_buf = (r == r->main);
    st->buf->last_in_chain = 1;

    return ngx_http_output_filter(r, st->out);
}


void
ngx_http_openclaw_status_print(ngx_http_openclaw_status_t *st,
    const char *fmt, ...)
{
    u_char     *p;
    va_list     args;
    ngx_buf_t  *b;

    b = ngx_http_openclaw_status_room(st, NGX_HTTP_OPENCLAW_STATUS_PRINT);
    if (b == NULL) {
        return;
    }

    va_start(args, fmt);
    p = ngx_vslprintf(b->last, b->last + NGX_HTTP_OPENCLAW_STATUS_PRINT, fmt,
                      args);
    va_end(args);

    st->len += p - b->last;
    b->last = p;
}


void
ngx_http_openclaw_status_text(ngx_http_openclaw_status_t *st, ngx_str_t *text)
{
    ngx_buf_t  *b;

    b = ngx_http_openclaw_status_room(st, text->len);
    if (b == NULL) {
        return;
    }

    b->last = ngx_cpymem(b->last, text->data, text->len);
    st->len += text->len;
}


static ngx_buf_t *
ngx_http_openclaw_status_room(ngx_http_openclaw_status_t *st, size_t size)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    b = st->buf;

    if (st->failed || (b && (size_t) (b->end - b->last) >= size)) {
        return st->failed ? NULL : b;
    }

    b = ngx_create_temp_buf(st->pool,
                            ngx_max(size, NGX_HTTP_OPENCLAW_STATUS_BUFFER));
    cl = ngx_alloc_chain_link(st->pool);

    if (b == NULL || cl == NULL) {
        st->failed = 1;
        return NULL;
    }

    cl->buf = b;
    cl->next = NULL;

    *st->last = cl;
    st->last = &cl->next;
    st->buf = b;

    return b;
}


ngx_atomic_t *
ngx_http_openclaw_status_numbers(ngx_http_openclaw_status_t *st,
    ngx_openclaw_stats_worker_t *worker, ngx_openclaw_stats_metric_t *m)
{
    u_char  *p;

    switch (m->type) {

    case NGX_OPENCLAW_STATS_ZONE:
        p = (u_char *) &st->view.zone;
        break;

    case NGX_OPENCLAW_STATS_GAUGE:
        p = (u_char *) &worker->gauges;
        break;

    default: /* NGX_OPENCLAW_STATS_COUNTER, NGX_OPENCLAW_STATS_HISTOGRAM */
        p = (u_char *) &worker->stats;
        break;
    }

    return (ngx_atomic_t *) (p + m->offset);
}


ngx_atomic_uint_t
ngx_http_openclaw_status_count(ngx_openclaw_stats_histogram_t *histogram)
{
    ngx_uint_t         i;
    ngx_atomic_uint_t  n;

    n = 0;

    for (i = 0; i < NGX_OPENCLAW_STATS_BUCKETS; i++) {
        n += histogram->buckets[i];
    }

    return n;
}


static void
ngx_http_openclaw_status_json(ngx_http_openclaw_status_t *st)
{
    ngx_uint_t                    i;
    const char                   *before;
    ngx_openclaw_stats_metric_t  *m;

    ngx_http_openclaw_status_print(st, "{\n\"zone\": {\n");

    before = "  ";

    for (m = ngx_openclaw_stats_table; m->name.len; m++) {

        if (m->type == NGX_OPENCLAW_STATS_ZONE) {
            ngx_http_openclaw_status_json_metric(st, NULL, m, before);
            before = ",\n  ";
        }
    }

    ngx_http_openclaw_status_print(st, "\n},\n\"total\": {\n");

    ngx_http_openclaw_status_json_worker(st, &st->all);

    ngx_http_openclaw_status_print(st, "\n},\n\"workers\": [");

    for (i = 0; i < st->view.nworkers; i++) {
        ngx_http_openclaw_status_print(st, "%s{\n  \"worker\": %ui,\n",
                                       i ? ", " : "",
                                       st->view.workers[i].number);
        ngx_http_openclaw_status_json_worker(st, &st->view.workers[i]);
        ngx_http_openclaw_status_print(st, "\n}");
    }

    ngx_http_openclaw_status_print(st, "]\n}\n");
}


static void
ngx_http_openclaw_status_json_worker(ngx_http_openclaw_status_t *st,
    ngx_openclaw_stats_worker_t *worker)
{
    ngx_openclaw_stats_metric_t  *m;

    ngx_http_openclaw_status_print(st, "  \"processes\": %ui",
                                   worker->processes);

    for (m = ngx_openclaw_stats_table; m->name.len; m++) {

        if (m->type != NGX_OPENCLAW_STATS_ZONE) {
            ngx_http_openclaw_status_json_metric(st, worker, m, ",\n  ");
        }
    }
}


static void
ngx_http_openclaw_status_json_metric(ngx_http_openclaw_status_t *st,
    ngx_openclaw_stats_worker_t *worker, ngx_openclaw_stats_metric_t *m,
    const char *before)
{
    ngx_str_t     *word;
    ngx_uint_t     i;
    const char    *comma;
    ngx_atomic_t  *numbers;

    numbers = ngx_http_openclaw_status_numbers(st, worker, m);

    ngx_http_openclaw_status_print(st, "%s\"%V\": ", before, &m->name);

    if (m->type == NGX_OPENCLAW_STATS_HISTOGRAM) {
        ngx_http_openclaw_status_json_histogram(st,
                                  (ngx_openclaw_stats_histogram_t *) numbers);
        return;
    }

    if (m->word == NULL) {
        ngx_http_openclaw_status_print(st, "%uA", numbers[0]);
        return;
    }

    comma = "{";

    for (i = 0; i < m->n; i++) {
        word = m->word(i);

        if (word) {
            ngx_http_openclaw_status_print(st, "%s\"%V\": %uA", comma, word,
                                           numbers[i]);
            comma = ", ";
        }
    }

    ngx_http_openclaw_status_print(st, "}");
}


/* the buckets are not cumulative in memory, but are in what is printed */

static void
ngx_http_openclaw_status_json_histogram(ngx_http_openclaw_status_t *st,
    ngx_openclaw_stats_histogram_t *h)
{
    ngx_uint_t         i;
    ngx_atomic_uint_t  n;

    ngx_http_openclaw_status_print(st, "{\"count\": %uA, "
                                   "\"sum\": %uA.%03uA, \"buckets\": {",
                                   ngx_http_openclaw_status_count(h),
                                   h->msec / 1000, h->msec % 1000);
    n = 0;

    for (i = 0; i < NGX_OPENCLAW_STATS_BUCKETS; i++) {
        n += h->buckets[i];

        ngx_http_openclaw_status_print(st, "%s\"%V\": %uA", i ? ", " : "",
                                       &ngx_openclaw_stats_bounds[i].name, n);
    }

    ngx_http_openclaw_status_print(st, "}}");
}


/* totals are left to who sums up: they would be counted twice */

static void
ngx_http_openclaw_status_prometheus(ngx_http_openclaw_status_t *st)
{
    ngx_uint_t                    i;
    ngx_openclaw_stats_metric_t  *m;

    /* by ngx_openclaw_stats_type_e */

    static const char            *types[] = { "counter", "histogram",
                                              "gauge", "gauge" };

    for (m = ngx_openclaw_stats_table; m->name.len; m++) {

        ngx_http_openclaw_status_print(st, "# HELP openclaw_%V %V\n"
                                       "# TYPE openclaw_%V %s\n", &m->name,
                                       &m->help, &m->name, types[m->type]);

        if (m->type == NGX_OPENCLAW_STATS_ZONE) {
            ngx_http_openclaw_status_samples(st, NULL, m);
            continue;
        }

        for (i = 0; i < st->view.nworkers; i++) {

            if (m->type == NGX_OPENCLAW_STATS_HISTOGRAM) {
                ngx_http_openclaw_status_buckets(st, &st->view.workers[i], m);

            } else {
                ngx_http_openclaw_status_samples(st, &st->view.workers[i], m);
            }
        }
    }
}


static void
ngx_http_openclaw_status_samples(ngx_http_openclaw_status_t *st,
    ngx_openclaw_stats_worker_t *worker, ngx_openclaw_stats_metric_t *m)
{
    u_char        *p;
    ngx_str_t     *word, labels;
    ngx_uint_t     i;
    ngx_atomic_t  *numbers;

    u_char  buf[NGX_INT_T_LEN + sizeof("{worker=\"\"")];

    numbers = ngx_http_openclaw_status_numbers(st, worker, m);

    p = buf;

    if (worker) {
        p = ngx_sprintf(p, "{worker=\"%ui\"", worker->number);
    }

    labels.data = buf;
    labels.len = p - buf;

    if (m->word == NULL) {
        ngx_http_openclaw_status_print(st, "openclaw_%V%V%s %uA\n", &m->name,
                                       &labels, worker ? "}" : "",
                                       numbers[0]);
        return;
    }

    for (i = 0; i < m->n; i++) {
        word = m->word(i);

        if (word) {
            ngx_http_openclaw_status_print(st,
                                     "openclaw_%V%V%s%V=\"%V\"} %uA\n",
                                     &m->name, &labels, worker ? "," : "{",
                                     &m->label, word, numbers[i]);
        }
    }
}


static void
ngx_http_openclaw_status_buckets(ngx_http_openclaw_status_t *st,
    ngx_openclaw_stats_worker_t *worker, ngx_openclaw_stats_metric_t *m)
{
    ngx_uint_t                       i;
    ngx_atomic_uint_t                n;
    ngx_openclaw_stats_histogram_t  *h;

    h = (ngx_openclaw_stats_histogram_t *)
                           ngx_http_openclaw_status_numbers(st, worker, m);
    n = 0;

    for (i = 0; i < NGX_OPENCLAW_STATS_BUCKETS; i++) {
        n += h->buckets[i];

        ngx_http_openclaw_status_print(st, "openclaw_%V_bucket{worker=\"%ui\","
                                       "le=\"%V\"} %uA\n",
                                       &m->name, worker->number,
                                       &ngx_openclaw_stats_bounds[i].name, n);
    }

    ngx_http_openclaw_status_print(st,
                                 "openclaw_%V_sum{worker=\"%ui\"} "
                                 "%uA.%03uA\n"
                                 "openclaw_%V_count{worker=\"%ui\"} %uA\n",
                                 &m->name, worker->number, h->msec / 1000,
                                 h->msec % 1000, &m->name, worker->number, n);
}

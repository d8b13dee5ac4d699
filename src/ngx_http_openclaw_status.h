
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * Prints what is counted: as JSON, for Prometheus, and as a page.
 */


#ifndef _NGX_HTTP_OPENCLAW_STATUS_H_INCLUDED_
#define _NGX_HTTP_OPENCLAW_STATUS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_openclaw_stats.h>


/* openclaw_status */

#define NGX_HTTP_OPENCLAW_STATUS_JSON       0
#define NGX_HTTP_OPENCLAW_STATUS_PROMETHEUS 1
#define NGX_HTTP_OPENCLAW_STATUS_HTML       2


typedef struct {
    ngx_pool_t                        *pool;
    ngx_openclaw_stats_view_t          view;
    ngx_openclaw_stats_worker_t        all;         /* the sum */

    ngx_chain_t                       *out;
    ngx_chain_t                      **last;
    ngx_buf_t                         *buf;         /* that is written to */
    off_t                              len;
    ngx_uint_t                         failed;      /* no memory */
} ngx_http_openclaw_status_t;


/* The setter of "openclaw_status", which sets the content handler. */
char *ngx_http_openclaw_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* of the directive, and of the argument "format" */
extern ngx_conf_enum_t  ngx_http_openclaw_status_names[];


/* to print by */

/* at most so many bytes at a time */

#define NGX_HTTP_OPENCLAW_STATUS_PRINT      1024

void ngx_http_openclaw_status_print(ngx_http_openclaw_status_t *st,
    const char *fmt, ...);

/* of any length */
void ngx_http_openclaw_status_text(ngx_http_openclaw_status_t *st,
    ngx_str_t *text);

/* the numbers of a metric: of a worker, or of the zone */
ngx_atomic_t *ngx_http_openclaw_status_numbers(ngx_http_openclaw_status_t *st,
    ngx_openclaw_stats_worker_t *worker, ngx_openclaw_stats_metric_t *metric);

/* how many times were observed */
ngx_atomic_uint_t ngx_http_openclaw_status_count(
    ngx_openclaw_stats_histogram_t *histogram);


/* _page.c */

void ngx_http_openclaw_status_page(ngx_http_openclaw_status_t *st);

extern ngx_str_t  ngx_http_openclaw_status_policy;


#endif /* _NGX_HTTP_OPENCLAW_STATUS_H_INCLUDED_ */


/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * libcurl's multi interface on the event loop of a worker.  A transfer runs
 * like this:
 *
 *   create   gives it an easy handle, for the user to set up
 *   start    hands it to libcurl; nothing is sent before it returns
 *   ...      the user's write callback is called
 *   done     the handler is called once, with libcurl not on the stack; the
 *            handle may still be asked for what it knows.  If it returns
 *            NGX_OK, the transfer's memory is the user's from then on; if it
 *            returns NGX_AGAIN, the handle is kept as it was set up, to be
 *            started again or to be destroyed
 *
 * libcurl may not be called from its own callbacks.  The functions of this
 * header may: what has to wait for libcurl to return is put off.
 *
 * A write callback is to return 0 as soon as the transfer is stopping.
 */


#ifndef _NGX_OPENCLAW_CURL_H_INCLUDED_
#define _NGX_OPENCLAW_CURL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <curl/curl.h>


typedef struct ngx_openclaw_curl_s  ngx_openclaw_curl_t;

typedef ngx_int_t (*ngx_openclaw_curl_pt)(ngx_openclaw_curl_t *transfer,
    CURLcode code);


/* a part of the user's struct, zeroed but for the handler */

struct ngx_openclaw_curl_s {
    CURL                              *easy;
    ngx_openclaw_curl_pt               done;

    unsigned                           stopping:1;
    unsigned                           requested:1;  /* a part of the request
                                                        may have been sent */
    unsigned                           repeated:1;   /* libcurl was kept from
                                                        sending it again */
    unsigned                           starved:1;    /* too few connections */
    unsigned                           leaving:1;    /* the worker is; its
                                                        patience is over */

    /* private */
    unsigned                           started:1;
    unsigned                           kept:1;
    CURLcode                           code;
    ngx_queue_t                        queue;

    /* what libcurl said in the end */
    char                               error[CURL_ERROR_SIZE];
};


/* called in each worker process; NGX_OK or NGX_ERROR */
ngx_int_t ngx_openclaw_curl_init_process(ngx_cycle_t *cycle);

/* ends all transfers, with CURLE_ABORTED_BY_CALLBACK; none is kept */
void ngx_openclaw_curl_exit_process(ngx_cycle_t *cycle);

/*
 * Gives the transfer an easy handle that speaks HTTP/1.1 directly to a
 * server, follows nothing, and never sends a request twice.  NGX_OK or
 * NGX_ERROR.  What is not started is given back by destroy.
 */
ngx_int_t ngx_openclaw_curl_create(ngx_openclaw_curl_t *transfer);
void ngx_openclaw_curl_destroy(ngx_openclaw_curl_t *transfer);

/* NGX_OK, or NGX_ERROR with the transfer still to be destroyed */
ngx_int_t ngx_openclaw_curl_start(ngx_openclaw_curl_t *transfer);

/*
 * Goes on after the write callback has returned CURL_WRITEFUNC_PAUSE.  Calls
 * that callback, and maybe the handler, before it returns.
 */
void ngx_openclaw_curl_resume(ngx_openclaw_curl_t *transfer);

/*
 * Ends the transfer with CURLE_ABORTED_BY_CALLBACK and closes its connection.
 * The handler is called before this returns, or soon.
 */
void ngx_openclaw_curl_stop(ngx_openclaw_curl_t *transfer);

/*
 * The parts of a URL that ends with a NUL, kept for CURLOPT_CURLU, which goes
 * together with CURLOPT_URL.  Returns NULL if they are not: then the latter
 * will do.
 */
CURLU *ngx_openclaw_curl_url(ngx_str_t *url);


#endif /* _NGX_OPENCLAW_CURL_H_INCLUDED_ */

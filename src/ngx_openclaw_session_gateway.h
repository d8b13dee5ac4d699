
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * Which of several gateways a session's turns go to: by rendezvous hashing
 * its key has an order of preference over them, which depends on their names
 * only, so that it is the same in all workers, after each reload, and on
 * other machines, but for those of another byte order; a gateway that is added
 * or taken away moves no session but its own.
 *
 * A gateway that could not be connected to max_fails times within
 * fail_timeout is down for that time, and then until it could be: it is the
 * last choice, but for one try each fail_timeout.  That is kept in the zone,
 * for all that name it.
 */


#ifndef _NGX_OPENCLAW_SESSION_GATEWAY_H_INCLUDED_
#define _NGX_OPENCLAW_SESSION_GATEWAY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_OPENCLAW_MAX_GATEWAYS           64


/* all strings are NUL-terminated, len without the NUL */

typedef struct {
    ngx_str_t                          name;        /* http://host:port or
                                                       unix:path */
    uint32_t                           hash;        /* of the name, by
                                                       ngx_murmur_hash2() */

    ngx_str_t                          url;         /* http[s]://host/path */
    ngx_str_t                          connect_to;  /* "::127.0.0.1:18789" */
    ngx_str_t                          unix_path;   /* or empty */
    ngx_str_t                          host;        /* "Host: name" if that is
                                                       not the one in url */
} ngx_openclaw_gateway_t;


typedef struct {
    ngx_openclaw_gateway_t            *elts;
    ngx_uint_t                         nelts;       /* 1 to MAX_GATEWAYS */
    ngx_uint_t                         max_fails;   /* 0: none is ever down */
    time_t                             fail_timeout;
} ngx_openclaw_gateways_t;


/*
 * The gateway to be tried now for the session whose key has that hash, of the
 * same function, or NULL when all have been.  tried has bits of those that
 * were, 0 at first, and is updated.  *down is set if it is to be reported when
 * the gateway works.
 */
ngx_openclaw_gateway_t *ngx_openclaw_gateway_pick(
    ngx_openclaw_gateways_t *gateways, uint32_t hash, uint64_t *tried,
    ngx_uint_t *down);

/* it could be connected to, or not; log is told when it goes up or down */
void ngx_openclaw_gateway_works(ngx_openclaw_gateway_t *gateway,
    ngx_log_t *log);
void ngx_openclaw_gateway_fails(ngx_openclaw_gateways_t *gateways,
    ngx_openclaw_gateway_t *gateway, ngx_log_t *log);


#endif /* _NGX_OPENCLAW_SESSION_GATEWAY_H_INCLUDED_ */


/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * The configuration, as the rest of the floor reads it.
 */


#ifndef _NGX_HTTP_OPENCLAW_MODULE_H_INCLUDED_
#define _NGX_HTTP_OPENCLAW_MODULE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_openclaw_agent.h>
#include <ngx_openclaw_session.h>
#include <ngx_http_openclaw_ws.h>


/* openclaw_stream */

#define NGX_HTTP_OPENCLAW_STREAM_DELTA      0
#define NGX_HTTP_OPENCLAW_STREAM_SNAPSHOT   1
#define NGX_HTTP_OPENCLAW_STREAM_OFF        2


typedef struct {
    ngx_openclaw_zone_t               *zone;
    ngx_flag_t                         used;     /* some openclaw_pass is */
} ngx_http_openclaw_main_conf_t;


/* openclaw_set_header, and what is sent without one */

typedef struct {
    ngx_str_t                          name;
    ngx_http_complex_value_t           value;
} ngx_http_openclaw_header_t;


/* one that a directive names, and where it does */

typedef struct {
    ngx_str_t                          name;        /* the first member */
    u_char                            *file;
    ngx_uint_t                         line;
} ngx_http_openclaw_file_t;


/* openclaw_message_rate */

typedef struct {
    ngx_uint_t                         rate;        /* messages in a thousand
                                                       seconds */
    ngx_uint_t                         burst;       /* in thousandths of a
                                                       message */
    ngx_uint_t                         dry_run;
} ngx_http_openclaw_rate_t;


/* openclaw_pass or openclaw_auth, in parts */

typedef struct {
    ngx_str_t                          name;        /* http://host:port */
    ngx_str_t                          host;        /* with the port */
    ngx_str_t                          port;        /* ":8443" or empty */
    ngx_str_t                          uri;
    ngx_str_t                          connect_to;
    ngx_str_t                          unix_path;   /* with a NUL */
    unsigned                           ssl:1;

    u_char                            *file;        /* where it was set */
    ngx_uint_t                         line;
} ngx_http_openclaw_url_t;


typedef struct {
    ngx_http_openclaw_ws_conf_t        ws;
    ngx_openclaw_agent_conf_t          agent;
    ngx_array_t                       *urls;        /* of ngx_http_openclaw_
                                                       url_t; NULL: not here */
    ngx_str_t                          token;
    ngx_str_t                          token_file;
    ngx_array_t                       *headers;     /* of ngx_http_openclaw_
                                                       header_t */
    ngx_array_t                       *lines;       /* of them, of ngx_str_t,
                                                       NUL-terminated; NULL:
                                                       it depends on the
                                                       request */
    ngx_http_complex_value_t          *agent_id;    /* NULL: "main" */
    ngx_http_complex_value_t          *sender_id;
    ngx_http_complex_value_t          *sender_name;

    ngx_openclaw_agent_conf_t          auth;        /* the service */
    ngx_http_openclaw_url_t           *auth_url;    /* NULL: off */
    ngx_str_t                          auth_arg;    /* the argument that has
                                                       the token, or empty */
    ngx_http_complex_value_t          *auth_token;
    ngx_msec_t                         auth_timeout;
    ngx_flag_t                         auth_required;

    ngx_array_t                       *origins;     /* of ngx_str_t;
                                                       NULL: same */
    ngx_str_t                          greeting;
    ngx_str_t                          ssl_name;
    ngx_http_openclaw_file_t           ssl_trusted_certificate;
    ngx_http_openclaw_file_t           ssl_crl;
    ngx_http_openclaw_file_t           ssl_certificate;
    ngx_http_openclaw_file_t           ssl_certificate_key;

    ngx_uint_t                         status;      /* the format */

    ngx_uint_t                         stream;
    ngx_int_t                          queue;
    ngx_http_openclaw_rate_t          *message_rate;   /* NULL: off */
    ngx_int_t                          connections;    /* 0: any number */
    ngx_int_t                          turns;          /* 0: any number */
    ngx_uint_t                         answers;     /* 0: off */
    size_t                             answer_size;
    ngx_msec_t                         detach;
} ngx_http_openclaw_loc_conf_t;


extern ngx_module_t  ngx_http_openclaw_module;


#endif /* _NGX_HTTP_OPENCLAW_MODULE_H_INCLUDED_ */

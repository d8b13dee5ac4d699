
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * What requests are sent to, the agent and the auth service, made of the
 * directives that say where they are and of TLS to them.
 */


#ifndef _NGX_HTTP_OPENCLAW_TARGET_H_INCLUDED_
#define _NGX_HTTP_OPENCLAW_TARGET_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http_openclaw_module.h>


/* inherits openclaw_ssl_* from the level above */
void ngx_http_openclaw_target_merge_ssl(ngx_http_openclaw_loc_conf_t *prev,
    ngx_http_openclaw_loc_conf_t *conf);

/*
 * Sets up conf->agent and conf->auth when all directives are merged, for a
 * location with an openclaw_pass of its own.  NGX_CONF_OK or NGX_CONF_ERROR
 * (logged).
 */
char *ngx_http_openclaw_target_init(ngx_conf_t *cf,
    ngx_http_openclaw_loc_conf_t *conf);

/*
 * Adds to conf->headers what is sent without openclaw_set_header, and sets
 * conf->lines.  NGX_CONF_OK or NGX_CONF_ERROR (no memory).
 */
char *ngx_http_openclaw_target_headers(ngx_conf_t *cf,
    ngx_http_openclaw_loc_conf_t *conf);

/*
 * Adds a line "name: value" to an array of ngx_str_t, NUL-terminated, unless
 * the value is empty.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_openclaw_target_line(ngx_pool_t *pool, ngx_array_t *lines,
    ngx_str_t *name, ngx_str_t *value);


#endif /* _NGX_HTTP_OPENCLAW_TARGET_H_INCLUDED_ */

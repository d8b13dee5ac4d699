
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * Setters of directives that the stock ones can't serve.  What they refuse
 * they log, with what would be right.
 */


#ifndef _NGX_HTTP_OPENCLAW_CONF_H_INCLUDED_
#define _NGX_HTTP_OPENCLAW_CONF_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* of the zone if "inactive" is not set, in seconds */

#define NGX_HTTP_OPENCLAW_INACTIVE          86400


char *ngx_http_openclaw_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openclaw_conf_pass(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openclaw_conf_auth(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openclaw_conf_auth_token(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openclaw_conf_set_header(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openclaw_conf_allow_origin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openclaw_conf_answers(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

char *ngx_http_openclaw_conf_agent(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* the stock setters, but that they say what is expected */

char *ngx_http_openclaw_conf_msec(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openclaw_conf_size(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openclaw_conf_num(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openclaw_conf_enum(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_openclaw_conf_bitmask(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* post handlers */

char *ngx_http_openclaw_conf_token(ngx_conf_t *cf, void *post, void *data);
char *ngx_http_openclaw_conf_token_file(ngx_conf_t *cf, void *post,
    void *data);
/* of an ngx_http_openclaw_file_t */
char *ngx_http_openclaw_conf_file(ngx_conf_t *cf, void *post, void *data);
char *ngx_http_openclaw_conf_text(ngx_conf_t *cf, void *post, void *data);
char *ngx_http_openclaw_conf_positive_size(ngx_conf_t *cf, void *post,
    void *data);
char *ngx_http_openclaw_conf_positive_time(ngx_conf_t *cf, void *post,
    void *data);

/* whether an agent can have that id, which is still to be lower-cased */
ngx_uint_t ngx_http_openclaw_conf_is_agent(ngx_str_t *id);

/*
 * Reads a small file while the privileges of the master process are there.
 * content is NUL-terminated; name is relative to the configuration.
 *
 * NGX_OK or NGX_ERROR (logged)
 */
ngx_int_t ngx_http_openclaw_conf_read_file(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *content);


#endif /* _NGX_HTTP_OPENCLAW_CONF_H_INCLUDED_ */

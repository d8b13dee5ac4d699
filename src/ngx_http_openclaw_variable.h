
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * Variables about a client connection, for the access log.
 */


#ifndef _NGX_HTTP_OPENCLAW_VARIABLE_H_INCLUDED_
#define _NGX_HTTP_OPENCLAW_VARIABLE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* a preconfiguration handler; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_openclaw_variable_add(ngx_conf_t *cf);


#endif /* _NGX_HTTP_OPENCLAW_VARIABLE_H_INCLUDED_ */

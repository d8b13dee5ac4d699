
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#ifndef _NGX_OPENCLAW_CURL_INTERNAL_H_INCLUDED_
#define _NGX_OPENCLAW_CURL_INTERNAL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <curl/curl.h>


/*
 * curl_global_init(), with memory that is wiped when it is given back.  If
 * another module has set up libcurl in this process, its memory is used.
 * Returns CURLE_OK or an error.
 */
CURLcode ngx_openclaw_curl_global_init(void);

/* forgets what ngx_openclaw_curl_url() has kept */
void ngx_openclaw_curl_free_urls(void);


#endif /* _NGX_OPENCLAW_CURL_INTERNAL_H_INCLUDED_ */

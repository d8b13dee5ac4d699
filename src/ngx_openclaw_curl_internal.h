
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#ifndef _NGX_OPENCLAW_CURL_INTERNAL_H_INCLUDED_
#define _NGX_OPENCLAW_CURL_INTERNAL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_curl.h>


/*
 * curl_global_init(), with memory that is wiped when it is given back.  If
 * another module has set up libcurl in this process, its memory is used.
 * Returns CURLE_OK or an error.
 */
CURLcode ngx_openclaw_curl_global_init(void);

/*
 * Sets up an easy handle, a new or a reset one, for a transfer: HTTP/1.1, no
 * proxy, no redirects, and never a second request.  Returns CURLE_OK or an
 * error; the handle is to be cleaned up then.
 */
CURLcode ngx_openclaw_curl_set(CURL *easy, ngx_openclaw_curl_t *transfer);

/* forgets what ngx_openclaw_curl_url() has kept */
void ngx_openclaw_curl_free_urls(void);


#endif /* _NGX_OPENCLAW_CURL_INTERNAL_H_INCLUDED_ */

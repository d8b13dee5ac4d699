
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * How the files of json read JSON.  To them only.
 */


#ifndef _NGX_OPENCLAW_JSON_INTERNAL_H_INCLUDED_
#define _NGX_OPENCLAW_JSON_INTERNAL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include <cjson/cJSON.h>


/*
 * Reads one JSON value that nothing follows, after making it fit for strings
 * that end with a NUL; *found is as of ngx_openclaw_json_scan().
 *
 * NGX_OK        *root is the value
 * NGX_DECLINED  the data is not JSON
 * NGX_ABORT     something of the mask bounds was found, nothing was read
 * NGX_ERROR     no memory
 */
ngx_int_t ngx_openclaw_json_read(u_char *data, size_t len, ngx_uint_t bounds,
    ngx_uint_t *found, cJSON **root);

/* the last member of that name, which is the one in JavaScript; or NULL */
const cJSON *ngx_openclaw_json_member(const cJSON *object, const char *name);


#endif /* _NGX_OPENCLAW_JSON_INTERNAL_H_INCLUDED_ */


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
#include <ngx_openclaw_json.h>

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

/* what a string item holds; an empty one has data NULL */
void ngx_openclaw_json_string(const cJSON *item, ngx_str_t *s);


/* Has cJSON read an event.  Returns as ngx_openclaw_event_parse(). */
ngx_int_t ngx_openclaw_event_tree(ngx_openclaw_event_t *e, u_char *data,
    size_t len);

/*
 * Reads an event that one of the molds is of.
 *
 * NGX_OK        e is filled in, its strings are in the data
 * NGX_DECLINED  there is none, and nothing is changed
 */
ngx_int_t ngx_openclaw_event_again(ngx_openclaw_event_t *e,
    ngx_openclaw_molds_t *molds, u_char *data, size_t len);

/* Makes a mold, if it can, of an event that cJSON has read without an error. */
void ngx_openclaw_event_learn(ngx_openclaw_molds_t *molds, u_char *data,
    size_t len);


/* the first byte that can't be within quotes as it is, or last */
u_char *ngx_openclaw_json_run(u_char *p, u_char *last);


#endif /* _NGX_OPENCLAW_JSON_INTERNAL_H_INCLUDED_ */


/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * The text that the agent is told, as it grows, and what keeps a sender from
 * forging it.  To json_body only.
 */


#ifndef _NGX_OPENCLAW_JSON_BODY_H_INCLUDED_
#define _NGX_OPENCLAW_JSON_BODY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* U+27E6, U+27E7 */

#define NGX_OPENCLAW_BODY_MARKER                                              \
    "\xe2\x9f\xa6" "openclaw:ctx" "\xe2\x9f\xa7"

#define NGX_OPENCLAW_BODY_MARKER_LEN                                          \
    (sizeof(NGX_OPENCLAW_BODY_MARKER) - 1)


/* grows; once there is no memory, nothing more is added */

typedef struct {
    u_char                            *start;
    size_t                             len;
    size_t                             size;
    ngx_uint_t                         failed;
} ngx_openclaw_body_text_t;


#define ngx_openclaw_body_const(t, s)                                         \
    ngx_openclaw_body_add(t, s, sizeof(s) - 1)

void ngx_openclaw_body_add(ngx_openclaw_body_text_t *t, const void *data,
    size_t len);

/* adds the part of a string's JSON between the quotes */
void ngx_openclaw_body_escaped(ngx_openclaw_body_text_t *t, ngx_str_t *s);

/*
 * Adds what has to stay on one line, with a space for each thing that could
 * end the line, and for the unwanted character; without markers.
 */
void ngx_openclaw_body_line(ngx_openclaw_body_text_t *t, ngx_str_t *s,
    u_char unwanted);

/*
 * These change the text from there on.  strip takes the markers out; cut cuts
 * the long strings of JSON, where an escape is one character; fences puts a
 * break into each "```", which would end a block; indent indents each line
 * but the first.
 */
void ngx_openclaw_body_strip(ngx_openclaw_body_text_t *t, size_t from);
void ngx_openclaw_body_cut(ngx_openclaw_body_text_t *t, size_t from);
void ngx_openclaw_body_fences(ngx_openclaw_body_text_t *t, size_t from);
void ngx_openclaw_body_indent(ngx_openclaw_body_text_t *t, size_t from);


#endif /* _NGX_OPENCLAW_JSON_BODY_H_INCLUDED_ */


/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * text/event-stream bytes to events, as the WHATWG HTML standard, section
 * 9.2.6, reads them.  Only the data of events matters here: "event", "id",
 * "retry" and comments are skipped.
 *
 * Nothing here allocates: data is handed out in pieces that point into the
 * input, and the caller puts together what came in more than one.
 */


#ifndef _NGX_OPENCLAW_SSE_H_INCLUDED_
#define _NGX_OPENCLAW_SSE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct {
    /* private */
    unsigned                           state:4;
    unsigned                           data:1;     /* the event has data */
    unsigned                           cr:1;       /* after a CR */
    unsigned                           matched:3;  /* of "data" or the BOM */
} ngx_openclaw_sse_t;


void ngx_openclaw_sse_init(ngx_openclaw_sse_t *sse);

/*
 * Takes bytes from *pos on and moves *pos behind what it took.
 *
 * NGX_OK     *piece is the next piece of the event's data, not empty; lines
 *            are joined by a piece "\n"
 * NGX_DONE   the event is complete: what came since the last NGX_DONE is its
 *            data, maybe none (an event without a "data" line is not one)
 * NGX_AGAIN  the input is used up
 */
ngx_int_t ngx_openclaw_sse_parse(ngx_openclaw_sse_t *sse, u_char **pos,
    u_char *last, ngx_str_t *piece);


#endif /* _NGX_OPENCLAW_SSE_H_INCLUDED_ */

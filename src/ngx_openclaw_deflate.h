
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * permessage-deflate, RFC 7692: what a client offers is judged and answered,
 * its messages are inflated, those to it are deflated.
 *
 * Nothing here logs or does I/O, and the caller owns all buffers.  What zlib
 * needs is allocated by malloc() when a message begins, and one of each size
 * is kept for the next message of whatever connection: what is idle costs
 * nothing.  The results do not depend on how the input was split.
 */


#ifndef _NGX_OPENCLAW_DEFLATE_H_INCLUDED_
#define _NGX_OPENCLAW_DEFLATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* what is agreed to */

#define NGX_OPENCLAW_DEFLATE_OFF              0
#define NGX_OPENCLAW_DEFLATE_ON               1     /* each message alone */
#define NGX_OPENCLAW_DEFLATE_TAKEOVER         2

/* the longest answer to an offer */

#define NGX_OPENCLAW_DEFLATE_MAX_RESPONSE                                     \
    (sizeof("permessage-deflate"                                              \
            "; server_no_context_takeover; client_no_context_takeover"        \
            "; server_max_window_bits=15; client_max_window_bits=15") - 1)

/* the least room for output that ngx_openclaw_deflate() can be given */

#define NGX_OPENCLAW_DEFLATE_MIN_ROOM         16


/* RFC 7692, 7.1.  Extension Parameters */

typedef struct {
    unsigned                           accepted:1;
    unsigned                           server_no_context_takeover:1;
    unsigned                           client_no_context_takeover:1;
    unsigned                           server_max_window_bits:4;
    unsigned                           client_max_window_bits:4;
                                                 /* 0: not to be told */
} ngx_openclaw_deflate_params_t;


/* from where to where; both are moved over what was done */

typedef struct {
    u_char                            *pos;
    u_char                            *last;
    u_char                            *out;
    u_char                            *end;
} ngx_openclaw_deflate_io_t;


typedef struct {
    /* set when ngx_openclaw_inflate() returned NGX_ERROR */
    ngx_uint_t                         code;     /* close code */
    const char                        *error;    /* "what client sent" */

    /* private */
    void                              *stream;
    size_t                             rest;     /* of the limit */
    uint32_t                           utf8;
    unsigned                           text:1;
    unsigned                           clean:1;  /* between two blocks, and
                                                    at a byte's border */
    unsigned                           ending:1;
    unsigned                           tail:3;   /* bytes of it to be taken */
} ngx_openclaw_inflate_t;


typedef struct {
    /* private */
    void                              *stream;
    ngx_uint_t                         bits;
    ngx_uint_t                         nheld;
    u_char                             held[4];
} ngx_openclaw_deflate_t;


/*
 * Reads one Sec-WebSocket-Extensions header of a handshake (RFC 6455, 9.1.)
 * and accepts the first offer that can be honored, unless params tell that
 * one of a header before has been.  params are zeroed in the beginning; mode
 * is ON or TAKEOVER.
 *
 * NGX_OK     params->accepted tells whether there was one
 * NGX_ERROR  the header is malformed
 */
ngx_int_t ngx_openclaw_deflate_offers(ngx_openclaw_deflate_params_t *params,
    ngx_str_t *value, ngx_uint_t mode);

/*
 * Writes the answer to an accepted offer at p, which has room for
 * NGX_OPENCLAW_DEFLATE_MAX_RESPONSE bytes; returns the end of it.
 */
u_char *ngx_openclaw_deflate_response(u_char *p,
    ngx_openclaw_deflate_params_t *params);


/* Returns NULL if there is no memory. */
ngx_openclaw_inflate_t *ngx_openclaw_inflate_create(void);
void ngx_openclaw_inflate_free(ngx_openclaw_inflate_t *z);

/*
 * To be called before each message.  It may have up to max bytes when it is
 * inflated, and has to be UTF-8 if it is text.
 */
void ngx_openclaw_inflate_start(ngx_openclaw_inflate_t *z, size_t max,
    ngx_uint_t text);

/*
 * Inflates what came of a message; fin tells that the message ends there.
 *
 * NGX_OK     all has been taken
 * NGX_AGAIN  the room for output is used up, there may be more
 * NGX_ERROR  it is no message, or a too big one: z->code and z->error tell.
 *            Not a byte beyond max is inflated to the output
 * NGX_ABORT  there is no memory
 */
ngx_int_t ngx_openclaw_inflate(ngx_openclaw_inflate_t *z,
    ngx_openclaw_deflate_io_t *io, ngx_uint_t fin);


/*
 * Returns the bits of the window that a message of len bytes to the client
 * should be deflated with; 0 if it is too small to be.
 */
ngx_uint_t ngx_openclaw_deflate_bits(ngx_openclaw_deflate_params_t *params,
    size_t len);

/* bits is 9 to 15.  Returns NULL if there is no memory. */
ngx_openclaw_deflate_t *ngx_openclaw_deflate_create(ngx_uint_t bits);
void ngx_openclaw_deflate_free(ngx_openclaw_deflate_t *z);

/* Frees the streams that are kept for the next one: the process ends. */
void ngx_openclaw_deflate_exit(void);

/*
 * Deflates a message; fin tells that the message ends at io->last.  The room
 * for output is at least NGX_OPENCLAW_DEFLATE_MIN_ROOM bytes.
 *
 * NGX_OK     all has been taken, and with fin the message is complete
 * NGX_AGAIN  the room for output is used up
 * NGX_ERROR  zlib has failed
 */
ngx_int_t ngx_openclaw_deflate(ngx_openclaw_deflate_t *z,
    ngx_openclaw_deflate_io_t *io, ngx_uint_t fin);


#endif /* _NGX_OPENCLAW_DEFLATE_H_INCLUDED_ */

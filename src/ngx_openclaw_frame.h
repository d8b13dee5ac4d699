
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * WebSocket frames, RFC 6455: what a client sent becomes pieces of messages
 * and whole control frames; what goes to it becomes frame headers.
 *
 * Nothing here allocates, logs or does I/O.  The caller owns the input
 * buffer; the parser unmasks in place and hands out pointers into it.  The
 * results do not depend on how the input was split.
 */


#ifndef _NGX_OPENCLAW_FRAME_H_INCLUDED_
#define _NGX_OPENCLAW_FRAME_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* RFC 6455, 5.2.  Base Framing Protocol */

#define NGX_OPENCLAW_FRAME_CONTINUATION     0x0
#define NGX_OPENCLAW_FRAME_TEXT             0x1
#define NGX_OPENCLAW_FRAME_BINARY           0x2
#define NGX_OPENCLAW_FRAME_CLOSE            0x8
#define NGX_OPENCLAW_FRAME_PING             0x9
#define NGX_OPENCLAW_FRAME_PONG             0xa

#define NGX_OPENCLAW_FRAME_FIN              0x80
#define NGX_OPENCLAW_FRAME_RSV1             0x40

/* RFC 6455, 5.5.  Control Frames: "a payload length of 125 bytes or less" */

#define NGX_OPENCLAW_FRAME_MAX_CONTROL      125

/*
 * A message has at most so many fragments, and one more for each so many bytes
 * of it.
 */

#define NGX_OPENCLAW_FRAME_MAX_FRAGMENTS    16384
#define NGX_OPENCLAW_FRAME_MIN_FRAGMENT     16

/* the longest header of a frame that a server sends */

#define NGX_OPENCLAW_FRAME_MAX_HEADER       10


/* RFC 6455, 7.4.1.  Defined Status Codes, and those of our own */

#define NGX_OPENCLAW_CLOSE_NORMAL           1000
#define NGX_OPENCLAW_CLOSE_GOING_AWAY       1001
#define NGX_OPENCLAW_CLOSE_PROTOCOL_ERROR   1002
#define NGX_OPENCLAW_CLOSE_NO_STATUS        1005
#define NGX_OPENCLAW_CLOSE_ABNORMAL         1006
#define NGX_OPENCLAW_CLOSE_BAD_DATA         1007
#define NGX_OPENCLAW_CLOSE_POLICY           1008
#define NGX_OPENCLAW_CLOSE_TOO_BIG          1009
#define NGX_OPENCLAW_CLOSE_INTERNAL_ERROR   1011
#define NGX_OPENCLAW_CLOSE_RESTART          1012
#define NGX_OPENCLAW_CLOSE_TRY_LATER        1013
#define NGX_OPENCLAW_CLOSE_AUTH             4401


/* a piece of a message or a whole control frame */

typedef struct {
    ngx_uint_t                         opcode;   /* never CONTINUATION */
    u_char                            *data;     /* unmasked payload */
    size_t                             len;
    uint64_t                           rest;     /* payload bytes that this
                                                    frame still has to come */
    ngx_uint_t                         code;     /* of CLOSE, else 0 */

    unsigned                           first:1;  /* of its message */
    unsigned                           last:1;   /* of its message */
    unsigned                           compressed:1;
                                                 /* RFC 7692: RSV1 was set */
} ngx_openclaw_frame_t;


typedef struct {
    /* set by ngx_openclaw_frame_init(), may be changed afterwards */
    size_t                             max_message;
    uint32_t                           max_fragments; /* of no bytes; 0: any
                                                         number */
    unsigned                           deflate:1;     /* RSV1 is allowed */

    /* set when ngx_openclaw_frame_parse() returned NGX_ERROR */
    ngx_uint_t                         code;          /* close code */
    const char                        *error;         /* "what client sent" */

    /* private */
    unsigned                           state:4;
    unsigned                           fin:1;
    unsigned                           compressed:1;
    unsigned                           started:1;
    unsigned                           opcode:4;
    unsigned                           message_opcode:4;
    unsigned                           extra:4;
    unsigned                           ncontrol:7;
    uint32_t                           utf8;
    uint32_t                           fragments;
    uint64_t                           rest;
    uint64_t                           total;
    u_char                             mask[4];
    u_char                            *control;       /* payload that comes in
                                                         parts; from malloc()
                                                         */
} ngx_openclaw_frame_parser_t;


/*
 * Prepares the parser.  max_message limits the payload of a message, in
 * bytes, over all of its fragments.  A compressed one may be a bit longer, as
 * what can't be compressed is, and may be too big nevertheless when it is
 * inflated.
 */
void ngx_openclaw_frame_init(ngx_openclaw_frame_parser_t *p,
    size_t max_message);

/* Frees what the parser has; it must not be called again. */
void ngx_openclaw_frame_free(ngx_openclaw_frame_parser_t *p);

/*
 * Takes bytes of the client from *pos on and moves *pos behind what it took.
 *
 * NGX_OK     f holds a piece of a text or binary message (a message of length
 *            zero gives one empty piece), or a whole control frame; f->data
 *            is valid until the input is reused or the parser is called again
 * NGX_AGAIN  the input is used up
 * NGX_ERROR  the client broke RFC 6455, exceeded max_message, or sent too many
 *            fragments, or there is no memory: p->code and p->error tell; the
 *            limits are judged by the header, before any of the payload is
 *            taken.  The error is sticky
 *
 * The payload of text messages is checked to be UTF-8 over the borders of
 * fragments and fails at the first impossible byte (RFC 6455, 8.1), except
 * for compressed ones, which the caller checks when they are inflated.
 */
ngx_int_t ngx_openclaw_frame_parse(ngx_openclaw_frame_parser_t *p,
    u_char **pos, u_char *last, ngx_openclaw_frame_t *f);


/* whether a frame or a message has begun that is not there as a whole */
#define ngx_openclaw_frame_partial(p)                                         \
    ((p)->state != 0                                                          \
     || (p)->message_opcode != NGX_OPENCLAW_FRAME_CONTINUATION)


/*
 * Checks that data continues UTF-8 text (RFC 3629).  *state is 0 in the
 * beginning and carries what a character lacks to the next call.
 *
 * NGX_OK     the text may end here
 * NGX_AGAIN  the text so far is fine, but ends within a character
 * NGX_ERROR  the text is not UTF-8, whatever follows
 */
ngx_int_t ngx_openclaw_utf8_check(uint32_t *state, u_char *data, size_t len);

/* Unmasks in place (RFC 6455, 5.3); offset is that of data in the payload. */
void ngx_openclaw_frame_unmask(u_char *data, size_t len, u_char *mask,
    uint64_t offset);


/* Returns the length of the header of an unmasked frame with len bytes. */
size_t ngx_openclaw_frame_header_size(size_t len);

/*
 * Writes the header of a final, unmasked frame at p, which has room for
 * ngx_openclaw_frame_header_size(len) bytes; returns the end of it.  The
 * opcode may have RSV1 with it; of a frame that is not final, the caller
 * takes FIN out of the first byte.
 */
u_char *ngx_openclaw_frame_header(u_char *p, ngx_uint_t opcode, size_t len);

/*
 * Writes the payload of a Close frame at p, which has room for
 * NGX_OPENCLAW_FRAME_MAX_CONTROL bytes; returns the end of it.  The reason is
 * cut to fit, at a character's border.  1005 gives no payload.
 */
u_char *ngx_openclaw_frame_close(u_char *p, ngx_uint_t code,
    ngx_str_t *reason);


#endif /* _NGX_OPENCLAW_FRAME_H_INCLUDED_ */


/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * One WebSocket connection (RFC 6455): handshake, reading and writing, pings,
 * limits and closing.  It knows nothing of chat: its user is a set of
 * handlers.
 */


#ifndef _NGX_HTTP_OPENCLAW_WS_H_INCLUDED_
#define _NGX_HTTP_OPENCLAW_WS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_openclaw_frame.h>
#include <ngx_openclaw_deflate.h>


/* RFC 9110, 15.5.22.  426 Upgrade Required */

#define NGX_HTTP_OPENCLAW_UPGRADE_REQUIRED  426


typedef struct ngx_http_openclaw_ws_s  ngx_http_openclaw_ws_t;


typedef struct {
    size_t                             max_message_size;
    ngx_msec_t                         message_timeout;
    ngx_uint_t                         max_fragments;   /* of a message, see
                                                           ngx_openclaw_
                                                           frame.h */
    ngx_uint_t                         max_vain;        /* frames ahead of the
                                                           rate at which they
                                                           may come to nothing;
                                                           0: any number */
    size_t                             send_buffer;
    ngx_msec_t                         send_timeout;
    ngx_msec_t                         ping_interval;   /* 0: no pings */
    ngx_msec_t                         ping_timeout;
    ngx_uint_t                         deflate;         /* off, on, takeover:
                                                           NGX_OPENCLAW_
                                                           DEFLATE_... */
    ngx_uint_t                         log_level;       /* of what a client
                                                           did wrong */
    ngx_flag_t                         lean;            /* the request is freed
                                                           after the handshake
                                                           */
    ngx_http_core_loc_conf_t          *core;            /* of the location */
} ngx_http_openclaw_ws_conf_t;


typedef struct {
    /*
     * A whole message; opcode is TEXT (the payload is valid UTF-8) or BINARY.
     * payload is valid and may be modified during the call.
     */
    void                             (*message)(ngx_http_openclaw_ws_t *ws,
                                          ngx_uint_t opcode,
                                          ngx_str_t *payload);

    /* ngx_http_openclaw_ws_full() was true and no longer is */
    void                             (*writable)(ngx_http_openclaw_ws_t *ws);

    /*
     * worker_shutdown_timeout has passed: the connection is closed with 1012
     * behind what the handler appends.  May be NULL.
     */
    void                             (*expire)(ngx_http_openclaw_ws_t *ws);

    /*
     * The connection is no more: the last call for it, exactly one.  ws and
     * its pool may be gone when it returns; only variables, for the access
     * log, may still read ws->code and the counters.
     */
    void                             (*close)(ngx_http_openclaw_ws_t *ws);
} ngx_http_openclaw_ws_handlers_t;


typedef struct ngx_http_openclaw_ws_out_s  ngx_http_openclaw_ws_out_t;
typedef struct ngx_http_openclaw_ws_attached_s
    ngx_http_openclaw_ws_attached_t;


/*
 * Lives in the pool of its connection, before what is the user's.  There may be
 * a hundred thousand of them, which is why some numbers are small ones.
 */

struct ngx_http_openclaw_ws_s {
    ngx_http_request_t                *request;     /* of the handshake; NULL
                                                       once it is freed */
    ngx_connection_t                  *connection;
    ngx_http_openclaw_ws_conf_t       *conf;
    ngx_http_openclaw_ws_handlers_t   *handlers;

    uint32_t                           busy;        /* the user's work in
                                                       progress, see
                                                       ngx_http_openclaw_ws_
                                                       idle() */
    uint32_t                           code;        /* close code, sent or
                                                       received; 1006 if there
                                                       was none; 0 as long as
                                                       it is open */
    uint32_t                           frames_in;   /* control frames too */
    uint32_t                           frames_out;
    off_t                              bytes_in;    /* of frames */
    off_t                              bytes_out;

    /* private */
    ngx_openclaw_frame_parser_t        parser;
    u_char                            *message;     /* being assembled */
    size_t                             message_len;
    size_t                             message_size;
    ngx_openclaw_inflate_t            *inflate;     /* of a message that
                                                       comes, or of all */
    ngx_openclaw_deflate_t            *deflate;     /* the same of those
                                                       that go */
    ngx_http_openclaw_ws_out_t        *out;         /* to be sent */
    ngx_http_openclaw_ws_out_t        *last_out;
    size_t                             out_len;
    ngx_msec_t                         deadline;    /* for more of what is
                                                       expected */
    uint32_t                           progress;    /* of that */
    uint32_t                           vain;        /* frames, in thousandths,
                                                       that came to nothing
                                                       before */
    uint32_t                           vain_last;   /* milliseconds */
    uint32_t                           leftover_len;
    u_char                            *leftover;    /* read, not parsed yet */
    ngx_http_openclaw_ws_attached_t   *attached;    /* with the request */
    ngx_openclaw_deflate_params_t      params;      /* of both directions */

    unsigned                           upgrading:1; /* 101 is being sent */
    unsigned                           full:1;
    unsigned                           held:1;
    unsigned                           pinged:1;    /* waiting for a byte */
    unsigned                           expecting:1; /* the rest of a frame or
                                                       a message */
    unsigned                           leaving:1;
    unsigned                           departing:1; /* the read timer tells
                                                       when to leave */
    unsigned                           close_sent:1;
    unsigned                           close_received:1;
    unsigned                           waiting:1;   /* for the peer's Close */
    unsigned                           broken:1;    /* by the client: nothing
                                                       more is parsed */
    unsigned                           linger:1;    /* what the client still
                                                       sends is to be read and
                                                       dropped */
    unsigned                           failed:1;    /* to be dropped */
    unsigned                           done:1;
};


/*
 * Checks a WebSocket handshake, RFC 6455, 4.2.1.  What extensions are offered
 * has to be in order even if none is wanted.
 *
 * NGX_OK  it is one; else the HTTP status to refuse it with, 405, 426, 400 or
 *         500: the needed headers and the reason phrase of 426 are set, and
 *         *reason is one line for the client
 */
ngx_int_t ngx_http_openclaw_ws_check(ngx_http_request_t *r,
    ngx_str_t *reason);

/*
 * Adds a header to the answer; the name and the value must live as long as the
 * request.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_openclaw_ws_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);

/*
 * Makes the connection of a checked handshake, and behind it the user's data
 * of that size, which is zeroed.  conf and handlers must live as long as the
 * cycle.  Returns NULL if there is no memory.
 */
ngx_http_openclaw_ws_t *ngx_http_openclaw_ws_create(ngx_http_request_t *r,
    ngx_http_openclaw_ws_conf_t *conf,
    ngx_http_openclaw_ws_handlers_t *handlers, size_t size);

#define ngx_http_openclaw_ws_user(ws)  ((void *) ((ws) + 1))

/*
 * Answers the handshake with 101 and takes the connection over.  To be called
 * as the last thing of a content handler, which returns NGX_DONE then.  No
 * handler is called before that.
 *
 * NGX_OK     the connection is the one of ws now
 * NGX_ERROR  nothing was sent: the content handler returns
 *            NGX_HTTP_INTERNAL_SERVER_ERROR
 */
ngx_int_t ngx_http_openclaw_ws_start(ngx_http_openclaw_ws_t *ws);

/*
 * Appends a frame with a payload of len bytes, which the caller writes at the
 * returned place right away.  What was appended is sent from an event, all
 * together; a message may be compressed then, and a large one sent in several
 * frames.  Returns NULL if the connection is closing or there is no memory
 * (then it is being closed); the frame is lost with the connection.
 */
u_char *ngx_http_openclaw_ws_frame(ngx_http_openclaw_ws_t *ws,
    ngx_uint_t opcode, size_t len);

/*
 * Tells whether more than conf->send_buffer bytes wait to be sent; the
 * writable handler is called when they no longer do.  Reading from the client
 * stands still meanwhile.
 */
#define ngx_http_openclaw_ws_full(ws)  ((ws)->full)

/*
 * To be called when ws->busy has become 0: a connection whose worker is
 * leaving is closed then.
 */
void ngx_http_openclaw_ws_idle(ngx_http_openclaw_ws_t *ws);

/*
 * Between these nothing is read from the client, and it is not pinged.  What
 * it sends waits in the socket, in order; that it has gone is noticed if it
 * has sent nothing.  To be held as soon as it is created.
 */
void ngx_http_openclaw_ws_hold(ngx_http_openclaw_ws_t *ws);
void ngx_http_openclaw_ws_release(ngx_http_openclaw_ws_t *ws);

/*
 * To be called for a message that has come to nothing: these are counted with
 * the pings and pongs, and a client that sends too many is disconnected with
 * 1008, as it makes work that nothing else bounds.
 */
void ngx_http_openclaw_ws_vain(ngx_http_openclaw_ws_t *ws);

/*
 * Starts the closing handshake (RFC 6455, 7.1.2) behind what is to be sent.
 * Messages that still come are dropped.  Does nothing if it was started.
 */
void ngx_http_openclaw_ws_close(ngx_http_openclaw_ws_t *ws, ngx_uint_t code,
    const char *reason);


#endif /* _NGX_HTTP_OPENCLAW_WS_H_INCLUDED_ */

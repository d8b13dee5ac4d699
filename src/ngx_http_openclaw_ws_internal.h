
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * What the files of the WebSocket connection share: ngx_http_openclaw_ws.c
 * runs it from beginning to end and is told by flags what the other ones
 * found: _handshake.c, _read.c and _write.c; _lean.c has it without a request.
 */


#ifndef _NGX_HTTP_OPENCLAW_WS_INTERNAL_H_INCLUDED_
#define _NGX_HTTP_OPENCLAW_WS_INTERNAL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_http_openclaw_ws.h>


/* of a connection that has its request; lives in the pool of that */

struct ngx_http_openclaw_ws_attached_s {
    ngx_http_cleanup_t                *cleanup;
    ngx_event_t                        start;
    ngx_event_handler_pt               read_handler;     /* nginx's own */
    ngx_event_handler_pt               write_handler;
};


/*
 * Answers a checked handshake with 101, and sets ws->params.
 *
 * NGX_OK        nginx sends it, see ws->upgrading
 * NGX_DECLINED  it could not be sent, and no other answer is possible
 * NGX_ERROR     nothing was sent
 */
ngx_int_t ngx_http_openclaw_ws_accept(ngx_http_openclaw_ws_t *ws);


/*
 * Reads and parses until nothing more comes, or the connection is full, or
 * others should get their turn.
 *
 * NGX_OK     an event will come when there is more
 * NGX_ERROR  the connection is of no use any more
 */
ngx_int_t ngx_http_openclaw_ws_read(ngx_http_openclaw_ws_t *ws);

/* Keeps bytes that can't be parsed now for the next ngx_..._ws_read(). */
ngx_int_t ngx_http_openclaw_ws_leftover(ngx_http_openclaw_ws_t *ws,
    u_char *data, size_t len);

/* Lets the client begin anew with the time it has for a message. */
void ngx_http_openclaw_ws_expect(ngx_http_openclaw_ws_t *ws);

/* Closes the connection for what the client did, and parses nothing more. */
void ngx_http_openclaw_ws_break(ngx_http_openclaw_ws_t *ws, ngx_uint_t code,
    const char *error);

/* Frees what was read. */
void ngx_http_openclaw_ws_free_in(ngx_http_openclaw_ws_t *ws);


/* As ngx_http_openclaw_ws_frame(), whatever the state is. */
u_char *ngx_http_openclaw_ws_append(ngx_http_openclaw_ws_t *ws,
    ngx_uint_t opcode, size_t len);

/*
 * Sends what was appended.
 *
 * NGX_OK     nothing is left
 * NGX_AGAIN  the write event or its timer will come
 * NGX_ERROR  the connection is of no use any more
 */
ngx_int_t ngx_http_openclaw_ws_send(ngx_http_openclaw_ws_t *ws);

/* Frees what was to be sent. */
void ngx_http_openclaw_ws_free_out(ngx_http_openclaw_ws_t *ws);


/*
 * Has the write event handler called.  Whatever follows from a call of the
 * user happens there, so that its handlers are not called from within.
 */
void ngx_http_openclaw_ws_post(ngx_http_openclaw_ws_t *ws);

/* Something came from the client: it need not be pinged for a while. */
void ngx_http_openclaw_ws_alive(ngx_http_openclaw_ws_t *ws);

/* What is to be done when an event of the connection has come. */
void ngx_http_openclaw_ws_read_event(ngx_http_openclaw_ws_t *ws);
void ngx_http_openclaw_ws_write_event(ngx_http_openclaw_ws_t *ws);


/*
 * Frees the request, with a line in the access log, unless something still
 * needs it: then it is to be called again.
 */
void ngx_http_openclaw_ws_free_request(ngx_http_openclaw_ws_t *ws);

/* Closes a connection that has no request, and with it frees ws. */
void ngx_http_openclaw_ws_end(ngx_http_openclaw_ws_t *ws);


#endif /* _NGX_HTTP_OPENCLAW_WS_INTERNAL_H_INCLUDED_ */

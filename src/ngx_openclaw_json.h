
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * The JSON of both sides: messages of clients and events of the agent are
 * read into structs, frames for clients and requests to the agent are
 * written.  Knows the fields and the words of the protocol, and nothing of
 * connections, sessions or turns.
 */


#ifndef _NGX_OPENCLAW_JSON_H_INCLUDED_
#define _NGX_OPENCLAW_JSON_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_OPENCLAW_JSON_MAX_MESSAGE_ID    128
#define NGX_OPENCLAW_JSON_MAX_ID            256
#define NGX_OPENCLAW_JSON_MAX_MEDIA         16

/* of a message: how deep it may be, and how many values it may have */

#define NGX_OPENCLAW_JSON_MAX_DEPTH         64
#define NGX_OPENCLAW_JSON_MAX_VALUES        16384


/* escapes that can't be kept, and bounds: see ngx_openclaw_json_scan() */

#define NGX_OPENCLAW_JSON_NUL               1
#define NGX_OPENCLAW_JSON_HALF              2
#define NGX_OPENCLAW_JSON_DEEP              4
#define NGX_OPENCLAW_JSON_MANY              8


/* the codes of chat.error */

typedef enum {
    NGX_OPENCLAW_OK = 0,
    NGX_OPENCLAW_PARSE_ERROR,
    NGX_OPENCLAW_INVALID_MESSAGE,
    NGX_OPENCLAW_BAD_FIELD,
    NGX_OPENCLAW_TOO_LONG,
    NGX_OPENCLAW_GROUP_ID_REQUIRED,
    NGX_OPENCLAW_SENDER_REFUSED,
    NGX_OPENCLAW_TOKEN_REQUIRED,
    NGX_OPENCLAW_AUTH_FAILED,
    NGX_OPENCLAW_QUEUE_FULL,
    NGX_OPENCLAW_TOO_MANY_TURNS,
    NGX_OPENCLAW_TOO_MANY_CONNECTIONS,
    NGX_OPENCLAW_RATE_LIMITED,
    NGX_OPENCLAW_ZONE_FULL,
    NGX_OPENCLAW_DUPLICATE,
    NGX_OPENCLAW_ABORTED,
    NGX_OPENCLAW_AGENT_UNREACHABLE,
    NGX_OPENCLAW_AGENT_TIMEOUT,
    NGX_OPENCLAW_AGENT_AUTH,
    NGX_OPENCLAW_AGENT_ERROR,
    NGX_OPENCLAW_AGENT_INCOMPLETE,
    NGX_OPENCLAW_AGENT_UNAVAILABLE,
    NGX_OPENCLAW_SHUTTING_DOWN,
    NGX_OPENCLAW_INTERNAL_ERROR,
    NGX_OPENCLAW_CODES                 /* how many there are */
} ngx_openclaw_code_e;


typedef enum {
    NGX_OPENCLAW_MESSAGE_SEND = 0,
    NGX_OPENCLAW_MESSAGE_ABORT,
    NGX_OPENCLAW_MESSAGE_PING
} ngx_openclaw_message_e;


typedef struct {
    ngx_str_t                          path;
    ngx_str_t                          type;     /* may be empty */
} ngx_openclaw_media_t;


/* what a client sent; absent strings have len 0 and data NULL */

typedef struct {
    ngx_openclaw_message_e             type;

    ngx_str_t                          content;
    ngx_str_t                          message_id;
    ngx_str_t                          sender_id;
    ngx_str_t                          sender_name;
    ngx_str_t                          group_id;
    ngx_str_t                          group_subject;
    ngx_str_t                          reply_id;
    ngx_str_t                          reply_body;
    ngx_str_t                          custom_data;   /* compact JSON */

    ngx_uint_t                         nmedia;
    ngx_openclaw_media_t               media[NGX_OPENCLAW_JSON_MAX_MEDIA];

    unsigned                           group:1;       /* chatType */

    /* why it was refused */
    ngx_openclaw_code_e                code;
    ngx_str_t                          error;         /* text for the client */

    /* private */
    unsigned                           repaired:1;
    void                              *root;
    void                              *printed;
    u_char                             text[128];
} ngx_openclaw_message_t;


typedef enum {
    NGX_OPENCLAW_EVENT_NONE = 0,       /* role, usage, unknown */
    NGX_OPENCLAW_EVENT_TEXT,
    NGX_OPENCLAW_EVENT_DONE,           /* "[DONE]" */
    NGX_OPENCLAW_EVENT_ERROR
} ngx_openclaw_event_e;


/* one thing the agent's stream said */

typedef struct {
    ngx_openclaw_event_e               type;
    ngx_str_t                          text;     /* of TEXT; of ERROR: the
                                                    agent's own message */
    ngx_str_t                          error;    /* of ERROR: its type */
    ngx_str_t                          id;       /* of the run, or empty */
    int64_t                            created;  /* when, by the agent's clock,
                                                    in seconds; or 0 */

    /* private */
    void                              *root;
} ngx_openclaw_event_t;


/*
 * What is around the values in events that are much alike: those need not be
 * read as a whole.  To be zeroed before the first event; all streams of a
 * process may have the same.
 */

#define NGX_OPENCLAW_MOLDS                  16
#define NGX_OPENCLAW_MOLD_SIZE              512    /* bytes, without values */


typedef enum {
    NGX_OPENCLAW_MOLD_ID = 0,
    NGX_OPENCLAW_MOLD_CREATED,
    NGX_OPENCLAW_MOLD_CONTENT,
    NGX_OPENCLAW_MOLD_VALUES
} ngx_openclaw_mold_value_e;


typedef struct {
    size_t                             size;         /* 0: none */
    ngx_uint_t                         used;
    ngx_uint_t                         n;            /* values */
    ngx_openclaw_mold_value_e          values[NGX_OPENCLAW_MOLD_VALUES];
    size_t                             before[NGX_OPENCLAW_MOLD_VALUES + 1];
    u_char                             data[NGX_OPENCLAW_MOLD_SIZE];
} ngx_openclaw_mold_t;


typedef struct {
    /* private */
    ngx_openclaw_mold_t                elts[NGX_OPENCLAW_MOLDS];
    ngx_uint_t                         last;         /* of use */
    ngx_uint_t                         pause;
    ngx_uint_t                         passed;
} ngx_openclaw_molds_t;


/* what a session's history says of a message and its answer */

typedef enum {
    NGX_OPENCLAW_HISTORY_NONE = 0,     /* nothing that is surely ours */
    NGX_OPENCLAW_HISTORY_MESSAGE,      /* the message, and no answer yet */
    NGX_OPENCLAW_HISTORY_RERUN,        /* the agent takes it up again */
    NGX_OPENCLAW_HISTORY_ANSWER        /* the whole answer */
} ngx_openclaw_history_e;


typedef struct {
    /* to be filled in before */
    ngx_str_t                          run;      /* its id in the stream */
    int64_t                            created;  /* and when it was made */
    ngx_str_t                          message;  /* the sender's words, or the
                                                    beginning of them */
    unsigned                           cut:1;    /* maybe the latter */

    /* what was found */
    ngx_openclaw_history_e             state;
    ngx_str_t                          text;     /* of ANSWER */
    ngx_uint_t                         nmessages;  /* from ours on */
    unsigned                           more:1;   /* there are older ones */
} ngx_openclaw_history_t;


/* what the authentication service said of a token */

typedef struct {
    ngx_str_t                          id;
    ngx_str_t                          name;     /* may be empty */
    int64_t                            expires;  /* milliseconds since 1970,
                                                    or 0 */
    ngx_str_t                          error;

    /* private */
    void                              *root;
    u_char                             digits[24];
} ngx_openclaw_auth_t;


/* what the agent is told of one message */

typedef struct {
    ngx_str_t                          agent;         /* "main" */
    ngx_str_t                          sender_id;
    ngx_str_t                          sender_name;
    ngx_str_t                          message_id;
    time_t                             time;
    ngx_openclaw_message_t            *message;
    ngx_str_t                          words;         /* to be written: how
                                                         the content begins, in
                                                         at most words.len
                                                         bytes */
} ngx_openclaw_request_t;


/*
 * Reads a message.  data is NUL-terminated or not, at will; it is not kept,
 * but may be modified.
 *
 * NGX_OK        m is filled in, with the strings of m valid until
 *               ngx_openclaw_message_free(m)
 * NGX_DECLINED  m->code and m->error say what is wrong with it; what could be
 *               read of message_id is there for the answer
 * NGX_ERROR     no memory
 *
 * ngx_openclaw_message_free(m) is to be called in each case.
 */
ngx_int_t ngx_openclaw_message_parse(ngx_openclaw_message_t *m,
    u_char *data, size_t len);
void ngx_openclaw_message_free(ngx_openclaw_message_t *m);

/*
 * Checks an id or a name: valid UTF-8, no control characters, at most max
 * bytes.  Returns NULL or what is wrong with it ("is too long", ...).
 */
const char *ngx_openclaw_id_check(ngx_str_t *id, size_t max);


/*
 * Looks over the text of JSON before cJSON does, which takes control
 * characters, and \u with anything behind it, and ends strings at their first
 * NUL.  \u0000 and halves of surrogate pairs are written over by \ufffd.
 *
 * NGX_OK        *found is a mask of NGX_OPENCLAW_JSON_NUL and _HALF, and of
 *               _DEEP and _MANY if it has more than a message may have
 * NGX_DECLINED  the text is not JSON
 */
ngx_int_t ngx_openclaw_json_scan(u_char *data, size_t len,
    ngx_uint_t *found);

/* writes "?" over what is not UTF-8: a model may stop within a character */
void ngx_openclaw_json_repair(u_char *data, size_t len);

/* whether there is nothing but what JavaScript's trim() takes away */
ngx_uint_t ngx_openclaw_json_blank(ngx_str_t *s);


/*
 * Reads the data of an event, which is modified: what cannot be text (\u0000
 * and lone surrogates) becomes U+FFFD.  Data of spaces only is an event NONE.
 *
 * NGX_OK     e is filled in, with strings valid until
 *            ngx_openclaw_event_free(e), as long as the data is
 * NGX_ERROR  the data is not JSON, or there is no memory
 *
 * ngx_openclaw_event_free(e) is to be called in each case.
 */
ngx_int_t ngx_openclaw_event_parse(ngx_openclaw_event_t *e,
    ngx_openclaw_molds_t *molds, u_char *data, size_t len);
void ngx_openclaw_event_free(ngx_openclaw_event_t *e);

/*
 * Reads the body of a refused request, {"error":{"message":...}}, into a
 * NGX_OPENCLAW_EVENT_ERROR.  Returns as ngx_openclaw_event_parse().
 */
ngx_int_t ngx_openclaw_error_parse(ngx_openclaw_event_t *e, u_char *data,
    size_t len);


/*
 * Looks for the answer to a message in the JSON of a session's history, which
 * is modified.  Only what is certain counts: another message's answer is
 * never taken.
 *
 * NGX_OK        h is filled in, with a text valid until
 *               ngx_openclaw_history_free(h)
 * NGX_DECLINED  this is no history
 * NGX_ERROR     no memory
 *
 * ngx_openclaw_history_free(h) is to be called in each case.
 */
ngx_int_t ngx_openclaw_history_parse(ngx_openclaw_history_t *h, u_char *data,
    size_t len);
void ngx_openclaw_history_free(ngx_openclaw_history_t *h);


/*
 * The body of a request to the authentication service: an object of strings,
 * which are valid UTF-8; as the frames below.
 */
size_t ngx_openclaw_json_auth_size(ngx_keyval_t *pairs, ngx_uint_t n);
u_char *ngx_openclaw_json_auth(u_char *p, ngx_keyval_t *pairs, ngx_uint_t n);

/*
 * Reads what the service answers, which is modified.
 *
 * NGX_OK        accepted: id is not empty, and id and name can be a sender's
 * NGX_DECLINED  refused: error is the service's word for it, or "auth_failed"
 * NGX_ERROR     this is no answer, error tells what is wrong with it; or
 *               there is no memory
 *
 * The strings are valid until ngx_openclaw_auth_free(a), which is to be called
 * in each case.
 */
ngx_int_t ngx_openclaw_auth_parse(ngx_openclaw_auth_t *a, u_char *data,
    size_t len);
void ngx_openclaw_auth_free(ngx_openclaw_auth_t *a);


/*
 * Writes the body of the agent request for a message: one user message, with
 * the blocks of the gateway's channel format before it where they are needed.
 * Returns NULL if there is no memory; body is freed by
 * ngx_openclaw_body_free().
 */
u_char *ngx_openclaw_body_create(ngx_openclaw_request_t *r, size_t *len);
void ngx_openclaw_body_free(u_char *body);


/*
 * Frames for the client.  Each pair tells the exact length and writes just
 * that much at p, returning the end.  text is valid UTF-8.
 */

/* the part of a string's JSON between the quotes */
size_t ngx_openclaw_json_escaped_size(ngx_str_t *text);
u_char *ngx_openclaw_json_escape(u_char *p, ngx_str_t *text);

/* {"type":"chat.typing"} and {"type":"pong"} */
extern ngx_str_t  ngx_openclaw_json_typing;
extern ngx_str_t  ngx_openclaw_json_pong;

/* {"type":"chat.stream","messageId":M,"content":C,"done":false} */
size_t ngx_openclaw_json_stream_size(ngx_str_t *id, ngx_str_t *content);
u_char *ngx_openclaw_json_stream(u_char *p, ngx_str_t *id,
    ngx_str_t *content);

/*
 * {"type":"chat.response","messageId":M,"content":C,"done":true}; with id
 * NULL a greeting: {"type":"chat.response","content":C}
 */
size_t ngx_openclaw_json_response_size(ngx_str_t *id, ngx_str_t *content);
u_char *ngx_openclaw_json_response(u_char *p, ngx_str_t *id,
    ngx_str_t *content);

/*
 * {"type":"chat.error","messageId":M,"error":T,"code":C}; messageId is left
 * out if id is NULL or empty
 */
size_t ngx_openclaw_json_error_size(ngx_str_t *id,
    ngx_openclaw_code_e code, ngx_str_t *text);
u_char *ngx_openclaw_json_error(u_char *p, ngx_str_t *id,
    ngx_openclaw_code_e code, ngx_str_t *text);

/* the word of a code ("queue_full") and the text that goes with it */
ngx_str_t *ngx_openclaw_code_name(ngx_openclaw_code_e code);
ngx_str_t *ngx_openclaw_code_text(ngx_openclaw_code_e code);


#endif /* _NGX_OPENCLAW_JSON_H_INCLUDED_ */

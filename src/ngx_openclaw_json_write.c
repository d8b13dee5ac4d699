
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_json.h>


#define ngx_openclaw_json_const(p, s)  ngx_cpymem(p, s, sizeof(s) - 1)


typedef struct {
    ngx_str_t                          name;
    ngx_str_t                          text;
} ngx_openclaw_json_code_t;


ngx_str_t  ngx_openclaw_json_typing = ngx_string("{\"type\":\"chat.typing\"}");
ngx_str_t  ngx_openclaw_json_pong = ngx_string("{\"type\":\"pong\"}");


/* in the order of ngx_openclaw_code_e */

static ngx_openclaw_json_code_t  ngx_openclaw_json_codes[] = {

    { ngx_string("ok"),
      ngx_string("") },

    { ngx_string("parse_error"),
      ngx_string("Failed to parse message") },

    { ngx_string("invalid_message"),
      ngx_string("Invalid message format. "
                 "Expected: { type: 'chat.send', content: '...' }") },

    { ngx_string("bad_field"),
      ngx_string("A field of the message is not valid, "
                 "correct it and send the message again") },

    { ngx_string("too_long"),
      ngx_string("A field of the message is too long, "
                 "shorten it and send the message again") },

    { ngx_string("group_id_required"),
      ngx_string("A group message needs a groupId, "
                 "add it and send the message again") },

    { ngx_string("sender_refused"),
      ngx_string("The server sets the sender of this connection, "
                 "leave out senderId") },

    { ngx_string("token_required"),
      ngx_string("Token required. Connect with ?token=YOUR_TOKEN") },

    { ngx_string("auth_failed"),
      ngx_string("Authentication failed") },

    { ngx_string("queue_full"),
      ngx_string("Too many messages of this session are waiting, "
                 "send this one again when some have been answered") },

    { ngx_string("too_many_turns"),
      ngx_string("Too many messages of this sender are waiting, "
                 "send this one again when some have been answered") },

    { ngx_string("too_many_connections"),
      ngx_string("There are too many connections of this sender, "
                 "close one of them or connect again later") },

    { ngx_string("rate_limited"),
      ngx_string("Messages come too fast, wait a little "
                 "and send this one again") },

    { ngx_string("zone_full"),
      ngx_string("The server has no room for more sessions, "
                 "send this message again later") },

    { ngx_string("duplicate"),
      ngx_string("This messageId has been used already, "
                 "send the message with another one") },

    { ngx_string("aborted"),
      ngx_string("The turn was aborted, send the message with another "
                 "messageId if it is still to be answered") },

    { ngx_string("agent_unreachable"),
      ngx_string("The agent can't be reached, "
                 "send the message again later") },

    { ngx_string("agent_timeout"),
      ngx_string("The agent has not answered in time, "
                 "send the message with another messageId later") },

    { ngx_string("agent_auth"),
      ngx_string("The agent does not accept this server's token, "
                 "tell the server's administrator") },

    { ngx_string("agent_error"),
      ngx_string("The agent failed, send the message with another "
                 "messageId or in other words") },

    { ngx_string("agent_incomplete"),
      ngx_string("The agent's answer ended early, "
                 "send the message with another messageId") },

    { ngx_string("agent_unavailable"),
      ngx_string("The agent is restarting, "
                 "send the message again in a moment") },

    { ngx_string("shutting_down"),
      ngx_string("The server is shutting down, "
                 "connect and send the message again") },

    { ngx_string("internal_error"),
      ngx_string("The server failed, send the message again later") }
};


size_t
ngx_openclaw_json_stream_size(ngx_str_t *id, ngx_str_t *content)
{
    return sizeof("{\"type\":\"chat.stream\",\"messageId\":\"\","
                  "\"content\":\"\",\"done\":false}") - 1
           + ngx_openclaw_json_escaped_size(id)
           + ngx_openclaw_json_escaped_size(content);
}


u_char *
ngx_openclaw_json_stream(u_char *p, ngx_str_t *id, ngx_str_t *content)
{
    p = ngx_openclaw_json_const(p, "{\"type\":\"chat.stream\","
                                   "\"messageId\":\"");
    p = ngx_openclaw_json_escape(p, id);
    p = ngx_openclaw_json_const(p, "\",\"content\":\"");
    p = ngx_openclaw_json_escape(p, content);

    return ngx_openclaw_json_const(p, "\",\"done\":false}");
}


size_t
ngx_openclaw_json_response_size(ngx_str_t *id, ngx_str_t *content)
{
    size_t  size;

    size = sizeof("{\"type\":\"chat.response\",\"content\":\"\"}") - 1
           + ngx_openclaw_json_escaped_size(content);

    if (id) {
        size += sizeof("\"messageId\":\"\",,\"done\":true") - 1
                + ngx_openclaw_json_escaped_size(id);
    }

    return size;
}


u_char *
ngx_openclaw_json_response(u_char *p, ngx_str_t *id, ngx_str_t *content)
{
    p = ngx_openclaw_json_const(p, "{\"type\":\"chat.response\"");

    if (id) {
        p = ngx_openclaw_json_const(p, ",\"messageId\":\"");
        p = ngx_openclaw_json_escape(p, id);
        p = ngx_openclaw_json_const(p, "\"");
    }

    p = ngx_openclaw_json_const(p, ",\"content\":\"");
    p = ngx_openclaw_json_escape(p, content);
    p = ngx_openclaw_json_const(p, "\"");

    if (id) {
        p = ngx_openclaw_json_const(p, ",\"done\":true");
    }

    return ngx_openclaw_json_const(p, "}");
}


size_t
ngx_openclaw_json_error_size(ngx_str_t *id, ngx_openclaw_code_e code,
    ngx_str_t *text)
{
    size_t  size;

    size = sizeof("{\"type\":\"chat.error\",\"error\":\"\",\"code\":\"\"}") - 1
           + ngx_openclaw_json_escaped_size(text)
           + ngx_openclaw_code_name(code)->len;

    if (id && id->len) {
        size += sizeof("\"messageId\":\"\",") - 1
                + ngx_openclaw_json_escaped_size(id);
    }

    return size;
}


u_char *
ngx_openclaw_json_error(u_char *p, ngx_str_t *id, ngx_openclaw_code_e code,
    ngx_str_t *text)
{
    ngx_str_t  *name;

    p = ngx_openclaw_json_const(p, "{\"type\":\"chat.error\"");

    if (id && id->len) {
        p = ngx_openclaw_json_const(p, ",\"messageId\":\"");
        p = ngx_openclaw_json_escape(p, id);
        p = ngx_openclaw_json_const(p, "\"");
    }

    p = ngx_openclaw_json_const(p, ",\"error\":\"");
    p = ngx_openclaw_json_escape(p, text);
    p = ngx_openclaw_json_const(p, "\",\"code\":\"");

    name = ngx_openclaw_code_name(code);
    p = ngx_cpymem(p, name->data, name->len);

    return ngx_openclaw_json_const(p, "\"}");
}


ngx_str_t *
ngx_openclaw_code_name(ngx_openclaw_code_e code)
{
    return &ngx_openclaw_json_codes[code].name;
}


ngx_str_t *
ngx_openclaw_code_text(ngx_openclaw_code_e code)
{
    return &ngx_openclaw_json_codes[code].text;
}

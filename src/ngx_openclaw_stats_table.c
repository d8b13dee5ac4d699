
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_stats.h>


#define ngx_openclaw_stats_counter(field)                                     \
    NGX_OPENCLAW_STATS_COUNTER, offsetof(ngx_openclaw_stats_t, field)

#define ngx_openclaw_stats_histogram(field)                                   \
    NGX_OPENCLAW_STATS_HISTOGRAM, offsetof(ngx_openclaw_stats_t, field)

#define ngx_openclaw_stats_process(field)                                     \
    NGX_OPENCLAW_STATS_GAUGE, offsetof(ngx_openclaw_stats_gauges_t, field)

#define ngx_openclaw_stats_of_zone(field)                                     \
    NGX_OPENCLAW_STATS_ZONE, offsetof(ngx_openclaw_stats_zone_t, field)

#define ngx_openclaw_stats_one              ngx_null_string, 1, NULL


typedef struct {
    ngx_uint_t                         code;
    ngx_str_t                          name;
} ngx_openclaw_stats_close_t;


static ngx_str_t *ngx_openclaw_stats_handshake(ngx_uint_t i);
static ngx_str_t *ngx_openclaw_stats_close_name(ngx_uint_t i);
static ngx_str_t *ngx_openclaw_stats_error(ngx_uint_t i);
static ngx_str_t *ngx_openclaw_stats_result(ngx_uint_t i);
static ngx_str_t *ngx_openclaw_stats_session(ngx_uint_t i);
static ngx_str_t *ngx_openclaw_stats_page(ngx_uint_t i);


/*
 * What there is, for programs and for docs/status.md, which says the same:
 * type and place, name, label, values of the label, meaning.
 */

ngx_openclaw_stats_metric_t  ngx_openclaw_stats_table[] = {

    { ngx_openclaw_stats_process(connections),
      ngx_string("connections"), ngx_openclaw_stats_one,
      ngx_string("Open WebSocket connections.") },

    { ngx_openclaw_stats_process(waiting),
      ngx_string("turns_waiting"), ngx_openclaw_stats_one,
      ngx_string("Turns that wait for an earlier one of their session.") },

    { ngx_openclaw_stats_process(running),
      ngx_string("turns_running"), ngx_openclaw_stats_one,
      ngx_string("Turns that the agent is asked for.") },

    { ngx_openclaw_stats_counter(handshakes),
      ngx_string("handshakes_total"), ngx_string("result"),
      NGX_OPENCLAW_STATS_HANDSHAKES, ngx_openclaw_stats_handshake,
      ngx_string("Handshakes, accepted or answered with an HTTP error.") },

    { ngx_openclaw_stats_counter(closes),
      ngx_string("closes_total"), ngx_string("code"),
      NGX_OPENCLAW_STATS_CLOSES, ngx_openclaw_stats_close_name,
      ngx_string("Connections that ended, by close code; 1006 is without a "
                 "Close frame.") },

    { ngx_openclaw_stats_counter(messages),
      ngx_string("messages_total"), ngx_openclaw_stats_one,
      ngx_string("Messages of clients, of whatever kind.") },

    { ngx_openclaw_stats_counter(frames_received),
      ngx_string("received_frames_total"), ngx_openclaw_stats_one,
      ngx_string("Frames that clients sent, control frames too.") },

    { ngx_openclaw_stats_counter(frames_sent),
      ngx_string("sent_frames_total"), ngx_openclaw_stats_one,
      ngx_string("Frames for clients, control frames too.") },

    { ngx_openclaw_stats_counter(bytes_received),
      ngx_string("received_bytes_total"), ngx_openclaw_stats_one,
      ngx_string("Bytes of frames that were received, without those of "
                 "TLS.") },

    { ngx_openclaw_stats_counter(bytes_sent),
      ngx_string("sent_bytes_total"), ngx_openclaw_stats_one,
      ngx_string("Bytes of frames that were sent, without those of TLS.") },

    { ngx_openclaw_stats_counter(errors),
      ngx_string("errors_total"), ngx_string("code"),
      NGX_OPENCLAW_CODES, ngx_openclaw_stats_error,
      ngx_string("Messages chat.error for clients, by code.") },

    { ngx_openclaw_stats_counter(turns),
      ngx_string("turns_total"), ngx_string("result"),
      NGX_OPENCLAW_CODES, ngx_openclaw_stats_result,
      ngx_string("Turns that ended, with an answer or the code of an error, "
                 "be there a client or not.") },

    { ngx_openclaw_stats_counter(requests),
      ngx_string("agent_requests_total"), ngx_string("result"),
      NGX_OPENCLAW_CODES, ngx_openclaw_stats_result,
      ngx_string("Agent requests that ended, by result.") },

    { ngx_openclaw_stats_counter(retries),
      ngx_string("agent_retries_total"), ngx_openclaw_stats_one,
      ngx_string("Agent requests sent again, as the agent was away.") },

    { ngx_openclaw_stats_counter(lookups),
      ngx_string("agent_lookups_total"), ngx_openclaw_stats_one,
      ngx_string("Looks for a lost answer in the history of a session.") },

    { ngx_openclaw_stats_histogram(queue_wait),
      ngx_string("queue_wait_seconds"), ngx_openclaw_stats_one,
      ngx_string("From a message to the agent request of its turn.") },

    { ngx_openclaw_stats_histogram(first_part),
      ngx_string("first_part_seconds"), ngx_openclaw_stats_one,
      ngx_string("From a message to the first part of its answer.") },

    { ngx_openclaw_stats_histogram(turn),
      ngx_string("turn_seconds"), ngx_openclaw_stats_one,
      ngx_string("From a message to the end of its answer, of turns that "
                 "went well.") },

    { ngx_openclaw_stats_of_zone(sessions),
      ngx_string("sessions"), ngx_string("state"),
      NGX_OPENCLAW_STATS_SESSIONS, ngx_openclaw_stats_session,
      ngx_string("Sessions in the zone: active ones have turns, idle ones "
                 "are remembered.") },

    { ngx_openclaw_stats_of_zone(answers),
      ngx_string("answers"), ngx_openclaw_stats_one,
      ngx_string("Ends of turns that the zone remembers.") },

    { ngx_openclaw_stats_of_zone(pages),
      ngx_string("zone_pages"), ngx_string("state"),
      NGX_OPENCLAW_STATS_PAGES, ngx_openclaw_stats_page,
      ngx_string("Pages of the zone.") },

    { 0, 0, ngx_null_string, ngx_openclaw_stats_one, ngx_null_string }
};


/* RFC 6455, 7.4.1., and 4401 of openclaw_auth */

static ngx_openclaw_stats_close_t
    ngx_openclaw_stats_closes[NGX_OPENCLAW_STATS_CLOSES] =
{
    { 1000, ngx_string("1000") },
    { 1001, ngx_string("1001") },
    { 1002, ngx_string("1002") },
    { 1003, ngx_string("1003") },
    { 1005, ngx_string("1005") },
    { 1006, ngx_string("1006") },
    { 1007, ngx_string("1007") },
    { 1008, ngx_string("1008") },
    { 1009, ngx_string("1009") },
    { 1011, ngx_string("1011") },
    { 1012, ngx_string("1012") },
    { 1013, ngx_string("1013") },
    { 4401, ngx_string("4401") },
    { 0, ngx_string("other") }
};


ngx_uint_t
ngx_openclaw_stats_close(ngx_uint_t code)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_OPENCLAW_STATS_CLOSES - 1; i++) {
        if (ngx_openclaw_stats_closes[i].code == code) {
            break;
        }
    }

    return i;
}


static ngx_str_t *
ngx_openclaw_stats_handshake(ngx_uint_t i)
{
    static ngx_str_t  words[] = { ngx_string("accepted"),
                                  ngx_string("refused") };

    return &words[i];
}


static ngx_str_t *
ngx_openclaw_stats_close_name(ngx_uint_t i)
{
    return &ngx_openclaw_stats_closes[i].name;
}


static ngx_str_t *
ngx_openclaw_stats_error(ngx_uint_t i)
{
    return (i == NGX_OPENCLAW_OK) ? NULL : ngx_openclaw_code_name(i);
}


static ngx_str_t *
ngx_openclaw_stats_result(ngx_uint_t i)
{
    return ngx_openclaw_code_name(i);
}


static ngx_str_t *
ngx_openclaw_stats_session(ngx_uint_t i)
{
    static ngx_str_t  words[] = { ngx_string("active"), ngx_string("idle") };

    return &words[i];
}


static ngx_str_t *
ngx_openclaw_stats_page(ngx_uint_t i)
{
    static ngx_str_t  words[] = { ngx_string("used"), ngx_string("free") };

    return &words[i];
}

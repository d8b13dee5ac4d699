
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/* Tests for finding an answer in the history of a session. */


#include <test.h>
#include <ngx_openclaw_json.h>


/* the message "hello", which came just after its run, "ours", was made */

#define CREATED   1795396163
#define OURS      "{\"role\":\"user\",\"content\":\"hello\","                 \
                  "\"timestamp\":1795396163956}"
#define AGAIN(id)                                                             \
    "{\"role\":\"user\",\"content\":\"[System] Your previous turn ...\","     \
    "\"timestamp\":1795396191268,\"idempotencyKey\":\"" id ":user\","         \
    "\"provenance\":{\"kind\":\"internal_system\",\"sourceTool\":"            \
    "\"main_session_restart_recovery\"}}"
#define SAYS(run, text, reason)                                               \
    "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\""     \
    text "\"}],\"stopReason\":\"" reason "\",\"__openclaw\":{\"runId\":\""    \
    run "\"}}"
#define USES(run)                                                             \
    "{\"role\":\"assistant\",\"content\":[{\"type\":\"toolCall\"}],"          \
    "\"stopReason\":\"toolUse\",\"__openclaw\":{\"runId\":\"" run "\"}}"
#define SEES(run)                                                             \
    "{\"role\":\"toolResult\",\"content\":[{\"type\":\"text\",\"text\":"      \
    "\"seen\"}],\"__openclaw\":{\"runId\":\"" run "\"}}"
#define USER(text, time)                                                      \
    "{\"role\":\"user\",\"content\":\"" text "\",\"timestamp\":" time "}"

#define OF(list)    "{\"messages\":[" list "],\"hasMore\":false}"
#define PAGE(list)  "{\"messages\":[" list "],\"hasMore\":true}"

#define X16         "xxxxxxxxxxxxxxxx"
#define X256        X16 X16 X16 X16 X16 X16 X16 X16                           \
                    X16 X16 X16 X16 X16 X16 X16 X16


typedef struct {
    const char  *name;
    const char  *input;
    const char  *expected;
} case_t;


static case_t  cases[] = {

    { "nothing", "", "no history" },
    { "no JSON", "<html>", "no history" },
    { "no object", "[]", "no history" },
    { "no list", "{\"messages\":{}}", "no history" },
    { "an empty list", OF(""), "none" },
    { "an empty page", PAGE(""), "none, more" },
    { "no messages", OF("1,[],null,\"x\",{},{\"role\":7}"), "none" },

    { "the message", OF(OURS), "message 1" },
    { "after others",
      OF(USER("hello", "1795396100000") "," SAYS("old", "Old.", "stop") ","
         OURS),
      "message 1" },
    { "and a tool", OF(OURS "," USES("ours") "," SEES("ours")), "message 3" },
    { "and a text that is not the last",
      OF(OURS "," SAYS("ours", "Wait.", "toolUse")), "message 2" },

    { "taken up again", OF(OURS "," AGAIN("r")), "rerun 2" },
    { "twice", OF(OURS "," AGAIN("q") "," AGAIN("r")), "rerun 3" },
    { "and a tool", OF(OURS "," AGAIN("r") "," USES("r") "," SEES("r")),
      "rerun 4" },

    { "an answer", OF(OURS "," SAYS("ours", "Hi.", "stop")), "answer 2: Hi." },
    { "cut by the model", OF(OURS "," SAYS("ours", "Hi", "length")),
      "answer 2: Hi" },
    { "of the second run", OF(OURS "," AGAIN("r") "," SAYS("r", "Hi.", "stop")),
      "answer 3: Hi." },
    { "of the third run",
      OF(OURS "," AGAIN("q") "," AGAIN("r") "," SAYS("r", "Hi.", "stop")),
      "answer 4: Hi." },
    { "before and after tools",
      OF(OURS "," SAYS("ours", "Wait.", "toolUse") "," SEES("ours") ","
         SAYS("ours", "Hi.", "stop")),
      "answer 4: Wait.\n\nHi." },
    { "before and after a restart",
      OF(OURS "," SAYS("ours", "Wait.", "toolUse") "," SEES("ours") ","
         AGAIN("r") "," SAYS("r", "Hi.", "stop")),
      "answer 5: Wait.\n\nHi." },
    { "escapes, and what can't be",
      OF(OURS "," SAYS("ours", "\\u00e9\\u0000\\ud83d\\n", "stop")),
      "answer 2: \xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\n" },
    { "not UTF-8", OF(OURS "," SAYS("ours", "a\xff", "stop")),
      "answer 2: a?" },
    { "a string",
      OF(OURS ",{\"role\":\"assistant\",\"content\":\"Hi.\",\"stopReason\":"
         "\"stop\",\"__openclaw\":{\"runId\":\"ours\"}}"),
      "answer 2: Hi." },
    { "parts of a text, and others",
      OF(OURS ",{\"role\":\"assistant\",\"content\":[{\"type\":\"text\","
         "\"text\":\"H\"},{\"type\":\"thinking\",\"text\":\"?\"},7,{\"type\":"
         "\"text\",\"text\":\"i.\"}],\"stopReason\":\"stop\",\"__openclaw\":"
         "{\"runId\":\"ours\"}}"),
      "answer 2: Hi." },
    { "what is unknown between",
      OF(OURS ",{\"role\":\"system\"}," SAYS("ours", "Hi.", "stop")),
      "answer 3: Hi." },

    { "known by its run, on a page that begins with it",
      PAGE(SEES("ours") "," SAYS("ours", "Hi.", "stop")), "none, more" },
    { "or has no more than a part of it",
      PAGE(SAYS("ours", "Wait.", "toolUse") "," SAYS("ours", "Hi.", "stop")),
      "none, more" },
    { "known by its run, for the message was changed",
      OF(USER("other", "1795396163956") "," SAYS("ours", "Hi.", "stop")),
      "answer 1: Hi." },
    { "known by its run, before another message",
      OF(OURS "," SAYS("ours", "Hi.", "stop") ","
         USER("bye", "1795396199000") "," SAYS("r", "Bye.", "stop")),
      "answer 2: Hi." },
    { "not whole, before another message",
      OF(OURS "," SAYS("ours", "Wait.", "toolUse") ","
         USER("bye", "1795396199000") "," SAYS("r", "Bye.", "stop")),
      "none" },

    { "an older message", OF(USER("hello", "1795396160999")), "none" },
    { "as old as it may look", OF(USER("hello", "1795396161000")),
      "message 1" },
    { "without a time", OF("{\"role\":\"user\",\"content\":\"hello\"}"),
      "none" },
    { "other words", OF(USER("bye", "1795396163956")), "none" },
    { "more words", OF(USER("hello there", "1795396163956")), "none" },
    { "fewer words", OF(USER("ello", "1795396163956")), "none" },
    { "the end of another word", OF(USER("othello", "1795396163956")), "none" },
    { "a name before", OF(USER("Ann: hello", "1795396163956")), "message 1" },
    { "spaces around", OF(USER(" hello\\n", "1795396163956")), "message 1" },
    { "with an image",
      OF("{\"role\":\"user\",\"content\":[{\"type\":\"image\"},{\"type\":"
         "\"text\",\"text\":\"hello\"}],\"timestamp\":1795396163956}"),
      "message 1" },
    { "without words",
      OF("{\"role\":\"user\",\"content\":[{\"type\":\"image\"}],"
         "\"timestamp\":1795396163956}"),
      "none" },

    { "another message came",
      OF(OURS "," USER("bye", "1795396199000") "," AGAIN("r") ","
         SAYS("r", "Hi.", "stop")),
      "none" },
    { "of the gateway",
      OF(OURS ",{\"role\":\"user\",\"content\":\"beat\",\"timestamp\":"
         "1795396199000,\"provenance\":{\"kind\":\"internal_system\","
         "\"sourceTool\":\"heartbeat\"}}," SAYS("r", "Hi.", "stop")),
      "none" },
    { "nobody's answer",
      OF(OURS ",{\"role\":\"assistant\",\"content\":\"Hi.\",\"stopReason\":"
         "\"stop\"}"),
      "none" },
    { "another run's answer", OF(OURS "," SAYS("r", "Hi.", "stop")), "none" },
    { "another run's answer, after a restart",
      OF(OURS "," AGAIN("r") "," SAYS("q", "Hi.", "stop")), "none" },
    { "a restart without an id", OF(OURS "," AGAIN("") ","
                                    SAYS("", "Hi.", "stop")),
      "none" },
    { "an answer that was cut",
      OF(OURS ",{\"role\":\"assistant\",\"content\":\"Hi\",\"stopReason\":"
         "\"stop\",\"__openclaw\":{\"runId\":\"ours\",\"truncated\":true}}"),
      "none" },
    { "a failure", OF(OURS "," SAYS("ours", "failed", "error")), "none" },
    { "an abort", OF(OURS "," SAYS("ours", "Hi", "aborted")), "none" },
    { "an empty answer", OF(OURS "," SAYS("ours", "", "stop")), "message 2" },
};


static void
test_history(const char *message, ngx_uint_t cut, case_t *c)
{
    u_char                  *data;
    size_t                   len;
    ngx_int_t                rc;
    ngx_openclaw_history_t   h;
    char                     got[512];

    static const char       *states[] = { "none", "message", "rerun",
                                          "answer" };

    /* so that a byte too much is noticed */

    len = strlen(c->input);
    data = malloc(len ? len : 1);
    memcpy(data, c->input, len);

    memset(&h, 0, sizeof(ngx_openclaw_history_t));

    ngx_str_set(&h.run, "ours");
    h.created = CREATED;
    h.message.data = (u_char *) message;
    h.message.len = strlen(message);
    h.cut = cut;

    rc = ngx_openclaw_history_parse(&h, data, len);
    free(data);

    if (rc != NGX_OK) {
        snprintf(got, sizeof(got), "no history");

    } else if (h.state == NGX_OPENCLAW_HISTORY_NONE) {
        snprintf(got, sizeof(got), "none%s", h.more ? ", more" : "");

    } else if (h.state == NGX_OPENCLAW_HISTORY_ANSWER) {
        snprintf(got, sizeof(got), "answer %d: %.*s", (int) h.nmessages,
                 (int) h.text.len, h.text.data);

    } else {
        snprintf(got, sizeof(got), "%s %d", states[h.state],
                 (int) h.nmessages);
    }

    ngx_openclaw_history_free(&h);

    if (strcmp(got, c->expected) != 0) {
        test_note("got", (u_char *) got, strlen(got));
    }

    test_ok(strcmp(got, c->expected) == 0, c->name);
}


int
main(void)
{
    ngx_uint_t  i;

    static case_t  whole = { "spaces around the sender's words", OF(OURS),
                             "message 1" };
    static case_t  begun = { "known by the beginning",
                             OF(USER("Ann: " X256 " and more",
                                     "1795396163956")),
                             "message 1" };
    static case_t  other = { "another beginning",
                             OF(USER("Ann: " X16 "y" X256,
                                     "1795396163956")),
                             "message 1" };
    static case_t  less = { "less than the beginning",
                            OF(USER(X16, "1795396163956")), "none" };

    static case_t  blank = { "no words are known in no message", OF(OURS),
                             "none" };

    for (i = 0; i < sizeof(cases) / sizeof(case_t); i++) {
        test_history("hello", 0, &cases[i]);
    }

    test_history(" hello\n", 0, &whole);
    test_history(X256, 1, &begun);
    test_history(X256, 1, &other);
    test_history(X256, 1, &less);
    test_history("\001", 0, &blank);
    test_history(" \n", 1, &blank);

    return test_done();
}

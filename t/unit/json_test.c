
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/* Tests for the JSON of messages, events, frames and agent requests. */


#include <test.h>
#include <ngx_openclaw_json.h>

#include <cjson/cJSON.h>


#define EXPECTED  "Failed to parse message: field "
#define INVALID   "invalid_message: Invalid message format. "                 \
                  "Expected: { type: 'chat.send', content: '...' }"
#define UNPARSED  "parse_error: Failed to parse message"
#define NUL       "bad_field: Failed to parse message: "                      \
                  "a NUL (\\u0000) is not allowed"

/* what most messages begin and end with */

#define SEND(s)   "{\"type\":\"chat.send\",\"content\":\"c\"," s "}"

#define X16       "xxxxxxxxxxxxxxxx"
#define X128      X16 X16 X16 X16 X16 X16 X16 X16

#define MARKER    "\xe2\x9f\xa6openclaw:ctx\xe2\x9f\xa7"
#define BREAK     "\xe2\x80\x8b"


/* what is expected of a message: what was read, or why it was refused */

typedef struct {
    const char  *name;
    const char  *input;
    const char  *expected;
} case_t;


/* what is expected of an agent request: the prompt, and parts for images */

typedef struct {
    const char  *name;
    const char  *input;
    const char  *sender_name;
    const char  *prompt;
    const char  *images;
} body_t;


static case_t  messages[] = {

    /* what is not a message */

    { "no JSON", "not json", UNPARSED },
    { "nothing", "", UNPARSED },
    { "spaces", "  \n", UNPARSED },
    { "an unfinished object", "{\"type\":\"chat.send\"", UNPARSED },
    { "an unfinished string", "{\"type\":\"chat.se", UNPARSED },
    { "something after the object", SEND("\"a\":1") " x", UNPARSED },
    { "two objects", SEND("\"a\":1") SEND("\"a\":1"), UNPARSED },
    { "null", "null", UNPARSED },
    { "null and spaces", " null\n", UNPARSED },
    { "an array", "[]", INVALID },
    { "a string", "\"chat.send\"", INVALID },
    { "a number", "5", INVALID },
    { "true", "true", INVALID },
    { "a line end in a string", SEND("\"a\":\"\n\""), UNPARSED },
    { "a control character between values", "{\f\"type\":\"ping\"}", UNPARSED },
    { "an escape that there is not", SEND("\"a\":\"\\x41\""), UNPARSED },
    { "an escape without its digits", SEND("\"a\":\"\\u00g0\""), UNPARSED },
    { "an escape that ends early", "\"\\u00", UNPARSED },
    { "a backslash that ends all", "\"\\", UNPARSED },
    { "bytes that are not UTF-8", SEND("\"a\":\"\xff\""), UNPARSED },
    { "half a character", "{\"type\":\"\xe2\x82", UNPARSED },

    /* types */

    { "an empty object", "{}", INVALID },
    { "another type", "{\"type\":\"x\"}", INVALID },
    { "type in capitals", "{\"type\":\"CHAT.SEND\",\"content\":\"c\"}",
      INVALID },
    { "key in capitals", "{\"Type\":\"chat.send\",\"content\":\"c\"}",
      INVALID },
    { "type is a number", "{\"type\":1,\"content\":\"c\"}", INVALID },
    { "type is null", "{\"type\":null,\"content\":\"c\"}", INVALID },
    { "another type with an id", "{\"type\":\"x\",\"messageId\":\"m\"}",
      INVALID " id=m" },
    { "another type with bad fields", "{\"type\":\"x\",\"senderId\":5}",
      INVALID },

    /* content */

    { "a message", "{\"type\":\"chat.send\",\"content\":\"Hello!\"}",
      "send content=Hello!" },
    { "spaces around", " \t\r\n{ \"type\" : \"chat.send\" , "
      "\"content\" : \"Hello!\" } \n", "send content=Hello!" },
    { "no content", "{\"type\":\"chat.send\"}", INVALID },
    { "no content, with an id", "{\"type\":\"chat.send\",\"messageId\":\"m\"}",
      INVALID " id=m" },
    { "content is null", "{\"type\":\"chat.send\",\"content\":null}",
      INVALID },
    { "empty content", "{\"type\":\"chat.send\",\"content\":\"\"}", INVALID },
    { "content of spaces", "{\"type\":\"chat.send\",\"content\":"
      "\" \\t\\n\\u000b\\f\\r\"}", INVALID },
    { "content of a wide space", "{\"type\":\"chat.send\",\"content\":"
      "\"\\u00a0\"}", INVALID },
    { "content of what ends like a space", "{\"type\":\"chat.send\","
      "\"content\":\"\xd0\xa0\"}", "send content=\xd0\xa0" },
    { "content of spaces of all languages", "{\"type\":\"chat.send\","
      "\"content\":\"\\u00a0\\u1680\\u2000\\u200a\\u2028\\u2029\\u202f"
      "\\u205f\\u3000\\ufeff\"}", INVALID },
    { "content of a space without width", "{\"type\":\"chat.send\","
      "\"content\":\"\\u200b\"}", "send content=\xe2\x80\x8b" },
    { "content is a number", "{\"type\":\"chat.send\",\"content\":5}",
      "bad_field: " EXPECTED "\"content\" must be a string" },
    { "content with line ends", "{\"type\":\"chat.send\",\"content\":"
      "\" a\\r\\n\\tb\\u0001\"}", "send content= a\r\n\tb\x01" },
    { "escapes", "{\"type\":\"chat.send\",\"content\":"
      "\"\\\"\\\\\\/\\u00e9\\uD83D\\uDE00\\\\u0000\"}",
      "send content=\"\\/\xc3\xa9\xf0\x9f\x98\x80\\u0000" },
    { "half of a pair in content", "{\"type\":\"chat.send\",\"content\":"
      "\"a\\ud83d\"}", "send content=a\xef\xbf\xbd" },
    { "the other half in content", "{\"type\":\"chat.send\",\"content\":"
      "\"\\ude00b\\ud83d\\ud83d\\ude00\"}",
      "send content=\xef\xbf\xbd" "b\xef\xbf\xbd\xf0\x9f\x98\x80" },

    /* fields */

    { "all the fields", SEND("\"messageId\":\"m1\",\"senderId\":\"s1\","
      "\"senderName\":\"n1\",\"chatType\":\"group\",\"groupId\":\"g1\","
      "\"groupSubject\":\"gs\",\"replyToMessageId\":\"r1\","
      "\"replyToBody\":\"rb\",\"mediaPath\":\"/a.png\","
      "\"mediaType\":\"image/png\",\"customData\":{\"k\": [1, null]}"),
      "send content=c id=m1 sender=s1 name=n1 group=g1 subject=gs reply=r1 "
      "body=rb custom={\"k\":[1,null]} media=/a.png(image/png)" },
    { "null is absent", SEND("\"messageId\":null,\"senderId\":null,"
      "\"chatType\":null,\"mediaPaths\":null,\"mediaTypes\":null,"
      "\"customData\":null,\"mediaPath\":null"), "send content=c" },
    { "empty is absent", SEND("\"messageId\":\"\",\"senderId\":\"\","
      "\"senderName\":\"\",\"mediaPath\":\"\",\"mediaType\":\"a\","
      "\"customData\":{},\"mediaPaths\":[]"), "send content=c" },
    { "unknown fields", SEND("\"x\":{\"content\":5},\"type2\":1"),
      "send content=c" },
    { "fields have case", SEND("\"SenderId\":5,\"Content\":5"),
      "send content=c" },
    { "fields in other objects", SEND("\"x\":{\"senderId\":\"s\"}"),
      "send content=c" },
    { "keys with escapes", SEND("\"sender\\u0049d\":\"s\""),
      "send content=c sender=s" },
    { "the last of a name wins", SEND("\"senderId\":\"a\",\"senderId\":\"b\","
      "\"content\":5,\"content\":\"d\",\"type\":7,\"type\":\"chat.send\""),
      "send content=d sender=b" },
    { "also if it is null", SEND("\"senderId\":5,\"senderId\":null"),
      "send content=c" },
    { "also if it is bad", SEND("\"senderId\":\"a\",\"senderId\":5"),
      "bad_field: " EXPECTED "\"senderId\" must be a string" },
    { "ids of any language", SEND("\"senderId\":\"\xd0\xb6 /%\\\"\\\\\","
      "\"senderName\":\"\xe6\x97\xa5\""),
      "send content=c sender=\xd0\xb6 /%\"\\ name=\xe6\x97\xa5" },

    { "messageId is a number", SEND("\"messageId\":1"),
      "bad_field: " EXPECTED "\"messageId\" must be a string" },
    { "senderId is a number", SEND("\"messageId\":\"m\",\"senderId\":1"),
      "bad_field: " EXPECTED "\"senderId\" must be a string id=m" },
    { "senderName is an object", SEND("\"senderName\":{}"),
      "bad_field: " EXPECTED "\"senderName\" must be a string" },
    { "groupId is true", SEND("\"groupId\":true"),
      "bad_field: " EXPECTED "\"groupId\" must be a string" },
    { "groupSubject is an array", SEND("\"groupSubject\":[]"),
      "bad_field: " EXPECTED "\"groupSubject\" must be a string" },
    { "replyToMessageId is a number", SEND("\"replyToMessageId\":1"),
      "bad_field: " EXPECTED "\"replyToMessageId\" must be a string" },
    { "replyToBody is a number", SEND("\"replyToBody\":1"),
      "bad_field: " EXPECTED "\"replyToBody\" must be a string" },
    { "mediaPath is a number", SEND("\"mediaPath\":1"),
      "bad_field: " EXPECTED "\"mediaPath\" must be a string" },
    { "mediaType is a number", SEND("\"mediaType\":1"),
      "bad_field: " EXPECTED "\"mediaType\" must be a string" },
    { "mediaPaths is a string", SEND("\"mediaPaths\":\"a\""),
      "bad_field: " EXPECTED "\"mediaPaths\" must be an array of strings" },
    { "mediaPaths is an object", SEND("\"mediaPaths\":{\"a\":\"b\"}"),
      "bad_field: " EXPECTED "\"mediaPaths\" must be an array of strings" },
    { "mediaPaths holds a number", SEND("\"mediaPaths\":[\"a\",1]"),
      "bad_field: " EXPECTED "\"mediaPaths\" must be an array of strings" },
    { "mediaTypes holds null", SEND("\"mediaTypes\":[null]"),
      "bad_field: " EXPECTED "\"mediaTypes\" must be an array of strings" },
    { "customData is an array", SEND("\"customData\":[]"),
      "bad_field: " EXPECTED "\"customData\" must be an object" },
    { "customData is a string", SEND("\"customData\":\"x\""),
      "bad_field: " EXPECTED "\"customData\" must be an object" },
    { "chatType is another", SEND("\"chatType\":\"channel\""),
      "bad_field: " EXPECTED "\"chatType\" must be \"direct\" or \"group\"" },
    { "chatType is a number", SEND("\"chatType\":1"),
      "bad_field: " EXPECTED "\"chatType\" must be \"direct\" or \"group\"" },
    { "chatType is direct", SEND("\"chatType\":\"direct\",\"groupId\":\"g\""),
      "send content=c group=g" },
    { "types come before contents", "{\"type\":\"chat.send\",\"senderId\":1}",
      "bad_field: " EXPECTED "\"senderId\" must be a string" },

    /* groups */

    { "group without an id", SEND("\"chatType\":\"group\","
      "\"messageId\":\"m\""),
      "group_id_required: A group message needs a groupId, "
      "add it and send the message again id=m" },
    { "group with an empty id", SEND("\"chatType\":\"group\","
      "\"groupId\":\"\""),
      "group_id_required: A group message needs a groupId, "
      "add it and send the message again" },
    { "content comes before the group", "{\"type\":\"chat.send\","
      "\"content\":\"\",\"chatType\":\"group\"}", INVALID },

    /* lengths and characters */

    { "longest messageId", SEND("\"messageId\":\"" X128 "\""),
      "send content=c id=" X128 },
    { "too long messageId", SEND("\"messageId\":\"" X128 "x\""),
      "too_long: " EXPECTED "\"messageId\" must be at most 128 bytes long" },
    { "longest ids and names", SEND("\"senderId\":\"" X128 X128 "\","
      "\"senderName\":\"" X128 X128 "\""),
      "send content=c sender=" X128 X128 " name=" X128 X128 },
    { "too long senderId", SEND("\"senderId\":\"" X128 X128 "x\""),
      "too_long: " EXPECTED "\"senderId\" must be at most 256 bytes long" },
    { "too long senderName, in bytes", SEND("\"senderName\":\"" X128 X16 X16
      X16 X16 X16 X16 X16 "xxxxxxxxxxxxxxx\xc3\xa9\""),
      "too_long: " EXPECTED "\"senderName\" must be at most 256 bytes long" },
    { "too long groupId", SEND("\"groupId\":\"" X128 X128 "x\""),
      "too_long: " EXPECTED "\"groupId\" must be at most 256 bytes long" },
    { "too long groupSubject", SEND("\"groupSubject\":\"" X128 X128 "x\""),
      "too_long: " EXPECTED
      "\"groupSubject\" must be at most 256 bytes long" },
    { "too long replyToMessageId", SEND("\"replyToMessageId\":\"" X128 X128
      "x\""), "too_long: " EXPECTED
      "\"replyToMessageId\" must be at most 256 bytes long" },
    { "too long mediaType", SEND("\"mediaType\":\"" X128 X128 "x\""),
      "too_long: " EXPECTED "\"mediaType\" must be at most 256 bytes long" },
    { "too long in mediaTypes", SEND("\"mediaTypes\":[\"" X128 X128 "x\"]"),
      "too_long: " EXPECTED "\"mediaTypes\" must be at most 256 bytes long" },
    { "long replyToBody", SEND("\"replyToBody\":\"" X128 X128 X128 "\""),
      "send content=c body=" X128 X128 X128 },

    { "line end in messageId", SEND("\"messageId\":\"a\\nb\""),
      "bad_field: " EXPECTED "\"messageId\" contains control characters" },
    { "tab in senderId", SEND("\"senderId\":\"a\\tb\""),
      "bad_field: " EXPECTED "\"senderId\" contains control characters" },
    { "DEL in senderName", SEND("\"senderName\":\"a\x7f\""),
      "bad_field: " EXPECTED "\"senderName\" contains control characters" },
    { "U+0085 in groupSubject", SEND("\"groupSubject\":\"a\\u0085\""),
      "bad_field: " EXPECTED "\"groupSubject\" contains control characters" },
    { "line end in mediaPath", SEND("\"mediaPath\":\"a\\n\""),
      "bad_field: " EXPECTED "\"mediaPath\" contains control characters" },
    { "line end in mediaPaths", SEND("\"mediaPaths\":[\"a\\n\"]"),
      "bad_field: " EXPECTED "\"mediaPaths\" contains control characters" },
    { "U+00A0 is not a control character", SEND("\"senderName\":\"\\u00a0\""),
      "send content=c name=\xc2\xa0" },
    { "line ends in replyToBody", SEND("\"replyToBody\":\"a\\n\\tb\""),
      "send content=c body=a\n\tb" },

    /* two ids must not become one */

    { "NUL in senderId", SEND("\"messageId\":\"m\","
      "\"senderId\":\"a\\u0000b\""), NUL " id=m" },
    { "NUL in messageId", SEND("\"messageId\":\"a\\u0000b\""), NUL },
    { "NUL in content", "{\"type\":\"chat.send\",\"content\":\"\\u0000\"}",
      NUL },
    { "NUL in customData", SEND("\"customData\":{\"a\":[\"\\u0000\"]}"),
      NUL },
    { "NUL in a name", SEND("\"content\\u0000x\":1"), NUL },
    { "NUL after a backslash", SEND("\"a\":\"\\\\\\u0000\""), NUL },
    { "backslash before what looks like a NUL", SEND("\"senderName\":"
      "\"\\\\u0000\\\\\\\\u0000\""),
      "send content=c name=\\u0000\\\\u0000" },
    { "half of a pair in senderId", SEND("\"messageId\":\"m\","
      "\"senderId\":\"\\ud800\""), "bad_field: " EXPECTED
      "\"senderId\" contains half of a surrogate pair id=m" },
    { "half of a pair in messageId", SEND("\"messageId\":\"\\udc00\""),
      "bad_field: " EXPECTED
      "\"messageId\" contains half of a surrogate pair" },
    { "U+FFFD in senderId", SEND("\"senderId\":\"\\ufffd\""),
      "send content=c sender=\xef\xbf\xbd" },

    /* media */

    { "a path without a type", SEND("\"mediaPath\":\"a\""),
      "send content=c media=a()" },
    { "a type without a path", SEND("\"mediaType\":\"t\","
      "\"mediaPaths\":[\"a\"]"), "send content=c media=a()" },
    { "paths and types by index", SEND("\"mediaPaths\":[\"a\",\"b\",\"\","
      "\"d\"],\"mediaTypes\":[\"ta\",\"\",\"tc\",\"td\",\"te\"]"),
      "send content=c media=a(ta) media=b() media=d(td)" },
    { "a path and paths", SEND("\"mediaPath\":\"x\",\"mediaType\":\"tx\","
      "\"mediaPaths\":[\"a\",\"b\"],\"mediaTypes\":[\"ta\"]"),
      "send content=c media=x(tx) media=a(ta) media=b()" },
    { "as many media as there may be", SEND("\"mediaPath\":\"x\","
      "\"mediaPaths\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\","
      "\"9\",\"10\",\"11\",\"12\",\"13\",\"14\",\"15\"]"),
      "send content=c media=x() media=1() media=2() media=3() media=4() "
      "media=5() media=6() media=7() media=8() media=9() media=10() "
      "media=11() media=12() media=13() media=14() media=15()" },
    { "too many media", SEND("\"mediaPath\":\"x\","
      "\"mediaPaths\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\","
      "\"9\",\"10\",\"11\",\"12\",\"13\",\"14\",\"15\",\"16\"]"),
      "too_long: " EXPECTED "\"mediaPaths\" must make no more than 16 media" },

    /* other messages */

    { "abort", "{\"type\":\"chat.abort\"}", "abort" },
    { "abort of a message", "{\"type\":\"chat.abort\",\"messageId\":\"m\","
      "\"senderId\":\"s\"}", "abort id=m sender=s" },
    { "abort in a group", "{\"type\":\"chat.abort\",\"chatType\":\"group\","
      "\"groupId\":\"g\"}", "abort group=g" },
    { "abort in a group without an id", "{\"type\":\"chat.abort\","
      "\"chatType\":\"group\"}",
      "group_id_required: A group message needs a groupId, "
      "add it and send the message again" },
    { "abort with a bad id", "{\"type\":\"chat.abort\",\"messageId\":5}",
      "bad_field: " EXPECTED "\"messageId\" must be a string" },
    { "abort has no other fields", "{\"type\":\"chat.abort\",\"content\":5,"
      "\"mediaPaths\":{\"a\":1},\"mediaTypes\":[1]}", "abort" },
    { "ping", "{\"type\":\"ping\"}", "ping" },
    { "ping has no fields", "{\"type\":\"ping\",\"messageId\":5,"
      "\"chatType\":\"group\",\"content\":\"x\"}", "ping" }
};


static case_t  events[] = {

    { "text", "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"},"
      "\"finish_reason\":null}]}", "text: Hel" },
    { "text of any kind", "{\"choices\":[{\"delta\":{\"content\":"
      "\" \\n\\u00e9\xe2\x80\xa8\\\"\"}}]}",
      "text:  \n\xc3\xa9\xe2\x80\xa8\"" },
    { "role", "{\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}", "none" },
    { "empty text", "{\"choices\":[{\"delta\":{\"content\":\"\"}}]}", "none" },
    { "no text", "{\"choices\":[{\"delta\":{\"content\":null}}]}", "none" },
    { "end", "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}",
      "none" },
    { "usage", "{\"choices\":[],\"usage\":{\"total_tokens\":18}}", "none" },
    { "choices of another type", "{\"choices\":5}", "none" },
    { "delta of another type", "{\"choices\":[{\"delta\":[1]}]}", "none" },
    { "whole message", "{\"choices\":[{\"message\":{\"content\":\"k\"}}]}",
      "none" },
    { "unknown object", "{\"x\":1}", "none" },
    { "other JSON", "[1]", "none" },
    { "done", "[DONE]", "done" },
    { "done and a space", "[DONE] ", "done" },
    { "nothing", "", "none" },
    { "spaces", " \n", "none" },
    { "no JSON", "<html>", "failed" },
    { "cut JSON", "{\"choices\":[{\"delta\":{\"content\":\"Hel", "failed" },
    { "more than JSON", "{} {}", "failed" },
    { "error", "{\"error\":{\"message\":\"internal error\","
      "\"type\":\"api_error\"}}", "error: internal error (api_error)" },
    { "error with a code", "{\"error\":{\"message\":\"m\",\"type\":\"t\","
      "\"code\":\"c\"}}", "error: m (t)" },
    { "error without a type", "{\"error\":{\"message\":\"m\"}}",
      "error: m ()" },
    { "error without a message", "{\"error\":{\"message\":5}}", "error:  ()" },
    { "error as a string", "{\"error\":\"went wrong\"}",
      "error: went wrong ()" },
    { "error before text", "{\"error\":\"e\",\"choices\":[{\"delta\":"
      "{\"content\":\"x\"}}]}", "error: e ()" },
    { "no error", "{\"error\":null,\"choices\":[{\"delta\":"
      "{\"content\":\"x\"}}]}", "text: x" },
    { "escapes", "{\"choices\":[{\"delta\":{\"content\":"
      "\"\\\"a\\\\b\\/\\b\\f\\n\\r\\t\"}}]}",
      "text: \"a\\b/\b\f\n\r\t" },
    { "unknown escape", "{\"choices\":[{\"delta\":{\"content\":"
      "\"\\x\"}}]}", "failed" },
    { "the first choice", "{\"choices\":[{\"delta\":{\"content\":\"a\"}},"
      "{\"delta\":{\"content\":\"b\"}}]}", "text: a" },
    { "the first of a name", "{\"choices\":[{\"delta\":{\"content\":\"a\","
      "\"content\":\"b\"},\"delta\":{\"content\":\"c\"}}],"
      "\"choices\":[],\"error\":null,\"error\":\"e\"}", "text: a" },
    { "the first of a name is of another type", "{\"choices\":[{\"delta\":"
      "{\"content\":1,\"content\":\"b\"}}]}", "none" },
    { "names elsewhere", "{\"delta\":{\"content\":\"a\"},\"content\":\"b\","
      "\"choices\":[{\"error\":\"e\",\"choices\":[{\"delta\":{\"content\":"
      "\"c\"}}]},{\"delta\":{\"content\":\"d\"}}]}", "none" },
    { "choice in an object", "{\"choices\":{\"0\":{\"delta\":{\"content\":"
      "\"a\"}}}}", "text: a" },
    { "numbers of any kind", "{\"a\":[0,-1,2.5e-3,12345678901234567890],"
      "\"choices\":[{\"delta\":{\"content\":\"a\"}}]}", "text: a" },
    { "spaces between all", " { \"choices\" : [ { \"delta\"\n:\t{\r"
      "\"content\" : \"a\" } } ] } ", "text: a" },
    { "deep", "{\"a\":[[[[[[[[[[{}]]]]]]]]]],\"choices\":[{\"delta\":"
      "{\"content\":\"a\"}}]}", "text: a" },
    { "no comma", "{\"a\":1 \"b\":2}", "failed" },
    { "no value", "{\"a\":,\"b\":2}", "failed" },
    { "a comma too many", "{\"choices\":[{\"delta\":{\"content\":\"a\"}},]}",
      "failed" },
    { "a word too long", "{\"a\":nulll}", "failed" },
    { "NUL", "{\"choices\":[{\"delta\":{\"content\":\"a\\u0000b\"}}]}",
      "text: a\xef\xbf\xbd" "b" },
    { "halves of pairs", "{\"choices\":[{\"delta\":{\"content\":"
      "\"\\ud83dx\\uDE00\\ud83d\\ude00\\ud83d\\n\"}}]}",
      "text: \xef\xbf\xbdx\xef\xbf\xbd\xf0\x9f\x98\x80\xef\xbf\xbd\n" },
    { "half before what only looks like the other", "{\"choices\":[{\"delta\":"
      "{\"content\":\"\\ud83dxudc00 \\ud83d\\ndc00 \\ud83d\\ue000\"}}]}",
      "text: \xef\xbf\xbdxudc00 \xef\xbf\xbd\ndc00 "
      "\xef\xbf\xbd\xee\x80\x80" },
    { "halves in the wrong order", "{\"choices\":[{\"delta\":{\"content\":"
      "\"\\udc00\\udc00\\u0000\\udfff\"}}]}",
      "text: \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
    { "first and last pair", "{\"choices\":[{\"delta\":{\"content\":"
      "\"\\ud800\\udc00\\uDBFF\\uDFFF\\ud7ff\\ue000\"}}]}",
      "text: \xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80" },
    { "bytes that are not UTF-8", "{\"choices\":[{\"delta\":{\"content\":"
      "\"a\xe2\x82" "b\xff\xc3\xa9\xf0\x9f\xc3\xa9\"}}]}",
      "text: a??b?\xc3\xa9??\xc3\xa9" },
    { "raw control character", "{\"choices\":[{\"delta\":{\"content\":"
      "\"a\x01\"}}]}", "failed" }
};


/* events of one stream, that are much like those before them */

#define CHUNK(text)  "{\"id\":\"r\",\"choices\":[{\"delta\":{\"content\":\""  \
                     text "\"}}],\"created\":7}"

static case_t  stream[] = {

    { "the first of a stream", CHUNK("a"), "text: a" },
    { "the next", CHUNK("bc"), "text: bc" },
    { "the next with escapes", CHUNK("\\\"\\n\\\\"), "text: \"\n\\" },
    { "the next with a code", CHUNK("x\\u0041\\u0000"),
      "text: xA\xef\xbf\xbd" },
    { "the next without a text", CHUNK(""), "none" },
    { "the next of other characters", CHUNK("\xe5\xbc\xa0"),
      "text: \xe5\xbc\xa0" },
    { "the next that is not UTF-8", CHUNK("\xe5\xbc"), "text: ??" },
    { "the next with an error within", CHUNK("a\"}}],\"error\":\"e\",\"b\":[{\""
                                             "c\":{\"d\":\""), "error: e ()" },
    { "the next with a bad escape", CHUNK("a\\x"), "failed" },
    { "the next with its quote escaped", CHUNK("a\\"), "failed" },
    { "the next with a control character", CHUNK("a\x01"), "failed" },
    { "the next with a quote", CHUNK("a\"b"), "failed" },
    { "the beginning of one", "{\"id\":\"r\",\"choices\":[", "failed" },
    { "one of another run", "{\"id\":\"s\",\"choices\":[{\"delta\":"
      "{\"content\":\"b\"}}],\"created\":7}", "text: b" }
};


static case_t  errors[] = {

    { "refused request", "{\"error\":{\"message\":\"Payload too large\","
      "\"type\":\"invalid_request_error\"}}",
      "error: Payload too large (invalid_request_error)" },
    { "refused request, other fields", "{\"ok\":false,\"error\":{\"type\":"
      "\"forbidden\",\"message\":\"missing scope\",\"details\":{}}}\n",
      "error: missing scope (forbidden)" },
    { "refused request with a string", "{\"error\":\"no\"}", "error: no ()" },
    { "refused request without an error", "{\"message\":\"x\"}",
      "error:  ()" },
    { "refused request with a list", "[1]", "error:  ()" },
    { "refused request with a page", "<html></html>", "failed" },
    { "refused request with nothing", "", "failed" }
};


#define INFO      "Conversation info: " MARKER "\n```json\n"
#define REPLY     "Reply target of current user message: " MARKER             \
                  "\n```json\n"
#define CUSTOM    "Custom data: " MARKER "\n```json\n"                        \
                  "{\"source\":\"websocket\",\"type\":\"custom\","            \
                  "\"payload\":"
#define END       "\n```\n\n"

#define TIME      "\"timestamp\":\"Sun 2026-11-22T14:02:00Z\""
#define DIRECT    INFO "{\"chat_id\":\"websocket:direct:u-1\","               \
                  "\"message_id\":\"m-42\",\"sender\":{\"id\":\"u-1\"},"      \
                  TIME ",\"was_mentioned\":true}" END

#define IMAGE(t, s)                                                           \
    ",{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/" t         \
    ";base64," s "\"}}"


static body_t  bodies[] = {

    { "bare message is its content", "{\"type\":\"chat.send\",\"content\":"
      "\"Hi \\\"there\\\"\\n\"}", NULL, "Hi \"there\"\n", NULL },

    { "direct chat is the default", SEND("\"chatType\":\"direct\","
      "\"groupId\":\"g\",\"groupSubject\":\"gs\",\"messageId\":\"m\""),
      NULL, "c", NULL },

    { "name of the sender", SEND("\"a\":1"), "Ann",
      INFO "{\"chat_id\":\"websocket:direct:u-1\",\"message_id\":\"m-42\","
      "\"sender\":{\"id\":\"u-1\",\"name\":\"Ann\"}," TIME
      ",\"was_mentioned\":true}" END "c", NULL },

    { "all blocks in a group", SEND("\"chatType\":\"group\","
      "\"groupId\":\"Dev/1\",\"groupSubject\":\"Dev Team\","
      "\"replyToMessageId\":\"m-41\",\"replyToBody\":\"quoted\\ntext\","
      "\"mediaPath\":\"/abs/a.png\",\"mediaType\":\"image/png\","
      "\"customData\":{\"orderId\":7}"), "Ann",
      "[media attached: /abs/a.png (image/png)]\n"
      INFO "{\"chat_id\":\"websocket:group:Dev/1\",\"message_id\":\"m-42\","
      "\"reply_to_id\":\"m-41\",\"conversation_label\":\"Dev Team\","
      "\"sender\":{\"id\":\"u-1\",\"name\":\"Ann\"}," TIME
      ",\"group_subject\":\"Dev Team\",\"is_group_chat\":true,"
      "\"was_mentioned\":true}" END
      REPLY "{\"message_id\":\"m-41\",\"body\":\"quoted\\ntext\"}" END
      CUSTOM "{\"orderId\":7}}" END
      "Ann: c", NULL },

    { "group without names", SEND("\"chatType\":\"group\","
      "\"groupId\":\"g\""), NULL,
      INFO "{\"chat_id\":\"websocket:group:g\",\"message_id\":\"m-42\","
      "\"sender\":{\"id\":\"u-1\"}," TIME ",\"is_group_chat\":true,"
      "\"was_mentioned\":true}" END "u-1: c", NULL },

    { "quote without an id", SEND("\"replyToBody\":\"q\""), NULL,
      DIRECT REPLY "{\"body\":\"q\"}" END "c", NULL },

    { "reply without a quote", SEND("\"replyToMessageId\":\"r\""), NULL,
      INFO "{\"chat_id\":\"websocket:direct:u-1\",\"message_id\":\"m-42\","
      "\"reply_to_id\":\"r\",\"sender\":{\"id\":\"u-1\"}," TIME
      ",\"was_mentioned\":true}" END
      REPLY "{\"message_id\":\"r\"}" END "c", NULL },

    { "custom data", SEND("\"customData\":{\"k\":\"v\\n\\\"\"}"), NULL,
      DIRECT CUSTOM "{\"k\":\"v\\n\\\"\"}}" END "c", NULL },

    /* media */

    { "a file", SEND("\"mediaPath\":\"/a b.pdf\""), NULL,
      "[media attached: /a b.pdf]\n" DIRECT "c", NULL },

    { "files", SEND("\"mediaPaths\":[\"/a\",\"/b\"],"
      "\"mediaTypes\":[\"\",\"text/plain\"]"), NULL,
      "[media attached: 2 files]\n[media attached 1/2: /a]\n"
      "[media attached 2/2: /b (text/plain)]\n" DIRECT "c", NULL },

    { "file with brackets", SEND("\"mediaPath\":\"/a] b[\","
      "\"mediaType\":\"x]y\""), NULL,
      "[media attached: /a  b[ (x y)]\n" DIRECT "c", NULL },

    { "file with line separators", SEND("\"mediaPath\":\"a\\u2028b\\u2029\""),
      NULL, "[media attached: a   b   ]\n" DIRECT "c", NULL },

    { "an image", SEND("\"mediaPath\":\"data:image/png;base64,AAAA\""), NULL,
      "c", IMAGE("png", "AAAA") },

    { "images of each kind", SEND("\"mediaPaths\":["
      "\"data:image/jpeg;base64,A\",\"data:image/jpg;base64,B\","
      "\"DATA:Image/GIF;Base64,C\",\"data:image/webp;base64,D\","
      "\"data:image/heic;base64,E\",\"data:image/heif;base64,F\"]"), NULL,
      "c", IMAGE("jpeg", "A") IMAGE("jpeg", "B") IMAGE("gif", "C")
      IMAGE("webp", "D") IMAGE("heic", "E") IMAGE("heif", "F") },

    { "an image and a name", SEND("\"mediaPath\":"
      "\"data:image/png;base64,\\\"\\\\\""), "Ann",
      INFO "{\"chat_id\":\"websocket:direct:u-1\",\"message_id\":\"m-42\","
      "\"sender\":{\"id\":\"u-1\",\"name\":\"Ann\"}," TIME
      ",\"was_mentioned\":true}" END "c", IMAGE("png", "\\\"\\\\") },

    { "an image between files", SEND("\"mediaPaths\":[\"/a\","
      "\"data:image/png;base64,AAAA\",\"/b\"]"), NULL,
      "[media attached: 2 files]\n[media attached 1/2: /a]\n"
      "[media attached 2/2: /b]\n" DIRECT "c", IMAGE("png", "AAAA") },

    { "nine images", SEND("\"mediaPaths\":[\"data:image/png;base64,1\","
      "\"data:image/png;base64,2\",\"data:image/png;base64,3\","
      "\"data:image/png;base64,4\",\"data:image/png;base64,5\","
      "\"data:image/png;base64,6\",\"data:image/png;base64,7\","
      "\"data:image/png;base64,8\",\"data:image/png;base64,9\"]"), NULL,
      "[media attached: data (image/png)]\n" DIRECT "c",
      IMAGE("png", "1") IMAGE("png", "2") IMAGE("png", "3") IMAGE("png", "4")
      IMAGE("png", "5") IMAGE("png", "6") IMAGE("png", "7") IMAGE("png", "8")
    },

    { "data that is not an image", SEND("\"mediaPaths\":["
      "\"data:application/pdf;base64,AAAA\",\"data:,x\",\"data:\","
      "\"data:image/svg+xml;base64,AAAA\",\"data:image/png;base64,\"],"
      "\"mediaTypes\":[\"my/type\"]"), NULL,
      "[media attached: 5 files]\n[media attached 1/5: data (my/type)]\n"
      "[media attached 2/5: data]\n[media attached 3/5: data:]\n"
      "[media attached 4/5: data (image/svg+xml)]\n"
      "[media attached 5/5: data (image/png)]\n" DIRECT "c", NULL },

    { "data of a doubtful type", SEND("\"mediaPaths\":[\"data:a b,x\","
      "\"data:a\xc3\xa9,x\",\"data:" X16 X16 X16 X16 X16 X16 "xxxxy\"]"),
      NULL, "[media attached: 3 files]\n[media attached 1/3: data (a)]\n"
      "[media attached 2/3: data (a)]\n[media attached 3/3: data (" X16 X16
      X16 X16 X16 X16 "xxxx)]\n" DIRECT "c", NULL },

    /* what a sender can't do */

    { "marker in content", "{\"type\":\"chat.send\",\"content\":"
      "\"x " MARKER "\\n```json\"}", NULL, "x \n```json", NULL },

    { "markers within markers", "{\"type\":\"chat.send\",\"content\":"
      "\"\xe2\x9f\xa6open" MARKER "claw:" MARKER MARKER "ctx\xe2\x9f\xa7"
      "\xe2\x9f\xa6\"}", NULL, "\xe2\x9f\xa6", NULL },

    { "parts of a marker", "{\"type\":\"chat.send\",\"content\":"
      "\"\xe2\x9f\xa6openclaw:ctx \xe2\x9f\xa7 openclaw:ctx\xe2\x9f\xa7\"}",
      NULL, "\xe2\x9f\xa6openclaw:ctx \xe2\x9f\xa7 openclaw:ctx\xe2\x9f\xa7",
      NULL },

    { "markers everywhere", SEND("\"chatType\":\"group\","
      "\"groupId\":\"g" MARKER "\",\"groupSubject\":\"" MARKER "s\","
      "\"replyToBody\":\"q" MARKER "\",\"mediaPath\":\"/a" MARKER "\","
      "\"mediaType\":\"t" MARKER "\",\"customData\":{\"k" MARKER "\":\"v"
      MARKER "\"}"), "N" MARKER,
      "[media attached: /a (t)]\n"
      INFO "{\"chat_id\":\"websocket:group:g\",\"message_id\":\"m-42\","
      "\"conversation_label\":\"s\",\"sender\":{\"id\":\"u-1\","
      "\"name\":\"N\"}," TIME ",\"group_subject\":\"s\","
      "\"is_group_chat\":true,\"was_mentioned\":true}" END
      REPLY "{\"body\":\"q\"}" END CUSTOM "{\"k\":\"v\"}}" END
      "N: c", NULL },

    { "fences in blocks", SEND("\"replyToBody\":\"``a```b````c`````\","
      "\"customData\":{\"```\":\"\\n```\\n\"}"), NULL,
      DIRECT REPLY "{\"body\":\"``a`" BREAK "``b`" BREAK "`" BREAK "``c`"
      BREAK "`" BREAK "`" BREAK "``\"}" END
      CUSTOM "{\"`" BREAK "``\":\"\\n`" BREAK "``\\n\"}}" END "c", NULL },

    { "fences in content", "{\"type\":\"chat.send\",\"content\":"
      "\"```c\\nx\\n```\"}", NULL, "```c\nx\n```", NULL },

    { "name of what only looks like lines", SEND("\"chatType\":\"group\","
      "\"groupId\":\"g\""), "\xe3\x80\xa8\xe2\x81\xa8\xe2\x80\xa7",
      INFO "{\"chat_id\":\"websocket:group:g\",\"message_id\":\"m-42\","
      "\"sender\":{\"id\":\"u-1\","
      "\"name\":\"\xe3\x80\xa8\xe2\x81\xa8\xe2\x80\xa7\"}," TIME
      ",\"is_group_chat\":true,\"was_mentioned\":true}" END
      "\xe3\x80\xa8\xe2\x81\xa8\xe2\x80\xa7: c", NULL },

    { "name of more than one line", SEND("\"chatType\":\"group\","
      "\"groupId\":\"g\""), "A\nB\xe2\x80\xa8" "C]",
      INFO "{\"chat_id\":\"websocket:group:g\",\"message_id\":\"m-42\","
      "\"sender\":{\"id\":\"u-1\",\"name\":\"A\\nB\xe2\x80\xa8" "C]\"}," TIME
      ",\"is_group_chat\":true,\"was_mentioned\":true}" END "A B   C]: c",
      NULL }
};


static u_char     out[65536];
static size_t     nout;
static ngx_int_t  allocations;                     /* that succeed */


static void
put(const char *name, ngx_str_t *s)
{
    nout += snprintf((char *) out + nout, sizeof(out) - nout, "%s", name);

    if (s->len) {
        ngx_memcpy(out + nout, s->data, s->len);
        nout += s->len;
    }
}


static void
put_if(const char *name, ngx_str_t *s)
{
    if (s->len) {
        put(name, s);
    }
}


static ngx_str_t
string(const char *s)
{
    ngx_str_t  str;

    str.data = (u_char *) s;
    str.len = s ? strlen(s) : 0;

    return str;
}


static void
is_out(const char *expected, const char *name)
{
    ngx_str_t  s, want;

    s.data = out;
    s.len = nout;
    want = string(expected);

    test_is(&s, &want, name);
}


static void
test_message(case_t *c)
{
    u_char                  *copy;
    size_t                   len;
    ngx_int_t                rc;
    ngx_str_t                none;
    ngx_uint_t               i;
    ngx_openclaw_message_t   m;

    static char  *types[] = { "send", "abort", "ping" };

    ngx_str_null(&none);

    nout = 0;
    len = strlen(c->input);
    copy = test_copy(c->input, len);

    ngx_memset(&m, 0xa5, sizeof(m));

    rc = ngx_openclaw_message_parse(&m, copy, len);

    /* the input is not kept */

    ngx_memset(copy, 'x', len);
    free(copy);

    if (rc == NGX_DECLINED) {
        put((char *) ngx_openclaw_code_name(m.code)->data, &none);
        put(": ", &m.error);
        put_if(" id=", &m.message_id);

    } else if (rc == NGX_OK && m.code == NGX_OPENCLAW_OK
               && m.error.len == 0)
    {
        put(types[m.type], &none);
        put_if(" content=", &m.content);
        put_if(" id=", &m.message_id);
        put_if(" sender=", &m.sender_id);
        put_if(" name=", &m.sender_name);
        put_if(" group=", &m.group_id);
        put_if(" subject=", &m.group_subject);
        put_if(" reply=", &m.reply_id);
        put_if(" body=", &m.reply_body);
        put_if(" custom=", &m.custom_data);

        for (i = 0; i < m.nmedia; i++) {
            put(" media=", &m.media[i].path);
            put("(", &m.media[i].type);
            put(")", &none);
        }
    }

    is_out(c->expected, c->name);

    ngx_openclaw_message_free(&m);
}


static void
test_event(case_t *c, ngx_uint_t refused, ngx_openclaw_molds_t *mold)
{
    size_t                 len;
    u_char                *copy;
    ngx_int_t              rc;
    ngx_str_t              none;
    ngx_openclaw_event_t   e;

    ngx_str_null(&none);

    nout = 0;
    len = strlen(c->input);
    copy = test_copy(c->input, len);

    ngx_memset(&e, 0xa5, sizeof(e));

    rc = refused ? ngx_openclaw_error_parse(&e, copy, len)
                 : ngx_openclaw_event_parse(&e, mold, copy, len);

    if (rc != NGX_OK) {
        put("failed", &none);

    } else if (e.type == NGX_OPENCLAW_EVENT_TEXT) {
        put("text: ", &e.text);

    } else if (e.type == NGX_OPENCLAW_EVENT_ERROR) {
        put("error: ", &e.text);
        put(" (", &e.error);
        put(")", &none);

    } else {
        put(e.type == NGX_OPENCLAW_EVENT_DONE ? "done" : "none", &none);
    }

    is_out(c->expected, c->name);

    ngx_openclaw_event_free(&e);
    free(copy);
}


static void
make_body(const char *input, const char *sender_name, time_t time)
{
    size_t                   len;
    u_char                  *copy, *body;
    ngx_openclaw_message_t   m;
    ngx_openclaw_request_t   r;

    nout = 0;
    len = strlen(input);
    copy = test_copy(input, len);

    if (ngx_openclaw_message_parse(&m, copy, len) == NGX_OK) {

        r.agent = string("main");
        r.sender_id = string("u-1");
        r.sender_name = string(sender_name);
        r.message_id = string("m-42");
        r.time = time;
        r.message = &m;
        ngx_str_null(&r.words);

        body = ngx_openclaw_body_create(&r, &nout);
        ngx_memcpy(out, body, nout);
        ngx_openclaw_body_free(body);
    }

    ngx_openclaw_message_free(&m);
    free(copy);
}


static void
test_body(body_t *b)
{
    u_char     *p;
    ngx_str_t   s, want, prompt;

    static u_char  expected[65536];

    make_body(b->input, b->sender_name, 1795356120);

    p = expected;
    p += sprintf((char *) p,
                 "{\"model\":\"openclaw/main\",\"stream\":true,"
                 "\"stream_options\":{\"include_usage\":true},"
                 "\"messages\":[{\"role\":\"user\",\"content\":%s\"",
                 b->images ? "[{\"type\":\"text\",\"text\":" : "");

    prompt = string(b->prompt);
    p = ngx_openclaw_json_escape(p, &prompt);

    if (b->images) {
        p += sprintf((char *) p, "\"}%s]}]}", b->images);

    } else {
        p += sprintf((char *) p, "\"}]}");
    }

    s.data = out;
    s.len = nout;
    want.data = expected;
    want.len = p - expected;

    test_is(&s, &want, b->name);
}


/* strings of blocks are cut, by characters and not within one */

static void
test_cut(const char *ch, size_t len, size_t n, const char *name)
{
    char        *p;
    size_t       i, k;
    ngx_uint_t   ok;

    static char  input[32000], expected[32000];

    p = input;
    p += sprintf(p, "{\"type\":\"chat.send\",\"content\":\"c\","
                    "\"replyToBody\":\"x");

    for (i = 1; i < n; i++) {
        ngx_memcpy(p, ch, len);
        p += len;
    }

    sprintf(p, "\",\"customData\":{\"a\":\"tail\"}}");

    make_body(input, NULL, 0);
    out[nout] = '\0';

    p = expected;
    p += sprintf(p, "{\\\"body\\\":\\\"x");

    for (i = 1; i < (n > 2000 ? 1986 : n); i++) {
        for (k = 0; k < len; k++) {

            /* what is JSON already is escaped once more */

            if (ch[k] == '\\' || ch[k] == '"') {
                *p++ = '\\';
            }

            *p++ = ch[k];
        }
    }

    sprintf(p, "%s\\\"}\\n```",
            n > 2000 ? "\xe2\x80\xa6[truncated]" : "");

    ok = (strstr((char *) out, expected) != NULL
          && strstr((char *) out, "{\\\"a\\\":\\\"tail\\\"}") != NULL);

    if (!ok) {
        test_note("got", out, nout);
    }

    test_ok(ok, name);
}


/* a path of n bytes, the last but two of which are one character */

static void
test_path(size_t n, size_t left, const char *name)
{
    char         *p;
    ngx_uint_t    ok;

    static char  input[8000], expected[8000];

    p = input;
    p += sprintf(p, "{\"type\":\"chat.send\",\"content\":\"c\","
                    "\"mediaPath\":\"");
    ngx_memset(p, 'p', n - 5);
    p += n - 5;
    sprintf(p, "\xe2\x82\xacpp\",\"mediaType\":\"t\"}");

    make_body(input, NULL, 0);
    out[nout] = '\0';

    p = expected;
    p += sprintf(p, "\"[media attached: ");
    ngx_memset(p, 'p', n - 5);
    ngx_memcpy(p + n - 5, "\xe2\x82\xacpp", 5);
    p += left;
    sprintf(p, " (t)]\\n");

    ok = (strstr((char *) out, expected) != NULL);

    if (!ok) {
        test_note("got", out, nout);
    }

    test_ok(ok, name);
}


/* a block of nothing but fences grows a lot */

static void
test_fences(void)
{
    char        *p;
    ngx_uint_t   n;

    static char  input[4000];

    p = input;
    p += sprintf(p, "{\"type\":\"chat.send\",\"content\":\"c\","
                    "\"replyToBody\":\"");
    ngx_memset(p, '`', 1900);
    sprintf(p + 1900, "\"}");

    make_body(input, NULL, 0);
    out[nout] = '\0';

    n = 0;

    for (p = (char *) out; (p = strstr(p, "`" BREAK)) != NULL; p++) {
        n++;
    }

    p = strstr((char *) out, "{\\\"body");

    test_ok(n == 1898 && p && strstr(p, "```") == strstr(p, "\\n```") + 2,
            "many fences");
}


static void
test_time(time_t time, const char *expected, const char *name)
{
    make_body(SEND("\"a\":1"), "Ann", time);
    out[nout] = '\0';

    test_ok(strstr((char *) out, expected) != NULL, name);
}


/* each byte, at each place of the words that are taken at once */

static void
test_escape(void)
{
    size_t       i, k, n, len;
    char         want[64];
    u_char       data[24], *copy, *p;
    ngx_str_t    s;
    ngx_uint_t   ok;

    static char  *shorts[] = { "\"\"", "\\\\", "\bb", "\ff", "\nn", "\rr",
                               "\tt" };

    ok = 1;

    for (i = 0; i < 256; i++) {

        n = 1;
        want[0] = (char) i;

        if (i < 0x20 || i == '"' || i == '\\') {
            n = sprintf(want, "\\u%04x", (unsigned) i);

            for (k = 0; k < 7; k++) {
                if ((u_char) shorts[k][0] == i) {
                    n = sprintf(want, "\\%c", shorts[k][1]);
                }
            }
        }

        for (len = 1; len < 20; len++) {
            for (k = 0; k < len; k++) {

                ngx_memset(data, 0x80 + (int) k, len);
                data[k] = (u_char) i;

                copy = test_copy(data, len);
                s.data = copy;
                s.len = len;

                ok &= (ngx_openclaw_json_escaped_size(&s) == len - 1 + n);

                p = test_copy(out, len - 1 + n);

                ok &= (ngx_openclaw_json_escape(p, &s) == p + len - 1 + n
                       && ngx_memcmp(p, data, k) == 0
                       && ngx_memcmp(p + k, want, n) == 0
                       && ngx_memcmp(p + k + n, data + k + 1, len - k - 1)
                          == 0);

                free(copy);
                free(p);
            }
        }
    }

    test_ok(ok, "escapes of each byte at each place");

    s = string("\x01\x1f\"\"\\\\\n\n \x7f\xe2\x80\xa8\x1e");
    p = out;
    nout = ngx_openclaw_json_escape(out, &s) - out;
    is_out("\\u0001\\u001f\\\"\\\"\\\\\\\\\\n\\n \x7f\xe2\x80\xa8\\u001e",
           "many escapes");
}


static void
is_frame(u_char *p, u_char *last, size_t size, const char *expected,
    const char *name)
{
    ngx_str_t  s, want;

    s.data = p;
    s.len = last - p;
    want = string(expected);

    if (s.len != size) {
        printf("# %d bytes for %d\n", (int) s.len, (int) size);
        test_ok(0, name);

    } else {
        test_is(&s, &want, name);
    }

    free(p);
}


static void
test_frames(void)
{
    size_t      n;
    u_char     *p;
    ngx_str_t   id, text, none;

    id = string("m\"1");
    text = string("a\n\\");
    none = string("");

    n = ngx_openclaw_json_stream_size(&id, &text);
    p = test_copy(out, n);
    is_frame(p, ngx_openclaw_json_stream(p, &id, &text), n,
             "{\"type\":\"chat.stream\",\"messageId\":\"m\\\"1\","
             "\"content\":\"a\\n\\\\\",\"done\":false}",
             "chat.stream");

    n = ngx_openclaw_json_response_size(&id, &text);
    p = test_copy(out, n);
    is_frame(p, ngx_openclaw_json_response(p, &id, &text), n,
             "{\"type\":\"chat.response\",\"messageId\":\"m\\\"1\","
             "\"content\":\"a\\n\\\\\",\"done\":true}",
             "chat.response");

    n = ngx_openclaw_json_response_size(NULL, &text);
    p = test_copy(out, n);
    is_frame(p, ngx_openclaw_json_response(p, NULL, &text), n,
             "{\"type\":\"chat.response\",\"content\":\"a\\n\\\\\"}",
             "greeting");

    n = ngx_openclaw_json_error_size(&id, NGX_OPENCLAW_QUEUE_FULL, &text);
    p = test_copy(out, n);
    is_frame(p, ngx_openclaw_json_error(p, &id, NGX_OPENCLAW_QUEUE_FULL,
                                        &text), n,
             "{\"type\":\"chat.error\",\"messageId\":\"m\\\"1\","
             "\"error\":\"a\\n\\\\\",\"code\":\"queue_full\"}",
             "chat.error");

    n = ngx_openclaw_json_error_size(&none, NGX_OPENCLAW_PARSE_ERROR, &text);
    p = test_copy(out, n);
    is_frame(p, ngx_openclaw_json_error(p, &none, NGX_OPENCLAW_PARSE_ERROR,
                                        &text), n,
             "{\"type\":\"chat.error\",\"error\":\"a\\n\\\\\","
             "\"code\":\"parse_error\"}",
             "chat.error with an empty messageId");

    n = ngx_openclaw_json_error_size(NULL, NGX_OPENCLAW_ABORTED, &none);
    p = test_copy(out, n);
    is_frame(p, ngx_openclaw_json_error(p, NULL, NGX_OPENCLAW_ABORTED,
                                        &none), n,
             "{\"type\":\"chat.error\",\"error\":\"\",\"code\":\"aborted\"}",
             "chat.error without a messageId");

    nout = 0;
    put("", &ngx_openclaw_json_typing);
    put(" ", &ngx_openclaw_json_pong);
    is_out("{\"type\":\"chat.typing\"} {\"type\":\"pong\"}",
           "chat.typing and pong");
}


static void
test_codes(void)
{
    ngx_uint_t  i, ok;
    ngx_str_t  *text;

    static char  *names[] = {
        "ok", "parse_error", "invalid_message", "bad_field", "too_long",
        "group_id_required", "sender_refused", "token_required",
        "auth_failed", "queue_full", "too_many_turns", "too_many_connections",
        "rate_limited", "zone_full", "duplicate", "aborted",
        "agent_unreachable", "agent_timeout", "agent_auth", "agent_error",
        "agent_incomplete", "agent_unavailable", "shutting_down",
        "internal_error"
    };

    ok = 1;

    for (i = 0; i <= NGX_OPENCLAW_INTERNAL_ERROR; i++) {
        ok &= (ngx_strcmp(ngx_openclaw_code_name(i)->data, names[i]) == 0);

        text = ngx_openclaw_code_text(i);
        ok &= (i == 0 || (text->len > 10 && text->data[text->len] == '\0'));
    }

    test_ok(ok && i == sizeof(names) / sizeof(names[0]),
            "each code has its name and a text");
}


static void
test_id(const char *id, const char *expected, const char *name)
{
    u_char      *copy;
    ngx_str_t    s;
    const char  *got;

    s.len = strlen(id);
    copy = test_copy(id, s.len);
    s.data = copy;

    got = ngx_openclaw_id_check(&s, 8);

    test_ok(expected ? (got && ngx_strcmp(got, expected) == 0) : got == NULL,
            name);

    free(copy);
}


static void
test_nul(void)
{
    u_char                  *copy;
    ngx_int_t                rc;
    ngx_openclaw_message_t   m;

    static u_char  data[] = "{\"type\":\"chat.send\",\"content\":\"a\0b\"}";

    copy = test_copy(data, sizeof(data) - 1);
    rc = ngx_openclaw_message_parse(&m, copy, sizeof(data) - 1);
    test_ok(rc == NGX_DECLINED && m.code == NGX_OPENCLAW_PARSE_ERROR,
            "raw NUL in a string");
    ngx_openclaw_message_free(&m);
    free(copy);

    copy = test_copy("{\"type\":\"ping\"}", 16);
    rc = ngx_openclaw_message_parse(&m, copy, 16);
    test_ok(rc == NGX_DECLINED && m.code == NGX_OPENCLAW_PARSE_ERROR,
            "raw NUL at the end");
    ngx_openclaw_message_free(&m);
    free(copy);
}


/* content, and an array with so many levels, or so many values in one */

static ngx_openclaw_message_t
nested(size_t levels, size_t values)
{
    size_t                   i;
    u_char                  *p;
    ngx_openclaw_message_t   m;

    static u_char  data[200000];

    p = ngx_cpymem(data, SEND("\"customData\":{\"a\":"),
                   sizeof(SEND("\"customData\":{\"a\":")) - 2);

    for (i = 0; i < levels; i++) {
        *p++ = '[';
    }

    /* what looks like it does not count in a string */

    p = ngx_cpymem(p, "\"\\\"[{,[\"", sizeof("\"\\\"[{,[\"") - 1);

    for (i = 1; i < values; i++) {
        *p++ = ',';
        *p++ = '0';
    }

    for (i = 0; i < levels; i++) {
        *p++ = ']';
    }

    p = ngx_cpymem(p, "}}", 2);

    (void) ngx_openclaw_message_parse(&m, data, p - data);
    ngx_openclaw_message_free(&m);

    return m;
}


static void
test_bounds(void)
{
    ngx_openclaw_message_t  m;

    m = nested(62, 1);
    test_ok(m.code == NGX_OPENCLAW_OK, "so many levels");

    m = nested(63, 1);
    test_ok(m.code == NGX_OPENCLAW_PARSE_ERROR
            && strstr((char *) m.error.data, "at most 64 levels") != NULL,
            "one more");

    m = nested(1, 16380);
    test_ok(m.code == NGX_OPENCLAW_OK, "so many values");

    m = nested(1, 16381);
    test_ok(m.code == NGX_OPENCLAW_PARSE_ERROR
            && strstr((char *) m.error.data, "at most 16384") != NULL,
            "one more");
}


/* what is nested too deep is refused, with no harm to the stack */

static void
test_deep(void)
{
    ngx_int_t                rc;
    ngx_openclaw_message_t   m;

    static u_char  data[200000];

    ngx_memset(data, '[', sizeof(data));

    rc = ngx_openclaw_message_parse(&m, data, sizeof(data));

    test_ok(rc == NGX_DECLINED && m.code == NGX_OPENCLAW_PARSE_ERROR,
            "what is nested too deep");

    ngx_openclaw_message_free(&m);
}


static void *
scarce_malloc(size_t size)
{
    if (allocations-- == 0) {
        ngx_set_errno(NGX_ENOMEM);
        return NULL;
    }

    return malloc(size);
}


/* what is not read again is known all the same */

static void
test_mold(void)
{
    u_char                     *first, *next;
    ngx_openclaw_event_t        e;
    ngx_openclaw_molds_t   mold;

    ngx_memzero(&mold, sizeof(mold));

    first = test_copy(CHUNK("a"), sizeof(CHUNK("a")) - 1);
    ngx_openclaw_event_parse(&e, &mold, first, sizeof(CHUNK("a")) - 1);
    ngx_openclaw_event_free(&e);
    free(first);

    next = test_copy(CHUNK("bc"), sizeof(CHUNK("bc")) - 1);
    ngx_openclaw_event_parse(&e, &mold, next, sizeof(CHUNK("bc")) - 1);

    test_ok(e.created == 7 && e.id.len == 1 && e.id.data[0] == 'r',
            "run of the next event");

    ngx_openclaw_event_free(&e);
    free(next);
}


/* each allocation fails once, and nothing is lost then */

static void
test_memory(void)
{
    size_t                   len;
    u_char                  *copy;
    ngx_int_t                n, rc;
    ngx_openclaw_event_t     e;
    ngx_openclaw_message_t   m;

    static ngx_openclaw_molds_t  mold;

    static char         input[] = SEND("\"senderId\":\"s\",\"customData\":"
                                       "{\"a\":[1,\"b\","
                                       "{\"c\":null}]}");
    static cJSON_Hooks  hooks = { scarce_malloc, free };

    cJSON_InitHooks(&hooks);

    len = strlen(input);
    copy = test_copy(input, len);

    for (n = 0; /* void */ ; n++) {
        allocations = n;
        rc = ngx_openclaw_message_parse(&m, copy, len);
        ngx_openclaw_message_free(&m);

        if (rc != NGX_ERROR) {
            break;
        }
    }

    test_ok(n > 15 && rc == NGX_OK, "message without memory");

    for (n = 0; /* void */ ; n++) {
        allocations = n;
        rc = ngx_openclaw_event_parse(&e, &mold, copy, len);
        ngx_openclaw_event_free(&e);

        if (rc != NGX_ERROR) {
            break;
        }
    }

    test_ok(n > 15 && rc == NGX_OK, "event without memory");

    cJSON_InitHooks(NULL);

    free(copy);
}


int
main(void)
{
    ngx_uint_t                 i;
    ngx_openclaw_molds_t  mold;

    for (i = 0; i < sizeof(messages) / sizeof(case_t); i++) {
        test_message(&messages[i]);
    }

    test_nul();
    test_deep();
    test_bounds();

    test_id("", NULL, "empty id");
    test_id("a b\xc3\xa9", NULL, "id of any language");
    test_id("12345678", NULL, "longest id");
    test_id("123456789", "is too long", "too long id");
    test_id("a\xc3", "is not valid UTF-8", "id that ends in a character");
    test_id("\xff", "is not valid UTF-8", "id that is not UTF-8");
    test_id("a\n", "contains control characters", "id with a line end");
    test_id("\x7f", "contains control characters", "id with a DEL");
    test_id("\xc2\x80", "contains control characters", "id with U+0080");
    test_id("\xc2\x9f", "contains control characters", "id with U+009F");
    test_id("\xc2\xa0\xc4\x80", NULL, "id with what only looks like those");

    for (i = 0; i < sizeof(events) / sizeof(case_t); i++) {
        ngx_memzero(&mold, sizeof(mold));
        test_event(&events[i], 0, &mold);
    }

    ngx_memzero(&mold, sizeof(mold));

    for (i = 0; i < sizeof(stream) / sizeof(case_t); i++) {
        test_event(&stream[i], 0, &mold);
    }

    test_mold();

    for (i = 0; i < sizeof(errors) / sizeof(case_t); i++) {
        test_event(&errors[i], 1, NULL);
    }

    for (i = 0; i < sizeof(bodies) / sizeof(body_t); i++) {
        test_body(&bodies[i]);
    }

    test_cut("y", 1, 2000, "longest string of a block");
    test_cut("y", 1, 2001, "too long string of a block");
    test_cut("\xf0\x9f\x98\x80", 4, 2000, "longest of wide characters");
    test_cut("\xf0\x9f\x98\x80", 4, 2001, "too long of wide characters");
    test_cut("\\n", 2, 2000, "longest of escapes");
    test_cut("\\u0001", 6, 2001, "too long of escapes");
    test_cut("\\\"", 2, 2500, "too long of quotes");

    test_path(4096, 4096, "longest path");
    test_path(4097, 4096, "too long path");
    test_path(4098, 4096, "too long path, cut after a character");
    test_path(4099, 4094, "too long path, cut before a character");
    test_path(4100, 4095, "too long path, cut within a character");
    test_fences();

    test_time(0, "Thu 1970-01-01T00:00:00Z", "the first second");
    test_time(1709251199, "Thu 2024-02-29T23:59:59Z", "a leap day");
    test_time(1709251200, "Fri 2024-03-01T00:00:00Z", "the day after");
    test_time(4107542400, "Mon 2100-03-01T00:00:00Z",
              "a year that is not a leap year");
    test_time(1735689600, "Wed 2025-01-01T00:00:00Z",
              "the year after a leap year");
    test_time(1767225600, "Thu 2026-01-01T00:00:00Z",
              "the beginning of a year");
    test_time(1767225599, "Wed 2025-12-31T23:59:59Z", "the end of a year");

    test_escape();
    test_frames();
    test_codes();
    test_memory();

    return test_done();
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


/* Tests for what the authentication service is asked, and answers. */


#include <test.h>
#include <ngx_openclaw_json.h>


#define YES(data)  "{\"success\":true,\"data\":" data "}"
#define AT(time)   YES("{\"userId\":\"a\",\"expiresAt\":" time "}")


typedef struct {
    const char  *input;
    const char  *expected;
} case_t;


static case_t  cases[] = {

    { YES("{\"userId\":\"ann\"}"), "yes ann \"\" 0" },
    { YES("{\"userId\":\"ann\",\"username\":\"Ann Lee\"}"),
      "yes ann \"Ann Lee\" 0" },
    { YES("{\"userId\":\"ann\",\"username\":null,\"expiresAt\":null}"),
      "yes ann \"\" 0" },
    { YES("{\"userId\":\"ann\",\"username\":\"\"}"), "yes ann \"\" 0" },
    { YES("{\"userId\":0}"), "yes 0 \"\" 0" },
    { YES("{\"userId\":-17}"), "yes -17 \"\" 0" },
    { YES("{\"userId\":17.0}"), "yes 17 \"\" 0" },
    { YES("{\"userId\":9007199254740991}"), "yes 9007199254740991 \"\" 0" },

    { AT("1795396163"), "yes a \"\" 1795396163000" },
    { AT("1795396163.5"), "yes a \"\" 1795396163500" },
    { AT("1795396163956"), "yes a \"\" 1795396163956" },
    { AT("\"1970-01-01T00:00:01Z\""), "yes a \"\" 1000" },
    { AT("\"1972-02-29T12:00:00Z\""), "yes a \"\" 68212800000" },
    { AT("\"2000-02-29T00:00:00Z\""), "yes a \"\" 951782400000" },
    { AT("\"2000-03-01T00:00:00Z\""), "yes a \"\" 951868800000" },
    { AT("\"2026-11-23T02:29:23Z\""), "yes a \"\" 1795400963000" },
    { AT("\"2026-11-23T02:29:23.999+05:30\""), "yes a \"\" 1795381163000" },
    { AT("\"2100-03-01T00:00:00Z\""), "yes a \"\" 4107542400000" },
    { AT("\"2026-11-23\""), "wrong the expiresAt is not a time" },
    { AT("\"2026-11-23T02:29:23+\""), "wrong the expiresAt is not a time" },
    { AT("\"\""), "wrong the expiresAt is not a time" },

    { "{\"success\":false,\"error\":\"gone\"}", "no gone" },
    { "{\"success\":false,\"code\":\"gone\"}", "no gone" },
    { "{\"success\":false}", "no auth_failed" },
    { "{\"success\":true}", "no auth_failed" },
    { "{\"success\":false,\"error\":{}}", "no auth_failed" },
    { "{}", "no auth_failed" },
    { "{\"success\":false,\"error\":\"a\",\"error\":\"b\"}", "no b" },

    { "", "wrong the answer is not JSON" },
    { "[]", "wrong the answer is not a JSON object" },
    { "{\"success\":true", "wrong the answer is not JSON" },
    { "{\"success\":false} {}", "wrong the answer is not JSON" },
    { "{\"\\ud800\":1}", "wrong the answer is not JSON" },
    { YES("{}"), "wrong there is no userId" },
    { YES("1"), "wrong there is no userId" },
    { YES("{\"userId\":\"\"}"), "wrong there is no userId" },
    { YES("{\"userId\":1e999}"),
      "wrong the userId is a number that is not exact" },
    { YES("{\"userId\":9007199254740992}"),
      "wrong the userId is a number that is not exact" },
    { YES("{\"userId\":\"a\",\"username\":{}}"),
      "wrong the username is not a string" },
};


static void
test_answer(case_t *c)
{
    u_char               *data;
    ngx_int_t             rc;
    ngx_str_t             s, expected;
    ngx_openclaw_auth_t   a;
    char                  got[512];

    data = test_copy(c->input, strlen(c->input));
    rc = ngx_openclaw_auth_parse(&a, data, strlen(c->input));

    if (rc == NGX_OK) {
        snprintf(got, sizeof(got), "yes %.*s \"%.*s\" %lld",
                 (int) a.id.len, a.id.data, (int) a.name.len,
                 a.name.len ? (char *) a.name.data : "",
                 (long long) a.expires);

    } else {
        snprintf(got, sizeof(got), "%s %.*s",
                 rc == NGX_DECLINED ? "no" : "wrong",
                 (int) a.error.len, a.error.data);
    }

    s.data = (u_char *) got;
    s.len = strlen(got);
    expected.data = (u_char *) c->expected;
    expected.len = strlen(c->expected);

    test_is(&s, &expected, c->input);

    ngx_openclaw_auth_free(&a);
    free(data);
}


static void
test_body(ngx_keyval_t *pairs, ngx_uint_t n, const char *expected)
{
    size_t      len;
    u_char     *p;
    ngx_str_t   got, want;

    len = ngx_openclaw_json_auth_size(pairs, n);
    p = malloc(len);

    got.data = p;
    got.len = ngx_openclaw_json_auth(p, pairs, n) - p;
    want.data = (u_char *) expected;
    want.len = strlen(expected);

    test_ok(got.len == len, "the length is exact");
    test_is(&got, &want, expected);

    free(p);
}


int
main(void)
{
    ngx_uint_t  i;

    static ngx_keyval_t  pairs[] = {
        { ngx_string("token"), ngx_string("a\"b\\") },
        { ngx_string("a\nb"), ngx_string("") },
        { ngx_string("tokenType"), ngx_string("local") }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_answer(&cases[i]);
    }

    test_body(pairs, 0, "{}");
    test_body(pairs, 1, "{\"token\":\"a\\\"b\\\\\"}");
    test_body(pairs, 3, "{\"token\":\"a\\\"b\\\\\",\"a\\nb\":\"\","
                        "\"tokenType\":\"local\"}");

    return test_done();
}

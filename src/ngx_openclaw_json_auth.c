
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * The authentication service is told the arguments of a URL and a token, and
 * answers
 *
 *   {"success":true,"data":{"userId":...,"username":...,"expiresAt":...}}
 *   {"success":false,"error":...}
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_json.h>
#include <ngx_openclaw_json_internal.h>


/* integers that a double holds exactly */

#define NGX_OPENCLAW_AUTH_MAX_INTEGER       9007199254740991.0

/* a time below it is in seconds: until 5138, or since 1973 */

#define NGX_OPENCLAW_AUTH_SECONDS           1e11

#define NGX_OPENCLAW_AUTH_MAX_ERROR         128


static void ngx_openclaw_auth_wipe(cJSON *item);
static ngx_int_t ngx_openclaw_auth_wrong(ngx_openclaw_auth_t *a,
    const char *error);
static ngx_int_t ngx_openclaw_auth_refused(ngx_openclaw_auth_t *a);

static ngx_int_t ngx_openclaw_auth_id(ngx_openclaw_auth_t *a,
    const cJSON *item);
static ngx_int_t ngx_openclaw_auth_name(ngx_openclaw_auth_t *a,
    const cJSON *item);
static ngx_int_t ngx_openclaw_auth_expires(ngx_openclaw_auth_t *a,
    const cJSON *item);

static ngx_int_t ngx_openclaw_auth_date(const char *p, int64_t *time);
static ngx_int_t ngx_openclaw_auth_zone(const char *p, int64_t *offset);
static ngx_int_t ngx_openclaw_auth_digits(const char *p, const char *shape,
    ngx_int_t *value);
static int64_t ngx_openclaw_auth_days(ngx_int_t year, ngx_int_t month,
    ngx_int_t day);


size_t
ngx_openclaw_json_auth_size(ngx_keyval_t *pairs, ngx_uint_t n)
{
    size_t      size;
    ngx_uint_t  i;

    size = sizeof("{}") - 1;

    for (i = 0; i < n; i++) {
        size += sizeof("\"\":\"\",") - 1
                + ngx_openclaw_json_escaped_size(&pairs[i].key)
                + ngx_openclaw_json_escaped_size(&pairs[i].value);
    }

    /* there is no comma behind the last one */

    return n ? size - 1 : size;
}


u_char *
ngx_openclaw_json_auth(u_char *p, ngx_keyval_t *pairs, ngx_uint_t n)
{
    ngx_uint_t  i;

    *p++ = '{';

    for (i = 0; i < n; i++) {

        if (i) {
            *p++ = ',';
        }

        *p++ = '"';
        p = ngx_openclaw_json_escape(p, &pairs[i].key);
        *p++ = '"';
        *p++ = ':';
        *p++ = '"';
        p = ngx_openclaw_json_escape(p, &pairs[i].value);
        *p++ = '"';
    }

    *p++ = '}';

    return p;
}


ngx_int_t
ngx_openclaw_auth_parse(ngx_openclaw_auth_t *a, u_char *data, size_t len)
{
    cJSON        *root;
    ngx_int_t     rc;
    ngx_uint_t    found;
    const cJSON  *item;

    ngx_memzero(a, sizeof(ngx_openclaw_auth_t));

    rc = ngx_openclaw_json_read(data, len, 0, &found, &root);

    if (rc == NGX_ERROR) {
        return ngx_openclaw_auth_wrong(a, "no memory for the answer");
    }

    if (rc == NGX_DECLINED) {
        return ngx_openclaw_auth_wrong(a, "the answer is not JSON");
    }

    a->root = root;

    /* halves of pairs would make different ids the same */

    if (found & (NGX_OPENCLAW_JSON_NUL|NGX_OPENCLAW_JSON_HALF)) {
        return ngx_openclaw_auth_wrong(a, "the answer is not JSON");
    }

    if (!cJSON_IsObject(root)) {
        return ngx_openclaw_auth_wrong(a, "the answer is not a JSON object");
    }

    item = ngx_openclaw_json_member(a->root, "data");

    if (!cJSON_IsTrue(ngx_openclaw_json_member(a->root, "success"))
        || item == NULL || cJSON_IsNull(item))
    {
        return ngx_openclaw_auth_refused(a);
    }

    if (ngx_openclaw_auth_id(a, item) != NGX_OK
        || ngx_openclaw_auth_name(a, item) != NGX_OK
        || ngx_openclaw_auth_expires(a, item) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_openclaw_auth_free(ngx_openclaw_auth_t *a)
{
    ngx_openclaw_auth_wipe(a->root);

    cJSON_Delete(a->root);
    a->root = NULL;
}


/* a service may say the token, or another one; no deeper than cJSON reads */

static void
ngx_openclaw_auth_wipe(cJSON *item)
{
    for ( /* void */ ; item; item = item->next) {

        if (item->valuestring) {
            explicit_bzero(item->valuestring, ngx_strlen(item->valuestring));
        }

        ngx_openclaw_auth_wipe(item->child);
    }
}


static ngx_int_t
ngx_openclaw_auth_wrong(ngx_openclaw_auth_t *a, const char *error)
{
    a->error.data = (u_char *) error;
    a->error.len = ngx_strlen(error);

    return NGX_ERROR;
}


/* what can't be shown to a client is no word of the service's */

static ngx_int_t
ngx_openclaw_auth_refused(ngx_openclaw_auth_t *a)
{
    ngx_str_t     s;
    ngx_uint_t    i;
    const cJSON  *item;

    static const char  *names[] = { "error", "code", NULL };

    ngx_str_set(&a->error, "auth_failed");

    for (i = 0; names[i]; i++) {
        item = ngx_openclaw_json_member(a->root, names[i]);

        if (!cJSON_IsString(item)) {
            continue;
        }

        s.data = (u_char *) item->valuestring;
        s.len = ngx_strlen(s.data);

        if (s.len
            && ngx_openclaw_id_check(&s, NGX_OPENCLAW_AUTH_MAX_ERROR) == NULL)
        {
            a->error = s;
            break;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_openclaw_auth_id(ngx_openclaw_auth_t *a, const cJSON *item)
{
    double  n;

    item = ngx_openclaw_json_member(item, "userId");

    if (cJSON_IsNumber(item)) {
        n = item->valuedouble;

        /* rounded, two ids would be one */

        if (!(n >= -NGX_OPENCLAW_AUTH_MAX_INTEGER
              && n <= NGX_OPENCLAW_AUTH_MAX_INTEGER)
            || n != (double) (int64_t) n)
        {
            return ngx_openclaw_auth_wrong(a, "the userId is a number that "
                                              "is not exact");
        }

        a->id.data = a->digits;
        a->id.len = snprintf((char *) a->digits, sizeof(a->digits), "%lld",
                             (long long) n);
        return NGX_OK;
    }

    if (!cJSON_IsString(item) || item->valuestring[0] == '\0') {
        return ngx_openclaw_auth_wrong(a, "there is no userId");
    }

    a->id.data = (u_char *) item->valuestring;
    a->id.len = ngx_strlen(a->id.data);

    if (ngx_openclaw_id_check(&a->id, NGX_OPENCLAW_JSON_MAX_ID) != NULL) {
        return ngx_openclaw_auth_wrong(a, "the userId is too long, not UTF-8 "
                                          "or contains control characters");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_openclaw_auth_name(ngx_openclaw_auth_t *a, const cJSON *item)
{
    item = ngx_openclaw_json_member(item, "username");

    if (item == NULL || cJSON_IsNull(item)) {
        return NGX_OK;
    }

    if (!cJSON_IsString(item)) {
        return ngx_openclaw_auth_wrong(a, "the username is not a string");
    }

    a->name.data = (u_char *) item->valuestring;
    a->name.len = ngx_strlen(a->name.data);

    if (ngx_openclaw_id_check(&a->name, NGX_OPENCLAW_JSON_MAX_ID) != NULL) {
        return ngx_openclaw_auth_wrong(a, "the username is too long, not "
                                          "UTF-8 or contains control "
                                          "characters");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_openclaw_auth_expires(ngx_openclaw_auth_t *a, const cJSON *item)
{
    double  n;

    item = ngx_openclaw_json_member(item, "expiresAt");

    if (item == NULL || cJSON_IsNull(item)) {
        return NGX_OK;
    }

    if (cJSON_IsNumber(item)) {
        n = item->valuedouble;

        if (n < NGX_OPENCLAW_AUTH_SECONDS) {
            n *= 1000;
        }

        if (n >= 1 && n <= NGX_OPENCLAW_AUTH_MAX_INTEGER) {
            a->expires = (int64_t) n;
            return NGX_OK;
        }

    } else if (cJSON_IsString(item)
               && ngx_openclaw_auth_date(item->valuestring, &a->expires)
                  == NGX_OK)
    {
        return NGX_OK;
    }

    return ngx_openclaw_auth_wrong(a, "the expiresAt is not a time");
}


/* RFC 3339, 5.6.; a fraction of a second is dropped */

static ngx_int_t
ngx_openclaw_auth_date(const char *p, int64_t *time)
{
    int64_t    offset;
    ngx_int_t  v[6];

    if (ngx_openclaw_auth_digits(p, "dddd-dd-ddTdd:dd:dd", v) != NGX_OK
        || v[0] < 1970 || v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > 31
        || v[3] > 23 || v[4] > 59 || v[5] > 60)
    {
        return NGX_ERROR;
    }

    p += sizeof("dddd-dd-ddTdd:dd:dd") - 1;

    if (*p == '.') {
        p++;

        if (*p < '0' || *p > '9') {
            return NGX_ERROR;
        }

        while (*p >= '0' && *p <= '9') {
            p++;
        }
    }

    if (ngx_openclaw_auth_zone(p, &offset) != NGX_OK) {
        return NGX_ERROR;
    }

    *time = (ngx_openclaw_auth_days(v[0], v[1], v[2]) * 86400
             + v[3] * 3600 + v[4] * 60 + v[5] - offset) * 1000;

    return *time > 0 ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_openclaw_auth_zone(const char *p, int64_t *offset)
{
    ngx_int_t  v[2];

    *offset = 0;

    if (*p == 'Z' || *p == 'z') {
        return p[1] ? NGX_ERROR : NGX_OK;
    }

    if ((*p != '+' && *p != '-')
        || ngx_openclaw_auth_digits(p + 1, "dd:dd", v) != NGX_OK
        || p[sizeof("+dd:dd") - 1] != '\0' || v[0] > 23 || v[1] > 59)
    {
        return NGX_ERROR;
    }

    *offset = v[0] * 3600 + v[1] * 60;

    if (*p == '-') {
        *offset = -*offset;
    }

    return NGX_OK;
}


/* reads the numbers of a shape, where "d" is a digit and "T" has two cases */

static ngx_int_t
ngx_openclaw_auth_digits(const char *p, const char *shape, ngx_int_t *value)
{
    *value = 0;

    for ( /* void */ ; *shape; p++, shape++) {

        if (*shape == 'd') {

            if (*p < '0' || *p > '9') {
                return NGX_ERROR;
            }

            *value = *value * 10 + *p - '0';
            continue;
        }

        if (*p != *shape && !(*shape == 'T' && (*p == 't' || *p == ' '))) {
            return NGX_ERROR;
        }

        *++value = 0;
    }

    return NGX_OK;
}


/* since 1970, by the Gregorian calendar; a year begins with March here */

static int64_t
ngx_openclaw_auth_days(ngx_int_t year, ngx_int_t month, ngx_int_t day)
{
    if (month <= 2) {
        month += 12;
        year--;
    }

    return (int64_t) 365 * year + year / 4 - year / 100 + year / 400
           + (153 * (month - 3) + 2) / 5 + day - 1 - 719468;
}

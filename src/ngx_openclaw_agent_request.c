
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_agent_internal.h>


typedef struct {
    ngx_uint_t                         bit;
    long                               min;
    long                               max;
} ngx_openclaw_agent_protocol_t;


static ngx_int_t ngx_openclaw_agent_set_headers(
    ngx_openclaw_agent_request_t *request, ngx_openclaw_agent_ask_t *ask,
    ngx_log_t *log);
static ngx_int_t ngx_openclaw_agent_history_headers(
    ngx_openclaw_agent_request_t *request);
static void ngx_openclaw_agent_free_headers(struct curl_slist *headers);
static ngx_uint_t ngx_openclaw_agent_has_header(ngx_array_t *headers,
    const char *line);
static ngx_int_t ngx_openclaw_agent_add_header(
    ngx_openclaw_agent_request_t *request, const char *line);
static ngx_int_t ngx_openclaw_agent_set_token(
    ngx_openclaw_agent_request_t *request, ngx_str_t *token, ngx_log_t *log);

static ngx_int_t ngx_openclaw_agent_use_headers(
    ngx_openclaw_agent_request_t *request, CURL *easy,
    struct curl_slist *headers, ngx_openclaw_gateway_t *gateway,
    ngx_log_t *log);
static void ngx_openclaw_agent_free_host(
    ngx_openclaw_agent_request_t *request);
static CURLcode ngx_openclaw_agent_set_target(CURL *easy,
    ngx_openclaw_agent_conf_t *conf, ngx_openclaw_gateway_t *gateway,
    ngx_str_t *url);
static CURLcode ngx_openclaw_agent_set_post(CURL *easy, ngx_str_t *body);
static ngx_int_t ngx_openclaw_agent_set_failed(CURLcode error,
    ngx_log_t *log);
static CURLcode ngx_openclaw_agent_set_ssl(CURL *easy,
    ngx_openclaw_agent_conf_t *conf);
static CURLcode ngx_openclaw_agent_set_certificate(CURL *easy,
    ngx_openclaw_agent_conf_t *conf);
static long ngx_openclaw_agent_ssl_version(ngx_uint_t protocols);
static CURLcode ngx_openclaw_agent_set_string(CURL *easy, CURLoption option,
    ngx_str_t *value);


/* sent unless a header of that name was given */

static const char  *ngx_openclaw_agent_request_headers[] = {
    "Content-Type: application/json",
    "Accept: text/event-stream",
    "Expect:",
    NULL
};


static ngx_openclaw_agent_protocol_t  ngx_openclaw_agent_protocols[] = {
#if (NGX_OPENSSL)
    { NGX_SSL_TLSv1, CURL_SSLVERSION_TLSv1_0, CURL_SSLVERSION_MAX_TLSv1_0 },
    { NGX_SSL_TLSv1_1, CURL_SSLVERSION_TLSv1_1, CURL_SSLVERSION_MAX_TLSv1_1 },
    { NGX_SSL_TLSv1_2, CURL_SSLVERSION_TLSv1_2, CURL_SSLVERSION_MAX_TLSv1_2 },
    { NGX_SSL_TLSv1_3, CURL_SSLVERSION_TLSv1_3, CURL_SSLVERSION_MAX_TLSv1_3 },
#endif
    { 0, 0, 0 }
};


ngx_int_t
ngx_openclaw_agent_request_create(ngx_openclaw_agent_request_t *request,
    CURL *easy, ngx_openclaw_agent_ask_t *ask, ngx_log_t *log)
{
    CURLcode  error;

    if (ngx_openclaw_agent_set_headers(request, ask, log) != NGX_OK) {
        return NGX_ERROR;
    }

    error = ngx_openclaw_agent_set_post(easy, &ask->body);

    return ngx_openclaw_agent_set_failed(error, log);
}


ngx_int_t
ngx_openclaw_agent_request_aim(ngx_openclaw_agent_request_t *request,
    CURL *easy, ngx_openclaw_agent_conf_t *conf,
    ngx_openclaw_gateway_t *gateway, ngx_log_t *log)
{
    CURLcode  error;

    if (ngx_openclaw_agent_request_target(request, easy, conf, gateway,
                                          &gateway->url, log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    error = curl_easy_setopt(easy, CURLOPT_CURLU,
                             ngx_openclaw_curl_url(&gateway->url));

    if (ngx_openclaw_agent_set_failed(error, log) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_openclaw_agent_use_headers(request, easy, request->headers,
                                          gateway, log);
}


ngx_int_t
ngx_openclaw_agent_request_history(ngx_openclaw_agent_request_t *request,
    CURL *easy, ngx_openclaw_agent_conf_t *conf,
    ngx_openclaw_gateway_t *gateway, ngx_str_t *url, ngx_log_t *log)
{
    CURLcode  error;

    if (request->history == NULL
        && ngx_openclaw_agent_history_headers(request) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_openclaw_agent_request_target(request, easy, conf, gateway, url,
                                          log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    error = curl_easy_setopt(easy, CURLOPT_CURLU, NULL);

    if (ngx_openclaw_agent_set_failed(error, log) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_openclaw_agent_use_headers(request, easy, request->history,
                                          gateway, log);
}


ngx_int_t
ngx_openclaw_agent_request_target(ngx_openclaw_agent_request_t *request,
    CURL *easy, ngx_openclaw_agent_conf_t *conf,
    ngx_openclaw_gateway_t *gateway, ngx_str_t *url, ngx_log_t *log)
{
    CURLcode            error;
    struct curl_slist  *connect_to;

    connect_to = NULL;

    if (gateway->connect_to.len) {
        connect_to = curl_slist_append(NULL,
                                       (char *) gateway->connect_to.data);
        if (connect_to == NULL) {
            return NGX_ERROR;
        }
    }

    error = curl_easy_setopt(easy, CURLOPT_CONNECT_TO, connect_to);

    curl_slist_free_all(request->connect_to);
    request->connect_to = connect_to;

    if (error == CURLE_OK) {
        error = ngx_openclaw_agent_set_target(easy, conf, gateway, url);
    }

    return ngx_openclaw_agent_set_failed(error, log);
}


void
ngx_openclaw_agent_request_destroy(ngx_openclaw_agent_request_t *request)
{
    ngx_openclaw_agent_free_headers(request->headers);
    ngx_openclaw_agent_free_headers(request->history);
    ngx_openclaw_agent_free_host(request);

    curl_slist_free_all(request->connect_to);

    ngx_memzero(request, sizeof(ngx_openclaw_agent_request_t));
}


/* one of them has the token */

static void
ngx_openclaw_agent_free_headers(struct curl_slist *headers)
{
    struct curl_slist  *header;

    for (header = headers; header; header = header->next) {
        ngx_explicit_memzero(header->data, ngx_strlen(header->data));
    }

    curl_slist_free_all(headers);
}


static ngx_int_t
ngx_openclaw_agent_set_headers(ngx_openclaw_agent_request_t *request,
    ngx_openclaw_agent_ask_t *ask, ngx_log_t *log)
{
    ngx_str_t    *header;
    ngx_uint_t    i;
    const char  **line;
    ngx_array_t  *headers;

    headers = ask->headers;

    if (ask->token.len
        && !ngx_openclaw_agent_has_header(headers, "Authorization:")
        && ngx_openclaw_agent_set_token(request, &ask->token, log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (line = ngx_openclaw_agent_request_headers; *line; line++) {

        if (ngx_openclaw_agent_has_header(headers, *line)) {
            continue;
        }

        if (ngx_openclaw_agent_add_header(request, *line) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    header = headers ? headers->elts : NULL;

    for (i = 0; headers && i < headers->nelts; i++) {

        if (ngx_openclaw_agent_add_header(request, (char *) header[i].data)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* whether a header of the name that a line begins with was given */

static ngx_uint_t
ngx_openclaw_agent_has_header(ngx_array_t *headers, const char *line)
{
    size_t       len;
    ngx_str_t   *header;
    ngx_uint_t   i;

    if (headers == NULL) {
        return 0;
    }

    len = ngx_strchr(line, ':') + 1 - line;
    header = headers->elts;

    for (i = 0; i < headers->nelts; i++) {

        if (header[i].len >= len
            && ngx_strncasecmp(header[i].data, (u_char *) line, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_openclaw_agent_add_header(ngx_openclaw_agent_request_t *request,
    const char *line)
{
    char               *p;
    struct curl_slist  *list, *last;

    list = curl_slist_append(request->headers, line);
    if (list == NULL) {
        return NGX_ERROR;
    }

    request->headers = list;

    for (last = list; last->next; last = last->next) { /* void */ }

    /* a value must not become a header of its own */

    for (p = last->data; *p; p++) {

        if (*p == CR || *p == LF) {
            *p = ' ';
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_openclaw_agent_set_token(ngx_openclaw_agent_request_t *request,
    ngx_str_t *token, ngx_log_t *log)
{
    u_char     *line;
    size_t      len;
    ngx_int_t   rc;

    len = sizeof("Authorization: Bearer ") - 1;

    line = ngx_alloc(len + token->len + 1, log);
    if (line == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(line, "Authorization: Bearer %V%Z", token);

    rc = ngx_openclaw_agent_add_header(request, (char *) line);

    ngx_explicit_memzero(line, len + token->len);
    ngx_free(line);

    if (rc == NGX_OK) {
        request->token.data = (u_char *) request->headers->data + len;
        request->token.len = ngx_strlen(request->token.data);
    }

    return rc;
}


/* what the answer is to be does not fit, and there is no body */

static ngx_int_t
ngx_openclaw_agent_history_headers(ngx_openclaw_agent_request_t *request)
{
    char               *line;
    struct curl_slist  *header, *list;

    list = curl_slist_append(NULL, "Accept: application/json");

    for (header = request->headers; header && list; header = header->next) {
        line = header->data;

        if (ngx_strncasecmp((u_char *) line, (u_char *) "Accept:", 7) == 0
            || ngx_strncasecmp((u_char *) line, (u_char *) "Content-", 8) == 0)
        {
            continue;
        }

        request->history = list;
        list = curl_slist_append(list, line);
    }

    if (list == NULL) {
        return NGX_ERROR;
    }

    request->history = list;

    return NGX_OK;
}


/*
 * With a Host in front that is the gateway's, unless openclaw_set_header has
 * set another.  The list is shared: only its first element is the host's own.
 */

static ngx_int_t
ngx_openclaw_agent_use_headers(ngx_openclaw_agent_request_t *request,
    CURL *easy, struct curl_slist *headers, ngx_openclaw_gateway_t *gateway,
    ngx_log_t *log)
{
    CURLcode            error;
    struct curl_slist  *header, *host;

    host = NULL;

    for (header = headers; header; header = header->next) {
        if (ngx_strncasecmp((u_char *) header->data, (u_char *) "Host:", 5)
            == 0)
        {
            break;
        }
    }

    if (header == NULL && gateway->host.len) {
        host = curl_slist_append(NULL, (char *) gateway->host.data);
        if (host == NULL) {
            return NGX_ERROR;
        }

        host->next = headers;
    }

    error = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, host ? host : headers);

    ngx_openclaw_agent_free_host(request);
    request->host = host;

    return ngx_openclaw_agent_set_failed(error, log);
}


static void
ngx_openclaw_agent_free_host(ngx_openclaw_agent_request_t *request)
{
    if (request->host) {
        request->host->next = NULL;
        curl_slist_free_all(request->host);
    }
}


static CURLcode
ngx_openclaw_agent_set_target(CURL *easy, ngx_openclaw_agent_conf_t *conf,
    ngx_openclaw_gateway_t *gateway, ngx_str_t *url)
{
    CURLcode  error;

    if ((error = ngx_openclaw_agent_set_string(easy, CURLOPT_URL, url))
        != CURLE_OK
        || (error = curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH,
                                     gateway->unix_path.len
                                     ? (char *) gateway->unix_path.data
                                     : NULL))
           != CURLE_OK
        || (error = curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                                     (long) conf->connect_timeout))
           != CURLE_OK)
    {
        return error;
    }

    return ngx_openclaw_agent_set_ssl(easy, conf);
}


/*
 * The body is copied, since libcurl may still look at it while an agent that
 * is closed waits for libcurl to return.
 */

static CURLcode
ngx_openclaw_agent_set_post(CURL *easy, ngx_str_t *body)
{
    CURLcode  error;

    if ((error = curl_easy_setopt(easy, CURLOPT_POST, 1L)) != CURLE_OK
        || (error = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                     (curl_off_t) body->len)) != CURLE_OK)
    {
        return error;
    }

    return curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS,
                            (char *) body->data);
}


static ngx_int_t
ngx_openclaw_agent_set_failed(CURLcode error, ngx_log_t *log)
{
    if (error == CURLE_OK) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_ALERT, log, 0, "curl_easy_setopt() failed (%d: %s)",
                  (int) error, curl_easy_strerror(error));

    return NGX_ERROR;
}


static CURLcode
ngx_openclaw_agent_set_ssl(CURL *easy, ngx_openclaw_agent_conf_t *conf)
{
    CURLcode  error;

    error = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER,
                             conf->ssl_verify ? 1L : 0L);
    if (error != CURLE_OK) {
        return error;
    }

    error = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST,
                             conf->ssl_verify ? 2L : 0L);
    if (error != CURLE_OK) {
        return error;
    }

    error = curl_easy_setopt(easy, CURLOPT_SSLVERSION,
                          ngx_openclaw_agent_ssl_version(conf->ssl_protocols));
    if (error != CURLE_OK) {
        return error;
    }

    error = ngx_openclaw_agent_set_string(easy, CURLOPT_CAINFO,
                                          &conf->ssl_trusted_certificate);
    if (error != CURLE_OK) {
        return error;
    }

    error = ngx_openclaw_agent_set_string(easy, CURLOPT_CRLFILE,
                                          &conf->ssl_crl);
    if (error != CURLE_OK) {
        return error;
    }

    error = ngx_openclaw_agent_set_string(easy, CURLOPT_SSL_CIPHER_LIST,
                                          &conf->ssl_ciphers);
    if (error != CURLE_OK) {
        return error;
    }

    return ngx_openclaw_agent_set_certificate(easy, conf);
}


static CURLcode
ngx_openclaw_agent_set_certificate(CURL *easy,
    ngx_openclaw_agent_conf_t *conf)
{
    CURLcode          error;
    struct curl_blob  blob;

    if (conf->ssl_certificate.len == 0) {
        return CURLE_OK;
    }

    blob.data = conf->ssl_certificate.data;
    blob.len = conf->ssl_certificate.len;
    blob.flags = CURL_BLOB_NOCOPY;

    error = curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &blob);
    if (error != CURLE_OK) {
        return error;
    }

    if (conf->ssl_certificate_key.len) {
        blob.data = conf->ssl_certificate_key.data;
        blob.len = conf->ssl_certificate_key.len;
    }

    error = curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &blob);
    if (error != CURLE_OK) {
        return error;
    }

    /* or else a terminal would be asked for the passphrase of a key */

    return curl_easy_setopt(easy, CURLOPT_KEYPASSWD, "");
}


static long
ngx_openclaw_agent_ssl_version(ngx_uint_t protocols)
{
    long                            min, max;
    ngx_openclaw_agent_protocol_t  *p;

    min = CURL_SSLVERSION_DEFAULT;
    max = CURL_SSLVERSION_MAX_DEFAULT;

    for (p = ngx_openclaw_agent_protocols; p->bit; p++) {

        if (!(protocols & p->bit)) {
            continue;
        }

        if (min == CURL_SSLVERSION_DEFAULT) {
            min = p->min;
        }

        max = p->max;
    }

    return min | max;
}


static CURLcode
ngx_openclaw_agent_set_string(CURL *easy, CURLoption option, ngx_str_t *value)
{
    if (value->len == 0) {
        return CURLE_OK;
    }

    return curl_easy_setopt(easy, option, (char *) value->data);
}

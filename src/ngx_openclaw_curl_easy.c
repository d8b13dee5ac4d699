
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_curl.h>
#include <ngx_openclaw_curl_internal.h>


#define NGX_OPENCLAW_CURL_BUFFER            8192L

/*
 * Node.js closes an idle connection after 5 seconds, so ours have to be
 * younger; libcurl counts whole seconds, "3" is less than 4.
 */

#define NGX_OPENCLAW_CURL_MAX_IDLE          3L

/*
 * A paused transfer gives its connection slot back and takes one again when
 * it goes on: new transfers leave some for that.
 */

#define NGX_OPENCLAW_CURL_SPARE             4


static CURLcode ngx_openclaw_curl_set_protocol(CURL *easy);
static CURLcode ngx_openclaw_curl_set_network(CURL *easy,
    ngx_openclaw_curl_t *transfer);
static curl_socket_t ngx_openclaw_curl_open(void *data,
    curlsocktype purpose, struct curl_sockaddr *address);
static int ngx_openclaw_curl_request(void *data, char *address, char *local,
    int port, int local_port);


CURLcode
ngx_openclaw_curl_set(CURL *easy, ngx_openclaw_curl_t *transfer)
{
    CURLcode  code;

    code = curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    if (code != CURLE_OK) {
        return code;
    }

    code = curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
    if (code != CURLE_OK) {
        return code;
    }

    code = ngx_openclaw_curl_set_protocol(easy);
    if (code != CURLE_OK) {
        return code;
    }

    return ngx_openclaw_curl_set_network(easy, transfer);
}


static CURLcode
ngx_openclaw_curl_set_protocol(CURL *easy)
{
    CURLcode  code;

    code = curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                            (long) CURL_HTTP_VERSION_1_1);
    if (code != CURLE_OK) {
        return code;
    }

    code = curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    if (code != CURLE_OK) {
        return code;
    }

    /* not to be taken from the environment */

    code = curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (code != CURLE_OK) {
        return code;
    }

    /*
     * A directory of certificates keeps libcurl from caching what it has read
     * from the file, at some 20 ms for each connection.
     */

    code = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (code != CURLE_OK && code != CURLE_NOT_BUILT_IN) {
        return code;
    }

#if (LIBCURL_VERSION_NUM >= 0x075500)
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
                            (long) (CURLPROTO_HTTP|CURLPROTO_HTTPS));
#endif
}


static CURLcode
ngx_openclaw_curl_set_network(CURL *easy, ngx_openclaw_curl_t *transfer)
{
    CURLcode    code;
    ngx_uint_t  i;

    static struct {
        CURLoption  option;
        long        value;
    } options[] = {
        { CURLOPT_NOSIGNAL, 1L },
        { CURLOPT_TCP_KEEPALIVE, 1L },
        { CURLOPT_BUFFERSIZE, NGX_OPENCLAW_CURL_BUFFER },
        { CURLOPT_MAXAGE_CONN, NGX_OPENCLAW_CURL_MAX_IDLE }
    };

    for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        code = curl_easy_setopt(easy, options[i].option, options[i].value);
        if (code != CURLE_OK) {
            return code;
        }
    }

    code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION,
                            ngx_openclaw_curl_open);
    if (code != CURLE_OK) {
        return code;
    }

    code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    if (code != CURLE_OK) {
        return code;
    }

    code = curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION,
                            ngx_openclaw_curl_request);
    if (code != CURLE_OK) {
        return code;
    }

    return curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
}


/*
 * A connection that can't be had later, when libcurl wants its socket to be
 * watched, costs more: the request may have been sent by then.
 */

static curl_socket_t
ngx_openclaw_curl_open(void *data, curlsocktype purpose,
    struct curl_sockaddr *address)
{
    ngx_openclaw_curl_t *transfer = data;

    int           type;
    ngx_socket_t  s;

    if (ngx_cycle->free_connection_n + ngx_cycle->reusable_connections_n
        <= NGX_OPENCLAW_CURL_SPARE)
    {
        transfer->starved = 1;
        return CURL_SOCKET_BAD;
    }

    type = address->socktype;

#if (defined SOCK_CLOEXEC && defined SOCK_NONBLOCK)
    type |= SOCK_CLOEXEC|SOCK_NONBLOCK;
#endif

    s = ngx_socket(address->family, type, address->protocol);

    if (s == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_socket_errno,
                      ngx_socket_n " failed");
        return CURL_SOCKET_BAD;
    }

    return s;
}


/*
 * Called on a connection just before the request is sent.  libcurl would send
 * it once more if a connection that was used before dies without an answer,
 * but the server may have acted on the first one.
 */

static int
ngx_openclaw_curl_request(void *data, char *address, char *local, int port,
    int local_port)
{
    ngx_openclaw_curl_t *transfer = data;

    if (transfer->stopping) {
        return CURL_PREREQFUNC_ABORT;
    }

    if (transfer->requested) {
        transfer->repeated = 1;
        return CURL_PREREQFUNC_ABORT;
    }

    transfer->requested = 1;

    return CURL_PREREQFUNC_OK;
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_agent_internal.h>


typedef struct {
    CURLcode                           error;
    ngx_openclaw_code_e                code;
    const char                        *text;
} ngx_openclaw_agent_error_t;


static void ngx_openclaw_agent_reason_errno(u_char *p, u_char *last,
    CURLcode error, ngx_openclaw_curl_t *curl, const char *words);
static u_char *ngx_openclaw_agent_reason_clean(u_char *dst, u_char *last,
    ngx_str_t *text, ngx_str_t *token);


/* the first one is for what else went wrong before the request was sent */

static ngx_openclaw_agent_error_t  ngx_openclaw_agent_connect_errors[] = {
    { CURLE_COULDNT_CONNECT, NGX_OPENCLAW_AGENT_UNREACHABLE,
      "connecting failed: " },
    { CURLE_OPERATION_TIMEDOUT, NGX_OPENCLAW_AGENT_UNREACHABLE,
      "connecting timed out: " },
    { CURLE_SSL_CONNECT_ERROR, NGX_OPENCLAW_AGENT_UNREACHABLE,
      "TLS handshake failed: " },
    { CURLE_PEER_FAILED_VERIFICATION, NGX_OPENCLAW_AGENT_UNREACHABLE,
      "certificate verification failed: " },
    { CURLE_SSL_CACERT_BADFILE, NGX_OPENCLAW_AGENT_UNREACHABLE,
      "trusted certificates can't be used: " },
    { CURLE_SSL_CRL_BADFILE, NGX_OPENCLAW_AGENT_UNREACHABLE,
      "revocation list can't be used: " },
    { CURLE_SSL_CERTPROBLEM, NGX_OPENCLAW_AGENT_UNREACHABLE,
      "client certificate can't be used: " },
    { CURLE_SSL_CIPHER, NGX_OPENCLAW_AGENT_UNREACHABLE,
      "ciphers can't be used: " },
    { CURLE_OUT_OF_MEMORY, NGX_OPENCLAW_INTERNAL_ERROR, "" },
    { CURLE_OK, 0, NULL }
};


/* the same after the request was sent, or a part of it */

static ngx_openclaw_agent_error_t  ngx_openclaw_agent_read_errors[] = {
    { CURLE_RECV_ERROR, NGX_OPENCLAW_AGENT_INCOMPLETE,
      "connection was lost: " },
    { CURLE_UNSUPPORTED_PROTOCOL, NGX_OPENCLAW_AGENT_ERROR,
      "the answer is not HTTP: " },
    { CURLE_WEIRD_SERVER_REPLY, NGX_OPENCLAW_AGENT_ERROR,
      "the answer is not HTTP: " },
    { CURLE_OUT_OF_MEMORY, NGX_OPENCLAW_INTERNAL_ERROR, "" },
    { CURLE_OK, 0, NULL }
};


void
ngx_openclaw_agent_reason(ngx_openclaw_agent_reason_t *reason,
    ngx_openclaw_code_e code, const char *words, ngx_str_t *text,
    ngx_str_t *token)
{
    u_char  *p, *last;

    last = reason->buf + NGX_OPENCLAW_AGENT_REASON;

    p = ngx_slprintf(reason->buf, last, "%s", words);

    if (text) {
        p = ngx_openclaw_agent_reason_clean(p, last, text, token);
    }

    reason->code = code;
    reason->text.data = reason->buf;
    reason->text.len = p - reason->buf;
}


void
ngx_openclaw_agent_reason_curl(ngx_openclaw_agent_reason_t *reason,
    ngx_openclaw_curl_t *curl, CURLcode error, ngx_str_t *token)
{
    u_char                      *p;
    ngx_str_t                    text;
    ngx_openclaw_agent_error_t  *errors, *e;
    u_char                       words[NGX_OPENCLAW_AGENT_REASON];

    if (curl->leaving) {
        ngx_openclaw_agent_reason(reason, NGX_OPENCLAW_SHUTTING_DOWN,
                                  "the worker had to leave", NULL, token);
        return;
    }

    if (curl->starved) {
        ngx_openclaw_agent_reason(reason,
                                  curl->requested
                                  ? NGX_OPENCLAW_INTERNAL_ERROR
                                  : NGX_OPENCLAW_AGENT_UNREACHABLE,
                                  "worker_connections are not enough",
                                  NULL, token);
        return;
    }

    if (curl->repeated) {
        ngx_openclaw_agent_reason(reason, NGX_OPENCLAW_AGENT_INCOMPLETE,
                                  "connection closed before the answer",
                                  NULL, token);
        return;
    }

    if (error == CURLE_OK) {
        ngx_openclaw_agent_reason(reason, NGX_OPENCLAW_AGENT_INCOMPLETE,
                                  "the answer ended without [DONE]",
                                  NULL, token);
        return;
    }

    errors = curl->requested ? ngx_openclaw_agent_read_errors
                             : ngx_openclaw_agent_connect_errors;

    for (e = errors; e->error != error; e++) {

        if (e->error == CURLE_OK) {
            e = errors;
            break;
        }
    }

    p = (u_char *) curl->error;
    text.data = *p ? p : (u_char *) curl_easy_strerror(error);
    text.len = ngx_strlen(text.data);

    ngx_openclaw_agent_reason_errno(words, words + sizeof(words),
                                    error, curl, e->text);

    ngx_openclaw_agent_reason(reason, e->code, (char *) words, &text, token);
}


/* libcurl's own words do not tell a refused connection from a missing path */

static void
ngx_openclaw_agent_reason_errno(u_char *p, u_char *last, CURLcode error,
    ngx_openclaw_curl_t *curl, const char *words)
{
    long  err;

    err = 0;

    if (error == CURLE_COULDNT_CONNECT) {
        (void) curl_easy_getinfo(curl->easy, CURLINFO_OS_ERRNO, &err);
    }

    p = ngx_slprintf(p, last - 1, "%s", words);

    if (err) {
        p = ngx_slprintf(p, last - 1, "(%l: ", err);
        p = ngx_strerror((ngx_err_t) err, p, last - 1 - p);
        p = ngx_slprintf(p, last - 1, ") ");
    }

    *p = '\0';
}


void
ngx_openclaw_agent_reason_status(ngx_openclaw_agent_reason_t *reason,
    long status, ngx_str_t *body, ngx_str_t *token)
{
    u_char                words[sizeof("status : ") + NGX_INT_T_LEN];
    ngx_str_t            *text;
    ngx_openclaw_code_e   code;
    ngx_openclaw_event_t  e;

    switch (status) {

    case 401:
    case 403:
        code = NGX_OPENCLAW_AGENT_AUTH;
        break;

    case 404:
        ngx_openclaw_agent_reason(reason, NGX_OPENCLAW_AGENT_ERROR,
                                  "status 404: the path is wrong, or the "
                                  "gateway's chatCompletions endpoint is not "
                                  "enabled", NULL, token);
        return;

    case 429:
    case 503:
        code = NGX_OPENCLAW_AGENT_UNAVAILABLE;
        break;

    default:
        code = NGX_OPENCLAW_AGENT_ERROR;
        break;
    }

    ngx_memzero(&e, sizeof(ngx_openclaw_event_t));

    text = NULL;

    if (body->len
        && ngx_openclaw_error_parse(&e, body->data, body->len) == NGX_OK
        && e.text.len)
    {
        text = &e.text;
    }

    ngx_sprintf(words, "status %l%s%Z", status, text ? ": " : "");

    if (text && code == NGX_OPENCLAW_AGENT_ERROR) {

        /* the client is shown the agent's own words */

        words[0] = '\0';
    }

    ngx_openclaw_agent_reason(reason, code, (char *) words, text, token);

    ngx_openclaw_event_free(&e);
}


/*
 * Copies text, ending it with "..." where it does not fit, without the token,
 * with blanks for control characters and "?" for what is not UTF-8.
 */

static u_char *
ngx_openclaw_agent_reason_clean(u_char *dst, u_char *last, ngx_str_t *text,
    ngx_str_t *token)
{
    u_char    *p, *end, *next, *fit;
    size_t     len;
    uint32_t   ch;

    fit = dst;
    p = text->data;
    end = p + text->len;

    while (p < end) {

        if (last - dst >= 3) {
            fit = dst;
        }

        if (token->len && (size_t) (end - p) >= token->len
            && ngx_memcmp(p, token->data, token->len) == 0)
        {
            len = sizeof("***") - 1;
            next = p + token->len;
            p = (u_char *) "***";

        } else {
            next = p;
            len = 1;

            if (*p < 0x80) {
                ch = *next++;

            } else {
                ch = ngx_utf8_decode(&next, end - p);
                len = next - p;
            }

            if (ch < 0x20 || (ch >= 0x7f && ch < 0xa0)) {
                p = (u_char *) " ";
                len = 1;

            } else if (ch > 0x10ffff || (ch >= 0xd800 && ch < 0xe000)) {
                next = (ch == 0xfffffffe) ? end : next;
                p = (u_char *) "?";
                len = 1;
            }
        }

        if ((size_t) (last - dst) < len) {
            return ngx_cpymem(fit, "...", ngx_min(last - fit, 3));
        }

        dst = ngx_cpymem(dst, p, len);
        p = next;
    }

    return dst;
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_http_openclaw_conf.h>
#include <ngx_http_openclaw_target.h>


typedef struct {
    ngx_conf_t                         cf;
    ngx_conf_file_t                    file;
} ngx_http_openclaw_place_t;


static ngx_uint_t ngx_http_openclaw_target_is_set(ngx_array_t *headers,
    ngx_str_t *name);
static void ngx_http_openclaw_target_merge_file(
    ngx_http_openclaw_file_t *file, ngx_http_openclaw_file_t *prev);
static char *ngx_http_openclaw_target_ssl(ngx_conf_t *cf,
    ngx_http_openclaw_loc_conf_t *conf);
static ngx_int_t ngx_http_openclaw_target_file(ngx_conf_t *cf,
    ngx_http_openclaw_file_t *file, ngx_str_t *name);
static char *ngx_http_openclaw_target_certificate(ngx_conf_t *cf,
    ngx_http_openclaw_loc_conf_t *conf);
static ngx_conf_t *ngx_http_openclaw_target_at(ngx_conf_t *cf,
    ngx_http_openclaw_place_t *place, u_char *file, ngx_uint_t line);
static ngx_uint_t ngx_http_openclaw_target_uses_ssl(
    ngx_http_openclaw_loc_conf_t *conf);
static char *ngx_http_openclaw_target_agent(ngx_conf_t *cf,
    ngx_http_openclaw_loc_conf_t *conf);
static char *ngx_http_openclaw_target_auth(ngx_conf_t *cf,
    ngx_http_openclaw_loc_conf_t *conf);
static ngx_int_t ngx_http_openclaw_target_gateway(ngx_conf_t *cf,
    ngx_openclaw_gateway_t *gateway, ngx_http_openclaw_url_t *url,
    ngx_str_t *ssl_name);


/* what the agent request says unless openclaw_set_header says otherwise */

static ngx_keyval_t  ngx_http_openclaw_target_defaults[] = {
    { ngx_string("x-openclaw-message-channel"), ngx_string("websocket") },
    { ngx_string("x-openclaw-scopes"), ngx_string("operator.write") },
    { ngx_null_string, ngx_null_string }
};


void
ngx_http_openclaw_target_merge_ssl(ngx_http_openclaw_loc_conf_t *prev,
    ngx_http_openclaw_loc_conf_t *conf)
{
    ngx_conf_merge_value(conf->agent.ssl_verify, prev->agent.ssl_verify, 1);
    ngx_conf_merge_str_value(conf->ssl_name, prev->ssl_name, "");
    ngx_conf_merge_str_value(conf->agent.ssl_ciphers, prev->agent.ssl_ciphers,
                             "");
    ngx_conf_merge_bitmask_value(conf->agent.ssl_protocols,
                                 prev->agent.ssl_protocols,
                                 (NGX_CONF_BITMASK_SET
                                  |NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3));

    ngx_http_openclaw_target_merge_file(&conf->ssl_trusted_certificate,
                                        &prev->ssl_trusted_certificate);
    ngx_http_openclaw_target_merge_file(&conf->ssl_crl, &prev->ssl_crl);
    ngx_http_openclaw_target_merge_file(&conf->ssl_certificate,
                                        &prev->ssl_certificate);
    ngx_http_openclaw_target_merge_file(&conf->ssl_certificate_key,
                                        &prev->ssl_certificate_key);
}


static void
ngx_http_openclaw_target_merge_file(ngx_http_openclaw_file_t *file,
    ngx_http_openclaw_file_t *prev)
{
    if (file->name.data == NULL) {
        *file = *prev;
    }
}


char *
ngx_http_openclaw_target_headers(ngx_conf_t *cf,
    ngx_http_openclaw_loc_conf_t *conf)
{
    ngx_uint_t                   i, n;
    ngx_array_t                 *headers, *lines;
    ngx_keyval_t                *def;
    ngx_http_openclaw_header_t  *h;

    headers = ngx_array_create(cf->pool, 4,
                               sizeof(ngx_http_openclaw_header_t));
    if (headers == NULL) {
        return NGX_CONF_ERROR;
    }

    for (def = ngx_http_openclaw_target_defaults; def->key.len; def++) {

        if (ngx_http_openclaw_target_is_set(conf->headers, &def->key)) {
            continue;
        }

        h = ngx_array_push(headers);
        if (h == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memzero(h, sizeof(ngx_http_openclaw_header_t));

        h->name = def->key;
        h->value.value = def->value;
    }

    n = conf->headers ? conf->headers->nelts : 0;

    if (n) {
        h = ngx_array_push_n(headers, n);
        if (h == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memcpy(h, conf->headers->elts,
                   n * sizeof(ngx_http_openclaw_header_t));
    }

    conf->headers = headers;

    lines = ngx_array_create(cf->pool, headers->nelts, sizeof(ngx_str_t));
    if (lines == NULL) {
        return NGX_CONF_ERROR;
    }

    h = headers->elts;

    for (i = 0; i < headers->nelts; i++) {

        if (h[i].value.lengths) {
            return NGX_CONF_OK;
        }

        if (ngx_http_openclaw_target_line(cf->pool, lines, &h[i].name,
                                          &h[i].value.value)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    conf->lines = lines;

    return NGX_CONF_OK;
}


/* whether openclaw_set_header has set it, or turned it off */

static ngx_uint_t
ngx_http_openclaw_target_is_set(ngx_array_t *headers, ngx_str_t *name)
{
    ngx_uint_t                   i;
    ngx_http_openclaw_header_t  *h;

    h = headers ? headers->elts : NULL;

    for (i = 0; headers && i < headers->nelts; i++) {

        if (h[i].name.len == name->len
            && ngx_strncasecmp(h[i].name.data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_openclaw_target_line(ngx_pool_t *pool, ngx_array_t *lines,
    ngx_str_t *name, ngx_str_t *value)
{
    u_char     *p;
    size_t      len;
    ngx_str_t  *line;

    if (value->len == 0) {
        return NGX_OK;
    }

    line = ngx_array_push(lines);
    if (line == NULL) {
        return NGX_ERROR;
    }

    len = name->len + sizeof(": ") - 1 + value->len;

    p = ngx_pnalloc(pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(p, "%V: %V%Z", name, value);

    line->len = len;
    line->data = p;

    return NGX_OK;
}


char *
ngx_http_openclaw_target_init(ngx_conf_t *cf,
    ngx_http_openclaw_loc_conf_t *conf)
{
    if (ngx_http_openclaw_target_ssl(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_openclaw_target_agent(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_openclaw_target_auth(cf, conf);
}


static char *
ngx_http_openclaw_target_ssl(ngx_conf_t *cf,
    ngx_http_openclaw_loc_conf_t *conf)
{
    ngx_openclaw_agent_conf_t  *agent;

    agent = &conf->agent;

    if (!ngx_http_openclaw_target_uses_ssl(conf)) {
        return NGX_CONF_OK;
    }

    if (ngx_http_openclaw_target_file(cf, &conf->ssl_trusted_certificate,
                                      &agent->ssl_trusted_certificate)
        != NGX_OK
        || ngx_http_openclaw_target_file(cf, &conf->ssl_crl, &agent->ssl_crl)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_openclaw_target_certificate(cf, conf);
}


/* libcurl reads it in the worker, too late to refuse it */

static ngx_int_t
ngx_http_openclaw_target_file(ngx_conf_t *cf, ngx_http_openclaw_file_t *file,
    ngx_str_t *name)
{
    ngx_http_openclaw_place_t  place;

    if (file->name.len == 0) {
        return NGX_OK;
    }

    if (ngx_conf_full_name(cf->cycle, &file->name, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    if (access((char *) file->name.data, R_OK) == -1) {
        cf = ngx_http_openclaw_target_at(cf, &place, file->file, file->line);

        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "access() \"%V\" failed", &file->name);
        return NGX_ERROR;
    }

    *name = file->name;

    return NGX_OK;
}


static char *
ngx_http_openclaw_target_certificate(ngx_conf_t *cf,
    ngx_http_openclaw_loc_conf_t *conf)
{
    ngx_conf_t                 *at;
    ngx_openclaw_agent_conf_t  *agent;
    ngx_http_openclaw_file_t   *cert, *key;
    ngx_http_openclaw_place_t   place;

    agent = &conf->agent;
    cert = &conf->ssl_certificate;
    key = &conf->ssl_certificate_key;

    if (cert->name.len && key->name.len == 0) {
        at = ngx_http_openclaw_target_at(cf, &place, cert->file, cert->line);

        ngx_conf_log_error(NGX_LOG_EMERG, at, 0,
                           "no \"openclaw_ssl_certificate_key\" is defined "
                           "for certificate \"%V\"", &cert->name);
        return NGX_CONF_ERROR;
    }

    if (key->name.len && cert->name.len == 0) {
        at = ngx_http_openclaw_target_at(cf, &place, key->file, key->line);

        ngx_conf_log_error(NGX_LOG_EMERG, at, 0,
                           "no \"openclaw_ssl_certificate\" is defined for "
                           "certificate key \"%V\"", &key->name);
        return NGX_CONF_ERROR;
    }

    if (cert->name.len == 0) {
        return NGX_CONF_OK;
    }

    at = ngx_http_openclaw_target_at(cf, &place, cert->file, cert->line);

    if (ngx_http_openclaw_conf_read_file(at, &cert->name,
                                         &agent->ssl_certificate)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    at = ngx_http_openclaw_target_at(cf, &place, key->file, key->line);

    if (ngx_http_openclaw_conf_read_file(at, &key->name,
                                         &agent->ssl_certificate_key)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* for errors that are found later than in the line that they are in */

static ngx_conf_t *
ngx_http_openclaw_target_at(ngx_conf_t *cf, ngx_http_openclaw_place_t *place,
    u_char *file, ngx_uint_t line)
{
    place->cf = *cf;
    place->file = *cf->conf_file;

    place->file.file.name.data = file;
    place->file.line = line;
    place->cf.conf_file = &place->file;

    return &place->cf;
}


static ngx_uint_t
ngx_http_openclaw_target_uses_ssl(ngx_http_openclaw_loc_conf_t *conf)
{
    ngx_uint_t                i;
    ngx_http_openclaw_url_t  *url;

    url = conf->urls->elts;

    for (i = 0; i < conf->urls->nelts; i++) {
        if (url[i].ssl) {
            return 1;
        }
    }

    return conf->auth_url && conf->auth_url->ssl;
}


static char *
ngx_http_openclaw_target_agent(ngx_conf_t *cf,
    ngx_http_openclaw_loc_conf_t *conf)
{
    ngx_uint_t                i;
    ngx_openclaw_gateways_t  *gateways;
    ngx_http_openclaw_url_t  *url;

    gateways = &conf->agent.gateways;
    url = conf->urls->elts;

    gateways->elts = ngx_pcalloc(cf->pool, conf->urls->nelts
                                           * sizeof(ngx_openclaw_gateway_t));
    if (gateways->elts == NULL) {
        return NGX_CONF_ERROR;
    }

    gateways->nelts = conf->urls->nelts;

    for (i = 0; i < gateways->nelts; i++) {

        if (ngx_http_openclaw_target_gateway(cf, &gateways->elts[i], &url[i],
                                             &conf->ssl_name)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_openclaw_target_auth(ngx_conf_t *cf,
    ngx_http_openclaw_loc_conf_t *conf)
{
    ngx_str_t                   none;
    ngx_conf_t                 *at;
    ngx_openclaw_gateways_t    *gateways;
    ngx_http_openclaw_url_t    *url;
    ngx_http_openclaw_place_t   place;

    url = conf->auth_url;

    if (url == NULL) {
        return NGX_CONF_OK;
    }

    if (conf->sender_id) {
        at = ngx_http_openclaw_target_at(cf, &place, url->file, url->line);

        ngx_conf_log_error(NGX_LOG_EMERG, at, 0,
                           "\"openclaw_auth\" and \"openclaw_sender_id\" "
                           "both say who the client is");
        return NGX_CONF_ERROR;
    }

    /* TLS is the same but for its name, which is the agent's */

    conf->auth = conf->agent;
    conf->auth.connect_timeout = conf->auth_timeout;

    ngx_str_null(&none);

    gateways = &conf->auth.gateways;

    gateways->elts = ngx_pcalloc(cf->pool, sizeof(ngx_openclaw_gateway_t));
    if (gateways->elts == NULL) {
        return NGX_CONF_ERROR;
    }

    gateways->nelts = 1;

    if (ngx_http_openclaw_target_gateway(cf, gateways->elts, url, &none)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_openclaw_target_gateway(ngx_conf_t *cf,
    ngx_openclaw_gateway_t *gateway, ngx_http_openclaw_url_t *url,
    ngx_str_t *ssl_name)
{
    u_char     *p;
    ngx_str_t  *host, *port, none;

    host = &url->host;
    port = &none;
    ngx_str_null(&none);

    if (url->ssl && ssl_name->len) {

        /* libcurl takes the name to be verified from the url */

        host = ssl_name;
        port = &url->port;
    }

    p = ngx_pnalloc(cf->pool, sizeof("https://") + host->len + port->len
                              + url->uri.len
                              + sizeof("::") + url->connect_to.len
                              + sizeof("Host: ") + url->host.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    gateway->name = url->name;
    gateway->hash = ngx_murmur_hash2(url->name.data, url->name.len);
    gateway->unix_path = url->unix_path;

    gateway->url.data = p;
    p = ngx_sprintf(p, "http%s://%V%V%V%Z", url->ssl ? "s" : "", host, port,
                    &url->uri);
    gateway->url.len = p - gateway->url.data - 1;

    if (url->unix_path.len == 0) {
        gateway->connect_to.data = p;
        p = ngx_sprintf(p, "::%V%Z", &url->connect_to);
        gateway->connect_to.len = p - gateway->connect_to.data - 1;
    }

    if (host == ssl_name) {
        gateway->host.data = p;
        p = ngx_sprintf(p, "Host: %V%Z", &url->host);
        gateway->host.len = p - gateway->host.data - 1;
    }

    return NGX_OK;
}

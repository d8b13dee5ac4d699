
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_http_openclaw_conf.h>
#include <ngx_http_openclaw_target.h>


static char *ngx_http_openclaw_target_ssl(ngx_conf_t *cf,
    ngx_http_openclaw_loc_conf_t *conf);
static char *ngx_http_openclaw_target_agent(ngx_conf_t *cf,
    ngx_http_openclaw_loc_conf_t *conf);
static char *ngx_http_openclaw_target_auth(ngx_conf_t *cf,
    ngx_http_openclaw_loc_conf_t *conf);
static char *ngx_http_openclaw_target_url(ngx_conf_t *cf,
    ngx_openclaw_agent_conf_t *agent, ngx_http_openclaw_url_t *url,
    ngx_str_t *host, ngx_str_t *port);


void
ngx_http_openclaw_target_merge_ssl(ngx_http_openclaw_loc_conf_t *prev,
    ngx_http_openclaw_loc_conf_t *conf)
{
    ngx_conf_merge_value(conf->agent.ssl_verify, prev->agent.ssl_verify, 1);
    ngx_conf_merge_str_value(conf->ssl_name, prev->ssl_name, "");
    ngx_conf_merge_str_value(conf->agent.ssl_trusted_certificate,
                             prev->agent.ssl_trusted_certificate, "");
    ngx_conf_merge_str_value(conf->agent.ssl_crl, prev->agent.ssl_crl, "");
    ngx_conf_merge_str_value(conf->ssl_certificate, prev->ssl_certificate,
                             "");
    ngx_conf_merge_str_value(conf->ssl_certificate_key,
                             prev->ssl_certificate_key, "");
    ngx_conf_merge_str_value(conf->agent.ssl_ciphers, prev->agent.ssl_ciphers,
                             "");
    ngx_conf_merge_bitmask_value(conf->agent.ssl_protocols,
                                 prev->agent.ssl_protocols,
                                 (NGX_CONF_BITMASK_SET
                                  |NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3));
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
    ngx_str_t                  *file[2];
    ngx_uint_t                  i;
    ngx_openclaw_agent_conf_t  *agent;

    agent = &conf->agent;

    if (!conf->url->ssl && (conf->auth_url == NULL || !conf->auth_url->ssl)) {
        return NGX_CONF_OK;
    }

    file[0] = &agent->ssl_trusted_certificate;
    file[1] = &agent->ssl_crl;

    for (i = 0; i < 2; i++) {
        if (file[i]->len == 0) {
            continue;
        }

        if (ngx_conf_full_name(cf->cycle, file[i], 1) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        /* libcurl reads it in the worker, too late to refuse it */

        if (access((char *) file[i]->data, R_OK) == -1) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, ngx_errno,
                          "access() \"%V\" failed", file[i]);
            return NGX_CONF_ERROR;
        }
    }

    if ((conf->ssl_certificate.len != 0)
        != (conf->ssl_certificate_key.len != 0))
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"openclaw_ssl_certificate\" and "
                      "\"openclaw_ssl_certificate_key\" are needed both");
        return NGX_CONF_ERROR;
    }

    if (conf->ssl_certificate.len == 0) {
        return NGX_CONF_OK;
    }

    if (ngx_http_openclaw_conf_read_file(cf, &conf->ssl_certificate,
                                    &agent->ssl_certificate)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_openclaw_conf_read_file(cf, &conf->ssl_certificate_key,
                                    &agent->ssl_certificate_key)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_openclaw_target_agent(ngx_conf_t *cf,
    ngx_http_openclaw_loc_conf_t *conf)
{
    ngx_str_t                *host, *port, none;
    ngx_http_openclaw_url_t  *url;

    url = conf->url;

    host = &url->host;
    port = &none;
    ngx_str_null(&none);

    if (url->ssl && conf->ssl_name.len) {

        /* libcurl takes the name to be verified from the url */

        host = &conf->ssl_name;
        port = &url->port;

        conf->host = url->host;
    }

    return ngx_http_openclaw_target_url(cf, &conf->agent, url, host, port);
}


static char *
ngx_http_openclaw_target_auth(ngx_conf_t *cf,
    ngx_http_openclaw_loc_conf_t *conf)
{
    ngx_str_t                 none;
    ngx_http_openclaw_url_t  *url;

    url = conf->auth_url;

    if (url == NULL) {
        return NGX_CONF_OK;
    }

    if (conf->sender_id) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"openclaw_auth\" and \"openclaw_sender_id\" both "
                      "say who the client is, for \"openclaw_auth\" "
                      "in %s:%ui", url->file, url->line);
        return NGX_CONF_ERROR;
    }

    /* TLS is the same but for its name, which is the agent's */

    conf->auth = conf->agent;
    conf->auth.connect_timeout = conf->auth_timeout;

    ngx_str_null(&conf->auth.connect_to);
    ngx_str_null(&conf->auth.unix_path);
    ngx_str_null(&none);

    return ngx_http_openclaw_target_url(cf, &conf->auth, url, &url->host,
                                        &none);
}


static char *
ngx_http_openclaw_target_url(ngx_conf_t *cf, ngx_openclaw_agent_conf_t *agent,
    ngx_http_openclaw_url_t *url, ngx_str_t *host, ngx_str_t *port)
{
    u_char     *p;
    ngx_str_t  *out;

    p = ngx_pnalloc(cf->pool, sizeof("https://") + host->len + port->len
                              + url->uri.len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    agent->url.data = p;
    agent->url.len = ngx_sprintf(p, "http%s://%V%V%V%Z", url->ssl ? "s" : "",
                                 host, port, &url->uri)
                     - p - 1;

    out = url->unix_path.len ? &agent->unix_path : &agent->connect_to;

    p = ngx_pnalloc(cf->pool, sizeof("::") + url->unix_path.len
                              + url->connect_to.len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    out->data = p;

    if (url->unix_path.len) {
        out->len = ngx_sprintf(p, "%V%Z", &url->unix_path) - p - 1;

    } else {
        out->len = ngx_sprintf(p, "::%V%Z", &url->connect_to) - p - 1;
    }

    return NGX_CONF_OK;
}

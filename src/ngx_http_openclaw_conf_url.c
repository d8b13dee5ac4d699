
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_http_openclaw_module.h>
#include <ngx_http_openclaw_chat.h>
#include <ngx_http_openclaw_conf.h>


static ngx_int_t ngx_http_openclaw_conf_gateway(ngx_conf_t *cf,
    ngx_array_t *urls, ngx_str_t *value);
static ngx_int_t ngx_http_openclaw_conf_gateways(ngx_conf_t *cf,
    ngx_openclaw_gateways_t *gateways, ngx_str_t *value);
static ngx_int_t ngx_http_openclaw_conf_read_url(ngx_conf_t *cf,
    ngx_str_t *value, ngx_str_t *uri, ngx_http_openclaw_url_t *url);
static ngx_int_t ngx_http_openclaw_conf_url_name(ngx_conf_t *cf,
    ngx_http_openclaw_url_t *url, in_port_t port);
static ngx_int_t ngx_http_openclaw_conf_url(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_openclaw_url_t *url);


static ngx_str_t  ngx_http_openclaw_pass_uri =
    ngx_string("/v1/chat/completions");
static ngx_str_t  ngx_http_openclaw_auth_uri = ngx_string("/");


char *
ngx_http_openclaw_conf_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_openclaw_loc_conf_t *olcf = conf;

    ngx_int_t                       rc;
    ngx_str_t                      *value;
    ngx_uint_t                      i;
    ngx_openclaw_gateways_t        *gateways;
    ngx_http_core_loc_conf_t       *clcf;
    ngx_http_openclaw_main_conf_t  *omcf;

    if (olcf->urls) {
        return "is duplicate";
    }

    if (olcf->status != NGX_CONF_UNSET_UINT) {
        return "can't be in one location with \"openclaw_status\"";
    }

    gateways = &olcf->agent.gateways;
    gateways->max_fails = 1;
    gateways->fail_timeout = 10;

    olcf->urls = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                  sizeof(ngx_http_openclaw_url_t));
    if (olcf->urls == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        rc = ngx_http_openclaw_conf_gateways(cf, gateways, &value[i]);

        if (rc == NGX_DECLINED) {
            rc = ngx_http_openclaw_conf_gateway(cf, olcf->urls, &value[i]);
        }

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (olcf->urls->nelts == 0) {
        return "has no url";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_openclaw_chat_handler;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_openclaw_module);
    omcf->used = 1;

    return NGX_CONF_OK;
}


/* NGX_DECLINED if that is no parameter */

static ngx_int_t
ngx_http_openclaw_conf_gateways(ngx_conf_t *cf,
    ngx_openclaw_gateways_t *gateways, ngx_str_t *value)
{
    time_t     time;
    ngx_int_t  n;
    ngx_str_t  s;

    if (ngx_strncmp(value->data, "max_fails=", 10) == 0) {

        n = ngx_atoi(value->data + 10, value->len - 10);

        if (n == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", a number is "
                               "expected, with 0 none is ever disabled",
                               value);
            return NGX_ERROR;
        }

        gateways->max_fails = n;

        return NGX_OK;
    }

    if (ngx_strncmp(value->data, "fail_timeout=", 13) == 0) {

        s.data = value->data + 13;
        s.len = value->len - 13;

        time = ngx_parse_time(&s, 1);

        if (time == (time_t) NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", a time is expected, "
                               "such as \"10s\"", value);
            return NGX_ERROR;
        }

        gateways->fail_timeout = time;

        return NGX_OK;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_openclaw_conf_gateway(ngx_conf_t *cf, ngx_array_t *urls,
    ngx_str_t *value)
{
    ngx_uint_t                i;
    ngx_http_openclaw_url_t  *url, *new;

    if (urls->nelts == NGX_OPENCLAW_MAX_GATEWAYS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "there are more than %d urls",
                           NGX_OPENCLAW_MAX_GATEWAYS);
        return NGX_ERROR;
    }

    new = ngx_array_push(urls);
    if (new == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_openclaw_conf_read_url(cf, value, &ngx_http_openclaw_pass_uri,
                                        new)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    url = urls->elts;

    for (i = 0; i < urls->nelts - 1; i++) {

        if (ngx_strcmp(url[i].name.data, new->name.data) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "url \"%V\" is of the same server as one "
                               "before it, \"%V\"", value, &new->name);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_openclaw_conf_read_url(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *uri, ngx_http_openclaw_url_t *url)
{
    ngx_memzero(url, sizeof(ngx_http_openclaw_url_t));

    url->file = cf->conf_file->file.name.data;
    url->line = cf->conf_file->line;

    if (ngx_http_openclaw_conf_url(cf, value, url) != NGX_OK) {
        return NGX_ERROR;
    }

    if (url->uri.len == 0) {
        url->uri = *uri;
    }

    return NGX_OK;
}


/* the same for the same server, however it is written, and NUL-terminated */

static ngx_int_t
ngx_http_openclaw_conf_url_name(ngx_conf_t *cf, ngx_http_openclaw_url_t *url,
    in_port_t port)
{
    u_char     *p;
    ngx_str_t   host;

    host = url->host;
    host.len -= url->port.len;

    p = ngx_pnalloc(cf->pool, sizeof("https://:65535") + host.len
                              + url->unix_path.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->name.data = p;

    if (url->unix_path.len) {
        p = ngx_sprintf(p, "unix:%V%Z", &url->unix_path);
        url->unix_path.data = url->name.data + sizeof("unix:") - 1;

    } else {
        p = ngx_sprintf(p, "http%s://%V:%d%Z", url->ssl ? "s" : "", &host,
                        (int) port);
        ngx_strlow(url->name.data, url->name.data, p - url->name.data);
    }

    url->name.len = p - url->name.data - 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_openclaw_conf_url(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_openclaw_url_t *url)
{
    size_t      add, i;
    ngx_url_t   u;
    in_port_t   port;

    add = 0;
    port = 80;

    if (ngx_strncasecmp(value->data, (u_char *) "http://", 7) == 0) {
        add = 7;

    } else if (ngx_strncasecmp(value->data, (u_char *) "https://", 8) == 0) {
        add = 8;
        port = 443;
        url->ssl = 1;

    } else if (ngx_strncasecmp(value->data, (u_char *) "unix:", 5) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid url \"%V\", it must start with "
                           "\"http://\", \"https://\" or \"unix:\"", value);
        return NGX_ERROR;
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] <= ' ' || value->data[i] == '$'
            || value->data[i] == '@' || value->data[i] == '#')
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid character \"%c\" in url \"%V\", "
                               "variables and user names are not supported",
                               value->data[i], value);
            return NGX_ERROR;
        }
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url.len = value->len - add;
    u.url.data = value->data + add;
    u.default_port = port;
    u.uri_part = 1;

    /* names are resolved here: a resolver at run time would block */

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in url \"%V\"",
                           u.err ? u.err : "no memory", value);
        return NGX_ERROR;
    }

    if (u.uri.len && u.uri.data[0] != '/') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the path in url \"%V\" must start with \"/\"",
                           value);
        return NGX_ERROR;
    }

    if (u.uri.len > 1) {
        url->uri = u.uri;
    }

    if (u.family == AF_UNIX) {
        url->unix_path = u.host;
        ngx_str_set(&url->host, "localhost");
        return ngx_http_openclaw_conf_url_name(cf, url, 0);
    }

    url->host.data = u.url.data;
    url->host.len = u.url.len - u.uri.len;

    if (u.port_text.len && !u.no_port) {
        url->port.data = u.port_text.data - 1;
        url->port.len = u.port_text.len + 1;
    }

    /* "localhost" is often [::1] first, where agents seldom listen */

    for (i = 0; i < u.naddrs; i++) {
        if (u.addrs[i].sockaddr->sa_family == AF_INET) {
            break;
        }
    }

    url->connect_to = u.addrs[i < u.naddrs ? i : 0].name;

    return ngx_http_openclaw_conf_url_name(cf, url, u.port);
}


char *
ngx_http_openclaw_conf_auth(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_openclaw_loc_conf_t *olcf = conf;

    ngx_str_t  *value;

    if (olcf->auth_url != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        olcf->auth_url = NULL;
        return NGX_CONF_OK;
    }

    olcf->auth_url = ngx_palloc(cf->pool, sizeof(ngx_http_openclaw_url_t));
    if (olcf->auth_url == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_openclaw_conf_read_url(cf, &value[1],
                                        &ngx_http_openclaw_auth_uri,
                                        olcf->auth_url)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}

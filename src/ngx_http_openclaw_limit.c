
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_md5.h>
#include <ngx_http_openclaw_limit.h>


/* no more than any clock can tell apart, nor than can be counted */

#define NGX_HTTP_OPENCLAW_MAX_RATE          1000000


static void ngx_http_openclaw_limit_address(ngx_connection_t *c,
    ngx_str_t *address);
static ngx_int_t ngx_http_openclaw_limit_parse_rate(ngx_str_t *value,
    ngx_http_openclaw_rate_t *rate);


void
ngx_http_openclaw_limit_who(ngx_http_openclaw_client_t *client,
    ngx_http_openclaw_identity_t *sender)
{
    ngx_md5_t   md5;
    ngx_str_t   who;
    ngx_uint_t  bound;

    /* who has no token has a new id each time */

    bound = sender->id_bound && !ngx_http_openclaw_auth_reserved(&sender->id);

    if (bound) {
        who = sender->id;

    } else {
        ngx_http_openclaw_limit_address(client->ws->connection, &who);
    }

    client->bound = bound;

    ngx_md5_init(&md5);
    ngx_md5_update(&md5, bound ? "sender:" : "client:", 7);
    ngx_md5_update(&md5, who.data, who.len);
    ngx_md5_final(client->place.who, &md5);
}


static void
ngx_http_openclaw_limit_address(ngx_connection_t *c, ngx_str_t *address)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (c->sockaddr->sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) c->sockaddr;

        address->data = sin6->sin6_addr.s6_addr;

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            address->data += 12;
            address->len = 4;
            break;
        }

        /* whoever has one address has the rest of its network, too */

        address->len = 8;
        break;
#endif

    case AF_INET:
        sin = (struct sockaddr_in *) c->sockaddr;

        address->data = (u_char *) &sin->sin_addr;
        address->len = 4;
        break;

    default: /* AF_UNIX */
        ngx_str_set(address, "unix:");
        break;
    }
}


ngx_int_t
ngx_http_openclaw_limit_connection(ngx_http_openclaw_client_t *client)
{
    ngx_int_t             rc;
    ngx_openclaw_code_e   code;

    if (client->conf->connections == 0) {
        return NGX_OK;
    }

    rc = ngx_openclaw_session_connect(&client->place,
                                      client->conf->connections);
    if (rc == NGX_OK) {
        return NGX_OK;
    }

    code = NGX_OPENCLAW_ZONE_FULL;

    if (rc == NGX_BUSY) {
        code = NGX_OPENCLAW_TOO_MANY_CONNECTIONS;

        ngx_log_error(NGX_LOG_ERR, client->ws->connection->log, 0,
                      "limiting connections, there are %i of this %s",
                      client->conf->connections,
                      client->bound ? "sender" : "address");
    }

    ngx_http_openclaw_client_error(client, NULL, code, NULL);
    ngx_http_openclaw_ws_close(client->ws, NGX_OPENCLAW_CLOSE_TRY_LATER,
                               rc == NGX_BUSY ? "too many connections"
                                              : "no room");
    return NGX_DECLINED;
}


void
ngx_http_openclaw_limit_leave(ngx_http_openclaw_client_t *client)
{
    ngx_openclaw_session_disconnect(&client->place);
}


ngx_openclaw_code_e
ngx_http_openclaw_limit_message(ngx_http_openclaw_client_t *client)
{
    ngx_int_t                  rc;
    ngx_uint_t                 excess, level;
    ngx_http_openclaw_rate_t  *rate;

    rate = client->conf->message_rate;

    if (rate == NULL) {
        return NGX_OPENCLAW_OK;
    }

    rc = ngx_openclaw_session_rate(client->place.who, rate->rate, rate->burst,
                                   &excess);
    if (rc == NGX_OK) {
        client->limited = 0;
        return NGX_OPENCLAW_OK;
    }

    if (rc == NGX_BUSY) {

        /* who goes on regardless must not fill the log */

        level = client->limited ? NGX_LOG_INFO : NGX_LOG_ERR;

        ngx_log_error(level, client->ws->connection->log, 0,
                      "limiting messages%s, excess: %ui.%03ui of this %s",
                      rate->dry_run ? ", dry run" : "",
                      excess / 1000, excess % 1000,
                      client->bound ? "sender" : "address");

        client->limited = 1;
    }

    if (rate->dry_run) {
        return NGX_OPENCLAW_OK;
    }

    return (rc == NGX_BUSY) ? NGX_OPENCLAW_RATE_LIMITED
                            : NGX_OPENCLAW_ZONE_FULL;
}


void
ngx_http_openclaw_limit_turns(ngx_http_openclaw_client_t *client,
    ngx_openclaw_ticket_t *ticket)
{
    ngx_uint_t  max, busy;

    max = client->conf->turns;

    if (max == 0) {
        ticket->turns = NGX_MAX_INT_T_VALUE;
        return;
    }

    if (client->bound) {
        ticket->counted = 1;
        ticket->turns = max;
        ngx_memcpy(ticket->who, client->place.who, NGX_OPENCLAW_WHO_LEN);
        return;
    }

    /* those of a connection, for many people may have one address */

    busy = client->ws->busy;
    ticket->turns = max - ngx_min(busy, max);
}


char *
ngx_http_openclaw_limit_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_openclaw_loc_conf_t *olcf = conf;

    ngx_int_t                  burst;
    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_openclaw_rate_t  *rate;

    if (olcf->message_rate != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        olcf->message_rate = NULL;
        return NGX_CONF_OK;
    }

    rate = ngx_pcalloc(cf->pool, sizeof(ngx_http_openclaw_rate_t));
    if (rate == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "rate=", 5) == 0) {

            if (ngx_http_openclaw_limit_parse_rate(&value[i], rate)
                != NGX_OK)
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid rate \"%V\", it must be like "
                                   "\"rate=1r/s\" or \"rate=10r/m\"",
                                   &value[i]);
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "burst=", 6) == 0) {
            burst = ngx_atoi(value[i].data + 6, value[i].len - 6);

            if (burst <= 0 || burst > NGX_HTTP_OPENCLAW_MAX_RATE) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid burst \"%V\", it must be like "
                                   "\"burst=5\"", &value[i]);
                return NGX_CONF_ERROR;
            }

            rate->burst = burst * 1000;
            continue;
        }

        if (ngx_strcmp(value[i].data, "dry_run") == 0) {
            rate->dry_run = 1;
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", \"rate=\", \"burst=\" "
                           "or \"dry_run\" is expected", &value[i]);
        return NGX_CONF_ERROR;
    }

    if (rate->rate == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "there is no \"rate=\" in \"%V\"", &cmd->name);
        return NGX_CONF_ERROR;
    }

    olcf->message_rate = rate;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_openclaw_limit_parse_rate(ngx_str_t *value,
    ngx_http_openclaw_rate_t *rate)
{
    size_t      len;
    u_char     *p;
    ngx_int_t   n, scale;

    if (value->len < 5 + 1 + 3) {
        return NGX_ERROR;
    }

    len = value->len - 3;
    p = value->data + len;

    if (ngx_strncmp(p, "r/s", 3) == 0) {
        scale = 1;

    } else if (ngx_strncmp(p, "r/m", 3) == 0) {
        scale = 60;

    } else {
        return NGX_ERROR;
    }

    n = ngx_atoi(value->data + 5, len - 5);

    if (n <= 0 || n > NGX_HTTP_OPENCLAW_MAX_RATE) {
        return NGX_ERROR;
    }

    rate->rate = n * 1000 / scale;

    return NGX_OK;
}


/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_http_openclaw_module.h>
#include <ngx_http_openclaw_conf.h>


#define NGX_HTTP_OPENCLAW_MAX_AGENT_ID      64

/* of words that are told in a message */

#define NGX_HTTP_OPENCLAW_MAX_WORDS         256


static char *ngx_http_openclaw_conf_expect(ngx_conf_t *cf, ngx_command_t *cmd,
    char *rv, const char *expected);
static char *ngx_http_openclaw_conf_unknown(ngx_conf_t *cf,
    ngx_command_t *cmd, ngx_str_t *value, u_char *words);
static u_char *ngx_http_openclaw_conf_add_word(u_char *words, u_char *p,
    ngx_str_t *word, ngx_uint_t last);


char *
ngx_http_openclaw_conf_msec(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_openclaw_conf_expect(cf, cmd,
                                         ngx_conf_set_msec_slot(cf, cmd, conf),
                                         "a time like \"500ms\", \"30s\" or "
                                         "\"10m\"");
}


char *
ngx_http_openclaw_conf_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_openclaw_conf_expect(cf, cmd,
                                         ngx_conf_set_size_slot(cf, cmd, conf),
                                         "a size like \"64k\" or \"1m\"");
}


char *
ngx_http_openclaw_conf_num(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_openclaw_conf_expect(cf, cmd,
                                         ngx_conf_set_num_slot(cf, cmd, conf),
                                         "a number, 0 or more");
}


/* the stock setters say that by a string, and another one of duplicates */

static char *
ngx_http_openclaw_conf_expect(ngx_conf_t *cf, ngx_command_t *cmd, char *rv,
    const char *expected)
{
    ngx_str_t  *value;

    if (rv == NGX_CONF_OK || rv == NGX_CONF_ERROR
        || ngx_strncmp(rv, "invalid ", 8) != 0)
    {
        return rv;
    }

    value = cf->args->elts;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%V\" directive, it must be "
                       "%s", &value[1], &cmd->name, expected);

    return NGX_CONF_ERROR;
}


char *
ngx_http_openclaw_conf_enum(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    u_char            *p, words[NGX_HTTP_OPENCLAW_MAX_WORDS];
    ngx_str_t         *value;
    ngx_conf_enum_t   *e;

    value = cf->args->elts;
    p = words;

    for (e = cmd->post; e->name.len; e++) {

        if (e->name.len == value[1].len
            && ngx_strncasecmp(e->name.data, value[1].data, e->name.len) == 0)
        {
            return ngx_conf_set_enum_slot(cf, cmd, conf);
        }

        p = ngx_http_openclaw_conf_add_word(words, p, &e->name,
                                            e[1].name.len == 0);
    }

    return ngx_http_openclaw_conf_unknown(cf, cmd, &value[1], words);
}


char *
ngx_http_openclaw_conf_bitmask(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    u_char              *p, words[NGX_HTTP_OPENCLAW_MAX_WORDS];
    ngx_str_t           *value;
    ngx_uint_t           i;
    ngx_conf_bitmask_t  *mask;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        p = words;

        for (mask = cmd->post; mask->name.len; mask++) {

            if (mask->name.len == value[i].len
                && ngx_strncasecmp(mask->name.data, value[i].data,
                                   mask->name.len)
                   == 0)
            {
                break;
            }

            p = ngx_http_openclaw_conf_add_word(words, p, &mask->name,
                                                mask[1].name.len == 0);
        }

        if (mask->name.len == 0) {
            return ngx_http_openclaw_conf_unknown(cf, cmd, &value[i], words);
        }
    }

    return ngx_conf_set_bitmask_slot(cf, cmd, conf);
}


static char *
ngx_http_openclaw_conf_unknown(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value, u_char *words)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%V\" directive, it must be "
                       "%s", value, &cmd->name, words);

    return NGX_CONF_ERROR;
}


/* "a", "b" or "c" */

static u_char *
ngx_http_openclaw_conf_add_word(u_char *words, u_char *p, ngx_str_t *word,
    ngx_uint_t last)
{
    u_char  *end;

    end = words + NGX_HTTP_OPENCLAW_MAX_WORDS - 1;

    p = ngx_slprintf(p, end, "%s\"%V\"",
                     p == words ? "" : last ? " or " : ", ", word);
    *p = '\0';

    return p;
}


char *
ngx_http_openclaw_conf_agent(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_openclaw_loc_conf_t *olcf = conf;

    char                      *rv;
    ngx_http_complex_value_t  *cv;

    rv = ngx_http_set_complex_value_slot(cf, cmd, conf);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    cv = olcf->agent_id;

    if (cv->lengths == NULL && !ngx_http_openclaw_conf_is_agent(&cv->value)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid agent \"%V\", it must have 1 to %d "
                           "letters, digits, \"_\" and \"-\"", &cv->value,
                           NGX_HTTP_OPENCLAW_MAX_AGENT_ID);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_http_openclaw_conf_is_agent(ngx_str_t *id)
{
    size_t  i;
    u_char  ch;

    for (i = 0; i < id->len; i++) {
        ch = ngx_tolower(id->data[i]);

        if ((ch < 'a' || ch > 'z') && (ch < '0' || ch > '9')
            && ch != '_' && ch != '-')
        {
            return 0;
        }
    }

    return i > 0 && i <= NGX_HTTP_OPENCLAW_MAX_AGENT_ID;
}

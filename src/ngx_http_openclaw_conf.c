
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_http_openclaw_module.h>
#include <ngx_http_openclaw_conf.h>


#define NGX_HTTP_OPENCLAW_MAX_FILE_SIZE     65536


static ngx_uint_t ngx_http_openclaw_conf_word(u_char ch);
static char *ngx_http_openclaw_conf_check_token(ngx_conf_t *cf,
    ngx_str_t *token);
static ngx_int_t ngx_http_openclaw_conf_secret(ngx_conf_t *cf,
    ngx_str_t *secret);
static void ngx_http_openclaw_conf_wipe(void *data);


/* what the module itself or libcurl says */

static ngx_str_t  ngx_http_openclaw_own_headers[] = {
    ngx_string("authorization"),
    ngx_string("connection"),
    ngx_string("content-length"),
    ngx_string("content-type"),
    ngx_string("expect"),
    ngx_string("te"),
    ngx_string("trailer"),
    ngx_string("transfer-encoding"),
    ngx_string("upgrade"),
    ngx_string("x-openclaw-session-key"),
    ngx_null_string
};


char *
ngx_http_openclaw_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_openclaw_main_conf_t *omcf = conf;

    u_char     *p;
    time_t      inactive;
    ssize_t     size;
    ngx_str_t  *value, name, s;

    if (omcf->zone) {
        return "is duplicate";
    }

    value = cf->args->elts;
    inactive = NGX_HTTP_OPENCLAW_INACTIVE;

    name = value[1];
    p = (u_char *) ngx_strchr(name.data, ':');

    if (p == NULL || p == name.data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone \"%V\", \"name:size\" is expected",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    name.len = p - name.data;

    s.data = p + 1;
    s.len = value[1].data + value[1].len - s.data;

    size = ngx_parse_size(&s);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size in zone \"%V\", \"name:size\" is "
                           "expected, such as \"%V:16m\"", &value[1], &name);
        return NGX_CONF_ERROR;
    }

    if (size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small, at least %uik are "
                           "needed", &value[1], 8 * ngx_pagesize / 1024);
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 3) {

        if (ngx_strncmp(value[2].data, "inactive=", 9) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", \"inactive=time\" is "
                               "expected", &value[2]);
            return NGX_CONF_ERROR;
        }

        s.data = value[2].data + 9;
        s.len = value[2].len - 9;

        inactive = ngx_parse_time(&s, 1);

        if (inactive == (time_t) NGX_ERROR || inactive == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid time \"%V\", it must be like "
                               "\"inactive=1d\"", &value[2]);
            return NGX_CONF_ERROR;
        }
    }

    omcf->zone = ngx_openclaw_session_zone(cf, &name, size, inactive,
                                           &ngx_http_openclaw_module);

    return omcf->zone ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/*
 * An argument has to be percent-decoded, which a variable is not: one that is
 * the whole value is remembered by name.
 */

char *
ngx_http_openclaw_conf_auth_token(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_openclaw_loc_conf_t *olcf = conf;

    u_char                            *p;
    ngx_str_t                         *value, arg;
    ngx_http_compile_complex_value_t   ccv;

    if (olcf->auth_token != NGX_CONF_UNSET_PTR || olcf->auth_arg.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strncmp(value[1].data, "$arg_", 5) == 0) {
        arg.data = value[1].data + 5;
        arg.len = value[1].len - 5;

        for (p = arg.data; ngx_http_openclaw_conf_word(*p); p++) { /* void */ }

        if (arg.len && *p == '\0') {
            olcf->auth_arg = arg;
            olcf->auth_token = NULL;
            return NGX_CONF_OK;
        }
    }

    olcf->auth_token = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (olcf->auth_token == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = olcf->auth_token;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (olcf->auth_token->lengths == NULL) {
        return "has no variable, all clients would have the same token";
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_openclaw_conf_word(u_char ch)
{
    return ch == '_' || (ch >= '0' && ch <= '9')
           || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z');
}


char *
ngx_http_openclaw_conf_token(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *token = data;

    if (ngx_http_openclaw_conf_secret(cf, token) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_openclaw_conf_check_token(cf, token);
}


static char *
ngx_http_openclaw_conf_check_token(ngx_conf_t *cf, ngx_str_t *token)
{
    size_t  i;

    if (token->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the token is empty");
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < token->len; i++) {
        if (token->data[i] <= ' ' || token->data[i] >= 0x7f) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the token has a character that no HTTP header "
                               "can carry");
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_openclaw_conf_token_file(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *name = data;

    ngx_str_t                      content;
    ngx_http_openclaw_loc_conf_t  *olcf;

    olcf = (ngx_http_openclaw_loc_conf_t *)
               ((u_char *) name
                - offsetof(ngx_http_openclaw_loc_conf_t, token_file));

    if (olcf->token.data) {
        return "is incompatible with \"openclaw_token\"";
    }

    /* read with the master's privileges, which the workers do not have */

    if (ngx_http_openclaw_conf_read_file(cf, name, &content) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    while (content.len && content.data[content.len - 1] <= ' ') {
        content.len--;
    }

    content.data[content.len] = '\0';
    olcf->token = content;

    return ngx_http_openclaw_conf_check_token(cf, &olcf->token);
}


char *
ngx_http_openclaw_conf_set_header(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_openclaw_loc_conf_t *olcf = conf;

    u_char                             ch;
    size_t                             i;
    ngx_str_t                         *value, *own;
    ngx_http_openclaw_header_t        *h;
    ngx_http_compile_complex_value_t   ccv;

    value = cf->args->elts;

    for (i = 0; i < value[1].len; i++) {
        ch = value[1].data[i];

        if (ch <= ' ' || ch >= 0x7f || ch == ':') {
            break;
        }
    }

    if (i == 0 || i < value[1].len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid header name \"%V\", it must have letters, "
                           "without spaces and \":\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    for (own = ngx_http_openclaw_own_headers; own->len; own++) {
        if (own->len == value[1].len
            && ngx_strncasecmp(own->data, value[1].data, own->len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "header \"%V\" can't be set, it is the "
                               "module's own", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    for (i = 0; i < value[2].len; i++) {
        if (value[2].data[i] < 0x20 && value[2].data[i] != '\t') {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the value of header \"%V\" has a control "
                               "character", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    if (olcf->headers == NGX_CONF_UNSET_PTR) {
        olcf->headers = ngx_array_create(cf->pool, 4,
                                         sizeof(ngx_http_openclaw_header_t));
        if (olcf->headers == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    h = ngx_array_push(olcf->headers);
    if (h == NULL) {
        return NGX_CONF_ERROR;
    }

    h->name = value[1];

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[2];
    ccv.complex_value = &h->value;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_openclaw_conf_allow_origin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_openclaw_loc_conf_t *olcf = conf;

    u_char      *p;
    ngx_str_t   *value, *origin;
    ngx_uint_t   i;

    if (olcf->origins != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    olcf->origins = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                     sizeof(ngx_str_t));
    if (olcf->origins == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        p = (u_char *) ngx_strstr(value[i].data, "://");

        if (ngx_strcmp(value[i].data, "*") != 0
            && ngx_strcmp(value[i].data, "same") != 0
            && (p == NULL || p[3] == '\0' || ngx_strchr(p + 3, '/')))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid origin \"%V\", it must be \"*\", "
                               "\"same\" or like \"https://example.com\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        origin = ngx_array_push(olcf->origins);
        if (origin == NULL) {
            return NGX_CONF_ERROR;
        }

        *origin = value[i];
    }

    return NGX_CONF_OK;
}


char *
ngx_http_openclaw_conf_answers(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_openclaw_loc_conf_t *olcf = conf;

    ssize_t     size;
    ngx_int_t   n;
    ngx_str_t  *value;

    if (olcf->answers != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        olcf->answers = 0;
        olcf->answer_size = 0;
        return NGX_CONF_OK;
    }

    if (cf->args->nelts == 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\", it must be \"off\" or a "
                           "number and a size", &value[1]);
        return NGX_CONF_ERROR;
    }

    n = ngx_atoi(value[1].data, value[1].len);

    if (n == NGX_ERROR || n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number \"%V\" of answers, it must be 1 or "
                           "more", &value[1]);
        return NGX_CONF_ERROR;
    }

    size = ngx_parse_size(&value[2]);

    if (size == NGX_ERROR || size == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" of an answer, it must be like "
                           "\"64k\"", &value[2]);
        return NGX_CONF_ERROR;
    }

    olcf->answers = n;
    olcf->answer_size = size;

    return NGX_CONF_OK;
}


char *
ngx_http_openclaw_conf_file(ngx_conf_t *cf, void *post, void *data)
{
    ngx_http_openclaw_file_t *file = data;

    file->file = cf->conf_file->file.name.data;
    file->line = cf->conf_file->line;

    return NGX_CONF_OK;
}


char *
ngx_http_openclaw_conf_text(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *text = data;

    uint32_t  utf8;

    utf8 = 0;

    if (ngx_openclaw_utf8_check(&utf8, text->data, text->len) != NGX_OK) {
        return "is not valid UTF-8";
    }

    return NGX_CONF_OK;
}


char *
ngx_http_openclaw_conf_positive_size(ngx_conf_t *cf, void *post, void *data)
{
    size_t *size = data;

    return *size ? NGX_CONF_OK : "must be positive";
}


char *
ngx_http_openclaw_conf_positive_time(ngx_conf_t *cf, void *post, void *data)
{
    ngx_msec_t *msec = data;

    if (*msec == 0) {
        return "must be positive";
    }

    /* libcurl takes no more */

    return *msec <= NGX_MAX_INT32_VALUE ? NGX_CONF_OK
                                        : "must be at most 24 days";
}


ngx_int_t
ngx_http_openclaw_conf_read_file(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *content)
{
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_str_t        path;
    ngx_file_info_t  fi;

    path = *name;

    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(path.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", &path);
        return NGX_ERROR;
    }

    n = NGX_ERROR;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", &path);
        goto done;
    }

    if (!ngx_is_file(&fi) || ngx_file_size(&fi) == 0
        || ngx_file_size(&fi) > NGX_HTTP_OPENCLAW_MAX_FILE_SIZE)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not a file of 1 to %d bytes", &path,
                           NGX_HTTP_OPENCLAW_MAX_FILE_SIZE);
        goto done;
    }

    content->len = (size_t) ngx_file_size(&fi);

    content->data = ngx_pnalloc(cf->pool, content->len + 1);
    if (content->data == NULL) {
        goto done;
    }

    /* a token, or the key of a certificate */

    if (ngx_http_openclaw_conf_secret(cf, content) != NGX_OK) {
        goto done;
    }

    n = ngx_read_fd(fd, content->data, content->len);

    if (n != (ssize_t) content->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, n == -1 ? ngx_errno : 0,
                           ngx_read_fd_n " \"%V\" failed", &path);
        n = NGX_ERROR;
        goto done;
    }

    content->data[content->len] = '\0';

done:

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", &path);
    }

    return n < 0 ? NGX_ERROR : NGX_OK;
}


/*
 * Has a secret wiped when its memory is given back: by the master process,
 * when a configuration is replaced, or is not taken.
 */

static ngx_int_t
ngx_http_openclaw_conf_secret(ngx_conf_t *cf, ngx_str_t *secret)
{
    ngx_str_t           *s;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_str_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    s = cln->data;
    *s = *secret;

    cln->handler = ngx_http_openclaw_conf_wipe;

    return NGX_OK;
}


static void
ngx_http_openclaw_conf_wipe(void *data)
{
    ngx_str_t *secret = data;

    ngx_explicit_memzero(secret->data, secret->len);
}

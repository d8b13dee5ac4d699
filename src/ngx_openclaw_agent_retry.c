
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_agent_internal.h>
#include <ngx_openclaw_stats.h>


/* the time between two tries doubles, milliseconds */

#define NGX_OPENCLAW_AGENT_MIN_DELAY        100
#define NGX_OPENCLAW_AGENT_MAX_DELAY        2000


static ngx_uint_t ngx_openclaw_agent_unconnected(ngx_openclaw_agent_t *agent,
    CURLcode error);
static ngx_msec_t ngx_openclaw_agent_retry_delay(ngx_openclaw_agent_t *agent);
static ngx_msec_t ngx_openclaw_agent_retry_after(ngx_openclaw_agent_t *agent);


ngx_int_t
ngx_openclaw_agent_aim(ngx_openclaw_agent_t *agent)
{
    ngx_openclaw_agent_conf_t  *conf;

    conf = agent->conf;

    if (agent->gateway == NULL) {

        if (agent->tried == 0) {
            agent->refused = 0;
        }

        agent->gateway = ngx_openclaw_gateway_pick(&conf->gateways,
                                                   agent->hash, &agent->tried,
                                                   &agent->down);
    }

    if (agent->gateway == NULL) {
        return NGX_ERROR;
    }

    return ngx_openclaw_agent_request_aim(&agent->request, agent->curl.easy,
                                          conf, agent->gateway, agent->log);
}


ngx_int_t
ngx_openclaw_agent_next(ngx_openclaw_agent_t *agent, CURLcode error,
    ngx_openclaw_agent_reason_t *reason)
{
    uint64_t                  all;
    ngx_uint_t                last, level;
    ngx_openclaw_gateways_t  *gateways;

    gateways = &agent->conf->gateways;

    if (!ngx_openclaw_agent_unconnected(agent, error)) {
        agent->refused = 0;
        return NGX_DECLINED;
    }

    if (error == CURLE_COULDNT_CONNECT) {
        agent->refused = 1;
    }

    /* all bits, be there 64 */

    all = ((uint64_t) 2 << (gateways->nelts - 1)) - 1;
    last = (agent->tried == all);

    if (!last) {
        level = agent->tries ? NGX_LOG_INFO : NGX_LOG_WARN;

        ngx_log_error(level, agent->log, 0,
                      "gateway \"%V\" can't be reached, trying the next one: "
                      "%V", &agent->gateway->name, &reason->text);
    }

    ngx_openclaw_gateway_fails(gateways, agent->gateway, agent->log);

    agent->gateway = NULL;

    if (last) {

        /* after some time it is the turn of the first one again */

        agent->tried = 0;

        return NGX_DECLINED;
    }

    ngx_openclaw_agent_wait(agent, 0);

    return NGX_OK;
}


/*
 * Whether the gateway was at fault, and has not seen any of the request.  A
 * certificate that can't be verified is not the gateway's.
 */

static ngx_uint_t
ngx_openclaw_agent_unconnected(ngx_openclaw_agent_t *agent, CURLcode error)
{
    ngx_openclaw_curl_t  *curl;

    curl = &agent->curl;

    if (curl->requested || curl->starved || curl->leaving) {
        return 0;
    }

    return error == CURLE_COULDNT_CONNECT
           || error == CURLE_OPERATION_TIMEDOUT
           || error == CURLE_SSL_CONNECT_ERROR
           || error == CURLE_PEER_FAILED_VERIFICATION;
}


ngx_int_t
ngx_openclaw_agent_retry(ngx_openclaw_agent_t *agent,
    ngx_openclaw_agent_reason_t *reason)
{
    ngx_msec_t                  now, delay, left;
    ngx_openclaw_agent_conf_t  *conf;

    conf = agent->conf;

    if (conf->retry_timeout == 0) {
        return NGX_DECLINED;
    }

    reason->code = NGX_OPENCLAW_AGENT_UNAVAILABLE;

    now = ngx_current_msec - agent->start;

    if (now >= conf->retry_timeout) {
        return NGX_DECLINED;
    }

    /* the last try is made when the time is over, be it the turn's */

    left = ngx_min(conf->retry_timeout, conf->turn_timeout);
    left = (now < left) ? left - now : 0;

    delay = ngx_openclaw_agent_retry_delay(agent);
    delay = ngx_min(delay, left);

    if (agent->tries++ == 0) {
        ngx_log_error(NGX_LOG_WARN, agent->log, 0,
                      "agent is unavailable, trying again for %Mms: %V",
                      left, &reason->text);

    } else {
        ngx_log_error(NGX_LOG_INFO, agent->log, 0,
                      "agent is still unavailable, trying again in %Mms: %V",
                      delay, &reason->text);
    }

    ngx_openclaw_stats_add(retries, 1);

    agent->status = 0;
    agent->len = 0;
    agent->over = 0;

    ngx_openclaw_agent_wait(agent, delay);

    return NGX_OK;
}


static ngx_msec_t
ngx_openclaw_agent_retry_delay(ngx_openclaw_agent_t *agent)
{
    ngx_uint_t  i;
    ngx_msec_t  delay;

    delay = NGX_OPENCLAW_AGENT_MIN_DELAY;

    for (i = 0; i < agent->tries && delay < NGX_OPENCLAW_AGENT_MAX_DELAY; i++)
    {
        delay *= 2;
    }

    delay = ngx_min(delay, NGX_OPENCLAW_AGENT_MAX_DELAY);

    return ngx_openclaw_agent_jitter(delay)
           + ngx_openclaw_agent_retry_after(agent);
}


/* what the Retry-After of a 503 asks for, be it in seconds or a date */

static ngx_msec_t
ngx_openclaw_agent_retry_after(ngx_openclaw_agent_t *agent)
{
    curl_off_t  after;

    after = 0;

    if (agent->status == 0
        || curl_easy_getinfo(agent->curl.easy, CURLINFO_RETRY_AFTER, &after)
           != CURLE_OK
        || after <= 0)
    {
        return 0;
    }

    /* any number will do that the time for tries is less than */

    after = ngx_min(after, NGX_MAX_INT32_VALUE / 2000);

    return (ngx_msec_t) after * 1000;
}


ngx_msec_t
ngx_openclaw_agent_jitter(ngx_msec_t time)
{
    return time / 2 + (ngx_msec_t) ngx_random() % (time / 2 + 1);
}

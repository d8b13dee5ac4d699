# Tests for a service of openclaw_auth that is asked over TLS.

use lib 't/lib';
use TestEnv qw(tls);
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: its certificate is checked, by the name in the URL
--- config
    openclaw_ssl_name  agent.example;

    location = /trusted {
        openclaw_pass  http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth  https://localhost:$TEST_NGINX_AGENT_TLS_PORT/auth;
        openclaw_ssl_trusted_certificate  $TEST_NGINX_CERT;
    }

    location = /unknown {
        openclaw_pass  http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth  https://localhost:$TEST_NGINX_AGENT_TLS_PORT/auth;
    }

    location = /any {
        openclaw_pass        http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth        https://localhost:$TEST_NGINX_AGENT_TLS_PORT/auth;
        openclaw_ssl_verify  off;
    }
--- scenario
    $agent->on({ path => qr{^/auth} }, reply =>
               [200, '{"success":true,"data":{"userId":"ann"}}']);

    for my $uri ('/trusted', '/any') {
        is $T->connect("$uri?token=t")->chat('x')->answer->{content},
           'echo: x', $uri;
    }

    my $c = $T->connect('/unknown?token=t');

    is $c->recv_json->{error}, 'Authentication failed: service_unavailable';
    is $c->close, 4401;
    like $T->error_log, qr/service failed, status 0: certificate verification/;
    is $agent->count, 4, 'it is not shown any token';

# Tests for openclaw_auth_timeout.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: a service that says nothing
--- config
    location = /ws {
        openclaw_pass          http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth          http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_auth_timeout  200ms;
    }
--- scenario
    $agent->on({ path => qr{^/auth} }, 'silence');

    my $c = $T->connect('/ws?token=t')->chat('hello');

    is_deeply $c->recv_json, { type => 'chat.error', code => 'auth_failed',
                               error => 'Authentication failed: timeout' };
    is $c->close, 4401;
    is $c->close_reason, 'Authentication failed';
    is $agent->wait_for_end(1, 'gone')->{path}, '/auth';
    is $agent->count, 1;
    like $T->error_log, qr/\[error\] .*authentication service timed out/;



=== TEST 2: one that says something again and again, but never all
--- config
    location = /ws {
        openclaw_pass          http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth          http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_auth_timeout  300ms;
    }
--- scenario
    $agent->on({ path => qr{^/auth} }, 'start',
               map { (body => ' ', delay => 0.1) } 1 .. 100);

    my $c = $T->connect('/ws?token=t');

    is $c->recv_json->{error}, 'Authentication failed: timeout';
    is $c->close, 4401;



=== TEST 3: one that reads nothing
--- config
    location = /ws {
        openclaw_pass          http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth          http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_auth_timeout  200ms;
    }
--- scenario
    $agent->mode('deaf');

    my $c = $T->connect('/ws?token=t');

    is $c->recv_json->{error}, 'Authentication failed: timeout';
    is $c->close, 4401;



=== TEST 4: a worker that leaves does not wait longer
--- config
    location = /ws {
        openclaw_pass          http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth          http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_auth_timeout  1h;
    }
--- scenario
    $agent->on({ path => qr{^/auth} }, 'silence');

    my @c = map { $T->connect('/ws?token=t') } 1 .. 5;
    $agent->wait_for_requests(5);
    $T->quit;

    is $_->close_code, 1012 for @c;
    $agent->wait_for_end(5, 'gone');

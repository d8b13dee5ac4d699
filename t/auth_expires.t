# Tests for expiresAt in the answer of the service of openclaw_auth.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

use POSIX qw(strftime);
use Time::HiRes qw(time);

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


sub expires {
    my ($at) = @_;

    $TestEnv::T->agent->forget;
    $TestEnv::T->agent->on({ path => qr{^/auth}, times => 1 }, reply =>
        [200, qq({"success":true,"data":{"userId":"ann","expiresAt":$at}})]);

    return $TestEnv::T->connect('/ws?token=t');
}


run_tests();

__DATA__

=== TEST 1: the connection is closed then, and its turns run on
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
    }
--- scenario
    my $at = time + 2;
    my $c = expires(int $at * 1000);

    $agent->on('hello', say => 'Hel', gate => 'go', say => 'lo');
    $c->chat('hello', messageId => 'm1');

    $agent->wait_for_gate('go');
    is $c->close_code, 4401;
    is $c->close_reason, 'Token expired';
    cmp_ok time, '>=', $at - 0.01, 'not before';
    $c->disconnect;
    like $T->error_log, qr/client's token has expired/;

    $agent->release('go');
    is $agent->wait_for_end(2, 'done')->{content}, 'hello';



=== TEST 2: ways to say a time
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
    }
--- scenario
    my $now = int time;

    my $date = sub { '"' . strftime($_[1], gmtime($now + $_[0])) . '"' };

    my @past = ($now - 2, ($now - 2) * 1000, 1, 0.5,
                $date->(-2, '%Y-%m-%dT%H:%M:%SZ'),
                $date->(3600 - 2, '%Y-%m-%dT%H:%M:%S+01:00'),
                $date->(-3600 - 62, '%Y-%m-%dt%H:%M:%S.999-01:01'),
                '"2024-02-29T23:59:60z"', '"1970-01-01 00:00:01Z"');

    my @future = ($now + 3600, ($now + 3600) * 1000, 32503680000, 'null',
                  9e15, $date->(3600, '%Y-%m-%dT%H:%M:%SZ'),
                  $date->(3600, '%Y-%m-%dT%H:%M:%S.123456789Z'),
                  $date->(3660, '%Y-%m-%dT%H:%M:%S+00:01'),
                  $date->(-3600, '%Y-%m-%dT%H:%M:%S-02:00'),
                  '"9999-12-31T23:59:59Z"');

    my @wrong = ('"2030-01-01"', '"2030-13-01T00:00:00Z"', '""', '-1', '1e16',
                 '"2030-01-01T00:00:00"', '"2030-01-01T24:00:00Z"', '{}',
                 '"2030-01-01T00:00:00.Z"', '"2030-01-01T00:00:00Zx"',
                 '"2030-01-01T00:00:00+1"', '"1900-01-01T00:00:00Z"');

    for my $at (@past) {
        my $c = expires($at);

        is $c->recv_json->{error}, 'Authentication failed: token_expired',
           "at $at";
        is $c->close, 4401;
    }

    for my $at (@future) {
        my $c = expires($at)->chat('hello', messageId => 'm1');

        is $c->answer('m1')->{content}, 'echo: hello', "at $at";
        is $c->close, 1000;
    }

    for my $at (@wrong) {
        my $c = expires($at);

        is $c->recv_json->{error},
           'Authentication failed: service_unavailable', "at $at";
        $c->close;
    }

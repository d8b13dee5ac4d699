# Tests for clients over TLS.

use lib 't/lib';
use TestEnv qw(tls);
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# a client over TLS

sub wss {
    my ($uri, %opt) = @_;

    return $TestEnv::T->connect($uri, port => $ENV{TEST_NGINX_PORT2}, ssl => 1,
                                %opt);
}


run_tests();

__DATA__

=== TEST 1: a chat
--- config
    listen $TEST_NGINX_PORT2 ssl;
    ssl_certificate $TEST_NGINX_CERT;
    ssl_certificate_key $TEST_NGINX_CERT_KEY;

    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_set_header X-Https $https;
    }
--- scenario
    my $c = wss('/ws?senderId=ann');

    for my $said ('hello', '张三', 'x' x 10_000) {
        $c->chat($said);
        is $c->answer->{content}, "echo: $said";
    }

    is [$agent->requests]->[0]{headers}{'x-https'}, 'on';
    is $c->close, 1000;



=== TEST 2: large messages, and large answers
--- config
    listen $TEST_NGINX_PORT2 ssl;
    ssl_certificate $TEST_NGINX_CERT;
    ssl_certificate_key $TEST_NGINX_CERT_KEY;

    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_send_buffer 16k;
    }
--- agent
    $agent->on('long', repeat => [1000, 'y' x 1000]);
    $agent->otherwise(say => 'fine');
--- scenario
    my $c = wss('/ws', rcvbuf => 32768);

    $c->chat('x' x 500_000);
    is $c->answer->{content}, 'fine';
    is length(($agent->requests)[0]{content}), 500_000;

    # more than what waits for a client, which reads slowly, at first

    $c->chat('long');
    $agent->wait_for_requests(2);

    my $answer = $c->answer;
    ok $answer->{content} eq 'y' x 1_000_000;
    ok $answer->{streamed} eq $answer->{content};

    $c->chat('again');
    is $c->answer->{content}, 'fine';



=== TEST 3: many frames at once, and one byte at a time
--- config
    listen $TEST_NGINX_PORT2 ssl;
    ssl_certificate $TEST_NGINX_CERT;
    ssl_certificate_key $TEST_NGINX_CERT_KEY;

    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = wss('/ws');

    # several in one TLS record, some of which are read at once

    $c->send_raw(join '', map { WsFrame::ping("$_") } 1 .. 500);
    is join(' ', map { $c->recv->{payload} } 1 .. 500), join(' ', 1 .. 500);

    # each byte in a record of its own

    $c->send_raw($_) for split //, WsFrame::message('hello');
    is $c->answer->{content}, 'echo: hello';



=== TEST 4: pings, faults and a client that goes
--- config
    listen $TEST_NGINX_PORT2 ssl;
    ssl_certificate $TEST_NGINX_CERT;
    ssl_certificate_key $TEST_NGINX_CERT_KEY;

    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }

    location = /ping {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_ping_interval 50ms;
        openclaw_ping_timeout 100ms;
    }
--- scenario
    my $c = wss('/ping');
    is $c->recv('a ping')->{name}, 'ping';
    is $c->close_code, 1006, 'not answered';

    $c = wss('/ws');
    $c->send_frame(3, 'x');
    is $c->close_code, 1002;

    wss('/ws')->disconnect;
    $T->wait_for_log(qr/client closed connection without a close frame/);

    is wss('/ws', any => 1, headers => { Upgrade => undef })->status, 426;



=== TEST 5: on reload
--- config
    listen $TEST_NGINX_PORT2 ssl;
    ssl_certificate $TEST_NGINX_CERT;
    ssl_certificate_key $TEST_NGINX_CERT_KEY;

    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->on('hello', say => 'a', gate => 'go', say => 'b');
--- scenario
    my $c = wss('/ws');
    my $idle = wss('/ws');

    $c->chat('hello');
    $agent->wait_for_gate('go');

    my @old = $T->workers;
    $T->reload;

    is $idle->recv->{code}, 1012;
    $idle->send_frame('close', pack 'n', 1012);

    $agent->release('go');
    is $c->answer->{content}, 'ab', 'a turn is ended first';
    is $c->recv->{code}, 1012;
    $c->send_frame('close', pack 'n', 1012);
    $T->wait_gone(@old);

# Tests for the closing handshake (RFC 6455, 5.5.1. and 7.).

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: the client's code comes back
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    for my $code (1000 .. 1003, 1007 .. 1014, 3000, 3999, 4000, 4999) {
        my $c = $T->connect('/ws');
        is $c->close($code, 'a reason'), $code, "code $code";
    }

    my $c = $T->connect('/ws');
    is $c->close(4000, 'x' x 123), 4000, 'with the longest reason';



=== TEST 2: none is answered with none
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- ws
--- raw_request eval
WsFrame::handshake('/ws') . WsFrame::close_frame()
--- response_body
close



=== TEST 3: the server ends the connection, and what came behind is not read
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- ws
--- raw_request eval
WsFrame::handshake('/ws') . WsFrame::ping('p') . WsFrame::close_frame(1001)
    . WsFrame::ping('q') . WsFrame::message('hello') . WsFrame::frame(3, 'x')
--- response_body
pong p
close 1001



=== TEST 4: an answer that was being written is left off between frames
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->on('hello', say => 'a', gate => 'go', say => 'b');
--- scenario
    my $c = $T->connect('/ws');

    $c->chat('hello');
    $agent->wait_for_gate('go');
    $c->send_frame('close', pack 'n', 1000);

    is join(' ', map { $_->{name} } $c->drain), 'text text close';

    # the agent is heard out

    $agent->release('go');
    is $agent->wait_for_end(1)->{state}, 'done';



=== TEST 5: a client that goes without a word
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    $T->connect('/ws')->disconnect;
    $T->wait_for_log(qr/\[info\].*client closed connection without a close /);

    my $c = $T->connect('/ws');
    $c->half_close;
    is $c->close_code, 1006, 'half a connection is none';

    $T->connect('/ws')->reset;

    my $d = $T->connect('/ws');
    $d->chat('hello');
    is $d->answer->{content}, 'echo: hello', 'nginx goes on';



=== TEST 6: a client that never answers is not waited for forever
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');
    my @old = $T->workers;

    $T->reload;

    is $c->close_code, 1012;
    $T->wait_gone(@old);
    like $T->error_log, qr/client did not answer a close frame/;



=== TEST 7: one that does is let go at once
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');
    my @old = $T->workers;

    $T->reload;

    my $f = $c->recv;
    is "$f->{name} $f->{code} $f->{reason}", 'close 1012 service restart';
    $c->send_frame('close', pack 'n', 1012);

    is scalar $c->drain, 0, 'the end, and no second close frame';
    $T->wait_gone(@old);
    unlike $T->error_log, qr/client did not answer/;



=== TEST 8: the request ends once, with the status of the handshake
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    $T->connect('/ws?n=1')->close;
    $T->connect('/ws?n=2')->disconnect;
    $T->connect('/ws?n=3')->send_frame(3, 'x');

    my $lines = sub {
        join ' ', sort $T->access_log =~ m{"GET (/ws\S* HTTP/1\.1" \d+)}g;
    };

    $T->wait_for(sub { $T->access_log =~ /n=1/ && $T->access_log =~ /n=2/
                       && $T->access_log =~ /n=3/ }, 'the access log');
    is $lines->(), join ' ', map { "/ws?n=$_ HTTP/1.1\" 101" } 1 .. 3;

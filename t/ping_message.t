# Tests for {"type":"ping"}, for browsers, which can't send ping frames.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: is answered
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- ws
--- raw_request eval
WsFrame::handshake('/ws') . WsFrame::text('{"type":"ping"}')
    . WsFrame::text(' { "n" : 1, "type" : "ping" } ')
    . WsFrame::binary('{"type":"ping"}') . WsFrame::close_frame(1000)
--- response_body
text {"type":"pong"}
text {"type":"pong"}
text {"type":"pong"}
close 1000



=== TEST 2: while a turn is running
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->on('hello', gate => 'go', say => 'hi');
--- scenario
    my $c = $T->connect('/ws');

    $c->chat('hello');
    $agent->wait_for_gate('go');
    $c->send_json({ type => 'ping' });

    is $c->recv_json->{type}, 'chat.typing';
    is $c->recv_text, '{"type":"pong"}';

    $agent->release('go');
    is $c->answer->{content}, 'hi';



=== TEST 3: the agent hears nothing of it
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');

    $c->send_json({ type => 'ping', content => 'hello', chatType => 5 });
    is $c->recv_text, '{"type":"pong"}';
    is $agent->count, 0;

# Tests for ping and pong frames of the client (RFC 6455, 5.5.).

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: a pong has the payload of its ping
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- ws
--- raw_request eval
WsFrame::handshake('/ws') . WsFrame::ping() . WsFrame::ping('are you there')
    . WsFrame::ping('x' x 125) . WsFrame::ping("\x00\xff")
    . WsFrame::close_frame(1000)
--- response_body eval
"pong\npong are you there\npong " . 'x' x 125 . "\npong \\x00\xff\nclose 1000\n"



=== TEST 2: between fragments
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- ws
--- raw_request eval
WsFrame::handshake('/ws') . WsFrame::text('{"type":', fin => 0)
    . WsFrame::ping('one') . WsFrame::cont('"pi', fin => 0)
    . WsFrame::ping('two') . WsFrame::pong('three') . WsFrame::cont('ng"}')
    . WsFrame::close_frame(1000)
--- response_body
pong one
pong two
text {"type":"pong"}
close 1000



=== TEST 3: between the bytes of a character
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');

    $c->send_frame('text', '{"type":"chat.send","content":"' . "\xe5",
                   fin => 0);
    $c->sync;
    $c->send_frame('cont', "\xbc\xa0\"}");
    is $c->answer->{content}, 'echo: 张';



=== TEST 4: a pong that nobody asked for is no fault
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- ws
--- raw_request eval
WsFrame::handshake('/ws') . WsFrame::pong() . WsFrame::pong('x' x 125)
    . WsFrame::ping('p') . WsFrame::close_frame(1000)
--- response_body
pong p
close 1000



=== TEST 5: while an answer streams
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
    $c->send_frame('ping', 'p');

    is $c->recv->{name}, 'text', 'typing';
    is $c->recv->{name}, 'text', 'the first part';
    is $c->recv->{name}, 'pong';

    $agent->release('go');
    is $c->answer->{content}, 'ab';



=== TEST 6: more pings than there is room for pongs
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_send_buffer 1k;
    }
--- scenario
    my $c = $T->connect('/ws', rcvbuf => 4096);
    my $count = 2000;

    $c->send_raw(join '', map { WsFrame::ping("$_ " . 'x' x 100) } 1 .. $count);

    my @got = map { $c->recv } 1 .. $count;
    is scalar(grep { $got[$_ - 1]{payload} =~ /^$_ x{100}$/ } 1 .. $count),
       $count, 'all of them, in order';
    is $c->close, 1000;

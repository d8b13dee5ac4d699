# Tests for messages in several frames (RFC 6455, 5.4.).

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: two, three, and empty ones
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- ws
--- raw_request eval
WsFrame::handshake('/ws')
    . WsFrame::text('{"type":', fin => 0) . WsFrame::cont('"ping"}')
    . WsFrame::text('{', fin => 0) . WsFrame::cont('"type":', fin => 0)
    . WsFrame::cont('"ping"}')
    . WsFrame::text('', fin => 0) . WsFrame::cont('', fin => 0)
    . WsFrame::cont('{"type":"ping"}', fin => 0) . WsFrame::cont('')
    . WsFrame::close_frame(1000)
--- response_body
text {"type":"pong"}
text {"type":"pong"}
text {"type":"pong"}
close 1000



=== TEST 2: nothing at all, in one frame and in two
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- ws
--- raw_request eval
WsFrame::handshake('/ws') . WsFrame::text('')
    . WsFrame::text('', fin => 0) . WsFrame::cont('')
    . WsFrame::close_frame(1000)
--- response_body_like eval
qr/^text \{"type":"chat\.error",.*"code":"parse_error"\}
text \{"type":"chat\.error",.*"code":"parse_error"\}
close 1000$/



=== TEST 3: each with a mask of its own
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- ws
--- raw_request eval
WsFrame::handshake('/ws')
    . WsFrame::text('{"type":', fin => 0, mask => "\0\0\0\0")
    . WsFrame::cont('"pi', fin => 0, mask => "\xff\xff\xff\xff")
    . WsFrame::cont('ng"}', mask => "\x01\x02\x03\x04")
    . WsFrame::close_frame(1000)
--- response_body
text {"type":"pong"}
close 1000



=== TEST 4: one byte a frame
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');
    my @byte = split //, WsFrame::to_json({ type => 'chat.send',
                                            content => '张三 says "hello"' });

    $c->send_frame('text', shift @byte, fin => 0);
    my $last = pop @byte;
    $c->send_raw(join '', map { WsFrame::cont($_, fin => 0) } @byte);
    $c->send_frame('cont', $last);

    is $c->answer->{content}, 'echo: 张三 says "hello"';



=== TEST 5: a large message, in the three forms of length
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');
    my $said = join ' ', 1 .. 24_000;
    my $text = WsFrame::to_json({ type => 'chat.send', content => $said });

    $c->send_frame('text', substr($text, 0, 100), fin => 0);
    $c->send_frame('cont', substr($text, 100, 60_000), fin => 0);
    $c->send_frame('cont', substr($text, 60_100));
    ok $c->answer->{content} eq "echo: $said";

    $c->chat($said);
    ok $c->answer->{content} eq "echo: $said", 'as in one frame';



=== TEST 6: a message that is never finished
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- ws
--- raw_request eval
WsFrame::handshake('/ws') . WsFrame::text('{"type":"ping"}', fin => 0)
    . WsFrame::close_frame(1000)
--- response_body
close 1000

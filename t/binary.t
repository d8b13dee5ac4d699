# Tests for binary messages: those that hold JSON in UTF-8 are taken like text.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: a message, answered in text frames
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');

    $c->send_binary('{"type":"chat.send","content":"张三","messageId":"m1"}');

    my @frame = map { $c->recv } 1 .. 4;
    is $_->{name}, 'text' for @frame;
    is WsFrame::from_json($frame[3]{payload})->{content}, 'echo: 张三';



=== TEST 2: in fragments, which may break within a character
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');
    my $text = '{"type":"chat.send","content":"张三"}';

    $c->send_frame('binary', substr($text, 0, 32), fin => 0);
    $c->send_frame('cont', substr($text, 32));
    is $c->answer->{content}, 'echo: 张三';



=== TEST 3: what is not UTF-8 is no message, but no fault of the frames either
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');

    for my $bytes ("\xff", '{"type":"chat.send","content":"' . "\xc0\xaf\"}",
                   "\x00\x01\x02", "{\"type\":\"ping\"}\x00",
                   "{\"type\":\"ping\"}\xe5")
    {
        $c->send_binary($bytes);
        is $c->recv_text, '{"type":"chat.error",'
            . '"error":"Failed to parse message","code":"parse_error"}';
    }

    $c->chat('hello');
    is $c->answer->{content}, 'echo: hello';

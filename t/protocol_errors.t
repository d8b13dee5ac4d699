# Tests for clients that break the WebSocket protocol: each fault closes the
# connection with 1002, and the reason says what it was.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# how a connection ends that sends these bytes, and a message behind them

sub end {
    my ($bytes) = @_;

    my $c = $TestEnv::T->connect('/ws');

    $c->send_raw($bytes . WsFrame::message('hello'));
    my @got = $c->drain;

    is scalar(grep { $_->{op} != 8 } @got), 0, 'nothing else is answered';
    is scalar(grep { $_->{op} == 8 } @got), 1, 'one close frame';

    return $c->close_code . ' ' . $c->close_reason;
}


run_tests();

__DATA__

=== TEST 1: bits and opcodes that have no meaning
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    for my $rsv (1 .. 7) {
        is end(WsFrame::text('x', rsv => $rsv)),
           '1002 client sent a frame with reserved bits set', "RSV $rsv";
    }

    is end(WsFrame::ping('x', rsv => 4)),
       '1002 client sent a frame with reserved bits set', 'of a ping';

    for my $opcode (3 .. 7, 11 .. 15) {
        is end(WsFrame::frame($opcode, 'x')),
           '1002 client sent a frame with an unknown opcode', "opcode $opcode";
    }

    is $agent->count, 0;



=== TEST 2: control frames
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    for my $op (qw(ping pong close)) {
        is end(WsFrame::frame($op, '', fin => 0)),
           '1002 client sent a fragmented control frame', "part of a $op";

        is end(WsFrame::frame($op, "\x03\xe8" . 'x' x 124)),
           '1002 client sent a control frame longer than 125 bytes',
           "a long $op";

        # the header is enough

        is end(WsFrame::frame($op, '', form => 64, len => 1 << 40)),
           '1002 client sent a control frame longer than 125 bytes';
    }



=== TEST 3: fragments
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $text = '1002 client sent a continuation frame without a message to '
               . 'continue';

    is end(WsFrame::cont('x')), $text;
    is end(WsFrame::cont('x', fin => 0)), $text;

    my $c = $T->connect('/ws');
    $c->send_raw(WsFrame::text('{"type":', fin => 0)
                 . WsFrame::cont('"ping"}') . WsFrame::cont('x'));
    is $c->recv_json->{type}, 'pong';
    is $c->close_code . ' ' . $c->close_reason, $text, 'behind the last one';

    for my $op (qw(text binary)) {
        is end(WsFrame::text('x', fin => 0) . WsFrame::frame($op, 'x')),
           '1002 client sent a new message inside a fragmented one', $op;
    }



=== TEST 4: masks and lengths
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    for my $op (qw(text binary ping close)) {
        is end(WsFrame::frame($op, '', mask => undef)),
           '1002 client sent an unmasked frame', $op;
    }

    my $text = '1002 client sent a frame length not in its shortest form';

    is end(WsFrame::text('x' x 125, form => 16)), $text;
    is end(WsFrame::text('x' x 125, form => 64)), $text;
    is end(WsFrame::text('x' x 65535, form => 64)), $text;

    is end(WsFrame::text('', form => 64, len => 1 << 63)),
       '1002 client sent a frame length with the top bit set';



=== TEST 5: close frames
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    is end(WsFrame::frame('close', "\x03")),
       '1002 client sent a close frame of one byte';

    for my $code (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999,
                  5000, 65535)
    {
        is end(WsFrame::close_frame($code)),
           '1002 client sent a close frame with an invalid code', "code $code";
    }

    # that is a fault of the text

    is end(WsFrame::close_frame(1000, "\xff")),
       '1007 client sent a close reason that is not UTF-8';



=== TEST 6: what came before the fault is still answered
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- ws
--- raw_request eval
WsFrame::handshake('/ws') . WsFrame::ping('p')
    . WsFrame::text('{"type":"ping"}') . WsFrame::frame(3, 'x')
    . WsFrame::ping('q')
--- response_body
pong p
text {"type":"pong"}
close 1002 client sent a frame with an unknown opcode



=== TEST 7: the others go on
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my @other = map { $T->connect('/ws') } 1 .. 4;

    end(WsFrame::frame(3, 'x')) for 1 .. 4;

    $_->chat('hello') for @other;
    is $_->answer->{content}, 'echo: hello' for @other;

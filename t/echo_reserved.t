# Tests for bits and opcodes that are reserved (RFC 6455, 5.2.).

use lib 't/lib';
use TestEnv qw(echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: reserved bits, where no extension has been agreed on
--- config
    location = /echo { ws_echo; }
--- scenario
    my $end = '1002 client sent a frame with reserved bits set';

    for my $rsv (1 .. 7) {
        for my $op (qw(text binary ping pong close)) {
            refused(WsFrame::frame($op, '', rsv => $rsv), $end,
                    "RSV $rsv, an empty $op");
        }

        refused(WsFrame::text('text', rsv => $rsv), $end, 'text');
        refused(WsFrame::text('x', fin => 0) . WsFrame::cont('x', rsv => $rsv),
                $end, 'a continuation');
        refused(WsFrame::frame(3, 'x', rsv => $rsv), $end, 'an unknown frame');
    }



=== TEST 2: behind a message, which is still sent back
--- config
    location = /echo { ws_echo; }
--- scenario
    my $end = '1002 client sent a frame with reserved bits set';

    refused(WsFrame::text('one') . WsFrame::text('two', rsv => $_)
            . WsFrame::ping('p'), $end, "RSV $_", before => "text one\n")
        for 1 .. 7;



=== TEST 3: opcodes that are reserved, data and control
--- config
    location = /echo { ws_echo; }
--- scenario
    my $end = '1002 client sent a frame with an unknown opcode';

    for my $opcode (3 .. 7, 11 .. 15) {
        refused(WsFrame::frame($opcode, ''), $end, "opcode $opcode, empty");
        refused(WsFrame::frame($opcode, 'payload'), $end, "opcode $opcode");
        refused(WsFrame::frame($opcode, '', fin => 0), $end, "$opcode, not all");
        refused(WsFrame::text('one') . WsFrame::frame($opcode, 'x' x 200)
                . WsFrame::ping('p'), $end, "$opcode, behind a message",
                before => "text one\n");
        refused(WsFrame::text('x', fin => 0) . WsFrame::frame($opcode, ''), $end,
                "$opcode, within a message");
    }



=== TEST 4: frames without a mask
--- config
    location = /echo { ws_echo; }
--- scenario
    my $end = '1002 client sent an unmasked frame';

    for my $op (qw(text binary ping pong close)) {
        refused(WsFrame::frame($op, '', mask => undef), $end, "an empty $op");
        refused(WsFrame::frame($op, 'payload', mask => undef), $end, $op);
    }

    refused(WsFrame::text('x', fin => 0) . WsFrame::cont('x', mask => undef),
            $end, 'a continuation');
    refused(WsFrame::text('one') . WsFrame::text('two', mask => undef), $end,
            'after one that had it', before => "text one\n");



=== TEST 5: the first byte that can be none is enough
--- config
    location = /echo { ws_echo; }
--- scenario
    refused($_->[0], $_->[1], 'bytes ' . unpack('H*', $_->[0]), alone => 1) for
        ["\xc1", '1002 client sent a frame with reserved bits set'],
        ["\x83", '1002 client sent a frame with an unknown opcode'],
        ["\x80", '1002 client sent a continuation frame without a message to '
                 . 'continue'],
        ["\x09", '1002 client sent a fragmented control frame'],
        ["\x81\x00", '1002 client sent an unmasked frame'],
        ["\x89\xfe", '1002 client sent a control frame longer than 125 bytes'],
        ["\x81\xfe\0\x7d", '1002 client sent a frame length not in its shortest '
                           . 'form'],
        ["\x81\xff\x80", '1002 client sent a frame length with the top bit set'];

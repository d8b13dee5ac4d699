# Tests for close frames that are none (RFC 6455, 5.5.1. and 7.4.).

use lib 't/lib';
use TestEnv qw(echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: codes that may not be sent
--- config
    location = /echo { ws_echo; }
--- scenario
    for my $code (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1017, 1100, 1999, 2000,
                  2999, 5000, 5001, 32768, 65535)
    {
        refused(WsFrame::close_frame($code, $_),
                '1002 client sent a close frame with an invalid code',
                "code $code" . ($_ && ' with a reason'))
            for '', 'why';
    }



=== TEST 2: a payload that is too short or too long
--- config
    location = /echo { ws_echo; }
--- scenario
    refused(WsFrame::frame('close', $_),
            '1002 client sent a close frame of one byte', 'one byte')
        for "\x03", "\0", "\xff";

    refused(WsFrame::close_frame(1000, 'x' x 124),
            '1002 client sent a control frame longer than 125 bytes',
            'a reason of 124 bytes');
    refused(WsFrame::frame('close', '', form => 16),
            '1002 client sent a control frame longer than 125 bytes',
            'none, in a long form');



=== TEST 3: a reason that is not UTF-8
--- config
    location = /echo { ws_echo; }
--- scenario
    my $end = '1007 client sent a close reason that is not UTF-8';

    refused(WsFrame::close_frame(1000, $_), $end,
            'it ends with ' . unpack 'H*', substr $_, -4)
        for "\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe5\xbc",
            "caf\xe9", 'x' x 122 . "\xc3",
            "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited";



=== TEST 4: behind a message, and within one
--- config
    location = /echo { ws_echo; }
--- scenario
    my $end = '1002 client sent a close frame with an invalid code';

    refused(WsFrame::text('one') . WsFrame::close_frame(1005), $end, 'behind',
            before => "text one\n");
    refused(WsFrame::text('one', fin => 0) . WsFrame::close_frame(1005), $end,
            'within');

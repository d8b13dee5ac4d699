# Tests for the length of a frame (RFC 6455, 5.2.): 7, 16 or 64 bits, and
# always the shortest form.

use lib 't/lib';
use TestEnv qw(echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: text and binary, at the borders of each form
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws();

    for my $op (qw(text binary)) {
        for my $len (0, 1, 2, 124 .. 129, 254 .. 257, 65533 .. 65538, 131_072) {
            my $payload = substr $Echo::TEXT x (1 + $len / 10), 0, $len;

            # text is not to end within a character

            $payload = 'x' x $len if $op eq 'text';
            $c->send_frame($op, $payload);
            echoed($c, $op, $payload);
        }
    }

    is $c->close, 1000;



=== TEST 2: each byte, with masks that change them in every way
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws();

    for my $mask ("\0\0\0\0", "\xff\xff\xff\xff", "\x01\x02\x04\x08",
                  "\0\0\0\x01", "\x80\0\0\0", $Echo::BYTES =~ /(....)\z/s)
    {
        # from each place of the mask, and to each

        for my $len (248 .. 256) {
            my $payload = substr $Echo::BYTES, 256 - $len;

            $c->send_frame('binary', $payload, mask => $mask);
            echoed($c, 'binary', $payload, "$len bytes, mask "
                                           . unpack 'H*', $mask);
        }
    }



=== TEST 3: text with characters of each length, and a NUL
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws();

    for my $text ($Echo::TEXT, $Echo::TEXT x 4000, "\0", "a\0b",
                  "\xef\xbb\xbfwith a byte order mark")
    {
        $c->send_text($text);
        echoed($c, 'text', $text);
    }



=== TEST 4: a longer form than needed
--- config
    location = /echo { ws_echo; }
--- scenario
    my $end = '1002 client sent a frame length not in its shortest form';

    for my $op (qw(text binary)) {
        for my $len (0, 1, 125) {
            refused(WsFrame::frame($op, 'x' x $len, form => 16), $end,
                    "$op, $len in 16 bits");
        }

        for my $len (0, 1, 125, 126, 127, 65535) {
            refused(WsFrame::frame($op, 'x' x $len, form => 64), $end,
                    "$op, $len in 64 bits");
        }
    }

    refused(WsFrame::text('x', fin => 0) . WsFrame::cont('x', form => 16), $end,
            'a continuation');



=== TEST 5: a length that is none
--- config
    location = /echo { ws_echo; }
--- scenario
    for my $len (1 << 63, ~0, (1 << 63) + 1) {
        refused(WsFrame::frame('text', '', form => 64, len => $len),
                '1002 client sent a frame length with the top bit set',
                sprintf 'length %x', $len);
    }

# Tests for messages in fragments (RFC 6455, 5.4.).

use lib 't/lib';
use TestEnv qw(echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: a message cut at each byte
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws();

    for my $op (qw(text binary)) {
        for my $at (0 .. length $Echo::TEXT) {
            $c->send_frame($op, substr($Echo::TEXT, 0, $at), fin => 0);
            $c->send_frame('cont', substr $Echo::TEXT, $at);
            echoed($c, $op, $Echo::TEXT, "$op, at $at");
        }
    }

    is $c->close, 1000;



=== TEST 2: in fragments of each size
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws();
    my $text = $Echo::TEXT x 40;

    for my $op (qw(text binary)) {
        for my $size (1 .. 9, 125 .. 128, 255 .. 257) {
            $c->send_reading(in_fragments($op, $text, $size));
            echoed($c, $op, $text, "$op, $size bytes each");
        }
    }



=== TEST 3: empty ones, at any place
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws();
    my @empty = (WsFrame::cont('', fin => 0)) x 3;

    for my $op (qw(text binary)) {
        $c->send_raw(join '', WsFrame::frame($op, '', fin => 0), @empty,
                     WsFrame::cont(''));
        echoed($c, $op, '', 'nothing but');

        $c->send_raw(join '', WsFrame::frame($op, '', fin => 0), @empty,
                     WsFrame::cont('one', fin => 0), @empty, WsFrame::cont(''));
        echoed($c, $op, 'one', 'around');

        $c->send_raw(join '', WsFrame::frame($op, "\xe5", fin => 0), @empty,
                     WsFrame::cont("\xbc", fin => 0), @empty,
                     WsFrame::cont("\xa0"));
        echoed($c, $op, "\xe5\xbc\xa0", 'within a character');
    }



=== TEST 4: text behind binary behind text: none inherits from another
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws();

    for (1 .. 3) {
        $c->send_frame('binary', "\xff", fin => 0);
        $c->send_frame('cont', "\xe5");
        echoed($c, 'binary', "\xff\xe5");

        $c->send_frame('text', "\xe5", fin => 0);
        $c->send_frame('cont', "\xbc\xa0");
        echoed($c, 'text', "\xe5\xbc\xa0");

        $c->send_frame('binary', "\xbc");
        echoed($c, 'binary', "\xbc");
    }



=== TEST 5: control frames in between, each answered at once
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws();

    $c->send_frame('text', 'frag', fin => 0);

    for (1 .. 20) {
        $c->send_frame('ping', "ping $_");
        $c->send_frame('pong', 'unasked');
        is $c->recv->{payload}, "ping $_";
        $c->send_frame('cont', "-$_", fin => 0);
    }

    $c->send_frame('cont', '!');
    echoed($c, 'text', join '-', 'frag', 1 .. 19, '20!');



=== TEST 6: a continuation of nothing
--- config
    location = /echo { ws_echo; }
--- scenario
    my $end = '1002 client sent a continuation frame without a message to '
              . 'continue';

    for my $fin (0, 1) {
        refused(WsFrame::cont('x', fin => $fin), $end, "the first frame, $fin");
        refused(WsFrame::cont('', fin => $fin), $end, "and empty, $fin");
        refused(WsFrame::text('one') . WsFrame::cont('x', fin => $fin), $end,
                "behind a whole message, $fin", before => "text one\n");
        refused(WsFrame::text('o', fin => 0) . WsFrame::cont('ne')
                . WsFrame::cont('x', fin => $fin) . WsFrame::cont('y'), $end,
                "behind the last fragment, $fin", before => "text one\n");
        refused(WsFrame::ping('p') . WsFrame::cont('x', fin => $fin), $end,
                "behind a ping, $fin", before => "pong p\n");
    }



=== TEST 7: a message within another
--- config
    location = /echo { ws_echo; }
--- scenario
    my $end = '1002 client sent a new message inside a fragmented one';

    for my $first (qw(text binary)) {
        for my $second (qw(text binary)) {
            for my $fin (0, 1) {
                refused(WsFrame::frame($first, 'x', fin => 0)
                        . WsFrame::frame($second, 'y', fin => $fin)
                        . WsFrame::cont('z'), $end, "$first, $second, $fin");
            }

            refused(WsFrame::frame($first, '', fin => 0) . WsFrame::ping('p')
                    . WsFrame::frame($second, ''), $end,
                    "$first, $second, empty", before => "pong p\n");
        }
    }

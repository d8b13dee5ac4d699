# Tests for the closing handshake (RFC 6455, 5.5.1. and 7.): the client begins
# it, and gets its code back.

use lib 't/lib';
use TestEnv qw(echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: each code that may be sent
--- config
    location = /echo { ws_echo; }
--- scenario
    for my $code (1000 .. 1003, 1007 .. 1014, 3000, 3001, 3999, 4000, 4001, 4999) {
        is answered(WsFrame::close_frame($code)), "close $code\n", "code $code";
        is answered(WsFrame::close_frame($code, 'why'), size => 1),
           "close $code\n", "code $code, with a reason, byte by byte";
    }



=== TEST 2: reasons of each length, and none at all
--- config
    location = /echo { ws_echo; }
--- scenario
    is answered(WsFrame::close_frame(1000, substr 'x' x 123, 0, $_)),
       "close 1000\n", "$_ bytes"
        for 0, 1, 2, 100, 121, 122, 123;

    is answered(WsFrame::close_frame(1000, $_)), "close 1000\n", 'UTF-8'
        for $Echo::TEXT, "\xf4\x8f\xbf\xbf", "\xef\xbf\xbf" x 41, "\0";

    is answered(WsFrame::close_frame()), "close\n", 'not even a code';



=== TEST 3: nothing is answered behind it
--- config
    location = /echo { ws_echo; }
--- scenario
    my $close = WsFrame::close_frame(1000);
    my $log = length $T->error_log;

    for my $size (0, 1) {
        is answered(WsFrame::text('one') . $close . WsFrame::text('two')
                    . WsFrame::ping('p'), size => $size),
           "text one\nclose 1000\n", 'a message and a ping';

        is answered($close . WsFrame::close_frame(1001), size => $size),
           "close 1000\n", 'a second close';

        is answered($close . WsFrame::frame(3, 'x') . "\xff" x 100,
                    size => $size), "close 1000\n", 'what is no frame';
    }

    is answered($close . WsFrame::binary('x' x 300_000)), "close 1000\n",
       'a long message';
    is join('; ', Echo::lines($log)), '', 'and none of it is a fault';



=== TEST 4: while half of a message is there
--- config
    location = /echo { ws_echo; }
--- scenario
    is answered(WsFrame::text('half', fin => 0) . WsFrame::close_frame(1000)),
       "close 1000\n", 'a fragment';
    is answered(WsFrame::text("\xe5", fin => 0) . WsFrame::close_frame(1000)),
       "close 1000\n", 'half a character';
    is answered(WsFrame::text('ha', fin => 0) . WsFrame::cont('lf', fin => 0)
                . WsFrame::ping('p') . WsFrame::close_frame(1001), size => 1),
       "pong p\nclose 1001\n", 'two, and a ping';



=== TEST 5: the server ends the connection once both have said it
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws();

    $c->send_raw(WsFrame::close_frame(1000));
    is $c->close_code, 1000;
    is $c->{eof}, 'FIN';

    # what still comes is read, or it would be answered with a reset, which may
    # overtake the close

    for (1 .. 5) {
        is syswrite($c->{sock}, 'x' x 1000), 1000, 'it can still be sent to';
        ws()->sync;
    }



=== TEST 6: behind an answer that is still being sent
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws(rcvbuf => 8192);
    my $long = $Echo::BYTES x 4096;

    $c->send_reading(WsFrame::binary($long) . WsFrame::text('end')
                     . WsFrame::close_frame(4000));
    echoed($c, 'binary', $long);
    echoed($c, 'text', 'end');
    is $c->close_code, 4000;



=== TEST 7: a client that ends the connection in the middle of a frame
--- config
    location = /echo { ws_echo; }
--- scenario
    for my $bytes ('', "\x81", WsFrame::text('x', len => 100),
                   WsFrame::text('x', fin => 0))
    {
        my $log = length $T->error_log;
        my $c = ws();

        $c->send_raw($bytes);
        $c->half_close;
        is $c->close_code, 1006, length($bytes) . ' bytes of it';
        is join('; ', Echo::lines($log)),
           'client closed connection without a close frame';
    }

    my $c = ws();

    $c->send_raw(WsFrame::text('text'));
    $c->half_close;
    echoed($c, 'text', 'text', 'what was whole is answered');

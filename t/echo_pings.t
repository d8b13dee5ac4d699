# Tests for pings and pongs (RFC 6455, 5.5.2. and 5.5.3.).

use lib 't/lib';
use TestEnv qw(echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: a ping of each length
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws();

    for my $len (0 .. 125) {
        my $payload = substr $Echo::BYTES, 256 - $len;

        $c->send_frame('ping', $payload);
        my $f = $c->recv;
        is "$f->{name} $f->{fin} $f->{rsv} $f->{masked} "
           . unpack('H*', $f->{payload}),
           'pong 1 0 0 ' . unpack('H*', $payload), "$len bytes";
    }

    is $c->close, 1000;



=== TEST 2: one of more than 125 bytes
--- config
    location = /echo { ws_echo; }
--- scenario
    my $end = '1002 client sent a control frame longer than 125 bytes';

    for my $op (qw(ping pong)) {
        refused(WsFrame::frame($op, 'x' x 126), $end, "$op of 126 bytes");
        refused(WsFrame::frame($op, 'x' x 65_536), $end, "$op of 65536 bytes");

        # a short one with a long length is no better

        refused(WsFrame::frame($op, 'x', form => 16), $end, 'one byte in 16 bits');
        refused(WsFrame::frame($op, 'x', form => 64), $end, 'in 64 bits');
    }



=== TEST 3: ten in one go, in their order, before what follows
--- config
    location = /echo { ws_echo; }
--- scenario
    my $pings = join '', map { WsFrame::ping("payload $_") } 1 .. 10;
    my $pongs = join '', map { "pong payload $_\n" } 1 .. 10;

    is answered($pings . WsFrame::text('text') . WsFrame::close_frame(1000),
                size => $_),
       "${pongs}text text\nclose 1000\n", $_ ? 'byte by byte' : 'in one go'
        for 0, 1;



=== TEST 4: pongs that nobody asked for
--- config
    location = /echo { ws_echo; }
--- scenario
    is answered(WsFrame::pong() . WsFrame::pong($Echo::BYTES =~ s/.{131}\z//sr)
                . WsFrame::ping('p') . WsFrame::pong('p') . WsFrame::text('text')
                . WsFrame::close_frame(1000)),
       "pong p\ntext text\nclose 1000\n";



=== TEST 5: between fragments, within a character
--- config
    location = /echo { ws_echo; }
--- scenario
    is answered(WsFrame::text("\xf0", fin => 0) . WsFrame::ping('1')
                . WsFrame::cont("\x9f", fin => 0) . WsFrame::ping('2')
                . WsFrame::pong('3') . WsFrame::cont("\xa6", fin => 0)
                . WsFrame::ping("\xff") . WsFrame::cont("\x9e")
                . WsFrame::ping('4') . WsFrame::close_frame(1000)),
       "pong 1\npong 2\npong \xff\ntext \xf0\x9f\xa6\x9e\npong 4\n"
       . "close 1000\n";



=== TEST 6: a part of one
--- config
    location = /echo { ws_echo; }
--- scenario
    refused(WsFrame::frame($_, 'x', fin => 0) . WsFrame::cont('y'),
            '1002 client sent a fragmented control frame', $_)
        for qw(ping pong close);

    refused(WsFrame::text('x', fin => 0) . WsFrame::ping('', fin => 0),
            '1002 client sent a fragmented control frame', 'in a message');



=== TEST 7: a client that is not heard of is pinged, and dropped if it says nothing
--- config
    location = /echo {
        ws_echo;
        ws_echo_ping_interval 50ms;
        ws_echo_ping_timeout 2s;
    }
--- scenario
    my $c = ws();

    for (1 .. 3) {
        is $c->recv->{name}, 'ping';
        $c->send_frame('pong');
    }

    is $c->recv->{name}, 'ping';
    $c->send_text('anything will do');
    echoed($c, 'text', 'anything will do');

    is $c->recv->{name}, 'ping';
    is $c->close_code, 1006;
    like $T->error_log, qr/\[info\].* client timed out/;

# Tests for compressed messages in frames (RFC 7692, 6.): RSV1 is of the first
# one, and of messages alone.

use lib 't/lib';
use TestEnv qw(echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: cut at each byte, with pings between
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    for my $uri ('/on', '/takeover') {
        my $c = ws(uri => $uri, deflate => 1);

        for my $op (qw(text binary)) {
            for (0 .. 30) {
                my $data = $c->deflate($Echo::TEXT);
                my $at = $_ < length $data ? $_ : length $data;

                $c->send_raw(WsFrame::frame($op, substr($data, 0, $at), fin => 0,
                                            rsv => 4)
                             . WsFrame::ping('p')
                             . WsFrame::cont(substr $data, $at));
                is $c->recv->{name}, 'pong';
                came_back($c, $op, $Echo::TEXT, "$op, at $at");
            }
        }

        is $c->close, 1000;
    }



=== TEST 2: in fragments of each size, empty ones, and writes of any size
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    my $text = join '', map { "$_ $Echo::TEXT" } 1 .. 400;

    for my $uri ('/on', '/takeover') {
        my $c = ws(uri => $uri, deflate => 1, timeout => 60);

        for my $size (1 .. 5, 64, 125 .. 127, 256, 1000) {
            $c->send_reading(in_fragments('text', $c->deflate($text), $size,
                                          rsv => 4));
            came_back($c, 'text', $text, "fragments of $size bytes");
        }

        for my $size (1, 2, 3, 997) {
            $c->send_reading($_)
                for pieces(WsFrame::text($c->deflate($text), rsv => 4), $size);
            came_back($c, 'text', $text, "writes of $size bytes");
        }

        my @part = pieces($c->deflate($text), 100);
        my $first = shift @part;

        $c->send_reading(join '', WsFrame::text('', rsv => 4, fin => 0),
                         WsFrame::cont('', fin => 0),
                         (map { WsFrame::cont($_, fin => 0),
                                WsFrame::cont('', fin => 0) } $first, @part),
                         WsFrame::cont(''));
        came_back($c, 'text', $text, 'empty ones between');
    }



=== TEST 3: messages that are not compressed, between those that are
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    my $text = 'what was said once, ' x 20;

    for my $uri ('/on', '/takeover') {
        my $c = ws(uri => $uri, deflate => 1);

        for (1 .. 5) {
            $c->send_text($text);
            came_back($c, 'text', $text, 'compressed');
            $c->send_frame('text', "not $text");
            came_back($c, 'text', "not $text", 'not');
            $c->send_raw(in_fragments('binary', "\xff$text", 7));
            came_back($c, 'binary', "\xff$text", 'not, in fragments');
            $c->send_frame('text', '');
            came_back($c, 'text', '', 'nothing, not compressed');
            $c->send_text('');
            came_back($c, 'text', '', 'nothing, compressed');
        }

        is $c->close, 1000;
    }



=== TEST 4: short messages come back as they are, long ones compressed
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    for my $uri ('/on', '/takeover') {
        my $c = ws(uri => $uri, deflate => 1);

        for my $op (qw(text binary)) {
            $c->send_frame($op, 'hello');
            is came_back($c, $op, 'hello')->{compressed}, 0;

            $c->send_frame($op, 'hello ' x 1000);
            my $m = came_back($c, $op, 'hello ' x 1000);
            is $m->{compressed}, 1;
            cmp_ok $m->{size}, '<', 100;
        }
    }



=== TEST 5: RSV1 where it may not be
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    my $end = '1002 client sent a frame with reserved bits set';

    for my $uri ('/on', '/takeover') {
        my @on = (uri => $uri, deflate => 1);
        my $c = ws(@on);
        my $data = $c->deflate('hello');

        refused(WsFrame::text($data, rsv => 4, fin => 0)
                . WsFrame::cont('', rsv => 4), $end, 'on a continuation', @on);
        refused(WsFrame::text('hel', fin => 0) . WsFrame::cont($data, rsv => 4),
                $end, 'on a continuation of what is not compressed', @on);
        refused(WsFrame::frame($_, '', rsv => 4), $end, "on a $_", @on)
            for qw(ping pong close);
        refused(WsFrame::text($data, rsv => 4 | $_), $end, "with $_", @on)
            for 1 .. 3;
        refused(WsFrame::text('hello', rsv => $_), $end, "RSV $_", @on)
            for 1 .. 3;
    }

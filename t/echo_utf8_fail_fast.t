# Tests for the first byte that can be no UTF-8 (RFC 6455, 8.1.): the
# connection is closed there, before the rest of a message has come.

use lib 't/lib';
use TestEnv qw(echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();


our $END = '1007 client sent a text message that is not UTF-8';

# each breaks at its last byte, and is fine but unfinished before

our %BAD = (
    'a continuation' => ["\x80", "\xbf"],
    'a lead of two alone' => ["\xc2\x20", "\xc3(", "\xdf\xc0", "\xc2\xc2"],
    'a lead of three alone' => ["\xe0\x20", "\xe5\x20", "\xef\xc0"],
    'and with one behind' => ["\xe0\xa0\x20", "\xe5\xbc\x20", "\xef\xbf\xc0"],
    'a lead of four alone' => ["\xf0\x20", "\xf1\x20", "\xf4\xc0"],
    'and with one behind it' => ["\xf0\x90\x20", "\xf1\x80\x7f"],
    'and with two' => ["\xf0\x90\x80\x20", "\xf4\x8f\xbf\xff"],
    'one too many' => ["\xc3\xa9\x80", "\xe5\xbc\xa0\x80",
                       "\xf0\x9f\xa6\x9e\x80"],
    'what leads nothing' => [map { chr } 0xc0, 0xc1, 0xf5 .. 0xff],
    'overlong in three' => ["\xe0\x80", "\xe0\x9f"],
    'overlong in four' => ["\xf0\x80", "\xf0\x8f"],
    'surrogates' => ["\xed\xa0", "\xed\xaf", "\xed\xb0", "\xed\xbf"],
    'behind the last code point' => ["\xf4\x90", "\xf4\xbf"],
);


run_tests();

__DATA__

=== TEST 1: within a frame whose rest never comes
--- config
    location = /echo { ws_echo; }
--- scenario
    for my $what (sort keys %main::BAD) {
        for my $bytes (@{ $main::BAD{$what} }) {
            my $frame = WsFrame::text("text $bytes", fin => 0, len => 1000);

            refused($frame, $main::END, "$what, " . unpack('H*', $bytes),
                    alone => 1);
        }
    }



=== TEST 2: not one byte before
--- config
    location = /echo { ws_echo; }
--- scenario
    for my $what (sort keys %main::BAD) {
        for my $bytes (@{ $main::BAD{$what} }) {
            my $c = ws();
            my $frame = WsFrame::text("text $bytes", len => 1 << 20);
            my $last = chop $frame;

            # a ping can't be in a frame: another client tells the time

            $c->send_raw($frame);
            ws()->sync for 1 .. 2;
            ok $c->is_open && $c->{in} eq '',
                "$what, " . unpack('H*', $bytes) . ': this might become text';

            $c->send_raw($last);
            is $c->close_code . ' ' . $c->close_reason, $main::END, 'not this';
        }
    }



=== TEST 3: split over fragments, with pings between that show the time
--- config
    location = /echo { ws_echo; }
--- scenario
    for my $what (sort keys %main::BAD) {
        for my $bytes (@{ $main::BAD{$what} }) {
            my $c = ws();
            my @byte = split //, $bytes;
            my $last = pop @byte;
            my $hex = unpack 'H*', $bytes;

            $c->send_frame('text', "text", fin => 0);

            for (@byte) {
                $c->send_frame('cont', $_, fin => 0);
                is scalar $c->sync, 0, "$what, $hex";
            }

            $c->send_frame('cont', $last, fin => 0);
            is $c->close_code . ' ' . $c->close_reason, $main::END, 'the last';
        }
    }



=== TEST 4: a long message is not waited for
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws();

    $c->send_raw(WsFrame::text('x' x 100_000 . "\xff" . 'x', len => 16 << 20));
    is $c->close_code . ' ' . $c->close_reason, $main::END;

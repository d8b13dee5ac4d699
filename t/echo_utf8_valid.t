# Tests for text that is UTF-8 (RFC 3629): it comes back as it was sent,
# however it was cut.

use lib 't/lib';
use TestEnv qw(echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# characters at the borders of what their lengths can hold, and the ones that
# are no characters but may be sent

our @VALID = (
    "\x00", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xe1\x80\x80",
    "\xec\xbf\xbf", "\xed\x80\x80", "\xed\x9f\xbf", "\xee\x80\x80",
    "\xef\xbf\xbd", "\xef\xbf\xbe", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
    "\xf0\x9f\xbf\xbf", "\xf1\x80\x80\x80", "\xf3\xbf\xbf\xbf",
    "\xf4\x8f\xbf\xbe", "\xf4\x8f\xbf\xbf",
    (map { sprintf("%c", 0xf0 | $_ >> 2) . sprintf("%c", 0x80 | ($_ & 3) << 4
           | 0xf) . "\xbf\xbe" } 1 .. 16),
    "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", "\xe5\xbc\xa0\xe4\xb8\x89",
    "\xcc\x81", "\xe2\x80\x8d", "\xef\xbb\xbf",
);


run_tests();

__DATA__

=== TEST 1: characters of each length, at the borders
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws();

    for my $text (@main::VALID) {
        for my $around ('', 'x', 'x' x 7, 'x' x 8, 'x' x 15) {
            $c->send_text("$around$text$around");
            echoed($c, 'text', "$around$text$around",
                   length($around) . ' around ' . unpack 'H*', $text);
        }
    }

    is $c->close, 1000;



=== TEST 2: each code point of the first plane, and some of each other
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws();

    for my $plane (0 .. 16) {
        my $step = $plane && 251;
        my $text = '';

        for (my $u = 0; $u < 0x10000; $u += $step || 1) {
            next if !$plane && $u >= 0xd800 && $u <= 0xdfff;

            my $ch = $plane << 16 | $u;

            $text .= $ch < 0x80 ? pack('C', $ch)
                   : $ch < 0x800 ? pack('C2', 0xc0 | $ch >> 6, 0x80 | $ch & 63)
                   : $ch < 0x10000 ? pack('C3', 0xe0 | $ch >> 12,
                                          0x80 | $ch >> 6 & 63, 0x80 | $ch & 63)
                   : pack('C4', 0xf0 | $ch >> 18, 0x80 | $ch >> 12 & 63,
                          0x80 | $ch >> 6 & 63, 0x80 | $ch & 63);
        }

        $c->send_reading(WsFrame::text($text));
        echoed($c, 'text', $text, "plane $plane");
    }



=== TEST 3: cut into frames and writes within characters
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws();
    my $text = join 'x', @main::VALID;

    for my $size (1 .. 5, 7) {
        $c->send_reading(in_fragments('text', $text, $size));
        echoed($c, 'text', $text, "frames of $size bytes");

        $c->send_reading($_) for pieces(WsFrame::text($text), $size);
        echoed($c, 'text', $text, "writes of $size bytes");

        $c->send_reading($_) for pieces(in_fragments('text', $text, $size), 1);
        echoed($c, 'text', $text, "frames of $size bytes, byte by byte");
    }



=== TEST 4: binary is not looked at
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws();

    for my $bytes ($Echo::BYTES, "\xff", "\xc0\xaf", "\xed\xa0\x80", "\xe5\xbc") {
        $c->send_binary($bytes);
        echoed($c, 'binary', $bytes);
        $c->send_reading(in_fragments('binary', $bytes, 1));
        echoed($c, 'binary', $bytes);
    }

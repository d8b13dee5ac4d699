# Tests for messages of up to 32 megabytes.

use lib 't/lib';
use TestEnv qw(echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# a text of so many bytes, with characters of each length, no two parts alike

sub text_of {
    my ($len) = @_;

    my $text = '';
    my $n = 0;

    $text .= $n++ . $Echo::TEXT while length $text < 65_000;
    $text x= 1 + $len / length $text;
    $text = substr $text, 0, $len;
    1 while $text =~ s/[\x80-\xff]\z//;

    return $text . 'x' x ($len - length $text);
}


sub binary_of {
    my ($len) = @_;

    srand 7;
    my $part = pack 'N*', map { rand 0xffffffff } 1 .. 10_007;

    return substr $part x (1 + $len / length $part), 0, $len;
}


sub send_whole {
    my ($c, $op, $bytes) = @_;

    my $payload = $op eq 'text' ? text_of($bytes) : binary_of($bytes);

    $c->send_reading(WsFrame::frame($op, $payload));
    echoed($c, $op, $payload);
}


# sanitizers and valgrind are spared the most of it

our $MB = 1 << ($Echo::SLOW ? 16 : 20);


run_tests();

__DATA__

=== TEST 1: in one frame
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws(timeout => 60);

    for my $op (qw(text binary)) {
        send_whole($c, $op, $main::MB * $_) for 1, 4, 16, 32;
    }

    is $c->close, 1000;



=== TEST 2: in fragments, few and many
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws(timeout => 60);

    for my $op (qw(text binary)) {
        for (['32' => 1 << 18], [16 => 65_536], [8 => 16_384], [4 => 4096],
             [2 => 1024], [1 => 256], [1 => 64])
        {
            my ($mb, $size) = @$_;
            my $payload = $op eq 'text' ? text_of($main::MB * $mb)
                                        : binary_of($main::MB * $mb);

            $c->send_reading(in_fragments($op, $payload, $size));
            echoed($c, $op, $payload,
                   "$op, $mb MB, in fragments of $size bytes");
        }
    }

    is $c->close, 1000;



=== TEST 3: in small writes
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws(timeout => 60);
    my $text = text_of($main::MB);

    for my $size (997, 1999, 4096, 65_536) {
        $c->send_reading($_) for pieces(WsFrame::text($text), $size);
        echoed($c, 'text', $text, "writes of $size bytes");
    }



=== TEST 4: two clients at a time, with pings of a third one answered
--- config
    location = /echo { ws_echo; }
--- scenario
    my @c = map { ws(timeout => 60) } 1, 2;
    my $third = ws();
    my @part = map { [pieces(WsFrame::binary(binary_of($main::MB * 8)), 1 << 19)] }
               @c;

    while (@{ $part[0] }) {
        for (0, 1) {
            $c[$_]->send_reading(shift @{ $part[$_] });
            is scalar $third->sync, 0;
        }
    }

    echoed($_, 'binary', binary_of($main::MB * 8)) for @c;



=== TEST 5: 32 megabytes are the limit
--- config
    location = /echo { ws_echo; }
--- scenario
    my $end = '1009 client sent a too big message';
    my $c = ws(timeout => 60);

    send_whole($c, 'binary', 32 << 20);

    # one byte more, which need not have come

    refused(WsFrame::binary('', len => (32 << 20) + 1), $end, 'only the header',
            alone => 1);
    refused(WsFrame::text('', len => ~0 >> 1), $end, 'all that 63 bits can tell',
            alone => 1);
    refused(WsFrame::text('x', fin => 0) . WsFrame::cont('', len => 32 << 20),
            $end, 'with what was there', alone => 1);
    refused(WsFrame::text('x', fin => 0) . WsFrame::cont('', len => ~0 >> 1),
            $end, 'a sum that would wrap around', alone => 1);

    send_whole($c, 'text', 10);

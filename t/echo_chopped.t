# Tests for bytes that come in pieces: what is sent back does not depend on
# how they were written.

use lib 't/lib';
use TestEnv qw(echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: frames of all kinds, in writes of a few bytes
--- config
    location = /echo { ws_echo; }
--- scenario
    my $bytes = WsFrame::text('hello') . WsFrame::ping('p')
                . WsFrame::binary($Echo::BYTES) . WsFrame::text('')
                . WsFrame::text($Echo::TEXT, fin => 0) . WsFrame::ping('')
                . WsFrame::cont('', fin => 0) . WsFrame::pong('q')
                . WsFrame::cont('x' x 130) . WsFrame::close_frame(3000, 'bye');

    my $whole = answered($bytes);

    like $whole, qr/\Atext hello\npong p\nbinary .*\ntext\npong\n/s;
    like $whole, qr/\ntext plain .*x{130}\nclose 3000\n\z/;

    is answered($bytes, size => $_), $whole, "$_ bytes a time"
        for 1 .. 17, 64, 125, 255, 256, 257;



=== TEST 2: long messages, in writes of one byte and of 997
--- config
    location = /echo { ws_echo; }
--- scenario
    my %size = (1 => [125, 126, 4000], 2 => [10_000], 997 => [65_535, 65_536,
                300_000], 8191 => [1 << 20]);

    my $c = ws();

    for my $size (sort keys %size) {
        for my $len (@{ $size{$size} }) {
            my $text = 'x' . $Echo::TEXT x ($len / length $Echo::TEXT);

            for my $op (qw(text binary)) {
                $c->send_reading($_)
                    for pieces(WsFrame::frame($op, $text), $size);
                echoed($c, $op, $text);
            }
        }
    }



=== TEST 3: all of it glued to the handshake
--- config
    location = /echo { ws_echo; }
--- scenario
    my $bytes = WsFrame::handshake('/echo') . WsFrame::text('one')
                . WsFrame::binary($Echo::BYTES x 10) . WsFrame::ping('p')
                . WsFrame::close_frame(1000);

    for my $size (undef, 1, 7) {
        my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                         PeerPort => $T->port);

        setsockopt $sock, Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(), 1;
        syswrite $sock, $_ for pieces($bytes, $size);

        my $in = do { local $/; <$sock> };
        my ($head, $frames) = split /\r\n\r\n/, $in, 2;

        like $head, qr{^HTTP/1\.1 101 };
        ok $frames eq WsFrame::text('one', mask => undef)
                      . WsFrame::binary($Echo::BYTES x 10, mask => undef)
                      . WsFrame::pong('p', mask => undef)
                      . WsFrame::close_frame(1000, '', mask => undef);
    }

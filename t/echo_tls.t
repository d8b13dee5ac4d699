# Tests for the WebSocket over TLS.

use lib 't/lib';
use TestEnv qw(echo tls);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();


our @TLS = (port => $ENV{TEST_NGINX_PORT2}, ssl => 1);


run_tests();

__DATA__

=== TEST 1: messages of each length, at once and byte by byte
--- config
    listen $TEST_NGINX_PORT2 ssl;
    ssl_certificate $TEST_NGINX_CERT;
    ssl_certificate_key $TEST_NGINX_CERT_KEY;

    location = /echo     { ws_echo; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    my $c = ws(@main::TLS, timeout => 60);

    for my $len (0, 1, 125, 126, 16_383, 16_384, 16_385, 65_535, 65_536,
                 $Echo::SLOW ? () : 4 << 20)
    {
        my $payload = substr $Echo::BYTES x (1 + $len / 256), 0, $len;

        $c->send_reading(WsFrame::binary($payload));
        echoed($c, 'binary', $payload);
    }

    for my $size (1, 7, 997) {
        $c->send_reading($_) for pieces(WsFrame::text($Echo::TEXT x 20), $size);
        echoed($c, 'text', $Echo::TEXT x 20, "writes of $size bytes");

        $c->send_reading(in_fragments('text', $Echo::TEXT x 20, $size));
        echoed($c, 'text', $Echo::TEXT x 20, "fragments of $size bytes");
    }

    is $c->close, 1000;



=== TEST 2: compressed ones
--- config
    listen $TEST_NGINX_PORT2 ssl;
    ssl_certificate $TEST_NGINX_CERT;
    ssl_certificate_key $TEST_NGINX_CERT_KEY;

    location = /echo     { ws_echo; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    my $c = ws(@main::TLS, uri => '/takeover', deflate => 1, timeout => 60);
    my $text = join ' ', 1 .. 100_000;

    for (1 .. 3) {
        $c->send_reading(WsFrame::text($c->deflate($text), rsv => 4));
        ok came_back($c, 'text', $text)->{compressed};
    }

    is $c->close, 1000;



=== TEST 3: a client that writes and does not read
--- config
    listen $TEST_NGINX_PORT2 ssl;
    ssl_certificate $TEST_NGINX_CERT;
    ssl_certificate_key $TEST_NGINX_CERT_KEY;

    location = /echo     { ws_echo; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    my $c = ws(@main::TLS, rcvbuf => 8192, timeout => 60);
    my $frame = WsFrame::binary($Echo::BYTES x 256);

    for my $round (1 .. 3) {
        $c->send_reading($frame x 40);

        for (1 .. 40) {
            my $f = $c->recv;
            last unless ok $f->{payload} eq $Echo::BYTES x 256, "$round, $_";
        }
    }

    is $c->close, 1000;



=== TEST 4: what is refused
--- config
    listen $TEST_NGINX_PORT2 ssl;
    ssl_certificate $TEST_NGINX_CERT;
    ssl_certificate_key $TEST_NGINX_CERT_KEY;

    location = /echo     { ws_echo; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    refused(WsFrame::text("\xff"), '1007 client sent a text message that is not '
            . 'UTF-8', 'not UTF-8', @main::TLS);
    refused(WsFrame::frame(3, 'x'), '1002 client sent a frame with an unknown '
            . 'opcode', 'opcode 3', @main::TLS, before => '');
    refused(WsFrame::text('one') . WsFrame::text('x', mask => undef),
            '1002 client sent an unmasked frame', 'unmasked', @main::TLS,
            before => "text one\n");
    is answered(WsFrame::text('one') . WsFrame::close_frame(1000)
                . WsFrame::text('two') . 'x' x 300_000, @main::TLS),
       "text one\nclose 1000\n", 'nothing is answered behind a close';

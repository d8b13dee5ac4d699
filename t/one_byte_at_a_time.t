# Tests for a client whose bytes come one by one.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# sends without waiting for more to send

sub drip {
    my ($sock, $bytes) = @_;

    syswrite $sock, $_ for split //, $bytes;
}


# what is read until the server closes, as lines

sub all {
    my ($sock) = @_;

    my $in = '';
    1 while sysread $sock, $in, 65536, length $in;

    my ($head, $frames) = split /\r\n\r\n/, $in, 2;

    like $head, qr{^HTTP/1\.1 101 };
    return WsFrame::decode_frames($frames);
}


run_tests();

__DATA__

=== TEST 1: the handshake, frames of each kind, and the close
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                     PeerPort => $T->port);

    setsockopt $sock, Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(), 1;

    drip($sock, WsFrame::handshake('/ws')
         . WsFrame::text('{"type":"ping"}')
         . WsFrame::text('{"type":', fin => 0) . WsFrame::ping('one')
         . WsFrame::cont('"ping"', fin => 0) . WsFrame::ping('x' x 125)
         . WsFrame::cont('}')
         . WsFrame::binary('{"type":"ping"}')
         . WsFrame::text('{"type":"' . '张' x 100 . '"}')
         . WsFrame::close_frame(3000, 'bye'));

    is all($sock), join "\n", 'text {"type":"pong"}', 'pong one',
        'pong ' . 'x' x 125, 'text {"type":"pong"}', 'text {"type":"pong"}',
        'text {"type":"chat.error","error":"Invalid message format. Expected: '
        . "{ type: 'chat.send', content: '...' }\","
        . '"code":"invalid_message"}',
        "close 3000\n";



=== TEST 2: a chat
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');

    $c->send_raw($_) for split //, WsFrame::message('hello 张三');
    is $c->answer->{content}, 'echo: hello 张三';

    $c->send_raw($_) for split //, WsFrame::message('x' x 300);
    is $c->answer->{content}, 'echo: ' . 'x' x 300, 'with a longer header';
    is $c->close, 1000;



=== TEST 3: a fault is found where it is
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_max_message_size 1k;
    }
--- scenario
    # the rest is not needed to know

    my %fault = ("\x83" => 1002, "\x81\x01" => 1002, "\x89\xfe" => 1002,
                 "\x81\xfe\x04\x01" => 1009, "\x81\xff\x80" => 1002,
                 "\x81\x82\0\0\0\0\xff" => 1007);

    for my $bytes (sort keys %fault) {
        my $c = $T->connect('/ws');
        $c->send_raw($_) for split //, $bytes;
        is $c->close_code, $fault{$bytes}, 'bytes ' . unpack 'H*', $bytes;
    }

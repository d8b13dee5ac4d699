# Tests for frames that come glued to the handshake: a client need not wait
# for its answer.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: whole frames
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- ws
--- raw_request eval
WsFrame::handshake('/ws') . WsFrame::text('{"type":"ping"}')
    . WsFrame::ping('p') . WsFrame::close_frame(1000)
--- response_body
text {"type":"pong"}
pong p
close 1000



=== TEST 2: half a frame, and the rest of it later
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- ws
--- raw_request eval
my $frames = WsFrame::text('{"type":"ping"}') . WsFrame::ping('p')
             . WsFrame::close_frame(1000);

[WsFrame::handshake('/ws') . substr($frames, 0, 10), substr($frames, 10)]
--- raw_request_middle_delay: 0.05
--- response_body
text {"type":"pong"}
pong p
close 1000



=== TEST 3: the first byte of one
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- ws
--- raw_request eval
my $frames = WsFrame::ping('p') . WsFrame::close_frame(1000);

[WsFrame::handshake('/ws') . substr($frames, 0, 1), substr($frames, 1)]
--- raw_request_middle_delay: 0.05
--- response_body
pong p
close 1000



=== TEST 4: a handshake in two parts, the second with frames
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- ws
--- raw_request eval
my $bytes = WsFrame::handshake('/ws') . WsFrame::ping('p')
            . WsFrame::close_frame(1000);

[substr($bytes, 0, 50), substr($bytes, 50)]
--- raw_request_middle_delay: 0.05
--- response_body
pong p
close 1000



=== TEST 5: more than nginx reads with the header
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- ws
--- raw_request eval
WsFrame::handshake('/ws')
    . WsFrame::text('{"type":"ping","x":"' . 'x' x 100_000 . '"}')
    . WsFrame::ping('1') . WsFrame::ping('2') . WsFrame::ping('3')
    . WsFrame::close_frame(1000)
--- response_body
text {"type":"pong"}
pong 1
pong 2
pong 3
close 1000



=== TEST 6: a message, which is answered by the agent
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->on('hello', say => 'hi');
--- scenario
    my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                     PeerPort => $T->port);

    syswrite $sock, WsFrame::handshake('/ws')
                    . WsFrame::message('hello', messageId => 'm1');

    # closed when the answer has been read

    my $in = '';
    1 while $in !~ /chat\.response.*\}/
            && sysread $sock, $in, 65536, length $in;

    syswrite $sock, WsFrame::close_frame(1000);
    1 while sysread $sock, $in, 65536, length $in;

    is WsFrame::decode_frames((split /\r\n\r\n/, $in)[1]), join "\n",
        'text {"type":"chat.typing"}',
        'text {"type":"chat.stream","messageId":"m1","content":"hi",'
            . '"done":false}',
        'text {"type":"chat.response","messageId":"m1","content":"hi",'
            . '"done":true}', "close 1000\n";



=== TEST 7: a fault
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- ws
--- raw_request eval
WsFrame::handshake('/ws') . WsFrame::text('x', mask => undef)
--- response_body
close 1002 client sent an unmasked frame

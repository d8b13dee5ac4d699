# Frames made by hand, against an agent that answers with frames made by hand.

use lib 't/lib';
use TestEnv qw(stock);
use Test::Nginx::Socket;

no_long_string();
plan tests => repeat_each() * (blocks() * 2 + 2);
run_tests();

__DATA__

=== TEST 1: decoded frames
--- config
    location = /ws {
        proxy_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection Upgrade;
    }
--- agent
    my @plain = (mask => undef);

    $agent->on({ path => '/ws' }, raw => join('',
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n",
        "Connection: Upgrade\r\nSec-WebSocket-Accept: ",
        WsFrame::accept_key($WsFrame::KEY), "\r\n\r\n",
        WsFrame::text('{"a":1}', @plain),
        WsFrame::text('part', @plain, fin => 0),
        WsFrame::cont('end', @plain),
        WsFrame::ping('p', @plain), WsFrame::pong("q\0", @plain),
        WsFrame::frame(11, 'odd', @plain, rsv => 5),
        WsFrame::text('x' x 126, @plain),
        WsFrame::text('masked'),
        WsFrame::close_frame(1000, 'bye', @plain),
        substr(WsFrame::text('cut', @plain), 0, 4)), 'close');
--- ws
--- raw_request eval
WsFrame::handshake('/ws') . WsFrame::text('{"a":1}') . WsFrame::ping('p')
    . WsFrame::close_frame(1000)
--- response_headers
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
!Content-Length
--- response_body eval
<<'E' =~ s/LONG/'x' x 126/er
text {"a":1}
text+ part
cont end
ping p
pong q\x00
op11 rsv5 odd
text LONG
text masked masked
close 1000 bye
cut 81036375
E



=== TEST 2: a handshake that is refused
--- config
    location = /ws { return 426 "no\n"; }
--- ws
--- error_code: 426
--- raw_request eval
WsFrame::handshake('/ws', 'Sec-WebSocket-Key' => undef, Connection => 'close')
--- response_body_filters eval: []
--- response_body_like: .

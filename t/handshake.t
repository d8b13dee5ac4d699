# Tests for the WebSocket handshake (RFC 6455, 4.).

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * (blocks() * 2 + 5);
no_long_string();
run_tests();

__DATA__

=== TEST 1: the example of the RFC
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- ws
--- raw_request eval
"GET /ws HTTP/1.1\r
Host: server.example.com\r
Upgrade: websocket\r
Connection: Upgrade\r
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
Sec-WebSocket-Version: 13\r
\r
" . WsFrame::close_frame(1000)
--- error_code: 101
--- response_headers
Upgrade: websocket
Connection: upgrade
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
!Content-Length
!Transfer-Encoding
--- response_body
close 1000



=== TEST 2: tokens in any case, and in lists
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my @headers = (
        { Upgrade => 'WebSocket' },
        { Upgrade => 'WEBSOCKET', Connection => 'UPGRADE' },
        { Connection => 'upgrade' },
        { Connection => 'keep-alive, Upgrade' },
        { Connection => 'keep-alive,Upgrade,x' },
        { Connection => "  Upgrade\t,  keep-alive " },
        { Upgrade => 'h2c, websocket' },

        # lists may be written as several headers
        { Connection => "keep-alive\r\nConnection: Upgrade" },
        { Upgrade => "h2c\r\nUpgrade: websocket" },
    );

    for my $h (@headers) {
        my $c = $T->connect('/ws', headers => $h);
        is $c->close, 1000, join ', ', map { "$_: $h->{$_}" } sort keys %$h;
    }



=== TEST 3: each key has its own answer
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    # the client looks at Sec-WebSocket-Accept itself

    for my $key ('AAAAAAAAAAAAAAAAAAAAAA==', '/+/+/+/+/+/+/+/+/+/+/g==',
                 'x3JJHMbDL1EzLkh9GBhXDw==')
    {
        my $c = $T->connect('/ws', headers => { 'Sec-WebSocket-Key' => $key });
        is $c->header('Sec-WebSocket-Accept'), WsFrame::accept_key($key), $key;
    }



=== TEST 4: what was not asked for is not in the answer
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws', headers => {
        'Sec-WebSocket-Protocol' => 'chat, superchat',
        'Sec-WebSocket-Extensions' => 'x-unknown; a=1',
    });

    # a client has to fail if the server names what it does not speak

    is $c->header('Sec-WebSocket-Protocol'), undef;
    is $c->header('Sec-WebSocket-Extensions'), undef;

    $c->chat('hello');
    is $c->answer->{content}, 'echo: hello', 'and the chat works';

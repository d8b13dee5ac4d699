# Tests for openclaw_greeting.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: none by default
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- ws
--- raw_request eval
WsFrame::handshake('/ws') . WsFrame::close_frame(1000)
--- response_body
close 1000



=== TEST 2: the first frame, without a messageId
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_greeting "Connected to WebSocket chat server";
    }
--- ws
--- raw_request eval
WsFrame::handshake('/ws') . WsFrame::close_frame(1000)
--- response_body
text {"type":"chat.response","content":"Connected to WebSocket chat server"}
close 1000



=== TEST 3: any text
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_greeting 'Grüß "Gott"\\n\t$host';
    }
--- ws
--- raw_request eval
WsFrame::handshake('/ws') . WsFrame::close_frame(1000)
--- response_body
text {"type":"chat.response","content":"Grüß \"Gott\"\\n\t$host"}
close 1000



=== TEST 4: before the answer to a message that came with the handshake
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_greeting hi;
    }
--- ws
--- raw_request eval
WsFrame::handshake('/ws') . WsFrame::text('{"type":"ping"}')
    . WsFrame::close_frame(1000)
--- response_body
text {"type":"chat.response","content":"hi"}
text {"type":"pong"}
close 1000



=== TEST 5: inherited, and turned off by an empty one
--- config
    openclaw_greeting hi;

    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }

    location = /quiet {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_greeting "";
    }
--- scenario
    is $T->connect('/ws')->recv_json->{content}, 'hi';
    is scalar $T->connect('/quiet')->sync, 0;

# Tests for messages that are no messages: the reason comes back, and the
# connection goes on.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: no JSON
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');

    my @text = ('not json', '', ' ', '{', '{"type":"chat.send"', '{type:1}',
                "{'type':'chat.send'}", '{"type":"ping"}{"type":"ping"}',
                '{"type":"ping"} x', '{"type":"ping",}', '[1,]', '"a', 'nul',
                'null', "{\"type\":\"a\nb\"}", '{"type":"\x"}', '1 2',
                '{"type":"\u12"}', '[' x 60, "\xef\xbb\xbf");

    for my $text (@text) {
        $c->send_text($text);
        is $c->recv_text, '{"type":"chat.error",'
            . '"error":"Failed to parse message","code":"parse_error"}',
            'text: ' . substr $text, 0, 30;
    }

    $c->chat('hello');
    is $c->answer->{content}, 'echo: hello';
    is $agent->count, 1;



=== TEST 2: no message
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');

    my @text = ('[]', '5', '"chat.send"', 'true', '{}', '{"type":null}',
                '{"type":5,"content":"x"}', '{"type":"x","content":"x"}',
                '{"type":"CHAT.SEND","content":"x"}', '{"content":"x"}',
                '{"type":"chat.response","content":"x"}',
                '{"type":"chat.send"}', '{"type":"chat.send","content":null}',
                '{"type":"chat.send","content":""}',

                # spaces only
                '{"type":"chat.send","content":" \t\n\r "}',
                '{"type":"chat.send","content":"' . "\xc2\xa0\xe3\x80\x80"
                . '"}');

    for my $text (@text) {
        $c->send_text($text);
        is $c->recv_text, '{"type":"chat.error","error":"Invalid message '
            . "format. Expected: { type: 'chat.send', content: '...' }\","
            . '"code":"invalid_message"}', "text: $text";
    }

    $c->chat('hello');
    is $c->answer->{content}, 'echo: hello';
    is $agent->count, 1;



=== TEST 3: the messageId, if it could be read, comes back
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');

    $c->send_text('{"messageId":"m1","type":"chat.send","content":""}');
    like $c->recv_text, qr/^\{"type":"chat\.error","messageId":"m1","error":/;

    $c->send_text('{"type":"x","messageId":"m2"}');
    is $c->recv_json->{messageId}, 'm2';

    $c->send_text('{"type":"chat.send","content":5,"messageId":"m3"}');
    is $c->recv_json->{messageId}, 'm3';



=== TEST 4: a group has an id
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');

    for my $id (undef, '') {
        $c->chat('hello', chatType => 'group', groupId => $id,
                 messageId => 'm1');
        is_deeply $c->recv_json, { type => 'chat.error', messageId => 'm1',
            error => 'A group message needs a groupId, add it and send the '
                     . 'message again', code => 'group_id_required' };
    }

    $c->chat('hello', groupId => 'g');
    is $c->answer->{content}, 'echo: hello', 'which alone makes no group';
    like [$agent->requests]->[0]{session}, qr/:websocket:direct:/;

    $c->chat('hello', chatType => 'group', groupId => 'g');
    $c->answer;
    is [$agent->requests]->[1]{session}, 'agent:main:websocket:group:g';



=== TEST 5: nothing is said of a message that was refused
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');

    $c->send_text($_) for 'x', '{}', '{"type":"chat.send","content":5}';
    is join(' ', map { WsFrame::from_json($_->{payload})->{type} } $c->sync),
       'chat.error chat.error chat.error', 'no chat.typing';
    is $agent->count, 0;



=== TEST 6: a turn that runs is not disturbed
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->on('hello', say => 'a', gate => 'go', say => 'b');
--- scenario
    my $c = $T->connect('/ws');

    $c->chat('hello', messageId => 'm1');
    $agent->wait_for_gate('go');

    $c->send_text('x');
    is $c->recv_until(sub { $_->{type} eq 'chat.error' }), 3;

    $agent->release('go');
    is $c->answer->{content}, 'ab';

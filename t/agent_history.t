# An answer whose stream was lost is fetched from the history of its session,
# and is never asked for twice.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: the connection is cut after the agent has finished
--- config
    openclaw_token secret;
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT/a/v1/chat/completions;
        openclaw_set_header X-Any thing;
        openclaw_set_header Accept any;
    }
--- scenario
    $agent->on('hello', say => 'Hel', gate => 'go', 'close');
    $agent->history([user => 'hello'], [assistant => 'Hello, Ann.', run => 1]);

    my $c = $T->connect('/ws?senderId=Ann%26');
    $c->chat('hello', messageId => 'm1');
    $agent->wait_for_gate('go')->release('go');

    my $answer = $c->answer('m1');
    is $answer->{type}, 'chat.response';
    is $answer->{content}, 'Hello, Ann.', 'all of it';
    is $answer->{streamed}, 'Hello, Ann.', 'the rest as a part';
    is scalar $c->sync, 0, 'one end';

    my ($post, $get) = $agent->requests;
    is $agent->count, 2, 'asked once';
    is $get->{method}, 'GET';
    is $get->{path}, '/a/sessions/agent%3Amain%3Awebsocket%3Adirect%3A'
        . '%2541nn%2526/history?limit=50';
    is $get->{headers}{authorization}, 'Bearer secret';
    is $get->{headers}{accept}, 'application/json';
    is $get->{headers}{'x-any'}, 'thing';
    is $get->{headers}{$_}, $post->{headers}{$_}
        for qw(host x-openclaw-session-key);
    ok !exists $get->{headers}{$_} for qw(content-type content-length expect);

    like $T->error_log, qr/\[warn\].*the stream of the answer was lost, looking for it in the history: .*message: "m1"/;
    unlike $T->error_log, qr/\[error\]/;



=== TEST 2: the end of the response, and no end of the answer
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('hello', say => 'Hel', 'end');
    $agent->history([user => 'hello'], [assistant => 'Hello', run => 1]);

    is $T->connect('/ws')->chat('hello')->answer->{content}, 'Hello';



=== TEST 3: the agent says that it can't take back what it has said
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /snap {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_stream snapshot;
    }
--- scenario
    my $error = 'Assistant output cannot be represented as an append-only '
                . 'response stream.';

    $agent->on(qr/broken/, say => 'Broken', error => $error);
    $agent->history([user => 'broken'], [assistant => 'Mended', run => 1]);

    is $T->connect('/ws')->chat('broken')->answer->{content}, 'Mended';

    # it is there a little later

    $agent->history([user => 'broken']);
    my $c = $T->connect('/snap')->chat('broken');
    $agent->wait_for_requests(4);
    $agent->history([user => 'broken'], [assistant => 'Well', run => 2]);
    is $c->answer->{content}, 'Well';

    # or not at all

    $agent->history;
    my $answer = $T->connect('/ws')->chat('broken')->answer;
    is $answer->{code}, 'agent_error';
    is $answer->{error}, $error;

    # other errors mean what they say

    my $n = $agent->count;
    $agent->on('bad', say => 'Bad', error => 'no luck');
    is $T->connect('/ws')->chat('bad')->answer->{error}, 'no luck';
    is $agent->count, $n + 1;



=== TEST 4: what was said before and after tools is one answer
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('look', say => 'Let me look.', 'close');
    $agent->history([user => 'before', at => time - 60],
                    [assistant => 'An old answer', run => 'old'],
                    [user => 'look'],
                    [assistant => 'Let me look.', run => 1, stop => undef],
                    [assistant => '', run => 1, stop => 'toolUse'],
                    [toolResult => 'seen', run => 1, stop => undef],
                    [assistant => 'I have seen it.', run => 1]);

    is $T->connect('/ws')->chat('look')->answer->{content},
        "Let me look.\n\nI have seen it.";



=== TEST 5: a group, and a message that is known by its beginning
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on(qr/./, say => 'Hel', 'close');
    $agent->history([user => "[media attached: /a]\n\nAnn: hello"],
                    [rerun => 'r'], [assistant => 'Hello', run => 'r']);

    is $T->connect('/ws?senderName=Ann')->chat('hello', chatType => 'group',
        groupId => 'g', mediaPath => '/a')->answer->{content}, 'Hello';

    # lines of a group's message are sent indented

    $agent->history([user => "Ann: one\n  two\n\n    three"],
                    [rerun => 'r'], [assistant => 'Count', run => 'r']);

    is $T->connect('/ws')->chat("one\ntwo\n\n  three", chatType => 'group',
        groupId => 'g2')->answer->{content}, 'Count';

    my $long = '0123456789' x 1000;
    $agent->history([user => substr($long, 0, 8000) . "\n...(truncated)...",
                     __openclaw => { truncated => \1 }],
                    [rerun => 'r'], [assistant => 'Read', run => 'r']);

    is $T->connect('/ws')->chat("  $long ")->answer->{content}, 'Read';



=== TEST 6: over a unix socket
--- config
    location = /ws { openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET; }
--- scenario
    $agent->on('hello', say => 'Hel', 'close');
    $agent->history([user => 'hello'], [assistant => 'Hello', run => 1]);

    is $T->connect('/ws')->chat('hello')->answer->{content}, 'Hello';
    is $agent->count, 2;



=== TEST 7: not where the path is not the gateway's
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT/chat; }
--- scenario
    $agent->on('hello', say => 'Hel', 'close');
    $agent->history([user => 'hello'], [assistant => 'Hello', run => 1]);

    is $T->connect('/ws')->chat('hello')->answer->{code}, 'agent_incomplete';
    is $agent->count, 1;

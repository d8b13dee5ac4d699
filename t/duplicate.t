# A messageId means one message: while a turn waits or runs, the same message
# is not taken again.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: a message whose turn runs, or waits
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('one', gate => 'go', say => 'well');

    my $c = $T->connect('/ws?senderId=ann');
    my $d = elsewhere($c, '/ws?senderId=ann');

    $c->chat('one', messageId => 'm1');
    $c->chat('two', messageId => 'm2');
    is $c->recv_json->{type}, 'chat.typing' for 1, 2;

    # on its own connection or on that of another worker

    for my $client ($c, $d) {
        for my $id ('m1', 'm2') {
            $client->chat('again', messageId => $id);
            my $error = $client->recv_json;

            is $error->{code}, 'duplicate';
            is $error->{messageId}, $id;
            like $error->{error}, qr/\w/;
        }
    }

    $agent->release('go');
    is $c->answer->{messageId}, 'm1', 'the first one is not touched by it';
    is $c->answer->{messageId}, 'm2';
    is scalar $d->sync, 0;
    is join(' ', map { $_->{content} } $agent->requests), 'one two';



=== TEST 2: other ids, senders and sessions
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->otherwise(gate => 'go', say => 'well');

    my %group = (chatType => 'group', groupId => 'g');
    my $ann = $T->connect('/ws?senderId=ann');
    my $bob = $T->connect('/ws?senderId=bob');

    # ids are compared as they are, and one may be the start of the other

    $ann->chat('one', messageId => $_) for 'm1', 'M1', 'm', 'm11', ' m1';
    $ann->chat('one', messageId => 'm1', %group);
    $bob->chat('one', messageId => 'm1', %group);
    $bob->chat('one', messageId => 'm1');
    is $ann->recv_json->{type}, 'chat.typing' for 1 .. 6;
    is $bob->recv_json->{type}, 'chat.typing' for 1 .. 2;

    $agent->release('go');
    is $ann->answer->{content}, 'well' for 1 .. 6;
    is $bob->answer->{content}, 'well' for 1 .. 2;



=== TEST 3: once a turn has failed, its message may be sent again
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on({ content => 'one', times => 1 }, say => 'half', 'close');

    my $c = $T->connect('/ws?senderId=ann');

    $c->chat('one', messageId => 'm1');
    is $c->answer->{code}, 'agent_incomplete';

    $c->chat('one', messageId => 'm1');
    is $c->answer->{content}, 'echo: one';



=== TEST 4: a message that was refused was not taken
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_queue 0;
    }
--- scenario
    $agent->on('one', gate => 'go', say => 'well');

    my $c = $T->connect('/ws?senderId=ann');

    $c->chat('one', messageId => 'm1');
    $c->chat('two', messageId => 'm2');
    is $c->answer->{code}, 'queue_full';
    $c->chat('two', messageId => 'm2');
    is $c->answer->{code}, 'queue_full', 'not a duplicate of itself';

    $agent->release('go');
    is $c->answer->{messageId}, 'm1';
    $c->chat('two', messageId => 'm2');
    is $c->answer->{content}, 'echo: two';

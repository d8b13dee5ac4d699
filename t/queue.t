# openclaw_queue: how many turns of a session may wait.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: one more than may wait is refused, until there is room again
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_queue 2;
    }
--- scenario
    $agent->on('m1', gate => 'go', say => 'one');

    my $c = $T->connect('/ws?senderId=ann');

    $c->chat($_, messageId => $_) for qw(m1 m2 m3 m4);

    is $c->recv_json->{type}, 'chat.typing' for 1 .. 3;
    is_deeply $c->recv_json, { type => 'chat.error', messageId => 'm4',
        error => 'Too many messages of this session are waiting, send this '
                 . 'one again when some have been answered',
        code => 'queue_full' };

    # other sessions have their own

    my $bob = $T->connect('/ws?senderId=bob');
    $bob->chat('hello');
    is $bob->answer->{content}, 'echo: hello';

    $c->chat('m5', messageId => 'm5');
    is $c->recv_json->{code}, 'queue_full';

    $agent->release('go');
    is $c->answer->{messageId}, $_ for qw(m1 m2 m3);

    $c->chat('m4', messageId => 'm4');
    is $c->answer->{content}, 'echo: m4', 'the same message, sent again';



=== TEST 2: a session's, not a connection's or a worker's
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_queue 2;
    }
--- scenario
    $agent->on('m1', gate => 'go', say => 'one');

    my $c = $T->connect('/ws?senderId=ann');
    my $d = elsewhere($c, '/ws?senderId=ann');

    for ([$c, 'm1'], [$d, 'm2'], [$c, 'm3']) {
        my ($client, $id) = @$_;
        $client->chat($id, messageId => $id);
        is $client->recv_json->{type}, 'chat.typing';
    }

    for my $client ($c, $d) {
        $client->chat('m4', messageId => 'm4');
        is $client->recv_json->{code}, 'queue_full';
    }

    $agent->release('go');
    is $c->answer('m3')->{content}, 'echo: m3';
    is $d->answer->{messageId}, 'm2';
    is $agent->count, 3;



=== TEST 3: none may wait
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_queue 0;
    }
--- scenario
    $agent->on('m1', gate => 'go', say => 'one');

    my $c = $T->connect('/ws?senderId=ann');

    $c->chat('m1');
    is $c->recv_json->{type}, 'chat.typing';
    $c->chat('m2');
    is $c->recv_json->{code}, 'queue_full';

    $agent->release('go');
    is $c->answer->{content}, 'one';

    $c->chat('m3');
    is $c->answer->{content}, 'echo: m3';



=== TEST 4: sixteen by default
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('m0', gate => 'go', say => 'one');

    my $c = $T->connect('/ws?senderId=ann');

    $c->chat("m$_", messageId => "m$_") for 0 .. 17;
    is $c->answer('m17')->{code}, 'queue_full';

    $agent->release('go');
    is $c->answer->{messageId}, "m$_" for 0 .. 16;
    is scalar $c->sync, 0;

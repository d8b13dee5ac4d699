# A reload cuts nothing: workers that leave end the turns they have and close
# with 1012, "come back at once", while new ones serve.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: idle clients are sent away
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my @old = two_workers();
    my @client = map { on_worker($_, '/ws') } @old, @old;

    $client[0]->chat('hello');
    is $client[0]->answer->{content}, 'echo: hello';

    $T->reload;

    for (@client) {
        my $close = $_->recv;
        is $close->{code}, 1012;
        is $close->{reason}, 'service restart';
    }

    # when they have answered, or gone

    is $_->close, 1006, 'nothing comes after it' for @client[0, 1];
    $_->disconnect for @client[2, 3];
    $T->wait_gone(@old);



=== TEST 2: running turns end first
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on(qr/long/, say => 'Hel', gate => 'go', say => 'lo');

    my @old = two_workers();
    my @busy = map { on_worker($old[$_ % 2], "/ws?senderId=s$_") } 1 .. 6;
    my @idle = map { on_worker($old[$_ % 2], '/ws') } 1 .. 6;

    for (@busy) {
        $_->chat('long', messageId => 'm1');
        is $_->recv_json->{type}, 'chat.typing';
        is $_->recv_json->{content}, 'Hel';
    }

    $T->reload;

    # new connections are served meanwhile, by the new workers

    for my $worker (two_workers()) {
        my $c = on_worker($worker, '/ws');
        $c->chat('hello');
        is $c->answer->{content}, 'echo: hello';
    }

    # when all idle ones have been sent away, these are still there

    for (@idle) {
        is $_->recv->{code}, 1012;
        $_->disconnect;
    }

    is scalar $_->sync, 0 for @busy;

    $agent->release('go');

    for (@busy) {
        my $answer = $_->answer;
        is $answer->{messageId}, 'm1';
        is $answer->{content}, 'Hello';
        is $_->recv->{code}, 1012;
        $_->disconnect;
    }

    is $_->{state}, 'done' for $agent->requests;
    $T->wait_gone(@old);



=== TEST 3: the turns of a session keep their order over it
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('m1', gate => 'go', say => 'well');

    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');
    my $d = on_worker($two, '/ws?senderId=ann');

    for ([$c, 'm1'], [$d, 'm2'], [$c, 'm3']) {
        my ($client, $id) = @$_;
        $client->chat($id, messageId => $id);
        is $client->recv_json->{type}, 'chat.typing';
    }

    $agent->wait_for_gate('go');
    $T->reload;

    # one of a new worker comes after all that wait in old ones, which take no
    # more

    my $e = $T->connect('/ws?senderId=ann');

    $e->chat('m4', messageId => 'm4');
    is $e->recv_json->{type}, 'chat.typing';
    $c->chat('m5', messageId => 'm5');
    is $c->recv_json->{code}, 'shutting_down';

    # messages that wait there are known here

    $e->chat('something else', messageId => 'm3');
    is $e->recv_json->{code}, 'duplicate';

    $agent->release('go');
    is $c->answer->{messageId}, 'm1';
    is $d->answer->{messageId}, 'm2';
    is $d->recv->{code}, 1012;
    is $c->answer->{messageId}, 'm3';
    is $c->recv->{code}, 1012;
    is $e->answer->{messageId}, 'm4';

    is join(' ', map { $_->{content} } $agent->requests), 'm1 m2 m3 m4';

    $_->disconnect for $c, $d;
    $T->wait_gone($one, $two);



=== TEST 4: turns whose clients have left are waited for
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('m1', gate => 'go', say => 'well');

    my @old = two_workers();
    my $c = on_worker($old[0], '/ws?senderId=ann');
    my $d = on_worker($old[1], '/ws?senderId=ann');

    for ([$c, 'm1'], [$d, 'm2']) {
        my ($client, $id) = @$_;
        $client->chat($id);
        is $client->recv_json->{type}, 'chat.typing';
    }

    $agent->wait_for_gate('go');
    $_->disconnect for $c, $d;

    $T->reload;

    my $e = $T->connect('/ws?senderId=ann');
    $e->chat('m3');
    is $e->recv_json->{type}, 'chat.typing';
    ok $T->is_running($_) for @old;

    $agent->release('go');
    is $e->answer->{content}, 'echo: m3';
    is join(' ', map { "$_->{content} $_->{state}" } $agent->requests),
        'm1 done m2 done m3 done';
    $T->wait_gone(@old);



=== TEST 5: again while the workers before the last are still there
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('m0', gate => 'go', say => 'well');

    # one turn in each generation, all of one session

    my @client;
    my @worker;

    for my $n (0 .. 3) {
        push @worker, two_workers();
        $client[$n] = $T->connect('/ws?senderId=ann');
        $client[$n]->chat("m$n", messageId => "m$n");
        is $client[$n]->recv_json->{type}, 'chat.typing';
        $T->reload if $n < 3;
    }

    $agent->wait_for_gate('go')->release('go');
    is $client[$_]->answer->{messageId}, "m$_" for 0 .. 3;
    is $client[$_]->recv->{code}, 1012 for 0 .. 2;
    is scalar $client[3]->sync, 0;

    $_->disconnect for @client;
    $T->wait_gone(@worker[0 .. 5]);



=== TEST 6: what has changed is so for new connections only
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_stream delta;
        openclaw_set_header X-Config one;
    }
--- scenario
    $agent->on(qr/long/, say => 'a', gate => 'go', say => 'b', say => 'c');

    my $c = $T->connect('/ws?senderId=ann');

    $c->chat('long one');
    $c->chat('long two');
    $agent->wait_for_gate('go');

    $T->reload(sub { s/stream delta/stream off/; s/Config one/Config two/ });

    my $d = $T->connect('/ws?senderId=ann');

    $d->chat('long three');
    $agent->release('go');
    is $c->answer->{streamed}, 'abc' for 1, 2;
    is $d->answer->{streamed}, '';
    is join(' ', map { $_->{headers}{'x-config'} } $agent->requests),
        'one one two';



=== TEST 7: a configuration that is wrong changes nothing
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('long', gate => 'go', say => 'well');

    my @worker = two_workers();
    my $c = $T->connect('/ws');

    $c->chat('long');
    $agent->wait_for_gate('go');

    $T->allow_log(qr/invalid url "nonsense:/);
    $T->edit_config(sub { s/openclaw_pass http/openclaw_pass nonsense/ });
    kill 'HUP', $T->master_pid;
    $T->wait_for_log(qr/\[emerg\].*nonsense/);

    $agent->release('go');
    is $c->answer->{content}, 'well';
    $c->chat('hello');
    is $c->answer->{content}, 'echo: hello';
    is join(' ', $T->workers), "@worker";

# worker_shutdown_timeout ends the patience of a worker that leaves: what it
# still has is cut, and sessions go on in the new workers.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: with turns that run, wait, are held, or have lost their client
--- main_config
    worker_shutdown_timeout 1s;
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET;
        openclaw_send_buffer 16k;
    }
--- scenario
    $agent->on('endless', say => 'half', 'silence');
    $agent->on('m3', 'silence');
    $agent->on('long', repeat => [1500, 'x' x 1000]);

    my @old = two_workers();
    my $c = on_worker($old[0], '/ws?senderId=ann');
    my $d = on_worker($old[1], '/ws?senderId=ann');
    my $gone = on_worker($old[0], '/ws?senderId=bob');
    my $slow = on_worker($old[0], '/ws?senderId=cid', rcvbuf => 8192);

    $c->chat('endless', messageId => 'm1');
    is $c->recv_json->{type}, 'chat.typing';
    is $c->recv_json->{content}, 'half';
    $c->chat('m2', messageId => 'm2');
    is $c->recv_json->{type}, 'chat.typing';
    $d->chat('m3', messageId => 'm3');
    is $d->recv_json->{type}, 'chat.typing';

    $gone->chat('endless');
    $agent->wait_for_requests(2);
    $gone->disconnect;

    $slow->chat('long');
    $agent->wait_for_requests(3);

    $T->reload;

    # a turn of a new worker, behind all these

    my $e = $T->connect('/ws?senderId=ann');

    $e->chat('m4', messageId => 'm4');
    is $e->recv_json->{type}, 'chat.typing';

    $T->wait_gone(@old);

    # their clients are told of each turn, and come back

    for ([$c, 'm1'], [$c, 'm2'], [$d, 'm3']) {
        my ($client, $id) = @$_;
        is $client->answer($id)->{code}, 'shutting_down';
    }

    is $c->close_code, 1012;
    is $d->close_code, 1012;

    is $e->answer->{messageId}, 'm4';
    $agent->wait_for_end(3, 'gone');

    # m3 may have been begun: its worker may be the last to hear of the time

    is scalar(grep { $_->{content} eq 'm2' } $agent->requests), 0,
        'nothing was begun to be cut';

    my $again = $T->connect('/ws?senderId=bob');
    $again->chat('hello');
    is $again->answer->{content}, 'echo: hello';



=== TEST 2: turns that are quick enough are answered
--- main_config
    worker_shutdown_timeout 5s;
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('m1', gate => 'go', say => 'well');

    my @old = two_workers();
    my $c = $T->connect('/ws');

    $c->chat('m1');
    $agent->wait_for_gate('go');
    $T->reload;
    $agent->release('go');

    is $c->answer->{content}, 'well';
    is $c->recv->{code}, 1012;
    $c->disconnect;
    $T->wait_gone(@old);



=== TEST 3: turns that wait and have lost their clients do not hold a worker
--- main_config
    worker_shutdown_timeout 500ms;
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->otherwise('silence');

    my @old = two_workers();
    my $c = on_worker($old[0], '/ws?senderId=ann');
    my $d = on_worker($old[1], '/ws?senderId=ann');

    for ([$c, 'm1'], [$c, 'm2'], [$d, 'm3']) {
        my ($client, $id) = @$_;
        $client->chat($id, messageId => $id);
        is $client->recv_json->{type}, 'chat.typing';
    }

    $agent->wait_for_requests(1);
    $_->disconnect for $c, $d;
    $T->reload;
    $T->wait_gone(@old);
    is $agent->wait_for_end(1)->{state}, 'gone';

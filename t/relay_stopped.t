# A worker process that stands still, while the other one has the client of
# its turn, or the turn of its client.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();

run_tests();

__DATA__

=== TEST 1: the one that has the turn, and goes on
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->otherwise(say => 'one ', gate => 'go', say => 'two');
--- scenario
    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');

    $c->chat('long', messageId => 'm1');
    $c->recv_json for 1, 2;

    my $d = on_worker($two, '/ws?senderId=ann');
    kill 'STOP', $one;

    $d->chat('long', messageId => 'm1');
    is $d->recv_json->{type}, 'chat.typing';
    is scalar $d->sync, 0, 'nobody waits for it but this turn';

    kill 'CONT', $one;
    is $d->recv_json->{content}, 'one ';
    $agent->release('go');
    is $d->answer('m1')->{content}, 'one two';
    is $c->recv_json->{code}, 'duplicate';
    is $agent->count, 1;



=== TEST 2: the one that has the turn, and dies
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->otherwise(say => 'one ', 'silence');
--- scenario
    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');

    $c->chat('long', messageId => 'm1');
    $c->recv_json for 1, 2;

    my $d = on_worker($two, '/ws?senderId=ann');
    kill 'STOP', $one;

    $d->chat('long', messageId => 'm1');
    is $d->recv_json->{type}, 'chat.typing';
    is scalar $d->sync, 0;

    $T->kill_worker($one);
    is $d->answer('m1')->{code}, 'agent_incomplete';
    is $agent->count, 1;



=== TEST 3: the one that has the client: the end is kept for it
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->otherwise(say => 'one ', gate => 'go', say => 'x' x 3000000);
--- scenario
    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');

    $c->chat('long', messageId => 'm1');
    $c->recv_json for 1, 2;

    my $d = on_worker($two, '/ws?senderId=ann');
    $d->chat('long', messageId => 'm1');
    is $d->recv_json->{type}, 'chat.typing';
    is $d->recv_json->{content}, 'one ';
    is $c->recv_json->{code}, 'duplicate';

    # the socket takes but a part of it, and the turn has ended

    kill 'STOP', $two;
    $agent->release('go');
    $agent->wait_for_end(1, 'done');

    $c->chat('next', messageId => 'm2');
    like $c->answer('m2')->{content}, qr/^one x+$/;

    kill 'CONT', $two;
    is length $d->answer('m1')->{content}, 3000004;
    is $agent->count, 2;



=== TEST 4: the one that has the client, which sends it again
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /off {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_answers off;
    }
--- agent
    $agent->otherwise(say => 'one ', gate => 'go', say => 'two');
--- scenario
    my ($one, $two) = two_workers();

    for my $uri ('/ws', '/off') {
        my $gone = on_worker($one, "$uri?senderId=$uri");
        $gone->chat('long', messageId => 'm1');
        $gone->recv_json for 1, 2;

        my $c = on_worker($two, "$uri?senderId=$uri");
        $c->chat('long', messageId => 'm1');
        $c->recv_json for 1, 2;
        is $gone->recv_json->{code}, 'duplicate';

        # the turn has ended, and its end is on the way

        kill 'STOP', $two;
        $c->chat('long', messageId => 'm1');
        $agent->release('go');
        $agent->wait_for_end($agent->count, 'done');
        $gone->sync;
        kill 'CONT', $two;

        is $c->answer('m1')->{content}, 'one two';
        is scalar $c->sync, 0, 'it ends once';
        $agent->close_gate('go');
    }

    is $agent->count, 2, 'each was asked once';

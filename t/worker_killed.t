# A worker that dies takes its own turns with it, and nothing else: sessions
# go on without them, at once.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# says something and sees it accepted

sub enter {
    my ($client, $id) = @_;

    $client->chat($id, messageId => $id);
    is $client->recv_json->{type}, 'chat.typing', "$id is accepted";

    return $client;
}


run_tests();

__DATA__

=== TEST 1: what waited on another worker goes on, the running turn is gone
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');
    my $d = on_worker($two, '/ws?senderId=ann');

    $agent->on('m1', say => 'half', 'silence');
    enter($c, 'm1');
    enter($d, $_) for 'm2', 'm3';
    is $c->recv_json->{content}, 'half';

    $T->kill_worker($one);

    is $d->answer->{messageId}, $_ for 'm2', 'm3';
    is $c->close_code, 1006, 'no last word to its client';
    is $agent->wait_for_end(1, 'gone')->{content}, 'm1';

    # not by the next look around, but by the worker that came instead

    my @asked = $agent->requests;
    my $gap = $asked[1]{started} - $asked[0]{ended};
    cmp_ok $gap, '<', WsClient::timeout() / 10, 'within a second';



=== TEST 2: what waited on the dead worker is never asked
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');
    my $d = on_worker($two, '/ws?senderId=ann');

    $agent->on('m1', gate => 'go', say => 'well');
    enter($d, 'm1');
    enter($c, 'm2');
    enter($d, 'm3');
    enter($c, 'm4');
    $agent->wait_for_gate('go');

    my $new = $T->kill_worker($one);
    $d->sync;
    is $agent->count, 1, 'the live one still runs';

    # its client comes back: the same message is not a duplicate

    my $e = on_worker($new, '/ws?senderId=ann');
    enter($e, 'm4');

    $agent->release('go');
    is $d->answer->{messageId}, 'm1';
    is $d->answer->{messageId}, 'm3';
    is $e->answer->{messageId}, 'm4';
    is join(' ', map { $_->{content} } $agent->requests), 'm1 m3 m4';



=== TEST 3: a client that comes back is answered
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on({ content => 'm1', times => 1 }, say => 'half', 'silence');

    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');

    enter($c, 'm1');
    is $c->recv_json->{content}, 'half';
    enter($c, 'm2');

    # to the worker that was there, and to the new one

    my $new = $T->kill_worker($one);
    is $c->close_code, 1006;

    for my $worker ($two, $new) {
        my $again = on_worker($worker, '/ws?senderId=ann');
        $again->chat($_, messageId => $_) for 'm1', 'm2';
        is $again->answer('m1')->{code}, 'agent_incomplete';
        is $again->answer('m2')->{content}, 'echo: m2';
    }

    is $agent->count, 2, 'no turn that may have run is run again';



=== TEST 4: one worker after the other
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on(qr/dies/, say => 'half', 'silence');

    my ($one, $two) = two_workers();
    my $last = on_worker($two, '/ws?senderId=ann');

    # each next one waits on the other worker

    for my $n (1 .. 6) {
        my $c = on_worker($one, '/ws?senderId=ann');

        $c->chat("dies $n");
        is $c->recv_json->{type}, 'chat.typing';
        is $c->recv_json->{content}, 'half';

        my $d = on_worker($two, '/ws?senderId=ann');
        enter($d, "goes on $n");

        my $new = $T->kill_worker($one);
        is $d->answer->{content}, "echo: goes on $n";

        ($one, $two) = ($two, $new);
    }

    $agent->wait_for_end(6, 'gone');



=== TEST 5: both at once
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on({ content => qr/^dies/, times => 2 }, 'silence');

    my @worker = two_workers();
    my @client = map { on_worker($worker[$_], "/ws?senderId=s$_") } 0, 1;

    enter($client[0], 'dies 0');
    enter($client[0], 'm0');
    enter($client[1], 'dies 1');
    enter($client[1], 'm1');
    $agent->wait_for_requests(2);

    $T->allow_log(qr/exited on signal 9/);
    kill 'KILL', @worker;
    $T->wait_gone(@worker);

    for (0, 1) {
        my $c = $T->connect("/ws?senderId=s$_");
        $c->chat("dies $_", messageId => "dies $_");
        $c->chat("m$_", messageId => "m$_");
        is $c->answer->{messageId}, $_ for "dies $_", "m$_";
    }



=== TEST 6: in the midst of a crowd
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_queue 1000;
    }
--- scenario
    # should it die while it holds the lock, the sessions are entered anew

    $T->allow_log(qr/a process died while it changed sessions/,
                  qr/shared memory zone "openclaw" was locked by/);

    my ($one, $two) = two_workers();

    for my $round (1 .. 3) {
        my @lost = map { on_worker($one, "/ws?senderId=s$_") } 1 .. 10;
        my @kept = map { on_worker($two, "/ws?senderId=s$_") } 1 .. 10;

        for my $n (1 .. 10) {
            $_->chat("$round.$n") for @lost;
            $_->chat("$round.$n", messageId => "$round.$n") for @kept;
        }

        my $new = $T->kill_worker($one);
        $T->zone_check;

        for my $c (@kept) {
            is join(' ', map { $c->answer->{messageId} } 1 .. 10),
                join(' ', map { "$round.$_" } 1 .. 10);
        }

        ($one, $two) = ($two, $new);
    }



=== TEST 7: in the midst of a change of the zone
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_queue 1000;
    }
--- scenario
    my ($one, $two) = two_workers();

    for my $round (1 .. 8) {
        my @lost = map { on_worker($one, "/ws?senderId=s$_") } 1 .. 10;
        my @kept = map { on_worker($two, "/ws?senderId=s$_") } 1 .. 10;

        for my $n (1 .. 10) {
            $_->chat("$round.$n") for @lost;
            $_->chat("$round.$n", messageId => "$round.$n") for @kept;
        }

        my %before = map { $_ => 1 } $T->workers;
        my $dead = $T->kill_in_lock($one);

        if (!defined $dead) {
            pass 'a process may not look into another';
            last;
        }

        # what it was about to do is done already, now and then

        $dead ||= $T->kill_worker($one);
        my $start = Time::HiRes::time;

        for my $c (@kept) {
            is join(' ', map { $c->answer->{messageId} } 1 .. 10),
                join(' ', map { "$round.$_" } 1 .. 10);
        }

        cmp_ok Time::HiRes::time - $start, '<', WsClient::timeout() / 5,
               'it goes on soon';
        $T->zone_check;

        my $new;
        $T->wait_for(sub { ($new) = grep { !$before{$_} } $T->workers },
                     'a new worker');
        ($one, $two) = ($two, $new);
    }

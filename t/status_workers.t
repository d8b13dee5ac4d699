# Tests for openclaw_status with several workers: each is counted by itself,
# whatever process it has.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Status;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


run_tests();

__DATA__

=== TEST 1: each by itself, and all together
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /status { openclaw_status; }
--- scenario
    my ($one, $two) = two_workers();
    my $before = status();

    is_deeply [map { $_->{worker} } @{ $before->{workers} }], [0, 1];
    is $before->{total}{processes}, 2;

    my $c = on_worker($one, '/ws');
    my @d = map { on_worker($two, '/ws') } 1, 2;

    # those that got to the wrong one have left

    status_is(connections => 3);
    my $now = status();
    my ($i) = grep { $now->{workers}[$_]{connections} == 1 } 0, 1;
    is $now->{workers}[1 - $i]{connections}, 2;

    is $c->chat('hello')->answer->{content}, 'echo: hello';
    is $_->chat('hello')->answer->{content}, 'echo: hello' for @d;

    status_is('turns_total.ok' => 3, messages_total => 3);
    $now = status();

    is $now->{workers}[$i]{turns_total}{ok}, 1;
    is $now->{workers}[1 - $i]{turns_total}{ok}, 2;
    is $now->{workers}[$i]{turn_seconds}{count}, 1;
    is $now->{workers}[1 - $i]{turn_seconds}{count}, 2;

    my $samples = samples();

    is $samples->{sample('turns_total', worker => $i, result => 'ok')}, 1;
    is $samples->{sample('turn_seconds_count', worker => $i)}, 1;
    is $samples->{sample('turn_seconds_bucket', worker => $i, le => '+Inf')},
        1;

    for my $name (grep { !ref $now->{total}{$_} } keys %{ $now->{total} }) {
        my ($p, $q) = map { $_->{$name} } @{ $now->{workers} };
        is $p + $q, $now->{total}{$name}, "$name in all";
    }



=== TEST 2: a turn whose client is at another worker is counted once
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /status { openclaw_status; }
--- scenario
    $agent->on('hello', say => 'Hel', gate => 'go', say => 'lo');

    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');

    $c->chat('hello', messageId => 'm1');
    $agent->wait_for_gate('go');
    $c->disconnect;

    my $d = on_worker($two, '/ws?senderId=ann');
    $d->chat('hello', messageId => 'm1');
    is $d->recv_json->{type}, 'chat.typing';
    is $d->recv_json->{content}, 'Hel';
    status_is(turns_running => 1, turns_waiting => 0);

    $agent->release('go');
    is $d->answer('m1')->{content}, 'Hello';
    status_is(turns_running => 0, 'turns_total.ok' => 1,
              'agent_requests_total.ok' => 1, 'turn_seconds.count' => 1,
              'first_part_seconds.count' => 1);



=== TEST 3: counters survive reloads, gauges move with their connections
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /status { openclaw_status; }
--- scenario
    $agent->on('stay', say => 'half', gate => 'go', say => 'whole');

    two_workers();

    my $c = $T->connect('/ws');
    is $c->chat('hello')->answer->{content}, 'echo: hello';
    $c->chat('stay', messageId => 'm2');
    $agent->wait_for_gate('go');

    my ($old) = $T->workers;
    $T->reload;

    # the old worker still has its turn, and tells of it

    status_is(connections => 1, turns_running => 1, 'turns_total.ok' => 1);

    my $d = $T->connect('/ws');
    is $d->chat('hello')->answer->{content}, 'echo: hello';
    status_is(connections => 2, 'turns_total.ok' => 2);
    is scalar @{ status()->{workers} }, 2, 'there is no third one';

    $agent->release('go');
    is $c->answer('m2')->{content}, 'halfwhole';
    is $c->close_code, 1012;

    status_is(connections => 1, turns_running => 0, 'turns_total.ok' => 3,
              'closes_total.1012' => 1, 'turn_seconds.count' => 3,
              processes => 2);
    $T->zone_check;



=== TEST 4: a killed worker leaves its counters, and takes its gauges along
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /status { openclaw_status; }
--- scenario
    $agent->on({ content => 'stay', times => 1 }, say => 'half', 'silence');

    my ($one, $two) = two_workers();
    my @client = map { on_worker($one, '/ws?senderId=ann') } 1 .. 3;

    is $client[0]->chat('hello')->answer->{content}, 'echo: hello';
    $client[0]->chat('stay');
    $client[1]->chat('wait');
    $agent->wait_for_requests(2);

    status_is(connections => 3, turns_running => 1, turns_waiting => 1,
              'turns_total.ok' => 1);

    $T->kill_worker($one);
    status_is(connections => 0, turns_running => 0, turns_waiting => 0,
              'turns_total.ok' => 1, processes => 2);

    is $T->connect('/ws')->chat('hello')->answer->{content}, 'echo: hello';
    status_is('turns_total.ok' => 2);
    $T->zone_check;



=== TEST 5: also when it dies in the midst of a change of the zone
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /status { openclaw_status; }
--- scenario
    $agent->otherwise(delay => 0.01, say => 'well');

    my ($one, $two) = two_workers();
    my @client = map { on_worker($one, '/ws') } 1 .. 10;

    is $client[0]->chat('hello')->answer->{content}, 'well';
    status_is(connections => 10, 'turns_total.ok' => 1);

    for my $c (@client) {
        $c->chat("$_") for 1 .. 10;
    }

    SKIP: {
        my $dead = $T->kill_in_lock($one);

        skip 'a process may not look into another', 1 unless defined $dead;

        $T->wait_for(sub { $T->workers == 2 }, 'a new worker') if $dead;
        $_->disconnect for @client;
        status_is(connections => 0, turns_running => 0, turns_waiting => 0);
        cmp_ok status()->{total}{turns_total}{ok}, '>=', 1;
    }

    $T->zone_check;

# Sessions are remembered while there is room: the one that was idle longest
# makes way for a new one, and never one that has a turn.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: many more sessions than there is room for
--- http_config
    openclaw_zone small:32k;
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('long', gate => 'go', say => 'well');

    my @client = map { on_worker($_, '/ws?senderId=ann') } two_workers();

    # one that runs, one that waits

    $client[0]->chat('long', messageId => 'm1');
    $agent->wait_for_gate('go');
    $client[1]->chat('next', messageId => 'm2');

    for my $n (1 .. 500) {
        my $c = $client[$n % 2];

        # of all lengths

        $c->chat("n$n", messageId => "n$n", senderId => 'x' x ($n / 2) . $n);
        $c->answer("n$n")->{content} eq "echo: n$n"
            or fail "the answer of session $n";
    }

    $client[0]->sync;
    is $agent->count, 501, 'the one that waits still does';

    $agent->release('go');
    is $client[0]->answer->{messageId}, 'm1';
    is $client[1]->answer->{messageId}, 'm2';



=== TEST 2: after that time they are forgotten anyway
--- http_config
    openclaw_zone small:32k inactive=1s;
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('long', gate => 'go', say => 'well');

    my @client = map { on_worker($_, '/ws?senderId=ann') } two_workers();

    $client[0]->chat('long', messageId => 'm1');
    $agent->wait_for_gate('go');
    $client[1]->chat('next', messageId => 'm2');

    # the clock is needed here: longer than that

    my $until = Time::HiRes::time + 1.5;
    my $n = 0;

    while (Time::HiRes::time < $until) {
        $n++;
        my $c = $client[$n % 2];
        $c->chat("n$n", senderId => 's' . $n % 50);
        $c->answer->{content} eq "echo: n$n" or fail "message $n";
        select undef, undef, undef, 0.01;
    }

    is $agent->count, $n + 1, 'not one that has a turn, however long';

    $agent->release('go');
    is $client[0]->answer->{messageId}, 'm1';
    is $client[1]->answer->{messageId}, 'm2';

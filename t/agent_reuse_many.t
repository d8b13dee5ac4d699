# As many connections to the agent are kept as there were turns at once.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: many turns side by side, again and again
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my @client = map { $T->connect('/ws') } 1 .. 50;

    $agent->otherwise(gate => 'go', say => 'well');

    for (1 .. 3) {
        $_->chat('hello') for @client;
        $agent->wait_for_gate('go', 50)->release('go');
        $_->answer for @client;
        $agent->close_gate('go');
    }

    my %connection = map { $_->{connection} => 1 } $agent->requests;

    is $agent->count, 150;
    is scalar(keys %connection), 50;

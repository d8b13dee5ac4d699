# A worker that has no connection left for the agent says so, and goes on when
# there are some again.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1, worker_connections => 32);
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: more turns than connections
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $T->allow_log(qr/worker_connections are not enough/);
    $agent->otherwise(gate => 'go', say => 'well');

    my @client = map { $T->connect('/ws') } 1 .. 20;
    my %got;

    $_->chat('hello') for @client;
    $T->wait_for_log(qr/agent_unreachable: worker_connections are not enough/);
    $agent->release('go');

    for (@client) {
        my $answer = $_->answer;
        $got{$answer->{content} // $answer->{code}}++;
    }

    is join(' ', sort keys %got), 'agent_unreachable well';

    # the session is free, and the client may try again

    $_->disconnect for splice @client, 0, 12;

    for (@client, @client) {
        is $_->chat('hello')->answer->{content}, 'well';
    }

# Many clients at once.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario(worker_connections => 2048);
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: five hundred clients, each with a turn that runs
--- main_config
    worker_rlimit_nofile 4096;
--- config
    location = /ws { openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET; }
--- scenario
    # valgrind does not let it, and has enough
    $T->allow_log(qr/setrlimit\(RLIMIT_NOFILE, 4096\) failed .*not permitted/)
        if $ENV{OPENCLAW_REPORTS};

    $agent->otherwise(gate => 'go', say => 'well');

    my @client = map { $T->connect("/ws?senderId=s$_", name => "s$_") }
                 1 .. 500;

    $_->chat('hello', messageId => $_->name) for @client;
    $agent->wait_for_gate('go', 500);

    my %session = map { $_->{session} => 1 } $agent->requests;
    is scalar keys %session, 500;

    $agent->release('go');

    my @wrong = grep { $_->answer->{messageId} ne $_->name } @client;
    is scalar @wrong, 0, 'each has its own answer';

    # again, on connections that are there

    $_->chat('hello') for @client;
    is scalar(grep { $_->answer->{content} eq 'well' } @client), 500;
    is $agent->count, 1000;

    # half go in order, half do not

    my @left = splice @client, 0, 250;
    $_->disconnect for @client;
    is scalar(grep { $_->close == 1000 } @left), 250;

    my $last = $T->connect('/ws');
    is $last->chat('hello')->answer->{content}, 'well';


# Turns of one session that came by different workers follow one another
# without delay: the worker whose turn has ended wakes the one that is next.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: to and fro between the workers
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('m0', gate => 'go', say => 'well');

    my @client = map { on_worker($_, '/ws?senderId=ann') } two_workers();

    # by themselves, workers that wait look around every second only

    my $far = 0.5 * WsClient::timeout() / 10;

    for my $n (0 .. 16) {
        $client[$n % 2]->chat("m$n", messageId => "m$n");
        is $client[$n % 2]->recv_json->{type}, 'chat.typing';
    }

    $agent->wait_for_gate('go');
    $agent->release('go');
    is $client[$_ % 2]->answer->{messageId}, "m$_" for 0 .. 16;

    my @asked = $agent->requests;
    my @late = grep { $asked[$_]{started} - $asked[$_ - 1]{ended} > $far }
               1 .. $#asked;

    is "@late", '', 'no turn began late';



=== TEST 2: while all other things wait for something
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on(qr/first/, 'start', gate => 'go', say => 'well');

    my ($one, $two) = two_workers();
    my $far = 0.5 * WsClient::timeout() / 10;

    # ten sessions of both workers, all released in one moment

    my @first = map { on_worker($_ % 2 ? $one : $two, "/ws?senderId=s$_") }
                1 .. 10;
    my @next = map { on_worker($_ % 2 ? $two : $one, "/ws?senderId=s$_") }
               1 .. 10;

    for (0 .. 9) {
        $first[$_]->chat("first $_");
        is $first[$_]->recv_json->{type}, 'chat.typing';
        $next[$_]->chat("next $_");
        is $next[$_]->recv_json->{type}, 'chat.typing';
    }

    $agent->wait_for_gate('go', 10);
    is $agent->count, 10;

    $agent->release('go');
    is $first[$_]->answer->{content}, 'well' for 0 .. 9;
    is $next[$_]->answer->{content}, "echo: next $_" for 0 .. 9;

    my %ended = map { $_->{content} =~ /first (.)/ ? ($1 => $_->{ended}) : () }
                $agent->requests;
    my @late = grep { $_->{content} =~ /next (.)/
                      && $_->{started} - $ended{$1} > $far } $agent->requests;

    is scalar @late, 0, 'no turn began late';

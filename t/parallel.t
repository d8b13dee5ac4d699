# Different sessions take their turns side by side.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: many senders at once
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->otherwise(say => 'well, ', gate => 'go', say => 'hello');

    my @client = map { $T->connect("/ws?senderId=sender$_") } 1 .. 20;

    $_->chat('hello') for @client;
    $agent->wait_for_gate('go', 20);

    for (@client) {
        is $_->recv_json->{type}, 'chat.typing';
        is $_->recv_json->{content}, 'well, ';
    }

    $agent->release('go');
    is $_->answer->{content}, 'well, hello' for @client;



=== TEST 2: clients without a senderId are each a session of their own
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->otherwise(gate => 'go', say => 'hello');

    my @client = map { $T->connect('/ws') } 1 .. 3;

    $_->chat('hello') for @client;
    $agent->wait_for_gate('go', 3);
    $agent->release('go');
    is $_->answer->{content}, 'hello' for @client;



=== TEST 3: turns of different sessions on one connection
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my %session = (direct => {},
                   group => { chatType => 'group', groupId => 'g' },
                   other => { senderId => 'other' });

    $agent->on(qr/$_\z/, say => "$_ ", gate => "go $_", say => 'ended')
        for keys %session;

    my $c = $T->connect('/ws?senderId=ann');

    for (qw(direct group other)) {
        $c->chat($_, messageId => $_, %{ $session{$_} });
        $agent->wait_for_gate("go $_");
    }

    # each ends in its own time

    for (qw(group other direct)) {
        $agent->release("go $_");
        my $answer = $c->answer;
        is $answer->{messageId}, $_;
        is $answer->{content}, "$_ ended";
    }



=== TEST 4: a session that waits holds up no other
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('long', gate => 'go', say => 'hello');

    my $ann = $T->connect('/ws?senderId=ann');
    my @bob = map { on_worker($_, '/ws?senderId=bob') } two_workers();

    $ann->chat('long');
    $ann->chat('next', messageId => 'm2');
    $agent->wait_for_gate('go');

    for (1 .. 5) {
        for my $bob (@bob) {
            $bob->chat('hello');
            is $bob->answer->{content}, 'echo: hello';
        }
    }

    $ann->chat('hello', senderId => 'bob', messageId => 'm3');
    is $ann->answer->{messageId}, 'm3', 'nor another one on its connection';

    $agent->release('go');
    is $ann->answer->{content}, 'hello';
    is $ann->answer->{messageId}, 'm2';

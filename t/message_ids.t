# Tests for messageId: which answer belongs to which message.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: the client's own
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->on('fail', say => 'a', error => 'no luck');
--- scenario
    my $c = $T->connect('/ws');
    my @id = ('m1', 'M1', '0', ' ', 'a b', '"\\/', '{}', '张三 😀', 'null',
              'x' x 128);

    for my $id (@id) {
        for my $said ('hello', 'fail') {
            $c->chat($said, messageId => $id, senderId => $said);

            my ($typing, @all) = @{ $c->answer->{all} };
            ok !exists $typing->{messageId};
            is $_->{messageId}, $id, "$id in $_->{type}" for @all;
        }
    }



=== TEST 2: a generated one
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws?senderId=a&senderName=Ann');
    my %seen;

    for (1 .. 10) {
        $c->chat('hello');

        my $answer = $c->answer;
        my $id = $answer->{messageId};

        # UUID, version 4

        like $id, qr/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}
                     -[89ab][0-9a-f]{3}-[0-9a-f]{12}$/x;
        ok !$seen{$id}++, 'a new one';
        is $answer->{all}[1]{messageId}, $id, 'the same in all frames';
        like [$agent->requests]->[-1]{content}, qr/"message_id":"$id"/,
             'and the agent is told it';
    }



=== TEST 3: they tell answers apart that come in any order
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->on('slow', gate => 'go', say => 'slow');
    $agent->on('fast', say => 'fast');
--- scenario
    my $c = $T->connect('/ws');

    # two sessions of one connection

    $c->chat('slow', messageId => 'm1', senderId => 'a');
    $agent->wait_for_gate('go');
    $c->chat('fast', messageId => 'm2', senderId => 'b');

    my $answer = $c->answer;
    is "$answer->{messageId} $answer->{content}", 'm2 fast';

    $agent->release('go');
    $answer = $c->answer;
    is "$answer->{messageId} $answer->{content}", 'm1 slow';



=== TEST 4: one that is in use is refused
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->on('hello', gate => 'go', say => 'hi');
--- scenario
    my $c = $T->connect('/ws?senderId=ann');

    $c->chat('hello', messageId => 'm1');
    $agent->wait_for_gate('go');

    $c->chat('something else', messageId => 'm1');
    my $refused = ($c->recv_until(sub { $_->{type} eq 'chat.error' }))[-1];
    is "$refused->{code} $refused->{messageId}", 'duplicate m1';

    # case matters, and so does whose it is

    $c->chat('three', messageId => 'M1');
    $c->chat('four', messageId => 'm1', senderId => 'bob');
    is $c->answer->{content}, 'echo: four';

    $agent->release('go');
    is $c->answer('m1')->{content}, 'hi';
    is $c->answer('M1')->{content}, 'echo: three';
    is $agent->count, 3;

# A client comes back to a turn that waits for its time: it keeps its place.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


sub abort {
    my ($c, %field) = @_;

    return $c->send_json({ type => 'chat.abort', %field });
}


run_tests();

__DATA__

=== TEST 1: on the same worker, and on another one
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->on('first', gate => 'go', say => 'well');
--- scenario
    my ($one, $two) = two_workers();

    for my $worker ($one, $two) {
        my $c = on_worker($one, "/ws?senderId=of$worker");
        my $gone = on_worker($one, "/ws?senderId=of$worker");
        my $d = on_worker($worker, "/ws?senderId=of$worker");

        $c->chat('first', messageId => 'm1');
        is $c->recv_json->{type}, 'chat.typing';
        $gone->chat('second', messageId => 'm2');
        is $gone->recv_json->{type}, 'chat.typing';
        $c->chat('third', messageId => 'm3');
        is $c->recv_json->{type}, 'chat.typing';
        $gone->disconnect;

        $d->chat('second', messageId => 'm2');
        is $d->recv_json->{type}, 'chat.typing';
        is scalar $d->sync, 0, 'nothing to tell yet';

        $agent->release('go');
        is $c->answer->{messageId}, $_ for 'm1', 'm3';
        my $answer = $d->answer;
        is $answer->{content}, 'echo: second';
        is $answer->{streamed}, 'echo: second';

        my @asked = map { $_->{content} } $agent->requests;
        is "@asked[-3 .. -1]", 'first second third';
        $agent->close_gate('go');
    }

    is $agent->count, 6;



=== TEST 2: with all that was asked
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->otherwise(say => 'one ', gate => 'go', (say => 'more ') x 20);
--- scenario
    my ($one, $two) = two_workers();

    my $gone = on_worker($one, '/ws?senderId=ann');
    $gone->chat("say $_", messageId => "m$_") for 1 .. 9;
    my $typing = 0;
    $gone->recv_until(sub { $_->{type} eq 'chat.typing' && ++$typing == 9 });
    $gone->disconnect;

    # in whatever order it asks for them: the answers are in that of their
    # messages, and no two of them mix

    my $c = on_worker($two, '/ws?senderId=ann');
    $c->chat("say $_", messageId => "m$_") for 5, 3, 4, 1, 2, 9, 7, 6, 8, 10;
    $c->recv_until(sub { $_->{type} eq 'chat.stream' });

    $agent->release('go');
    my @all = $c->recv_until(sub { ($_->{messageId} // '') eq 'm10'
                                   && $_->{type} eq 'chat.response' });
    @all = grep { $_->{messageId} } @all;

    is join(' ', map { $_->{messageId} } grep { $_->{done} } @all),
        join(' ', map { "m$_" } 1 .. 10);

    my $at = '';
    my @turns = grep { my $new = $_->{messageId} ne $at;
                       $at = $_->{messageId}; $new } @all;
    is scalar @turns, 10, 'one after another';
    is $agent->count, 10;



=== TEST 3: the queue is as long as it was
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_queue 2;
    }
--- agent
    $agent->otherwise(gate => 'go', say => 'well');
--- scenario
    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');

    $c->chat("say $_", messageId => "m$_") for 1 .. 3;
    is $c->recv_json->{type}, 'chat.typing' for 1 .. 3;

    for my $d (map { on_worker($_, '/ws?senderId=ann') } $one, $two) {
        $d->chat("say $_", messageId => "m$_") for 1 .. 3;
        is $d->recv_json->{type}, 'chat.typing' for 1 .. 3;
        $d->chat('say 4', messageId => 'm4');
        is $d->recv_json->{code}, 'queue_full';

        is $c->recv_json->{code}, 'duplicate' for 1 .. 3;
        $c = $d;
    }

    $agent->release('go');
    is $c->answer->{messageId}, "m$_" for 1 .. 3;



=== TEST 4: it is aborted while it waits
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->on('first', gate => 'go', say => 'well');
--- scenario
    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');

    $c->chat('first', messageId => 'm1');
    $c->chat('second', messageId => "m$_") for 2, 3;
    is $c->recv_json->{type}, 'chat.typing' for 1 .. 3;

    # by the one who came back, or by the one who had it before

    my $d = on_worker($two, '/ws?senderId=ann');
    $d->chat('second', messageId => "m$_") for 2, 3;
    is $d->recv_json->{type}, 'chat.typing' for 1, 2;
    is $c->recv_json->{code}, 'duplicate' for 1, 2;

    abort($d, messageId => 'm2');
    is $d->answer('m2')->{code}, 'aborted';
    abort($c, messageId => 'm3');
    is $d->answer('m3')->{code}, 'aborted';

    # it is not asked when it comes once more: that it is to be ended was said

    for my $client ($c, $d) {
        $client->chat('second', messageId => 'm2');
        is $client->recv_json->{code}, 'aborted';
    }

    $agent->release('go');
    is $c->answer->{messageId}, 'm1';
    is $agent->count, 1;



=== TEST 5: its new client leaves, too
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_detach 0;
    }
    location = /long {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->otherwise(gate => 'go', say => 'well');
--- scenario
    my ($one, $two) = two_workers();

    # openclaw_detach is that of the location where the turn was accepted

    for my $worker ($one, $two) {
        my $c = on_worker($one, '/ws?senderId=ann');
        my $d = on_worker($worker, '/long?senderId=ann');

        $c->chat('long', messageId => "m$worker");
        $agent->wait_for_gate('go');
        $d->chat('long', messageId => "m$worker");
        is $d->recv_json->{type}, 'chat.typing';
        $c->disconnect;
        $d->sync;
        $d->disconnect;
        is $agent->wait_for_end($worker == $one ? 1 : 2, 'gone')->{state},
            'gone';

        my $e = on_worker($worker, '/ws?senderId=ann');
        $e->chat('long', messageId => "m$worker");
        is $e->recv_json->{code}, 'aborted';
    }

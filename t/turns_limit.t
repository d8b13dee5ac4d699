# openclaw_turns: how many turns of a sender may run or wait, in all sessions.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# something said in a group: the code of a refusal, or what it is taken with

sub says {
    my ($c, $id, $group, %field) = @_;

    $c->chat($id, messageId => $id, chatType => 'group', groupId => $group,
             %field);
    my $first = $c->recv_json;

    return $first->{code} // $first->{type};
}


# the ends of these, in whatever order

sub all_end {
    my ($c, @id) = @_;

    my %left = map { $_ => 1 } @id;

    while (%left) {
        my $end = $c->answer;
        is $end->{content}, 'well';
        delete $left{$end->{messageId}};
    }
}


run_tests();

__DATA__

=== TEST 1: of a bound sender, over all connections and workers
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $arg_senderId;
        openclaw_turns 3;
    }
--- scenario
    $agent->otherwise(gate => 'go', say => 'well');

    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');
    my $d = on_worker($two, '/ws?senderId=ann');
    my $bob = on_worker($two, '/ws?senderId=bob');

    is main::says($c, 'm1', 'g1'), 'chat.typing';
    is main::says($c, 'm2', 'g1'), 'chat.typing', 'one that waits';
    is main::says($d, 'm3', 'g2'), 'chat.typing';
    is main::says($_, 'm4', 'g4'), 'too_many_turns' for $c, $d;
    like $T->zone_check, qr/^sound: 2 sessions, 3 tickets|unseen/;

    # the group goes on, and who comes back for a turn has it

    is main::says($bob, 'b1', 'g2'), 'chat.typing';
    is main::says($d, 'm1', 'g1'), 'chat.typing';
    is $c->recv_json->{code}, 'duplicate', 'it was taken over';

    $agent->release('go');
    main::all_end($c, 'm2');
    main::all_end($d, 'm1', 'm3');
    main::all_end($bob, 'b1');

    is main::says($c, 'm4', 'g4'), 'chat.typing';
    is $c->answer->{content}, 'well';
    like $T->zone_check, qr/ 0 tickets|unseen/;



=== TEST 2: with those whose client has gone, or whose worker will leave
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $arg_senderId;
        openclaw_turns 2;
    }
--- scenario
    $agent->otherwise(gate => 'go', say => 'well');

    my $c = $T->connect('/ws?senderId=ann');
    is main::says($c, "m$_", "g$_"), 'chat.typing' for 1, 2;
    $c->reset;

    is main::says($T->connect('/ws?senderId=ann'), 'm3', 'g3'),
       'too_many_turns';
    $T->reload;

    my $d = $T->connect('/ws?senderId=ann');
    is main::says($d, 'm3', 'g3'), 'too_many_turns';

    $agent->release('go');
    $T->wait_for(sub { main::says($d, 'm3', 'g3') eq 'chat.typing' }, 'room');
    is $d->answer('m3')->{content}, 'well';



=== TEST 3: those of a worker that has died are no more
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $arg_senderId;
        openclaw_turns 2;
    }
--- scenario
    $agent->otherwise('silence');

    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');
    my $d = on_worker($two, '/ws?senderId=ann');

    is main::says($c, 'm1', 'g1'), 'chat.typing';
    is main::says($d, 'm2', 'g2'), 'chat.typing';
    is main::says($d, 'm3', 'g3'), 'too_many_turns';

    $T->kill_worker($one);
    is main::says($d, 'm3', 'g3'), 'chat.typing';
    is main::says($d, 'm4', 'g4'), 'too_many_turns';

    # an abort makes room at once

    $d->send_json({ type => 'chat.abort', messageId => 'm3' });
    is $d->answer('m3')->{code}, 'aborted';
    is main::says($d, 'm4', 'g4'), 'chat.typing';
    $T->zone_check;



=== TEST 4: of a connection, if the sender is not bound
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_turns 2;
    }
--- scenario
    $agent->otherwise(gate => 'go', say => 'well');

    my $c = $T->connect('/ws?senderId=ann');
    my $d = $T->connect('/ws?senderId=ann');

    # another name is no help

    is main::says($c, 'm1', 'g1'), 'chat.typing';
    is main::says($c, 'm2', 'g2', senderId => 'bob'), 'chat.typing';
    is main::says($c, 'm3', 'g3', senderId => 'eve'), 'too_many_turns';
    $c->chat('m4', senderId => 'mia');
    is $c->recv_json->{code}, 'too_many_turns';

    is main::says($d, 'm3', 'g3'), 'chat.typing', 'another connection';

    $agent->release('go');
    main::all_end($c, 'm1', 'm2');
    is main::says($c, 'm4', 'g4'), 'chat.typing';



=== TEST 5: 64 by default, so that nobody fills the zone
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->otherwise(gate => 'go', say => 'well');

    my $c = $T->connect('/ws?senderId=ann');

    is main::says($c, "m$_", "g$_"), 'chat.typing' for 1 .. 64;
    $c->chat('m65', messageId => 'm65');
    my $refused = $c->recv_json;
    is $refused->{code}, 'too_many_turns';
    is $refused->{error}, 'Too many messages of this sender are waiting, '
        . 'send this one again when some have been answered';

    $agent->release('go');
    main::all_end($c, map { "m$_" } 1 .. 64);
    $c->chat('m65', messageId => 'm65');
    is $c->answer->{content}, 'well';



=== TEST 6: any number
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $arg_senderId;
        openclaw_turns 0;
    }
--- scenario
    $agent->otherwise(gate => 'go', say => 'well');

    my $c = $T->connect('/ws?senderId=ann');

    is main::says($c, "m$_", "g$_"), 'chat.typing' for 1 .. 100;
    $agent->release('go');
    main::all_end($c, map { "m$_" } 1 .. 100);

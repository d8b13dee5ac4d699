# A client that lost its connection sends its message again, while the turn
# runs, to whatever worker: it gets all of the text so far and then the rest,
# and the agent is asked once.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# a turn that has said "one " and waits; its client is returned

sub begin {
    my ($worker, $uri, %field) = @_;

    my $c = on_worker($worker, $uri);

    $c->chat('long', messageId => 'm1', %field);
    is $c->recv_json->{type}, 'chat.typing';
    $TestEnv::T->agent->wait_for_gate('go');

    return $c;
}


# what a client is sent: types, and contents of the parts

sub told {
    return join ' ', map {
        $_->{type} eq 'chat.stream' ? "[$_->{content}]"
                                    : $_->{type} =~ s/chat\.//r
    } @_;
}


run_tests();

__DATA__

=== TEST 1: on the same worker, and on another one
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->otherwise(say => 'one ', say => 'two ', gate => 'go',
                      say => 'three ', say => 'four');
--- scenario
    my ($one, $two) = two_workers();

    for my $worker ($one, $two) {
        my $c = begin($one, "/ws?senderId=of$worker");
        $c->recv_json for 1, 2;
        $c->disconnect;

        my $d = on_worker($worker, "/ws?senderId=of$worker");
        $d->chat('long', messageId => 'm1');
        is told($d->recv_json, $d->recv_json), 'typing [one two ]';

        $agent->release('go');
        my $answer = $d->answer('m1');
        is $answer->{content}, 'one two three four';
        is $answer->{streamed}, 'three four';

        is scalar $d->sync, 0, 'and nothing more';
        $agent->close_gate('go');
    }

    is $agent->count, 2, 'each was asked once';
    is $agent->wait_for_end(2, 'done')->{state}, 'done';



=== TEST 2: while the old connection is still there
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->otherwise(say => 'one ', gate => 'go', say => 'two');
--- scenario
    my ($one, $two) = two_workers();

    # to and fro: each one who comes later takes it from the one before

    my $last = begin($one, '/ws?senderId=ann');
    is $last->recv_json->{content}, 'one ';

    for my $worker ($one, $two, $two, $one, $two) {
        my $c = on_worker($worker, '/ws?senderId=ann');

        $c->chat('long', messageId => 'm1');
        is told($c->recv_json, $c->recv_json), 'typing [one ]';

        is_deeply $last->recv_json, { type => 'chat.error',
            messageId => 'm1', code => 'duplicate',
            error => 'This messageId has been used already, send the message '
                     . 'with another one' };
        is scalar $last->sync, 0, 'and it is done with it';

        $last = $c;
    }

    $agent->release('go');
    is $last->answer('m1')->{content}, 'one two';
    is $agent->count, 1;



=== TEST 3: over the same connection
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->otherwise(say => 'one ', gate => 'go', say => 'two');
--- scenario
    my ($one, $two) = two_workers();
    my $c = begin($one, '/ws?senderId=ann');
    is $c->recv_json->{content}, 'one ';

    # the owner's, and that of a worker which has the answer from the owner

    for my $client ($c, on_worker($two, '/ws?senderId=ann')) {
        for (1 .. 4) {
            $client->chat('long', messageId => 'm1');
            is told($client->recv_json, $client->recv_json), 'typing [one ]',
                'no duplicate of itself';
        }
    }

    is $c->recv_json->{code}, 'duplicate';
    $agent->release('go');
    my $answer = on_worker($one, '/ws?senderId=ann')
                 ->chat('long', messageId => 'm1')->answer('m1');
    is $answer->{content}, 'one two';
    is $agent->count, 1;



=== TEST 4: as the client wants it now
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
    location = /snapshot {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_stream snapshot;
    }
    location = /off {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_stream off;
    }
--- agent
    $agent->otherwise(say => 'one ', gate => 'go', say => 'two ',
                      gate => 'on', say => 'three');
--- scenario
    my ($one, $two) = two_workers();
    my %expect = (
        ws => ['typing [one ]', '[two ]', '[three] response'],
        snapshot => ['typing [one ]', '[one two ]',
                     '[one two three] response'],
        off => ['typing', '', 'response'],
    );

    for my $worker ($one, $two) {
        for my $way (sort keys %expect) {
            my $id = "$way$worker";
            my @part = @{ $expect{$way} };
            my $n = grep { /\[/ } split / /, $part[0] =~ s/ \]/]/gr;

            my $c = begin($one, "/ws?senderId=$id");
            is $c->recv_json->{content}, 'one ';
            my $d = on_worker($worker, "/$way?senderId=$id");
            $d->chat('long', messageId => 'm1');
            is told(map { $d->recv_json } 0 .. $n), $part[0], "$way at first";

            $agent->release('go');
            $agent->wait_for_gate('on');
            is told($d->recv_json), $part[1], "$way then" if $part[1];

            $agent->release('on');
            my $answer = $d->answer('m1');
            is told(@{ $answer->{all} }), $part[2], "$way at the end";
            is $answer->{content}, 'one two three';

            $agent->close_gate($_) for 'go', 'on';
        }
    }



=== TEST 5: a turn of a group
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->otherwise(say => 'one ', gate => 'go', say => 'two');
--- scenario
    my ($one, $two) = two_workers();
    my %group = (chatType => 'group', groupId => 'g');
    my $c = begin($one, '/ws?senderId=ann', %group);

    # another member's message is another message, whatever its id is

    my $bob = on_worker($two, '/ws?senderId=bob');
    $bob->chat('long', messageId => 'm1', %group);
    is told($bob->recv_json), 'typing';

    my $d = on_worker($two, '/ws?senderId=ann');
    $d->chat('long', messageId => 'm1', %group);
    is told($d->recv_json, $d->recv_json), 'typing [one ]';
    is scalar $bob->sync, 0;

    $agent->release('go');
    is $d->answer('m1')->{content}, 'one two';
    is $bob->answer('m1')->{content}, 'one two';
    is $agent->count, 2;



=== TEST 6: more than once, and away again
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->otherwise(say => 'one ', gate => 'go', say => 'two');
--- scenario
    my ($one, $two) = two_workers();
    begin($one, '/ws?senderId=ann')->disconnect;

    for my $n (1 .. 10) {
        my $c = on_worker($n % 3 ? $two : $one, '/ws?senderId=ann');

        # some read what comes, some are away at once

        $c->chat('long', messageId => 'm1');
        is told($c->recv_json, $c->recv_json), 'typing [one ]' if $n % 2;
        $n % 4 ? $c->disconnect : $c->reset;
    }

    # nobody is there when it ends: the answer waits for the next one

    $agent->release('go');
    $agent->wait_for_end(1, 'done');

    for my $worker ($two, $one) {
        my $c = on_worker($worker, '/ws?senderId=ann');
        $c->chat('long', messageId => 'm1');
        is $c->answer('m1')->{content}, 'one two';
    }

    is $agent->count, 1;



=== TEST 7: what is aborted by one who came back
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->otherwise(say => 'one ', 'silence');
--- scenario
    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');
    my $d = on_worker($two, '/ws?senderId=ann');

    for my $id ('m1', '') {
        $c->chat('long', messageId => "m$id");
        $c->recv_json for 1, 2;

        $d->chat('long', messageId => "m$id");
        is told($d->recv_json, $d->recv_json), 'typing [one ]';
        is $c->recv_json->{code}, 'duplicate';

        $d->send_json({ type => 'chat.abort',
                        $id ? (messageId => "m$id") : () });
        is $d->answer->{code}, 'aborted';
    }

    is $agent->wait_for_end(2, 'gone')->{state}, 'gone';
    is scalar $_->sync, 0 for $c, $d;

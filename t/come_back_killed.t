# A worker dies.  Its turns that ran may have been answered in part: whoever
# comes back is told so, once and for all.  Those that waited are asked.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: the worker that has both the client and the turn
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->on('first', say => 'one ', 'silence');
--- scenario
    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');

    $c->chat('first', messageId => 'm1');
    $c->chat('second', messageId => 'm2');
    $c->recv_json for 1 .. 3;
    my $new = $T->kill_worker($one);
    is $c->close_code, 1006;

    for my $worker ($two, $new) {
        my $d = on_worker($worker, '/ws?senderId=ann');
        $d->chat('first', messageId => 'm1');
        $d->chat('second', messageId => 'm2');
        is $d->answer('m1')->{code}, 'agent_incomplete';
        is $d->answer('m2')->{content}, 'echo: second';
    }

    is join(' ', map { $_->{content} } $agent->requests), 'first second';



=== TEST 2: the worker that has the turn, and not the client
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->on('first', say => 'one ', 'silence');
    $agent->on('silent', 'silence');
--- scenario
    my ($one, $two) = two_workers();

    # with some text of it, and without

    for my $text ('first', 'silent') {
        my $gone = on_worker($one, "/ws?senderId=$text");
        $gone->chat($text, messageId => 'm1');
        $gone->chat("$_ after $text", messageId => "m$_") for 2, 3;
        $gone->recv_json for 1 .. ($text eq 'first' ? 4 : 3);
        $agent->wait_for_requests($text eq 'first' ? 1 : 4);
        $gone->disconnect;

        my $c = on_worker($two, "/ws?senderId=$text");
        $c->chat($text, messageId => 'm1');
        is $c->recv_json->{type}, 'chat.typing';
        is $c->recv_json->{content}, 'one ' if $text eq 'first';
        $c->chat("$_ after $text", messageId => "m$_") for 2, 3;
        is $c->recv_json->{type}, 'chat.typing' for 2, 3;

        # nothing is to be sent again: what waited there is asked here

        $one = $T->kill_worker($one);
        is $c->answer->{code}, 'agent_incomplete';
        is $c->answer->{content}, "echo: $_ after $text" for 2, 3;
    }

    is $agent->count, 6;



=== TEST 3: the worker that has the client, and not the turn
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->on('first', say => 'one ', gate => 'go', say => 'two');
--- scenario
    my ($one, $two) = two_workers();
    my $gone = on_worker($one, '/ws?senderId=ann');

    $gone->chat('first', messageId => 'm1');
    $gone->recv_json for 1, 2;

    my $c = on_worker($two, '/ws?senderId=ann');
    $c->chat('first', messageId => 'm1');
    $c->recv_json for 1, 2;
    my $new = $T->kill_worker($two);

    my $d = on_worker($new, '/ws?senderId=ann');
    $d->chat('first', messageId => 'm1');
    is $d->recv_json->{type}, 'chat.typing';
    is $d->recv_json->{content}, 'one ';
    $agent->release('go');
    is $d->answer->{content}, 'one two';
    is $agent->count, 1;



=== TEST 4: nothing is remembered: asked anew, unless some of it was told
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_answers off;
    }
--- agent
    $agent->on({ content => 'first', times => 1 }, say => 'one ', 'silence');
    $agent->on({ content => 'silent', times => 1 }, 'silence');
--- scenario
    my ($one, $two) = two_workers();

    for my $text ('first', 'silent') {
        my $gone = on_worker($one, "/ws?senderId=$text");
        $gone->chat($text, messageId => 'm1');
        is $gone->recv_json->{type}, 'chat.typing';
        is $gone->recv_json->{content}, 'one ' if $text eq 'first';

        my $c = on_worker($two, "/ws?senderId=$text");
        $c->chat($text, messageId => 'm1');
        is $c->recv_json->{type}, 'chat.typing';
        is $c->recv_json->{content}, 'one ' if $text eq 'first';
        $agent->wait_for_requests($text eq 'first' ? 1 : 2);

        $one = $T->kill_worker($one);
        my $answer = $c->answer;
        is $answer->{code} // $answer->{content},
            $text eq 'first' ? 'agent_incomplete' : 'echo: silent';
    }

    my $c = on_worker($two, '/ws?senderId=first');
    $c->chat('first', messageId => 'm1');
    is $c->answer->{content}, 'echo: first';



=== TEST 5: it was aborted in that very moment
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_answers off;
    }
--- agent
    $agent->on('first', 'silence');
--- scenario
    my ($one, $two) = two_workers();
    my $gone = on_worker($one, '/ws?senderId=ann');

    $gone->chat('first', messageId => 'm1');
    $gone->chat('second', messageId => 'm2');
    $agent->wait_for_requests(1);

    my $c = on_worker($two, '/ws?senderId=ann');
    $c->chat('first', messageId => 'm1');
    $c->chat('second', messageId => 'm2');
    is $c->recv_json->{type}, 'chat.typing' for 1, 2;

    # the worker can't do it any more

    kill 'STOP', $one;
    $c->send_json({ type => 'chat.abort', messageId => "m$_" }) for 1, 2;
    $c->sync;
    $T->kill_worker($one);

    is $c->answer($_)->{code}, 'aborted' for 'm1', 'm2';
    is $agent->count, 1, 'it is not asked now';



=== TEST 6: who came last has it, also after that
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->on('first', 'silence');
    $agent->on('second', gate => 'go', say => 'well');
--- scenario
    my ($one, $two) = two_workers();
    my (@old, @new);

    # connections that have a turn of the worker which dies, and others that
    # come before that has been noticed, or after it

    for my $n (1 .. 6) {
        my $gone = on_worker($one, "/ws?senderId=s$n");
        $gone->chat('first', messageId => 'm1');
        $gone->chat('second', messageId => 'm2');
        is $gone->recv_json->{type}, 'chat.typing' for 1, 2;

        push @old, on_worker($two, "/ws?senderId=s$n");
        push @new, on_worker($two, "/ws?senderId=s$n");
        $old[-1]->chat('second', messageId => 'm2');
        is $old[-1]->recv_json->{type}, 'chat.typing';
        is $gone->recv_json->{code}, 'duplicate';
    }

    kill 'STOP', $one;
    $_->chat('second', messageId => 'm2') for @new[0 .. 2];
    $_->sync for @new[0 .. 2];
    $T->kill_worker($one);
    $_->chat('second', messageId => 'm2') for @new[3 .. 5];
    is $_->answer->{code}, 'duplicate' for @old;

    $agent->wait_for_gate('go', 6);
    $agent->release('go');
    is $_->answer->{content}, 'well' for @new;



=== TEST 7: sent again before it is known that the worker has died
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_answers off;
    }
--- agent
    $agent->on({ content => 'first', times => 1 }, 'silence');
--- scenario
    my ($one, $two) = two_workers();
    my $gone = on_worker($one, '/ws?senderId=ann');

    $gone->chat('first', messageId => 'm1');
    $agent->wait_for_requests(1);

    my $c = on_worker($two, '/ws?senderId=ann');
    $c->chat('first', messageId => 'm1');
    is $c->recv_json->{type}, 'chat.typing';
    is $gone->recv_json->{type}, $_ for 'chat.typing', 'chat.error';
    $c->chat('second', messageId => 'm2');
    is $c->recv_json->{type}, 'chat.typing';

    my $d = on_worker($two, '/ws?senderId=ann');

    # the one that takes its place tells the other, which stands still

    kill 'STOP', $two;
    $T->kill_worker($one);
    $T->wait_for_log(qr/worker process $one is gone/);
    $_->chat('first', messageId => 'm1') for $d, $c;
    kill 'CONT', $two;

    is $c->answer('m2')->{content}, 'echo: second';
    is $c->answer('m1')->{content}, 'echo: first';
    is $d->answer('m1')->{code}, 'duplicate';
    is join(' ', map { $_->{content} } $agent->requests), 'first second first';



=== TEST 8: a turn that waits for another one's end is taken over
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->on('first', 'silence');
--- scenario
    my ($one, $two) = two_workers();
    my $gone = on_worker($one, '/ws?senderId=ann');

    $gone->chat('first', messageId => 'm1');
    $agent->wait_for_requests(1);

    my $c = on_worker($two, '/ws?senderId=ann');
    $c->chat('first', messageId => 'm1');
    $c->chat('second', messageId => 'm2');
    is $c->recv_json->{type}, 'chat.typing' for 1, 2;

    my $d = on_worker($two, '/ws?senderId=ann');

    # the second is granted before the end of the first is known

    kill 'STOP', $two;
    $T->kill_worker($one);
    $T->wait_for_log(qr/worker process $one is gone/);
    $d->chat('second', messageId => 'm2');
    kill 'CONT', $two;

    is $c->answer('m2')->{code}, 'duplicate';
    is $c->answer('m1')->{code}, 'agent_incomplete';
    is $d->answer('m2')->{content}, 'echo: second';

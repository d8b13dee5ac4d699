# Tests for chat.abort: the turns that it ends, and those that it does not.

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


sub ended {
    my ($answer) = @_;

    return join ' ', map { $answer->{$_} // '-' } qw(type messageId code);
}


run_tests();

__DATA__

=== TEST 1: a running turn
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->on('long', say => 'a', 'silence');
--- scenario
    my $c = $T->connect('/ws');

    $c->chat('long', messageId => 'm1');
    is $c->recv_json->{type}, 'chat.typing';
    is $c->recv_json->{content}, 'a';

    abort($c, messageId => 'm1');
    is_deeply $c->recv_json, { type => 'chat.error', messageId => 'm1',
        error => 'The turn was aborted, send the message with another '
                 . 'messageId if it is still to be answered',
        code => 'aborted' };

    # closing its connection is the only way to stop an agent

    is $agent->wait_for_end(1)->{state}, 'gone';

    $c->chat('hello');
    is $c->answer->{content}, 'echo: hello', 'the session goes on';



=== TEST 2: a turn that waits never reaches the agent
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->on('first', gate => 'go', say => 'one');
--- scenario
    my $c = $T->connect('/ws');

    $c->chat('first', messageId => 'm1');
    $c->chat('second', messageId => 'm2');
    $c->chat('third', messageId => 'm3');
    $agent->wait_for_gate('go');

    abort($c, messageId => 'm2');
    is ended($c->answer('m2')), 'chat.error m2 aborted';

    $agent->release('go');
    is $c->answer->{content}, 'one';
    is $c->answer->{content}, 'echo: third', 'the one behind it moves up';
    is join(' ', map { $_->{content} } $agent->requests), 'first third';



=== TEST 3: without a messageId, all of this sender's
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->on(qr/first/, 'silence');
    $agent->on('other', gate => 'go', say => 'still here');
--- scenario
    my $c = $T->connect('/ws?senderId=ann');

    $c->chat('first', messageId => 'm1');
    $c->chat('second', messageId => 'm2');
    $c->chat('third', messageId => 'm3');
    $c->chat('first', messageId => 'm4', chatType => 'group', groupId => 'g');
    $c->chat('other', messageId => 'm5', senderId => 'bob');
    $agent->wait_for_requests(3);

    abort($c);
    is ended($c->answer($_)), "chat.error $_ aborted" for qw(m1 m2 m3 m4);

    $agent->release('go');
    is $c->answer->{content}, 'still here', 'another sender is not meant';
    $agent->wait_for_end(2, 'gone');



=== TEST 4: from another connection, on another worker
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->on('long', 'silence');
--- scenario
    my $c = $T->connect('/ws?senderId=ann');
    my $d = elsewhere($c, '/ws?senderId=ann');

    $c->chat('long', messageId => 'm1');
    $c->chat('next', messageId => 'm2');
    $agent->wait_for_requests(1);
    $c->sync;

    # a waiting one

    abort($d, messageId => 'm2');
    is ended($c->answer('m2')), 'chat.error m2 aborted';

    # and the running one

    abort($d, messageId => 'm1');
    is ended($c->answer('m1')), 'chat.error m1 aborted';
    is $agent->wait_for_end(1)->{state}, 'gone';

    # all of them

    $c->chat('long', messageId => 'm3');
    $c->chat('next', messageId => 'm4');
    $agent->wait_for_requests(2);
    $c->sync;
    abort($d);
    is ended($c->answer($_)), "chat.error $_ aborted" for qw(m3 m4);

    is scalar $d->sync, 0, 'who asked for it hears nothing';
    is $agent->count, 2;

    $d->chat('hello');
    is $d->answer->{content}, 'echo: hello', 'the session goes on';



=== TEST 5: not those of another sender
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->on(qr/long/, gate => 'go', say => 'still here');
--- scenario
    my $c = $T->connect('/ws?senderId=ann');
    my $d = $T->connect('/ws?senderId=Ann');
    my $e = elsewhere($c, '/ws?senderId=bob');
    my %group = (chatType => 'group', groupId => 'g');

    $c->chat('long', messageId => 'm1');
    $c->chat('long', messageId => 'm2', %group);
    $agent->wait_for_gate('go', 2);

    for my $other ($d, $e) {
        my $id = $other == $d ? 'm3' : 'm4';

        abort($other);
        abort($other, messageId => 'm1');
        abort($other, messageId => 'm2', %group);
        is scalar $other->sync, 0, 'no error either: there is nothing to end';

        # what was passed to the other worker is done when this is

        $c->chat('next', messageId => $id);
        $c->sync;
        abort($other, messageId => $id, senderId => 'ann');
        is ended($c->answer($id)), "chat.error $id aborted";
    }

    $agent->release('go');
    my %answer = map { $_->{messageId} => $_ } $c->answer, $c->answer;
    is $answer{m1}{content}, 'still here';
    is $answer{m2}{content}, 'still here', 'nor in a group';



=== TEST 6: a turn of a group, from another connection, by the groupId
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->on(qr/long/, 'silence');
--- scenario
    my $c = $T->connect('/ws?senderId=ann');
    my $d = elsewhere($c, '/ws?senderId=ann');

    $c->chat('long', messageId => 'm1', chatType => 'group', groupId => 'g');
    $agent->wait_for_requests(1);

    abort($d, messageId => 'm1', groupId => 'g');
    is ended($c->answer), 'chat.error m1 aborted';
    is $agent->wait_for_end(1)->{state}, 'gone';



=== TEST 7: nothing to end, and fields that are wrong
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }

    location = /bound {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id ann;
    }
--- scenario
    my $c = $T->connect('/ws');

    abort($c);
    abort($c, messageId => 'm1');
    is scalar $c->sync, 0;

    # an answer that has been given is not taken back

    $c->chat('hello', messageId => 'm1');
    is $c->answer->{content}, 'echo: hello';
    abort($c, messageId => 'm1');
    is scalar $c->sync, 0;

    abort($c, messageId => 5);
    is $c->recv_json->{code}, 'bad_field';

    my $bound = $T->connect('/bound');
    abort($bound, messageId => 'm1', senderId => 'bob');
    is ended($bound->recv_json), 'chat.error m1 sender_refused';

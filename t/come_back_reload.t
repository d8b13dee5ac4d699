# A client whose worker leaves, for a reload, comes back to a new one: nothing
# is asked twice, and nothing is lost.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: turns of workers that leave, one generation after the other
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->on('first', say => 'one ', gate => 'go', say => 'two');
--- scenario
    my $c = $T->connect('/ws?senderId=ann');

    $c->chat('first', messageId => 'm1');
    is $c->recv_json->{type}, 'chat.typing';
    is $c->recv_json->{content}, 'one ';
    $c->chat('second', messageId => 'm2');
    is $c->recv_json->{type}, 'chat.typing';

    for (1 .. 4) {
        my ($one, $two) = $T->reload;
        my $d = on_worker($one, '/ws?senderId=ann');

        $d->chat('first', messageId => 'm1');
        is $d->recv_json->{type}, 'chat.typing';
        is $d->recv_json->{content}, 'one ';
        $d->chat('second', messageId => 'm2');
        is $d->recv_json->{type}, 'chat.typing';

        # its worker still runs them, for another one

        is $c->recv_json->{code}, 'duplicate' for 1, 2;
        is $c->close_code, 1012, 'a connection that has none is let go';
        $c = $d;
    }

    $agent->release('go');
    is $c->answer->{content}, 'one two';
    is $c->answer->{content}, 'echo: second';
    is $agent->count, 2;
    $T->wait_for(sub { !$T->old_workers }, 'the end of the old workers');



=== TEST 2: answers that old workers gave
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $c = $T->connect('/ws?senderId=ann');

    $c->chat('hello', messageId => 'm1');
    is $c->answer->{content}, 'echo: hello';

    for (1 .. 3) {
        $T->reload;
        my $d = $T->connect('/ws?senderId=ann');
        $d->chat('hello', messageId => 'm1');
        is $d->recv_json->{content}, 'echo: hello';
    }

    is $agent->count, 1;



=== TEST 3: nobody is there when the worker leaves
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->on('first', say => 'one ', gate => 'go', say => 'two');
--- scenario
    my $c = $T->connect('/ws?senderId=ann');

    $c->chat('first', messageId => 'm1');
    $agent->wait_for_gate('go');
    $c->disconnect;
    $T->reload;

    my $d = $T->connect('/ws?senderId=ann');
    $d->chat('first', messageId => 'm1');
    is $d->recv_json->{type}, 'chat.typing';
    is $d->recv_json->{content}, 'one ';
    $d->disconnect;

    $agent->release('go');
    $agent->wait_for_end(1, 'done');
    $T->wait_for(sub { !$T->old_workers }, 'the end of the old workers');

    my $e = $T->connect('/ws?senderId=ann');
    $e->chat('first', messageId => 'm1');
    is $e->recv_json->{content}, 'one two';
    is $agent->count, 1;



=== TEST 4: over a connection that is kept only for its turns
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->on('first', say => 'one ', gate => 'go', say => 'two');
--- scenario
    my $c = $T->connect('/ws?senderId=ann');

    $c->chat('zero', messageId => 'm0');
    is $c->answer->{content}, 'echo: zero';
    $c->chat('first', messageId => 'm1');
    $agent->wait_for_gate('go');
    $T->reload;
    $T->wait_for_log(qr/gracefully shutting down/);
    $c->recv_json for 1, 2;

    # what has a turn, or an answer, needs no new one

    $c->chat('first', messageId => 'm1');
    is $c->recv_json->{type}, 'chat.typing';
    is $c->recv_json->{content}, 'one ';
    $c->chat('zero', messageId => 'm0');
    is $c->recv_json->{content}, 'echo: zero';
    $c->chat('second', messageId => 'm2');
    is $c->recv_json->{code}, 'shutting_down';

    $agent->release('go');
    is $c->answer->{content}, 'one two';
    is $c->close_code, 1012;

    my $d = $T->connect('/ws?senderId=ann');
    $d->chat('second', messageId => 'm2');
    is $d->answer->{content}, 'echo: second', 'it was not taken';



=== TEST 5: worker_shutdown_timeout, when the client is elsewhere by then
--- main_config
    worker_shutdown_timeout 500ms;
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->on('long', say => 'one ', 'silence');
--- scenario
    my $c = $T->connect('/ws?senderId=ann');

    $c->chat('long', messageId => 'm1');
    $c->chat('next', messageId => 'm2');
    $c->recv_json for 1 .. 3;
    my @old = $T->workers;
    $T->reload;

    my $d = $T->connect('/ws?senderId=ann');
    $d->chat('long', messageId => 'm1');
    $d->chat('next', messageId => 'm2');
    is $d->answer('m1')->{code}, 'shutting_down';

    # the one that has not run is not to be given up; the other is

    is $d->answer('m2')->{code}, 'shutting_down';
    $T->wait_gone(@old);
    $d->chat('long', messageId => 'm1');
    is $d->recv_json->{code}, 'agent_incomplete';
    $d->chat('next', messageId => 'm2');
    is $d->answer->{content}, 'echo: next';



=== TEST 6: the worker that has the client leaves, not the one with the turn
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->on('long', say => 'one ', gate => 'go', say => 'two');
--- scenario
    # a turn that is three generations old, whose client is of the second

    my $c = $T->connect('/ws?senderId=ann');
    $c->chat('long', messageId => 'm1');
    $c->recv_json for 1, 2;
    $T->reload;

    my $d = $T->connect('/ws?senderId=ann');
    $d->chat('long', messageId => 'm1');
    $d->recv_json for 1, 2;
    $T->reload;

    is scalar $d->sync, 0, 'it is not sent away';
    $agent->release('go');
    is $d->answer->{content}, 'one two';
    is $d->close_code, 1012;
    $T->wait_for(sub { !$T->old_workers }, 'the end of the old workers');

# A gateway that was killed takes its turns up again when it is back: the
# answer is waited for.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();


# "hello" runs, and the gateway is gone

sub killed {
    my ($T, $path, $id) = @_;

    my $agent = $T->agent;
    $id //= 'm1';

    $agent->on('hello', say => 'Hel', gate => 'go', 'close');

    my $c = $T->connect($path);

    $c->chat('hello', messageId => $id);
    $agent->wait_for_gate('go')->mode('refuse')->release('go');
    $T->wait_for_log(qr/agent is unavailable, waiting for its history.*"$id"/);

    return $c;
}

__DATA__

=== TEST 1: it comes back, thinks, goes on, and answers
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $c = main::killed($T, '/ws?senderId=ann');

    $c->chat('and then', messageId => 'm2');

    $agent->history([user => 'hello'])->mode('normal');
    $agent->wait_for_requests(2);
    $agent->history([user => 'hello'], [rerun => 'r']);
    $agent->wait_for_requests(4);
    $agent->history([user => 'hello'], [rerun => 'r'],
                    [assistant => 'Hello', run => 'r']);

    my $answer = $c->answer('m1');
    is $answer->{content}, 'Hello';
    is $answer->{streamed}, 'Hello';
    is $c->answer('m2')->{content}, 'echo: and then';
    is scalar $c->sync, 0;

    my @asked = $agent->requests;
    is scalar(grep { $_->{method} eq 'POST' } @asked), 2;
    is $asked[-1]{content}, 'and then', 'the queue has waited';
    unlike $T->error_log, qr/\[error\]/;



=== TEST 2: it stays away
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_retry_timeout 500ms;
    }
--- scenario
    my $c = main::killed($T, '/ws');

    is $c->answer('m1')->{code}, 'agent_incomplete';

    $agent->mode('normal');
    is $c->chat('again')->answer->{content}, 'echo: again';



=== TEST 3: it is back and busy, behind a proxy that says so
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on({ method => 'GET', times => 1 }, reply => [$_, 'no'])
        for 503, 502, 504;
    $agent->history([user => 'hello'], [assistant => 'Hello', run => 1]);

    my $c = main::killed($T, '/ws');
    $agent->mode('normal');

    is $c->answer('m1')->{content}, 'Hello';
    is $agent->count, 5;



=== TEST 4: it does not take the turn up again
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_read_timeout 2s;
    }
--- scenario
    $agent->history([user => 'hello']);

    my $c = main::killed($T, '/ws');
    $agent->mode('normal');

    is $c->answer('m1')->{code}, 'agent_incomplete';
    cmp_ok $agent->count, '>', 2;



=== TEST 5: it was there all the time, and has stopped the turn
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_retry_timeout 1s;
    }
--- scenario
    $agent->on('hello', say => 'Hel', 'close');
    $agent->history([user => 'hello']);

    is $T->connect('/ws')->chat('hello')->answer->{code}, 'agent_incomplete';



=== TEST 6: the time for the whole turn is over
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_turn_timeout 3s;
    }
--- scenario
    $agent->history([user => 'hello'], [rerun => 'r']);

    my $c = main::killed($T, '/ws');
    $agent->mode('normal');

    is $c->answer('m1')->{code}, 'agent_incomplete';



=== TEST 7: one look, if there is to be no waiting
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_retry_timeout 0;
    }
--- scenario
    $agent->on(qr/^hello/, say => 'Hel', 'close');
    $agent->history([user => 'hello'], [rerun => 'r']);

    is $T->connect('/ws')->chat('hello')->answer->{code}, 'agent_incomplete';
    is $agent->count, 2;

    $agent->history([user => 'hello'], [assistant => 'Hello', run => 2]);
    is $T->connect('/ws')->chat('hello')->answer->{content}, 'Hello';
    is $agent->count, 4;



=== TEST 8: it is aborted, or its client leaves
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->history([user => 'hello'], [rerun => 'r']);

    my $c = main::killed($T, '/ws?senderId=ann');
    $agent->mode('normal');
    $agent->wait_for_requests(3);

    $c->send_json({ type => 'chat.abort', messageId => 'm1' });
    is $c->answer('m1')->{code}, 'aborted';
    is $c->chat('x')->answer->{content}, 'echo: x';

    $agent->forget->close_gate('go');
    $agent->history([user => 'hello'], [rerun => 'r']);
    $c = main::killed($T, '/ws?senderId=bob', 'm2');
    $c->reset;
    $agent->mode('normal');
    $agent->wait_for_requests(3);
    $agent->history([user => 'hello'], [rerun => 'r'],
                    [assistant => 'Hello', run => 'r']);
    $T->wait_for_log(qr/the answer was found in the history.*"m2"/);

    is $T->connect('/ws?senderId=bob')->chat('y')->answer->{content},
        'echo: y', 'its place is free';



=== TEST 9: a gateway that hangs, and a worker that has to leave
--- main_config
    worker_shutdown_timeout 1s;
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $c = main::killed($T, '/ws?senderId=ann');

    $agent->on({ method => 'GET' }, 'silence');
    $agent->mode('normal');
    $agent->wait_for_requests(2);

    my @old = $T->workers;
    $T->reload;

    is $c->answer('m1')->{code}, 'shutting_down';
    $T->wait_gone(@old);

# When nginx is told to quit, running turns end, clients are closed with 1012,
# and no process stays.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# tells nginx to quit, and returns what must be gone in the end

sub quit {
    my ($T) = @_;

    my @pid = ($T->master_pid, two_workers());

    kill 'QUIT', $pid[0];
    $T->wait_for(sub { !$T->workers }, 'workers that leave');

    return @pid;
}


run_tests();

__DATA__

=== TEST 1: what runs and what waits is answered first
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('m1', say => 'Hel', gate => 'go', say => 'lo');

    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');
    my $d = on_worker($two, '/ws?senderId=ann');
    my $idle = on_worker($one, '/ws?senderId=bob');

    $c->chat('m1');
    is $c->recv_json->{type}, 'chat.typing';
    is $c->recv_json->{content}, 'Hel';
    $d->chat('m2');
    is $d->recv_json->{type}, 'chat.typing';
    $c->chat('m3');
    is $c->recv_json->{type}, 'chat.typing';

    my @pid = main::quit($T);

    is $idle->recv->{code}, 1012;
    $idle->disconnect;
    is scalar(grep { $T->is_running($_) } @pid), 3;

    $agent->release('go');
    is $c->answer->{content}, 'Hello';
    is $d->answer->{content}, 'echo: m2';
    is $d->recv->{code}, 1012;
    is $c->answer->{content}, 'echo: m3';
    is $c->recv->{code}, 1012;

    $_->disconnect for $c, $d;
    $T->wait_gone(@pid);



=== TEST 2: turns whose clients have left, too
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('m1', gate => 'go', say => 'well');

    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');
    my $d = on_worker($two, '/ws?senderId=ann');

    for ([$c, 'm1'], [$d, 'm2']) {
        my ($client, $id) = @$_;
        $client->chat($id);
        is $client->recv_json->{type}, 'chat.typing';
    }

    $agent->wait_for_gate('go');
    $_->disconnect for $c, $d;

    my @pid = main::quit($T);

    $agent->release('go');
    is $agent->wait_for_end(2)->{content}, 'm2';
    is $_->{state}, 'done' for $agent->requests;
    $T->wait_gone(@pid);



=== TEST 3: a client that leaves on hearing that holds up nobody
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_detach 0;
    }
--- scenario
    $agent->on('m1', 'silence');

    my $c = $T->connect('/ws');

    $c->chat('m1');
    $agent->wait_for_requests(1);

    my @pid = main::quit($T);

    is $c->close, 1000;
    is $agent->wait_for_end(1)->{state}, 'gone';
    $T->wait_gone(@pid);



=== TEST 4: TERM does not wait
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('m1', say => 'half', 'silence');

    my $c = $T->connect('/ws');
    my $idle = $T->connect('/ws');

    $c->chat('m1');
    is $c->recv_json->{type}, 'chat.typing';
    is $c->recv_json->{content}, 'half';

    my @pid = ($T->master_pid, $T->workers);

    $T->stop;
    $T->wait_gone(@pid);
    is $agent->wait_for_end(1)->{state}, 'gone';
    is $_->close_code, 1006 for $c, $idle;

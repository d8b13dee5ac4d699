# When a client goes, its turns run on for openclaw_detach: the agent would
# forget a turn that is cut.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: the turn is not cut, however the client goes
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->otherwise(say => 'well, ', gate => 'go', say => 'hello');

    my %client = map { $_ => $T->connect("/ws?senderId=$_") }
                 qw(close disconnect reset half_close);

    $_->chat('hello') for values %client;
    $agent->wait_for_gate('go', 4);

    for my $way (keys %client) {
        $client{$way}->$way;
        my $again = $T->connect("/ws?senderId=$way");
        $again->chat('next');
        is $again->recv_json->{type}, 'chat.typing';
        $client{$way} = $again;
    }

    is $agent->count, 4, 'the next turn of its session waits for it';

    $agent->release('go');
    is $_->answer->{content}, 'well, hello' for values %client;

    my @asked = $agent->requests;
    is $_->{state}, 'done' for @asked;

    for my $ahead (@asked[0 .. 3]) {
        my ($next) = grep { $_->{session} eq $ahead->{session} }
                     @asked[4 .. 7];
        cmp_ok $next->{started}, '>=', $ahead->{ended};
    }



=== TEST 2: an answer that the client was too slow for is read to its end
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET;
        openclaw_send_buffer 16k;
    }
--- scenario
    $agent->on('long', repeat => [1500, 'x' x 1000], gate => 'go');

    my $slow = elsewhere($T->connect('/ws'), '/ws', rcvbuf => 8192);

    $slow->chat('long');

    like $slow->recv_text, qr/chat.typing/;
    like $slow->recv_text, qr/"done":false/;
    $slow->reset;

    $agent->wait_for_gate('go')->release('go');
    is $agent->wait_for_end(1)->{state}, 'done';



=== TEST 3: turns that wait are asked, too
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('m1', gate => 'go', say => 'well');

    my $c = $T->connect('/ws?senderId=ann');

    $c->chat($_, messageId => $_) for 'm1', 'm2', 'm3';
    is $c->recv_json->{type}, 'chat.typing' for 1 .. 3;
    $agent->wait_for_gate('go');
    $c->disconnect;

    my $d = $T->connect('/ws?senderId=ann');
    $d->chat('m4', messageId => 'm4');
    is $d->recv_json->{type}, 'chat.typing';
    $agent->release('go');
    is $d->answer->{messageId}, 'm4';
    is join(' ', map { $_->{content} } $agent->requests), 'm1 m2 m3 m4';



=== TEST 4: not for longer than openclaw_detach
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_detach 300ms;
    }
--- scenario
    $agent->on('m1', say => 'half', 'silence');

    my $c = $T->connect('/ws?senderId=ann');

    $c->chat($_, messageId => $_) for 'm1', 'm2';
    is $c->recv_json->{type}, 'chat.typing';
    $agent->wait_for_requests(1);
    $c->sync;

    my $left = Time::HiRes::time;
    $c->disconnect;

    my $d = $T->connect('/ws?senderId=ann');
    $d->chat('m3', messageId => 'm3');

    my $gone = $agent->wait_for_end(1, 'gone');
    cmp_ok $gone->{ended} - $left, '>=', 0.28, 'its time was up';
    like $T->error_log, qr/turn aborted since no client came back .*"m1"/;

    # the one that waited for it had its time, too

    is $d->answer->{messageId}, 'm3';
    is join(' ', map { $_->{content} } $agent->requests), 'm1 m3';



=== TEST 5: it does not count while the client is there
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_detach 100ms;
    }
--- scenario
    $agent->on('m1', (say => 'x', delay => 0.1) x 4);

    my $c = $T->connect('/ws?senderId=ann');

    $c->chat('m1');
    is $c->answer->{content}, 'xxxx';



=== TEST 6: openclaw_detach 0 ends all turns at once
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_detach 0;
    }
--- scenario
    $agent->on('m1', say => 'half', 'silence');

    my $c = $T->connect('/ws?senderId=ann');

    $c->chat($_, messageId => $_) for 'm1', 'm2';
    $agent->wait_for_requests(1);
    $c->sync;
    $c->disconnect;

    is $agent->wait_for_end(1)->{state}, 'gone';

    # what waited never reaches the agent

    my $d = elsewhere($T->connect('/ws'), '/ws?senderId=ann');
    $d->chat('m3', messageId => 'm3');
    is $d->answer->{messageId}, 'm3';
    is join(' ', map { $_->{content} } $agent->requests), 'm1 m3';

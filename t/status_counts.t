# Tests for what openclaw_status counts, of one worker.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Status;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: connections, and how they end
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /status { openclaw_status; }
--- scenario
    status_is(connections => 0, 'handshakes_total.accepted' => 0);

    my @client = map { $T->connect('/ws') } 1 .. 4;
    status_is(connections => 4, 'handshakes_total.accepted' => 4,
              'handshakes_total.refused' => 0);

    $client[0]->close(1000);
    $client[1]->send_raw("\xff\xff");
    is $client[1]->close_code, 1002;
    $client[2]->disconnect;
    $client[3]->close(4999);

    is $T->get('/ws')->{status}, 426;

    status_is(connections => 0, 'handshakes_total.refused' => 1,
              'closes_total.1000' => 1, 'closes_total.1002' => 1,
              'closes_total.1006' => 1, 'closes_total.other' => 1,
              'closes_total.1012' => 0);



=== TEST 2: messages, frames and bytes
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /status { openclaw_status; }
--- scenario
    my $c = $T->connect('/ws');
    my @in = map { WsFrame::text($_) } '{"type":"ping"}', 'x' x 1000;

    push @in, WsFrame::ping('p');
    $c->send_raw(join '', @in);

    $c->recv_json for 1, 2;
    $c->sync;

    my $now = status()->{total};
    my $len = length join '', @in;

    is $now->{messages_total}, 2, 'control frames are none';
    is $now->{received_frames_total}, 4;
    is $now->{sent_frames_total}, 4;
    is $now->{received_bytes_total} - $len, length WsFrame::ping('sync1');
    cmp_ok $now->{sent_bytes_total}, '>',
        length '{"type":"pong"}' . '{"type":"chat.error"}';



=== TEST 3: turns, and what became of them
--- config
    location = /ws {
        openclaw_pass   http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_queue  1;
    }
    location = /status { openclaw_status; }
--- scenario
    $agent->on('first', 'start', gate => 'go', say => 'well');
    $agent->on('fails', say => 'half', error => 'no more');

    my $c = $T->connect('/ws?senderId=ann');

    $c->chat('first');
    $c->chat('next');
    $c->chat('too many', messageId => 'm3');
    is $c->answer('m3')->{code}, 'queue_full';
    $agent->wait_for_gate('go');
    status_is(turns_running => 1, turns_waiting => 1,
              'errors_total.queue_full' => 1, 'turns_total.ok' => 0);

    $agent->release('go');
    $c->answer for 1, 2;
    is $c->chat('fails', messageId => 'm4')->answer('m4')->{code},
        'agent_error';

    status_is(turns_running => 0, turns_waiting => 0,
              'turns_total.ok' => 2, 'turns_total.agent_error' => 1,
              'turns_total.queue_full' => 0,
              'agent_requests_total.ok' => 2,
              'agent_requests_total.agent_error' => 1,
              'errors_total.agent_error' => 1);

    # what is told again is no turn, but an error for a client

    is $c->chat('fails', messageId => 'm4')->answer('m4')->{code},
        'agent_error';
    status_is('errors_total.agent_error' => 2,
              'turns_total.agent_error' => 1);



=== TEST 4: turns that are aborted, running and waiting, or left alone
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /status { openclaw_status; }
--- scenario
    $agent->on('first', say => 'a', 'silence');
    $agent->on('left', gate => 'go', say => 'well');

    my $c = $T->connect('/ws?senderId=ann');

    $c->chat($_) for 'first', 'next';
    $agent->wait_for_requests(1);
    status_is(turns_running => 1, turns_waiting => 1);

    $c->send_json({ type => 'chat.abort' });
    is $c->answer->{code}, 'aborted' for 1, 2;
    status_is(turns_running => 0, turns_waiting => 0,
              'turns_total.aborted' => 2, 'agent_requests_total.aborted' => 1,
              'errors_total.aborted' => 2);

    $c->chat('left');
    $agent->wait_for_gate('go');
    $c->disconnect;
    status_is(connections => 0, turns_running => 1);
    $agent->release('go');
    status_is(turns_running => 0, 'turns_total.ok' => 1);



=== TEST 5: an agent that is away, or loses an answer
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
    location = /status { openclaw_status; }
--- scenario
    $agent->on({ content => 'away', times => 2 }, reply => [503, 'away']);

    my $c = $T->connect('/ws');

    is $c->chat('away')->answer->{content}, 'echo: away';
    status_is(agent_retries_total => 2, 'agent_requests_total.ok' => 1,
              agent_lookups_total => 0);

    $agent->on('lost', say => 'half', 'close');
    is $c->chat('lost')->answer->{code}, 'agent_incomplete';
    cmp_ok status()->{total}{agent_lookups_total}, '>', 0;



=== TEST 6: the zone
--- http_config
    openclaw_zone  openclaw:1m;
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /status { openclaw_status; }
--- scenario
    $agent->on('stay', gate => 'go', say => 'well');

    my $empty = status()->{zone};
    is_deeply $empty->{sessions}, { active => 0, idle => 0 };
    is $empty->{answers}, 0;
    is $empty->{zone_pages}{used}, 0;

    my $c = $T->connect('/ws');

    for my $n (1 .. 5) {
        $c->chat('x' x 5000, messageId => "m$n", senderId => "s$n");
        $c->answer("m$n");
    }

    $c->chat('stay', senderId => 's6');
    $agent->wait_for_gate('go');

    my $zone = status()->{zone};
    is_deeply $zone->{sessions}, { active => 1, idle => 5 };
    is $zone->{answers}, 5;
    cmp_ok $zone->{zone_pages}{used}, '>', 5;
    is $zone->{zone_pages}{used} + $zone->{zone_pages}{free},
       $empty->{zone_pages}{free};
    like $T->zone_check, qr/ $zone->{zone_pages}{free} pages free/;

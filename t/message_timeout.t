# openclaw_message_timeout: who begins a frame or a message has to go on.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: a half of something, and then nothing
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_message_timeout 100ms;
    }
--- scenario
    my $frame = WsFrame::text('{"type":"chat.send","content":"hello"}');

    my %half = (
        'of a header' => substr($frame, 0, 1),
        'of a payload' => substr($frame, 0, 20),
        'of a message' => WsFrame::frame('text', '{"type":', fin => 0),
        'of a fragment' => WsFrame::frame('text', '{"type":', fin => 0)
                           . substr(WsFrame::cont('"ping"}'), 0, 10),
        'of a control frame' => substr(WsFrame::ping('ping'), 0, 4),
        'behind a whole message' => $frame . substr($frame, 0, 20),
    );

    for my $what (sort keys %half) {
        my $c = $T->connect('/ws');
        $c->send_raw($half{$what});
        is $c->close_code, 1008, $what;
        is $c->close_reason, 'client sent a part of a message and not the rest';
    }

    my $n = () = $T->error_log =~ /\[info\].* client sent a part of a message/g;
    is $n, keys %half, 'a line for each';



=== TEST 2: pings and pongs are no progress
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_message_timeout 300ms;
        openclaw_ping_interval 50ms;
    }
--- scenario
    my $c = $T->connect('/ws');

    $c->send_raw(WsFrame::frame('text', '{"type":', fin => 0));

    while (my $f = $c->recv) {
        last if $f->{op} == 8;
        $c->send_frame('pong', $f->{payload}) if $f->{op} == 9;
        $c->send_frame('ping') if $f->{op} == 9;
    }

    is $c->{last}{code}, 1008;



=== TEST 3: a byte now and then is no progress, either
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_message_timeout 300ms;
    }
--- scenario
    my $c = $T->connect('/ws');
    my $n = 0;

    $c->send_raw(WsFrame::binary('x' x 1000, len => 100_000));

    $T->wait_for(sub {
        return 1 if !$c->is_open;
        $n++;
        $c->send_raw('x') if $n < 10_000;
        return 0;
    }, 'the end of patience');

    is $c->close_code, 1008;



=== TEST 4: who goes on may take longer
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_message_timeout 500ms;
    }

    location = /other {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_message_timeout 400ms;
    }
--- scenario
    my $c = $T->connect('/ws');
    my $json = '{"type":"chat.send","messageId":"m1","content":"';

    $c->send_raw(WsFrame::frame('text', $json, fin => 0));

    # each time that another one, who began at the same time, has had enough

    for (1 .. 3) {
        my $other = $T->connect('/other');
        $c->send_frame('cont', 'x' x 20_000, fin => 0);
        $other->send_raw("\x81");
        is $other->close_code, 1008;
    }

    $c->send_frame('cont', '"}');
    is length $c->answer('m1')->{content}, 60_006;



=== TEST 5: between messages there is no hurry
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_message_timeout 100ms;
    }
--- scenario
    my $c = $T->connect('/ws');
    my $other = $T->connect('/ws');

    # one byte at a time, each message as a whole in time

    for my $n (1 .. 3) {
        my $other = $T->connect('/ws');
        $c->send_raw($_) for split //, WsFrame::text(
            qq({"type":"chat.send","content":"$n"}));
        is $c->answer->{content}, "echo: $n";

        $other->send_raw("\x81");
        is $other->close_code, 1008;
    }

    is scalar $c->sync, 0;



=== TEST 6: what waits for the server is not late
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_message_timeout 1s;
        openclaw_send_buffer 1k;
    }

    location = /other {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_message_timeout 500ms;
    }
--- scenario
    $agent->on('big', gate => 'go', say => 'x' x 500_000);

    my ($worker) = two_workers();
    my $c = on_worker($worker, '/ws', rcvbuf => 4096);
    my $json = '{"type":"chat.send","messageId":"m2","content":"hello"}';

    # its answer is not read, so nothing is read from it

    $c->chat('big', messageId => 'm1');
    $c->send_raw(WsFrame::frame('text', substr($json, 0, 10), fin => 0));
    $agent->wait_for_gate('go');
    $agent->release('go');

    for (1 .. 4) {
        my $other = $T->connect('/other');
        $other->send_raw("\x81");
        is $other->close_code, 1008;
    }

    $c->send_frame('cont', substr $json, 10);
    is length $c->answer('m1')->{content}, 500_000;
    is $c->answer('m2')->{content}, 'echo: hello';

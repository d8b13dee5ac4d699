# openclaw_send_timeout: a client that takes nothing for so long is closed,
# and its turn runs on without it.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: one that reads nothing
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET;
        openclaw_send_buffer 64k;
        openclaw_send_timeout 300ms;
    }
--- scenario
    $agent->on('long', repeat => [1500, 'x' x 1000]);

    my ($one) = two_workers();
    my $slow = on_worker($one, '/ws?senderId=ann', rcvbuf => 8192);
    my $bob = on_worker($one, '/ws?senderId=bob');

    $slow->chat('long', messageId => 'm1');

    # it was held for this client, and goes on when that is gone

    is $agent->wait_for_end(1)->{state}, 'done';
    $T->wait_for_log(qr/client timed out .*senderId=ann/);

    is $slow->close_code, 1006, 'nothing more could be said to it';
    $bob->chat('hello');
    is $bob->answer->{content}, 'echo: hello';

    my $again = $T->connect('/ws?senderId=ann');
    $again->chat('hello', messageId => 'm1');
    is $again->answer->{content}, 'echo: hello', 'the session is free';



=== TEST 2: one that is slow, but reads
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET;
        openclaw_send_buffer 64k;
        openclaw_send_timeout 500ms;
    }
--- scenario
    $agent->on('long', repeat => [1500, 'x' x 1000]);

    my ($one) = two_workers();
    my $slow = on_worker($one, '/ws?senderId=ann', rcvbuf => 8192);

    # for longer than that, with pauses shorter than that

    my $until = Time::HiRes::time + 1.5;
    my $streamed = 0;

    $slow->chat('long');

    while (Time::HiRes::time < $until) {
        select undef, undef, undef, 0.1;
        my $end = $streamed + 50_000;

        while ($streamed < $end) {
            $streamed += length $1 if $slow->recv_text =~ /"content":"(x*)"/;
        }
    }

    cmp_ok $streamed, '<', 1_500_000;

    while (1) {
        my ($content, $done) =
            $slow->recv_text =~ /"content":"(x*)","done":(true|false)/;

        if ($done eq 'true') {
            is length $content, 1_500_000;
            last;
        }

        $streamed += length $content;
    }

    is $streamed, 1_500_000;



=== TEST 3: one that has nothing to read is not meant
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_send_timeout 100ms;
    }
--- scenario
    my $c = $T->connect('/ws');

    $c->chat('hello');
    is $c->answer->{content}, 'echo: hello';

    select undef, undef, undef, 0.3;
    $c->chat('hello');
    is $c->answer->{content}, 'echo: hello';

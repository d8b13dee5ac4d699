# What becomes of a connection whose turn was taken over, and of a turn whose
# client is not like the one before.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();

use constant LINES => 1500;
use constant LINE => 'x' x 1000;
use constant ANSWER => LINE x LINES;


# all of an answer that is too long to be read as JSON in no time

sub read_answer {
    my ($client) = @_;

    my $streamed = '';

    while (1) {
        my $text = $client->recv_text;
        my ($type, $content) = $text =~ /"type":"([a-z.]+)".*"content":"(x*)"/
            or next;

        return ($streamed, $content) if $type eq 'chat.response';
        $streamed .= $content;
    }
}


# no more of the answer to this is read from the agent

sub wait_for_pause {
    my ($content) = @_;

    my ($seen, $since) = (0, 0);

    $TestEnv::T->wait_for(sub {
        my ($asked) = grep { $_->{content} eq $content }
                      $TestEnv::T->agent->requests;
        my $sent = $asked ? $asked->{sent} : 0;

        ($seen, $since) = ($sent, Time::HiRes::time) if $sent != $seen;
        return $seen && Time::HiRes::time - $since > 0.1;
    }, 'the agent to get no further');

    return $seen;
}


run_tests();

__DATA__

=== TEST 1: the one before goes on with its other turns
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->otherwise(say => 'one ', gate => 'go', say => 'two');
--- scenario
    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws');

    $c->chat('long', messageId => 'm1', senderId => $_) for 'ann', 'bob';
    $agent->wait_for_gate('go', 2);
    $c->recv_json for 1 .. 4;

    my $d = on_worker($two, '/ws');
    $d->chat('long', messageId => 'm1', senderId => 'ann');
    is $d->recv_json->{type}, 'chat.typing';
    is $c->recv_json->{code}, 'duplicate';

    # it ends what is its own, not what it had

    $c->send_json({ type => 'chat.abort', senderId => 'bob' });
    is $c->recv_json->{code}, 'aborted';
    $c->close;

    $agent->release('go');
    is $d->answer->{content}, 'one two';



=== TEST 2: from a client that does not read, by one that does
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET;
        openclaw_send_buffer 64k;
    }
--- scenario
    my ($one, $two) = two_workers();

    for my $worker ($one, $two) {
        my $id = "of$worker";
        my $slow = on_worker($one, "/ws?senderId=$id", rcvbuf => 8192);

        $agent->on("long $id", repeat => [LINES, LINE]);
        $slow->chat("long $id", messageId => 'm1');
        is $slow->recv_json->{type}, 'chat.typing';
        cmp_ok wait_for_pause("long $id"), '<', length(ANSWER) / 2;

        my $quick = on_worker($worker, "/ws?senderId=$id");
        $quick->chat("long $id", messageId => 'm1');
        my ($streamed, $answer) = read_answer($quick);
        ok $answer eq ANSWER;
        ok $streamed eq ANSWER;

        # and it is told so behind what it has yet to read

        is $slow->answer->{code}, 'duplicate';
    }



=== TEST 3: by a client that does not read: the agent is held again
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET;
        openclaw_send_buffer 64k;
    }
--- agent
    $agent->on('long', say => 'x' x 100, gate => 'go',
               repeat => [LINES, LINE]);
--- scenario
    my ($one, $two) = two_workers();
    my $quick = on_worker($one, '/ws?senderId=ann');
    my $slow = on_worker($one, '/ws?senderId=ann', rcvbuf => 8192);

    $quick->chat('long', messageId => 'm1');
    $quick->recv_json for 1, 2;
    $slow->chat('long', messageId => 'm1');
    is $quick->recv_json->{code}, 'duplicate';
    $agent->release('go');
    cmp_ok wait_for_pause('long'), '<', length(ANSWER) / 2;

    # when nobody is there to wait for, it goes on

    $slow->reset;
    $agent->wait_for_end(1, 'done');
    is $agent->count, 1;



=== TEST 4: by a client whose connection is full of other things
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET;
        openclaw_send_buffer 64k;
    }
--- agent
    $agent->on(qr/^other/, repeat => [LINES, LINE]);
    $agent->on('long', say => 'one ', gate => 'go', say => 'two ',
               gate => 'on', say => 'three');
--- scenario
    my ($one, $two) = two_workers();

    for my $worker ($one, $two) {
        my $quick = on_worker($one, "/ws?senderId=of$worker");
        my $slow = on_worker($worker, '/ws', rcvbuf => 8192);

        $quick->chat('long', messageId => 'm1');
        $quick->recv_json for 1, 2;

        # together, as it is not read from while it is full

        $slow->send_raw(join '', map {
            WsFrame::frame('text', WsFrame::to_json({ type => 'chat.send', %$_ }))
        } { content => "other $worker", messageId => 'm2', senderId => 'x' },
          { content => 'long', messageId => 'm1', senderId => "of$worker" });

        is $quick->recv_json->{code}, 'duplicate';
        wait_for_pause("other $worker");
        $agent->release('go', 'on');

        my (%streamed, %answer);

        while (keys %answer < 2) {
            my ($type, $id, $text) = $slow->recv_text
                =~ /"type":"chat.(\w+)","messageId":"(m.)","content":"(.*?)"/
                or next;

            $streamed{$id} .= $text if $type eq 'stream';
            $answer{$id} = $text if $type eq 'response';
        }

        is $answer{m1}, 'one two three';
        is $streamed{m1}, 'one two three';
        ok $answer{m2} eq ANSWER;
        ok $streamed{m2} eq ANSWER;

        $agent->close_gate($_) for 'go', 'on';
    }



=== TEST 5: by one that leaves at once, again and again
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->on('long', say => 'one ', gate => 'go', say => 'two');
--- scenario
    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');

    $c->chat('long', messageId => 'm1');
    $c->chat('next', messageId => 'm2');
    $agent->wait_for_gate('go');

    for my $n (1 .. 40) {
        my $d = on_worker($n % 3 ? $two : $one, '/ws?senderId=ann');

        $d->chat($_->[0], messageId => $_->[1])
            for ['long', 'm1'], ['next', 'm2'];
        $n % 2 ? $d->reset : $d->disconnect;
    }

    my $d = on_worker($two, '/ws?senderId=ann');
    $d->chat('long', messageId => 'm1');
    $d->chat('next', messageId => 'm2');
    $d->recv_json for 1, 2;
    $agent->release('go');
    is $d->answer('m1')->{content}, 'one two';
    is $d->answer('m2')->{content}, 'echo: next';
    is $agent->count, 2;



=== TEST 6: at the last moment
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_detach 300ms;
    }
--- agent
    $agent->on('long', say => 'one ', 'silence');
--- scenario
    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');

    $c->chat('long', messageId => 'm1');
    $c->recv_json for 1, 2;

    # who comes back in time starts it anew

    for (1 .. 6) {
        $c->disconnect;
        $c = on_worker($_ % 2 ? $two : $one, '/ws?senderId=ann');
        $c->chat('long', messageId => 'm1');
        is $c->recv_json->{type}, 'chat.typing';
        is $c->recv_json->{content}, 'one ';
        select undef, undef, undef, 0.1;
    }

    $c->disconnect;
    $T->wait_for_log(qr/turn aborted since no client came back for it/);

    $c = on_worker($two, '/ws?senderId=ann');
    $c->chat('long', messageId => 'm1');
    is $c->recv_json->{code}, 'aborted';
    is $agent->count, 1;



=== TEST 7: many at once, from all sides
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->on('long', say => 'one ', gate => 'go', say => 'two');
--- scenario
    my ($one, $two) = two_workers();
    my @client = map { on_worker($_ % 2 ? $two : $one, '/ws?senderId=ann') }
                 1 .. 20;

    # whoever has it at the end gets the answer, all others were told that
    # they have it no more

    $_->chat('long', messageId => 'm1') for @client;
    is $_->recv_json->{type}, 'chat.typing' for @client;
    $agent->release('go');

    my @end = map { my $end = $_->answer('m1');
                    $end->{code} // $end->{content} } @client;

    ok scalar(grep { $_ eq 'one two' } @end);
    is scalar(grep { $_ ne 'one two' && $_ ne 'duplicate' } @end), 0;
    is scalar $_->sync, 0 for @client;
    is $agent->count, 1;

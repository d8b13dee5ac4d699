# A client that does not read holds up nothing but its own turn: reading from
# the agent pauses, memory stays flat, and when the client reads it gets all.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();

# much more than all buffers on the way can take

use constant LINES => 1500;
use constant LINE => 'x' x 1000;
use constant ANSWER => LINE x LINES;


# the answer is under way, and no more of it is read from the agent

sub wait_for_pause {
    my ($n, $all) = (@_, length ANSWER);

    my $agent = $TestEnv::T->agent;
    my ($seen, $since) = (0, 0);

    $agent->wait_for_requests($n);

    $TestEnv::T->wait_for(sub {
        my $sent = [$agent->requests]->[$n - 1]{sent};

        ($seen, $since) = ($sent, Time::HiRes::time) if $sent != $seen;
        return $seen && Time::HiRes::time - $since > 0.1;
    }, 'the agent to get no further');

    cmp_ok $seen, '<', $all / 2, 'only a part of it was sent';
    return $seen;
}


# Reads all of an answer: what was streamed, and what the end says.  It is too
# long to be read as JSON in no time.

sub read_answer {
    my ($client) = @_;

    my @stream;

    while (1) {
        my $text = $client->recv_text;
        my ($type, $content) = $text =~ /"type":"([a-z.]+)".*"content":"(x*)"/
            or next;

        return (\@stream, $content) if $type eq 'chat.response';
        push @stream, $content;
    }
}


sub resident {
    my ($pid) = @_;

    my ($kb) = TestEnv::Scenario::slurp("/proc/$pid/status")
               =~ /^VmRSS:\s+(\d+)/m;
    return $kb * 1024;
}


# A sanitizer keeps what was freed for a while, to see it used.

sub grew_less {
    my ($pid, $before, $than) = @_;

    return if $ENV{OPENCLAW_REPORTS};
    cmp_ok resident($pid) - $before, '<', $than, 'memory stays flat';
}


run_tests();

__DATA__

=== TEST 1: the agent is held, others are not, and nothing is lost
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET;
        openclaw_send_buffer 64k;
    }
--- scenario
    $agent->on('long', repeat => [LINES, LINE]);

    my ($one, $two) = two_workers();
    my $slow = on_worker($one, '/ws?senderId=ann', rcvbuf => 8192);
    my @quick = map { on_worker($_, '/ws?senderId=bob') } $one, $two;

    $quick[0]->chat('hello');
    is $quick[0]->answer->{content}, 'echo: hello';
    my $before = resident($one);

    $slow->chat('long');
    my $sent = wait_for_pause(2);
    grew_less($one, $before, length(ANSWER) / 2);

    for (1 .. 5) {
        for my $c (@quick) {
            $c->chat('hello');
            is $c->answer->{content}, 'echo: hello', 'others are served';
        }
    }

    is [$agent->requests]->[1]{sent}, $sent, 'and it is still held';

    my ($stream, $answer) = read_answer($slow);
    ok $answer eq ANSWER;
    ok join('', @$stream) eq ANSWER;



=== TEST 2: an answer that is read now and then
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET;
        openclaw_send_buffer 64k;
    }
--- scenario
    $agent->on('long', repeat => [LINES, LINE]);

    my $slow = elsewhere($T->connect('/ws'), '/ws', rcvbuf => 8192);
    my ($streamed, $last) = ('', 0);

    $slow->chat('long');

    for (1 .. 3) {
        my $sent = wait_for_pause(1, 2 * length ANSWER);
        cmp_ok $sent, '>', $last, 'it went on';
        $last = $sent;

        # more than its system has taken for it

        my $end = length($streamed) + 100_000;

        while (length $streamed < $end) {
            $streamed .= $1
                if $slow->recv_text =~ /"content":"(x*)","done":false/;
        }
    }

    my ($stream, $answer) = read_answer($slow);
    ok $answer eq ANSWER;
    ok $streamed . join('', @$stream) eq ANSWER;



=== TEST 3: of snapshots, those that come too late are left out
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET;
        openclaw_send_buffer 64k;
        openclaw_stream snapshot;
    }
--- scenario
    # many small parts that come together, of a megabyte in all

    my $parts = join '', map {
        'data: ' . WsFrame::to_json({ choices => [{ delta => $_ }] }) . "\n\n"
    } ({ content => 'x' x 500 }) x 20;

    $agent->on('long', 'start', (body => $parts) x 100);

    my ($one) = two_workers();
    my $slow = on_worker($one, '/ws?senderId=ann', rcvbuf => 8192);
    my $before = resident($one);

    $slow->chat('long');
    wait_for_pause(1, 1_000_000);
    grew_less($one, $before, 500_000);

    my ($stream, $answer) = read_answer($slow);
    is length $answer, 1_000_000;
    cmp_ok scalar @$stream, '<', 1000, 'less than half of the 2000';

    my @odd = grep { length $stream->[$_] <= length $stream->[$_ - 1] }
              1 .. $#$stream;
    is "@odd", '', 'each has more than the one before';



=== TEST 4: no one else is to blame for the time that an answer was held
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET;
        openclaw_send_buffer 64k;
        openclaw_read_timeout 200ms;
        openclaw_turn_timeout 500ms;
    }
--- scenario
    $agent->on('long', repeat => [LINES, LINE]);
    $agent->on('endless', (say => 'x', delay => 0.05) x 50);

    my ($one) = two_workers();
    my $slow = on_worker($one, '/ws?senderId=ann', rcvbuf => 8192);
    my $bob = on_worker($one, '/ws?senderId=bob');

    $slow->chat('long');
    wait_for_pause(1);

    # both timeouts have gone by when this turn has used up its own

    $bob->chat('endless');
    is $bob->answer->{code}, 'agent_timeout';

    my ($stream, $answer) = read_answer($slow);
    ok $answer eq ANSWER;
    ok join('', @$stream) eq ANSWER;



=== TEST 5: turns that share a connection share its pace
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET;
        openclaw_send_buffer 64k;
    }
--- scenario
    $agent->on(qr/long/, gate => 'go', repeat => [LINES, LINE]);

    my ($one) = two_workers();
    my $slow = on_worker($one, '/ws?senderId=ann', rcvbuf => 8192);
    my $before = resident($one);

    # once an answer is in the way, no message is taken

    $slow->chat('long', messageId => "m$_", senderId => "s$_") for 1 .. 3;
    $agent->wait_for_gate('go', 3)->release('go');

    wait_for_pause($_) for 1 .. 3;
    grew_less($one, $before, length(ANSWER) / 2);

    my %streamed;

    for (1 .. 3) {
        my $text;

        while (1) {
            $text = $slow->recv_text;
            last if $text =~ /"done":true/;
            $text =~ /"messageId":"(m.)","content":"(x*)"/ or next;
            $streamed{$1} .= $2;
        }

        $text =~ /"messageId":"(m.)","content":"(x*)"/;
        ok $2 eq ANSWER, "the end of $1";
        ok $streamed{$1} eq ANSWER;
    }

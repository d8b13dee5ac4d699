# Long answers to clients that came back to another worker and read slowly:
# what is too late makes one part, and the end is never lost.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();

use constant LINES => 3000;
use constant LINE => 'x' x 1000;
use constant ANSWER => LINE x LINES;


# A client of one worker that does not read, for a turn of the other one,
# which has said nothing yet.

sub slow_guest {
    my ($uri) = @_;

    my $agent = $TestEnv::T->agent;
    my ($one, $two) = two_workers();
    my $gone = on_worker($one, "$uri?senderId=ann");

    $gone->chat('long', messageId => 'm1');
    is $gone->recv_json->{type}, 'chat.typing';
    $agent->wait_for_gate('go');

    my $c = on_worker($two, "$uri?senderId=ann", rcvbuf => 8192);
    $c->chat('long', messageId => 'm1');
    is $gone->recv_json->{code}, 'duplicate';

    return $c;
}


# The parts of a turn and its end, without reading them as JSON: they are too
# long for that.

sub read_answer {
    my ($client, $id) = @_;

    my @part;

    while (1) {
        my $text = $client->recv_text;
        my ($type, $of) = $text =~ /^\{"type":"chat\.(\w+)","messageId":"(m\d)"/
            or next;
        my ($content) = $text =~ /"(?:content|error)":"([^"]*)"/;

        is $of, $id, "of $id" if $of ne $id;
        return (\@part, $type, $content) if $type ne 'stream';
        push @part, $content;
    }
}


run_tests();

__DATA__

=== TEST 1: the whole answer comes before anything is read of it
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET;
        openclaw_send_buffer 64k;
    }
    location = /snapshot {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET;
        openclaw_send_buffer 64k;
        openclaw_stream snapshot;
    }
    location = /off {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET;
        openclaw_send_buffer 64k;
        openclaw_stream off;
    }
--- agent
    $agent->on('long', gate => 'go', repeat => [LINES, LINE]);
--- scenario
    my $n = 0;

    for my $uri ('/ws', '/snapshot', '/off') {
        my $c = slow_guest($uri);

        # a worker never waits for another one: the agent is read to its end

        $agent->release('go');
        $agent->wait_for_end(++$n, 'done');

        my ($part, $type, $content) = read_answer($c, 'm1');
        is $type, 'response';
        ok $content eq ANSWER;

        if ($uri eq '/ws') {
            ok join('', @$part) eq ANSWER;
            cmp_ok scalar @$part, '<', LINES / 50, 'most parts are merged';

        } elsif ($uri eq '/off') {
            is scalar @$part, 0;

        } else {
            my @odd = grep { length $part->[$_] <= length $part->[$_ - 1] }
                      1 .. $#$part;
            is scalar @odd, 0, 'each has more than the one before';
            cmp_ok scalar @$part, '<', LINES / 50, 'most are left out';
        }

        # the answer is too long to be remembered: for the next one it is new

        $c->disconnect;
        $agent->close_gate('go');
    }



=== TEST 2: an end that is an error
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET;
        openclaw_send_buffer 64k;
    }
--- agent
    $agent->on('long', gate => 'go', repeat => [LINES, LINE],
               error => { message => 'no more of it' });
--- scenario
    my $c = slow_guest('/ws');

    $agent->release('go');
    $agent->wait_for_end(1);

    my ($part, $type, $text) = read_answer($c, 'm1');
    is $type, 'error';
    is $text, 'no more of it';
    is index(ANSWER, join '', @$part), 0;



=== TEST 3: it leaves in the midst of it
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET;
        openclaw_send_buffer 64k;
        openclaw_answers 1 4m;
    }
--- agent
    $agent->on('long', gate => 'go', repeat => [LINES, LINE]);
--- scenario
    my $c = slow_guest('/ws');

    $agent->release('go');
    $agent->wait_for_end(1, 'done');
    $c->reset;

    my ($one, $two) = two_workers();

    for my $worker ($one, $two) {
        my $d = on_worker($worker, '/ws?senderId=ann');
        $d->chat('long', messageId => 'm1');
        my ($part, $type, $content) = read_answer($d, 'm1');
        is scalar @$part, 0;
        ok $content eq ANSWER;
    }

    is $agent->count, 1;



=== TEST 4: the next turn of the session does not get ahead
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET;
        openclaw_send_buffer 64k;
    }
--- agent
    $agent->on('long', gate => 'go', repeat => [LINES, LINE]);
    $agent->on('last', say => 'well');
--- scenario
    my ($one, $two) = two_workers();
    my $gone = on_worker($one, '/ws?senderId=ann');

    # three of one worker, and one of the other, which is granted as soon as
    # the third has ended, be it known there or not

    $gone->chat('long', messageId => 'm1');
    $gone->chat('long', messageId => 'm2');
    $gone->chat('short', messageId => 'm3');
    is $gone->recv_json->{type}, 'chat.typing' for 1 .. 3;

    my $c = on_worker($two, '/ws?senderId=ann');
    $c->chat('last', messageId => 'm4');
    is $c->recv_json->{type}, 'chat.typing';
    $c->chat($_->[0], messageId => $_->[1])
        for ['short', 'm3'], ['long', 'm1'], ['long', 'm2'];
    is $c->recv_json->{type}, 'chat.typing' for 1 .. 3;
    is $gone->recv_json->{code}, 'duplicate' for 1 .. 3;

    kill 'STOP', $two;
    $agent->release('go');
    $agent->wait_for_end(3, 'done');
    kill 'CONT', $two;

    for my $id ('m1', 'm2', 'm3', 'm4') {
        my ($part, $type, $content) = read_answer($c, $id);
        my $answer = $id lt 'm3' ? ANSWER : $id eq 'm3' ? 'echo: short'
                                                        : 'well';
        ok $content eq $answer;
        ok join('', @$part) eq $answer;
    }

    is $agent->count, 4;

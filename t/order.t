# A session takes its turns one at a time and in order of arrival, whatever
# connections and workers its messages come by.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# what the agent was asked, in order; none before the one ahead had ended

sub asked_one_by_one {
    my @asked = @_;

    for my $i (1 .. $#asked) {
        my ($ahead, $this) = @asked[$i - 1, $i];

        fail "\"$this->{content}\" began before \"$ahead->{content}\" ended"
            unless $ahead->{ended} && $this->{started} >= $ahead->{ended};
    }

    return join ' ', map { $_->{content} =~ /(\S+)$/ } @asked;
}


run_tests();

__DATA__

=== TEST 1: messages sent at once on one connection
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $c = $T->connect('/ws');

    $c->send_raw(join '', map {
        WsFrame::text(qq({"type":"chat.send","content":"$_"}))
    } 1 .. 10);

    is $c->answer->{content}, "echo: $_" for 1 .. 10;
    is asked_one_by_one($agent->requests), join ' ', 1 .. 10;



=== TEST 2: connections of one sender, on two workers
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('m1', gate => 'go', say => 'one');

    my @client = map { on_worker($_, '/ws?senderId=ann') }
                 (two_workers()) x 4;

    # one has been accepted before the next is sent

    for my $n (1 .. 16) {
        my $c = $client[$n % @client];

        $c->chat("m$n", messageId => "m$n");
        is $c->recv_json->{type}, 'chat.typing';
    }

    $agent->wait_for_gate('go');
    is $agent->count, 1, 'one turn runs, all others wait';

    $agent->release('go');
    is $client[$_ % @client]->answer->{messageId}, "m$_" for 1 .. 16;
    is asked_one_by_one($agent->requests), join ' ', map { "m$_" } 1 .. 16;



=== TEST 3: a crowd that does not wait for anything
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_queue 1000;
    }
--- scenario
    my @client = map { on_worker($_, '/ws?senderId=ann') }
                 (two_workers()) x 10;

    for my $n (1 .. 5) {
        $client[$_]->chat("$_.$n", messageId => "$_.$n") for 0 .. $#client;
    }

    for my $i (0 .. $#client) {
        is join(' ', map { $client[$i]->answer->{messageId} } 1 .. 5),
            join(' ', map { "$i.$_" } 1 .. 5), "client $i, in its order";
    }

    is $agent->count, 5 * @client;
    asked_one_by_one($agent->requests);



=== TEST 4: a group is one session, whoever speaks
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->otherwise(gate => 'go', say => 'heard');

    my %group = (chatType => 'group', groupId => 'g');
    my $ann = $T->connect('/ws?senderId=ann');
    my $bob = elsewhere($ann, '/ws?senderId=bob');

    $ann->chat('one', %group);
    is $ann->recv_json->{type}, 'chat.typing';
    $bob->chat('two', %group);
    is $bob->recv_json->{type}, 'chat.typing';
    $ann->chat('three', %group);
    $agent->wait_for_gate('go');
    $ann->sync;
    is $agent->count, 1;

    $agent->release('go');
    is $ann->answer->{content}, 'heard';
    is $bob->answer->{content}, 'heard';
    is $ann->answer->{content}, 'heard';
    is asked_one_by_one($agent->requests), 'one two three';

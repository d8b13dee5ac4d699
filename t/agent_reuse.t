# Connections to the agent are used again, if all of the answer was read.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# says something on that client and returns the number of the connection that
# the agent was asked on

sub asked_on {
    my ($client, $content) = @_;

    $client->chat($content)->answer;

    return ($TestEnv::T->agent->requests)[-1]{connection};
}


run_tests();

__DATA__

=== TEST 1: one after the other, of one session or of many
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');
    my $d = on_worker($one, '/ws?senderId=bob');
    my $first = asked_on($c, 'hello');

    is asked_on($_, 'hello'), $first for $c, $d, $c, $d;

    # another worker has its own

    my $e = on_worker($two, '/ws?senderId=ann');
    my $second = asked_on($e, 'hello');

    isnt $second, $first;
    is asked_on($e, 'hello'), $second;
    is $agent->connections, 2;



=== TEST 2: side by side, each has one
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->otherwise(gate => 'go', say => 'well');

    my ($one) = two_workers();
    my @client = map { on_worker($one, '/ws') } 1 .. 5;

    for (1 .. 3) {
        $_->chat('hello') for @client;
        $agent->wait_for_gate('go', 5)->release('go');
        is $_->answer->{content}, 'well' for @client;
        $agent->close_gate('go');
    }

    is $agent->connections, 5;
    is $agent->count, 15;



=== TEST 3: after an error that came with a whole answer
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT/chat;
    }
--- scenario
    $agent->on('500', reply => [500, 'no']);
    $agent->on('401', reply => [401, 'no']);
    $agent->on('error', say => 'half', error => 'no');
    $agent->on('end', say => 'half', 'end');

    my $c = $T->connect('/ws');
    my $first = asked_on($c, 'hello');

    is asked_on($c, $_), $first, "for $_"
        for qw(500 hello 401 hello error hello end hello);



=== TEST 4: not after an answer that was cut
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT/chat;
        openclaw_read_timeout 200ms;
    }
--- scenario
    $agent->on('silence', say => 'half', 'silence');
    $agent->on('never', 'silence');
    $agent->on('cut', say => 'half', 'close');
    $agent->on('garbage', data => 'no JSON', 'silence');

    my $c = $T->connect('/ws');

    for my $content (qw(silence never cut garbage)) {
        my $before = asked_on($c, $content);
        isnt asked_on($c, 'hello'), $before, $content;
    }

    # nor after one that nobody wanted any more

    $c->chat('never', messageId => 'm1');
    my $aborted = $agent->wait_for_requests(9)->{connection};

    $c->send_json({ type => 'chat.abort', messageId => 'm1' });
    is $c->answer->{code}, 'aborted';
    isnt asked_on($c, 'hello'), $aborted;



=== TEST 5: not once the agent has closed it
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $c = $T->connect('/ws');
    my $first = asked_on($c, 'hello');

    $agent->wait_for_connections(1)->close_idle->wait_for_connections(0);

    my $second = asked_on($c, 'hello');
    isnt $second, $first;
    is asked_on($c, 'hello'), $second;



=== TEST 6: not with a connection to another agent
--- agents: 2
--- config
    location = /one { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /two { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT2_PORT; }
    location = /unix { openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET; }
    location = /unix2 { openclaw_pass unix:$TEST_NGINX_AGENT2_SOCKET; }
--- scenario
    my ($one) = two_workers();
    my %client = map { $_ => on_worker($one, "/$_?senderId=$_") }
                 qw(one two unix unix2);

    for my $name (qw(one two unix unix2) x 3) {
        $client{$name}->chat('hello');
        is $client{$name}->answer->{content}, 'echo: hello';
    }

    for my $n (1, 2) {
        my %from;

        $from{$_->{session}}{$_->{connection}}++ for $T->agent($n)->requests;
        is join(' ', map { values %$_ } values %from), '3 3', "agent $n";
    }

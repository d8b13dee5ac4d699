# Tests for openclaw_answers: how many answers are remembered, how long ones,
# and what becomes of the others.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# which of the messages are asked anew when they are said again

sub forgotten {
    my ($c, @said) = @_;

    my $agent = $TestEnv::T->agent;
    my @forgotten;

    for my $text (@said) {
        my $before = $agent->count;

        $c->chat($text, messageId => $text);
        $c->answer($text);
        push @forgotten, $text if $agent->count > $before;
    }

    return "@forgotten";
}


run_tests();

__DATA__

=== TEST 1: the last of them
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_answers 3 64k;
    }
--- scenario
    my ($one, $two) = two_workers();
    my $ann = on_worker($one, '/ws?senderId=ann');
    my $bob = on_worker($two, '/ws?senderId=bob');

    is forgotten($bob, 'b'), 'b';
    is forgotten($ann, 'a' .. 'e'), 'a b c d e';

    my $c = on_worker($two, '/ws?senderId=ann');
    is forgotten($c, 'c', 'd', 'e'), '';

    # the oldest one goes, each session has its own

    is forgotten($c, 'f'), 'f';
    is forgotten($ann, 'd', 'e', 'f'), '';
    is forgotten($ann, 'c'), 'c';
    is forgotten($bob, 'b'), '';



=== TEST 2: eight without the directive
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $c = $T->connect('/ws?senderId=ann');

    is forgotten($c, 'a' .. 'i'), 'a b c d e f g h i';
    is forgotten($c, 'b' .. 'i'), '';
    is forgotten($c, 'a'), 'a';



=== TEST 3: those that are not too long
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_answers 3 10;
    }
--- agent
    $agent->on("say $_", say => 'x' x $_) for 1, 10, 11, 100;
    $agent->on('fails', error => { message => 'twelve bytes' });
--- scenario
    my $c = $T->connect('/ws?senderId=ann');

    my @say = map { "say $_" } 1, 10, 11, 100;

    is forgotten($c, @say), "@say";
    is forgotten($c, @say), "@say[2, 3]", 'they push nothing out';

    # an error is not forgotten for its text

    $c->chat('fails', messageId => 'm1');
    is $c->answer->{error}, 'twelve bytes';
    $c->chat('fails', messageId => 'm1');
    my $error = $c->recv_json;
    is $error->{code}, 'agent_error';
    like $error->{error}, qr/^The agent failed/;



=== TEST 4: none
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_answers off;
    }
--- agent
    $agent->on('long', say => 'one ', gate => 'go', say => 'two');
    $agent->on('endless', say => 'one ', 'silence');
--- scenario
    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');
    my $d = on_worker($two, '/ws?senderId=ann');

    is forgotten($c, 'a', 'a', 'b'), 'a a b';
    is forgotten($d, 'a', 'b'), 'a b';

    # a turn that runs has its client come back all the same

    $c->chat('long', messageId => 'm1');
    $agent->wait_for_gate('go');
    my $before = $agent->count;
    $d->chat('long', messageId => 'm1');
    is $d->recv_json->{type}, 'chat.typing';
    is $d->recv_json->{content}, 'one ';
    $agent->release('go');
    is $d->answer->{content}, 'one two';
    is $agent->count, $before;

    # while a turn that was aborted still has its place: behind it

    $d->chat('endless', messageId => 'm2');
    is $d->recv_json->{type}, 'chat.typing';
    is $d->recv_json->{content}, 'one ';
    $d->send_json({ type => 'chat.abort', messageId => 'm2' });
    is $d->answer->{code}, 'aborted';
    $d->chat('endless', messageId => 'm2');
    is $d->recv_json->{type}, 'chat.typing';
    is $d->recv_json->{content}, 'one ';

    my @asked = $agent->requests;
    cmp_ok $asked[-1]{started}, '>=', $asked[-2]{ended};



=== TEST 5: of each location as it says
--- config
    openclaw_answers off;
    location = /off { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /on {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_answers 1 1k;
    }
--- scenario
    my $off = $T->connect('/off?senderId=ann');
    my $on = $T->connect('/on?senderId=ann');

    is forgotten($on, 'a'), 'a';
    is forgotten($off, 'a'), '', 'what is known is known to all';
    is forgotten($off, 'b', 'b'), 'b b';
    is forgotten($on, 'a', 'b', 'a'), 'b a';

# Tests for openclaw_ping_interval and openclaw_ping_timeout.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: a silent client is pinged, and stays if it answers
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_ping_interval 50ms;
    }
--- scenario
    my $c = $T->connect('/ws');

    for (1 .. 5) {
        my $f = $c->recv('a ping');
        is "$f->{name} \"$f->{payload}\"", 'ping ""';
        $c->send_frame('pong', $f->{payload});
    }

    $c->chat('hello');
    is $c->answer->{content}, 'echo: hello';



=== TEST 2: one that does not answer is disconnected
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_ping_interval 50ms;
        openclaw_ping_timeout 100ms;
    }
--- scenario
    my $c = $T->connect('/ws');

    is join(' ', map { $_->{name} } $c->drain), 'ping', 'no second one';
    is $c->close_code, 1006, 'nobody is there to read a close frame';
    $T->wait_for_log(qr/\[info\].*client timed out.*Connection timed out/);



=== TEST 3: anything it sends is an answer
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_ping_interval 50ms;
        openclaw_ping_timeout 400ms;
    }
--- scenario
    my @answer = (
        sub { $_[0]->send_frame('pong', 'of another ping') },
        sub { $_[0]->send_json({ type => 'ping' }) },
        sub { $_[0]->send_frame('ping') },

        # be it a part of a frame
        sub { $_[0]->send_raw("\x8a") },
        sub { $_[0]->send_raw("\x80") },
        sub { $_[0]->send_raw("\0") },
    );

    my $c = $T->connect('/ws');

    for my $answer (@answer) {
        $c->recv('a ping') until ($c->{last}{name} // '') eq 'ping';
        delete $c->{last};
        $answer->($c);
    }

    is $c->recv('a ping')->{name}, 'ping', 'still connected';



=== TEST 4: a turn that runs does not change that
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_ping_interval 50ms;
    }
--- agent
    $agent->on('hello', gate => 'go', say => 'hi');
--- scenario
    my $c = $T->connect('/ws');

    # the agent may be silent for long, the client's connection is not

    $c->chat('hello');
    is $c->recv_json->{type}, 'chat.typing';
    is $c->recv('a ping')->{name}, 'ping';
    $c->send_frame('pong');
    is $c->recv('a ping')->{name}, 'ping';
    $c->send_frame('pong');

    $agent->release('go');
    is $c->answer->{content}, 'hi';



=== TEST 5: off
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_ping_interval 0;
        openclaw_ping_timeout 50ms;
    }

    location = /other {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_ping_interval 50ms;
    }
--- scenario
    my $c = $T->connect('/ws');
    my $other = $T->connect('/other');

    # while another client is pinged several times, this one is not

    for (1 .. 5) {
        is $other->recv('a ping')->{name}, 'ping';
        $other->send_frame('pong');
    }

    is scalar $c->sync, 0;

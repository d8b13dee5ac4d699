# However many parts the agent says at once, they are written to the client at
# once: a part costs no system call of its own.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1, log_level => 'debug');
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# Asks for an answer that waits behind a gate, and counts what is written when
# that is opened, up to the last of so many frames of a type.

sub writes {
    my ($c, $type, $n) = @_;

    $c->chat('hello');
    is $c->recv_json->{type}, 'chat.typing';
    $TestEnv::T->agent->wait_for_gate('go');

    my $since = length $TestEnv::T->error_log;

    $TestEnv::T->agent->release('go');

    while ($n) {
        $n-- if $c->recv_json->{type} eq $type;
    }

    # nginx logs a write after it, so before the next one; a pong is short

    $c->sync;

    return scalar grep { $_ > 16 }
        substr($TestEnv::T->error_log, $since)
        =~ /\b(?:send: fd:\d+|writev:) (\d+) of/g;
}


# a part, as the agent says it

sub part {
    return 'data: ' . WsFrame::to_json({
        choices => [{ index => 0, delta => { content => $_[0] } }],
    }) . "\n\n";
}


run_tests();

__DATA__

=== TEST 1: parts
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    $agent->on('hello', 'start', gate => 'go',
               body => join('', map { part("word $_ ") } 1 .. 40),
               gate => 'end');

    is writes($T->connect('/ws'), 'chat.stream', 40), 1;



=== TEST 2: more than fits into a buffer
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    $agent->on('hello', 'start', gate => 'go', body => part('x' x 60) x 120,
               gate => 'end');

    is writes($T->connect('/ws'), 'chat.stream', 120), 1;



=== TEST 3: parts and the end
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    $agent->on('hello', 'start', gate => 'go',
               body => join('', map { part("word $_ ") } 1 .. 20)
                       . "data: [DONE]\n\n");

    is writes($T->connect('/ws'), 'chat.response', 1), 1;



=== TEST 4: parts that are compressed
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
--- scenario
    $agent->on('hello', 'start', gate => 'go',
               body => join('', map { part('word ' x 20) } 1 .. 20),
               gate => 'end');

    is writes($T->connect('/ws', deflate => 1), 'chat.stream', 20), 1;

# Tests for openclaw_stream off: the answer comes as a whole.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: all the frames of a turn
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_stream off;
    }
--- agent
    $agent->on('hello', say => 'Hel', gate => 'go', say => 'lo,',
               say => ' John');
--- scenario
    my $c = $T->connect('/ws');

    $c->chat('hello', messageId => 'm1');
    is $c->recv_text, '{"type":"chat.typing"}';

    $agent->wait_for_gate('go');
    is scalar $c->sync, 0;

    $agent->release('go');
    is $c->recv_text, '{"type":"chat.response","messageId":"m1",'
                      . '"content":"Hello, John","done":true}';
    is scalar $c->sync, 0;



=== TEST 2: an error does not wait for anything
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_stream off;
    }
--- agent
    $agent->on('hello', say => 'Hel', error => 'no luck');
--- scenario
    my $c = $T->connect('/ws');

    $c->chat('hello', messageId => 'm1');

    my $answer = $c->answer;
    is $answer->{type}, 'chat.error';
    is scalar @{ $answer->{all} }, 2, 'nothing but typing before it';

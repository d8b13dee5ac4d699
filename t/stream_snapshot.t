# Tests for openclaw_stream snapshot: each part is all the text so far.

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
        openclaw_stream snapshot;
    }
--- agent
    $agent->on('hello', say => 'Hel', say => 'lo,', say => ' John');
--- scenario
    my $c = $T->connect('/ws');

    $c->chat('hello', messageId => 'm1');
    is $c->recv_text, $_ for
        '{"type":"chat.typing"}',
        '{"type":"chat.stream","messageId":"m1","content":"Hel","done":false}',
        '{"type":"chat.stream","messageId":"m1","content":"Hello,",'
            . '"done":false}',
        '{"type":"chat.stream","messageId":"m1","content":"Hello, John",'
            . '"done":false}',
        '{"type":"chat.response","messageId":"m1","content":"Hello, John",'
            . '"done":true}';

    is scalar $c->sync, 0, 'nothing after them';



=== TEST 2: each turn begins anew
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_stream snapshot;
    }
--- agent
    $agent->on('one', say => 'a', say => 'b');
    $agent->on('two', say => 'c', say => 'd');
--- scenario
    my $c = $T->connect('/ws');

    $c->chat($_, messageId => $_) for 'one', 'two';

    is $c->answer('one')->{streamed}, 'aab';
    is $c->answer('two')->{streamed}, 'ccd';

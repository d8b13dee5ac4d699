# Tests for openclaw_stream delta, the default: parts that make up the answer
# when they are written one after another.

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
    }
--- agent
    $agent->on('hello', say => 'Hel', say => 'lo,', say => ' John');
--- scenario
    my $c = $T->connect('/ws');

    # keys in this order, no others, no spaces between them

    $c->chat('hello', messageId => 'm1');
    is $c->recv_text, $_ for
        '{"type":"chat.typing"}',
        '{"type":"chat.stream","messageId":"m1","content":"Hel","done":false}',
        '{"type":"chat.stream","messageId":"m1","content":"lo,","done":false}',
        '{"type":"chat.stream","messageId":"m1","content":" John",'
            . '"done":false}',
        '{"type":"chat.response","messageId":"m1","content":"Hello, John",'
            . '"done":true}';

    is scalar $c->sync, 0, 'nothing after them';



=== TEST 2: each part comes when the agent says it
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->on('slow', gate => 'say', say => 'one', gate => 'more',
               say => 'two', gate => 'end');
--- scenario
    my $c = $T->connect('/ws');

    $c->chat('slow');
    is $c->recv_json->{type}, 'chat.typing', 'before the agent says anything';

    $agent->wait_for_gate('say');
    is scalar $c->sync, 0;

    $agent->release('say');
    is $c->recv_json->{content}, 'one';
    is scalar $c->sync, 0;

    $agent->release('more');
    is $c->recv_json->{content}, 'two';
    is scalar $c->sync, 0, 'the turn has not ended yet';

    $agent->release('end');
    is $c->recv_json->{content}, 'onetwo';



=== TEST 3: any text comes as it is
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my @part = ("line\nline\r\n", "\t\"quoted\" \\ / </script>", "\x01\x1f\x7f",
                '张三 😀', "\xe2\x80\xa8", ' ', '{"type":"chat.response"}',
                'x' x 70000);
    my $c = $T->connect('/ws');

    $agent->on('any', map { (say => $_) } @part);
    $c->chat('any');

    my $answer = $c->answer;
    my @got = map { $_->{content} }
              grep { $_->{type} eq 'chat.stream' } @{ $answer->{all} };

    is_deeply \@got, \@part;
    is $answer->{content}, join('', @part);



=== TEST 4: an empty part is none
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->on('hello', say => 'a', say => '', say => 'b');
--- scenario
    my $c = $T->connect('/ws');

    $c->chat('hello');
    is join(' ', map { $_->{type} } @{ $c->answer->{all} }),
       'chat.typing chat.stream chat.stream chat.response';



=== TEST 5: a long answer is not cut
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->on('long', repeat => [1000, 'word ' x 200]);
--- scenario
    my $c = $T->connect('/ws');

    $c->chat('long');
    my $answer = $c->answer;
    ok $answer->{content} eq 'word ' x 200_000, 'a megabyte';
    ok $answer->{streamed} eq $answer->{content}, 'the parts make it up';

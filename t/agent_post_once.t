# A message that may have reached the agent is never sent a second time: the
# agent would do twice what it is asked.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: a connection that is used again and dies under the request
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    # libcurl would send it on another connection

    $agent->on('first', say => 'well', 'fragile');

    my $c = $T->connect('/ws?senderId=ann');

    is $c->chat('first')->answer->{content}, 'well';

    my $answer = $c->chat('second', messageId => 'm2')->answer;
    is $answer->{code}, 'agent_incomplete';
    is $answer->{messageId}, 'm2';
    is $agent->count, 1, 'it was not sent again';

    is $c->chat('third')->answer->{content}, 'echo: third';
    is scalar $c->sync, 0, 'nor is there a second end';
    is join(' ', map { $_->{content} } $agent->requests), 'first third';



=== TEST 2: the agent has read the message, and says nothing
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on(qr/close/, 'close');
    $agent->on(qr/reset/, 'reset');

    my $c = $T->connect('/ws?senderId=ann');

    for my $way ('close', 'reset') {
        is $c->chat('first')->answer->{content}, 'echo: first';
        is $c->chat("$way on an old connection")->answer->{code},
            'agent_incomplete';
        is $c->chat("$way on a new connection")->answer->{code},
            'agent_incomplete';
    }

    my @asked = $agent->requests;
    is scalar @asked, 6;

    for my $n (0, 3) {
        is $asked[$n + 1]{connection}, $asked[$n]{connection};
        isnt $asked[$n + 2]{connection}, $asked[$n]{connection};
    }



=== TEST 3: a long one that the agent did not read to its end
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('first', say => 'well', 'fragile');

    my $c = $T->connect('/ws?senderId=ann');

    is $c->chat('first')->answer->{content}, 'well';
    is $c->chat('x' x 1_000_000)->answer->{code}, 'agent_incomplete';
    is $agent->count, 1;



=== TEST 4: but one that is known not to have been sent is
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $c = $T->connect('/ws?senderId=ann');

    # the agent closes what it has not used for a while, as servers do

    for (1 .. 5) {
        is $c->chat('hello')->answer->{content}, 'echo: hello';
        $agent->close_idle->wait_for_connections(0);
    }

    is $agent->count, 5;

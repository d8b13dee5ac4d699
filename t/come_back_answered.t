# A client comes back when its turn has ended: it gets the end that is
# remembered, and the agent is not asked again.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: the answer, from whatever worker and as often as it is asked for
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my @client = map { on_worker($_, '/ws?senderId=ann') } two_workers();

    $client[0]->chat('hello', messageId => 'm1');
    is $client[0]->answer->{content}, 'echo: hello';

    for my $c (@client, @client) {
        $c->chat('hello', messageId => 'm1');
        is $c->recv_text, '{"type":"chat.response","messageId":"m1",'
            . '"content":"echo: hello","done":true}', 'nothing before it';
    }

    is scalar $_->sync, 0 for @client;
    is $agent->count, 1;



=== TEST 2: an answer that nobody was there for
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->on('long', gate => 'go', say => 'well');
--- scenario
    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');

    $c->chat('long', messageId => 'm1');
    $c->chat('more', messageId => 'm2');
    $agent->wait_for_gate('go');
    $c->reset;
    $agent->release('go');
    $agent->wait_for_end(2, 'done');

    my $d = on_worker($two, '/ws?senderId=ann');
    $d->chat('long', messageId => 'm1');
    $d->chat('more', messageId => 'm2');
    is $d->answer->{content}, 'well';
    is $d->answer->{content}, 'echo: more';
    is $agent->count, 2;



=== TEST 3: errors after which something may have run
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_read_timeout 200ms;
    }
--- agent
    $agent->on('agent_error', say => 'half',
               error => { message => 'no more tokens', type => 'x' });
    $agent->on('agent_incomplete', say => 'half', 'close');
    $agent->on('agent_timeout', say => 'half', 'silence');
--- scenario
    my @client = map { on_worker($_, '/ws?senderId=ann') } two_workers();
    my @code = qw(agent_error agent_incomplete agent_timeout);

    for my $code (@code) {
        $client[0]->chat($code, messageId => $code);
        my $error = $client[0]->answer;
        is $error->{code}, $code;

        for my $c (@client) {
            $c->chat($code, messageId => $code);
            my $again = $c->recv_json;
            is_deeply [@$again{qw(type messageId code error)}],
                [@$error{qw(type messageId code error)}];
        }
    }

    is scalar(grep { $_->{method} eq 'POST' } $agent->requests), scalar @code;



=== TEST 4: errors after which nothing has run
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_queue 0;
        openclaw_retry_timeout 0;
    }
--- agent
    $agent->on({ content => 'agent_auth', times => 1 },
               reply => [401, { error => { message => 'no' } }]);
    $agent->on('long', gate => 'go', say => 'well');
--- scenario
    my @client = map { on_worker($_, '/ws?senderId=ann') } two_workers();

    $client[0]->chat('agent_auth', messageId => 'm1');
    is $client[0]->answer->{code}, 'agent_auth';
    $client[1]->chat('agent_auth', messageId => 'm1');
    is $client[1]->answer->{content}, 'echo: agent_auth';

    $agent->mode('refuse');
    $agent->close_idle;
    $client[0]->chat('hello', messageId => 'm2');
    is $client[0]->answer->{code}, 'agent_unreachable';
    $agent->mode('normal');
    $client[1]->chat('hello', messageId => 'm2');
    is $client[1]->answer->{content}, 'echo: hello';

    $client[0]->chat('long', messageId => 'm3');
    $agent->wait_for_gate('go');
    $client[1]->chat('hello', messageId => 'm4');
    is $client[1]->recv_json->{code}, 'queue_full';
    $agent->release('go');
    is $client[0]->answer->{content}, 'well';
    $client[1]->chat('hello', messageId => 'm4');
    is $client[1]->answer->{content}, 'echo: hello';



=== TEST 5: what was aborted stays so
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- agent
    $agent->on('long', say => 'half', 'silence');
--- scenario
    my @client = map { on_worker($_, '/ws?senderId=ann') } two_workers();

    $client[0]->chat('long', messageId => 'm1');
    $client[0]->recv_json for 1, 2;
    $client[0]->send_json({ type => 'chat.abort', messageId => 'm1' });
    is $client[0]->answer->{code}, 'aborted';

    # also in the moment until the gateway has noticed it

    for my $c (@client) {
        $c->chat('long', messageId => 'm1');
        is $c->recv_json->{code}, 'aborted';
    }

    $agent->wait_for_end(1, 'gone');

    for my $c (@client) {
        $c->chat('hello', messageId => 'm2');
        is $c->answer('m2')->{content}, 'echo: hello';
    }

    for my $c (@client) {
        $c->chat('long', messageId => 'm1');
        is $c->answer('m1')->{code}, 'aborted';
    }

    is $agent->count, 2;



=== TEST 6: nobody else's
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /other {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_agent other;
    }
--- agent
    $agent->otherwise(say => 'a secret');
--- scenario
    my %group = (chatType => 'group', groupId => 'g');
    my $n = 0;

    for my $who (['/ws?senderId=ann'], ['/ws?senderId=Ann'],
                 ['/ws?senderId=ann', %group], ['/ws?senderId=bob', %group],
                 ['/other?senderId=ann'], ['/ws'], ['/ws'])
    {
        my ($uri, %field) = @$who;
        my $c = $T->connect($uri);

        $c->chat('hello', messageId => 'm1', %field);
        is $c->answer->{content}, 'a secret';
        is $agent->count, ++$n, 'is asked';
    }



=== TEST 7: a long answer, and one that is not only ASCII
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET;
        openclaw_answers 2 1m;
    }
--- agent
    $agent->on('long', (say => "\xe2\x82\xac\xf0\x9f\x98\x80x\\\"\n" x 1000)
                       x 30);
--- scenario
    my @client = map { on_worker($_, '/ws?senderId=ann') } two_workers();

    $client[0]->chat('long', messageId => 'm1');
    my $first = $client[0]->answer;
    is length $first->{content}, 30 * 1000 * 11;
    ok $first->{streamed} eq $first->{content};

    for my $c (@client) {
        $c->chat('long', messageId => 'm1');
        ok $c->answer->{content} eq $first->{content};
    }

    is $agent->count, 1;

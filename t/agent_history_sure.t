# Only an answer that is surely the message's own is taken from the history.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();


# "hello" is cut, the history is this, and there is no answer

sub unsure {
    my ($T, $name, @history) = @_;

    my $agent = $T->agent;

    $agent->forget;
    $agent->on('hello', say => 'Hel', 'close');
    $agent->history(@history);

    my $got = $T->connect('/ws?senderId=ann')->chat('hello')->answer;

    is $got->{code}, 'agent_incomplete', $name;
    is scalar(grep { $_->{method} eq 'POST' } $agent->requests), 1;
    is scalar(grep { $_->{method} eq 'GET' } $agent->requests), 1,
        "$name: seen at the first look";
}

__DATA__

=== TEST 1: what is not there, or not this message's
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my @rerun = ([rerun => 'r'], [assistant => 'Hello', run => 'r']);
    my @old = ([user => 'hello', at => time - 60],
               [assistant => 'An old answer', run => 'old']);

    main::unsure($T, 'nothing');
    main::unsure($T, 'an older answer', @old);
    main::unsure($T, 'an older message of the same words',
                 [user => 'hello', at => time - 60], @rerun);
    main::unsure($T, 'another message', @old, [user => 'good bye'], @rerun);
    main::unsure($T, 'one with more words', [user => 'hello there'], @rerun);
    main::unsure($T, 'another one came later', [user => 'hello'],
                 [user => 'good bye'], @rerun);
    main::unsure($T, 'nobody knows whose',
                 [user => 'hello'], [assistant => 'Hello']);
    main::unsure($T, "another run's", [user => 'hello'], [rerun => 'r'],
                 [assistant => 'Hello', run => 'q']);
    main::unsure($T, 'a message of the gateway of another kind',
                 [user => 'hello'],
                 [user => 'beat', provenance => { kind => 'internal_system',
                                                  sourceTool => 'heartbeat' }],
                 [assistant => 'Hello', run => 'q']);



=== TEST 2: what is not whole
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my @is = ([user => 'hello'], [rerun => 'r']);

    main::unsure($T, 'cut', @is, [assistant => 'Hel', run => 'r',
                                  meta => { truncated => \1 }]);
    main::unsure($T, 'failed', @is, [assistant => 'LLM request failed',
                                     run => 'r', stop => 'error']);
    main::unsure($T, 'aborted', @is, [assistant => 'Hel', run => 'r',
                                      stop => 'aborted']);



=== TEST 3: no history
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    for my $reply ([404, 'Not Found'], [401, 'no'], [429, 'no'], [500, 'no'],
                   [200, '<html>'], [200, ''], [200, '[]'], [200, '{}'],
                   [200, '{"messages":{}}'], [200, '{"messages":[1,[],{}]}'],
                   [302, '', { Location => '/' }])
    {
        $agent->forget;
        $agent->on('hello', say => 'Hel', 'close');
        $agent->on({ method => 'GET' }, reply => $reply);

        is $T->connect('/ws')->chat('hello')->answer->{code},
            'agent_incomplete', "status @$reply";
        is $agent->count, 2;
    }



=== TEST 4: far too much of it
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('hello', say => 'Hel', 'close');
    $agent->on({ method => 'GET' }, repeat => [200, 'x' x 50_000]);

    is $T->connect('/ws')->chat('hello')->answer->{code}, 'agent_incomplete';
    is $agent->count, 2;



=== TEST 5: a stream without an id
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $chunk = { choices => [{ delta => { content => 'Hel' } }] };

    $agent->on('hello', event => $chunk, 'close');
    $agent->history([user => 'hello'], [rerun => 'r'],
                    [assistant => 'Hello', run => 'r']);

    is $T->connect('/ws')->chat('hello')->answer->{code}, 'agent_incomplete';
    is $agent->count, 1;



=== TEST 6: more messages than are asked for at first
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my @part = map { { role => 'assistant', stopReason => 'toolUse',
                       content => [{ type => 'text', text => "$_" }],
                       __openclaw => { runId => 'chatcmpl_1' } } } 1 .. 5;

    delete $part[4]{stopReason};
    $part[4]{stopReason} = 'stop';

    $agent->on('hello', say => 'Hel', 'close');
    $agent->on({ method => 'GET', path => qr/limit=50$/ },
               reply => [200, { messages => [@part[2 .. 4]], hasMore => \1 }]);
    $agent->on({ method => 'GET', path => qr/limit=1000$/ },
               reply => [200, { messages => [{ role => 'user' }, @part],
                                hasMore => \1 }]);

    is $T->connect('/ws')->chat('hello')->answer->{content},
        "1\n\n2\n\n3\n\n4\n\n5";
    is $agent->count, 3;

# Tests for openclaw_auth_required off: who is not known is anonymous.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();

our $uuid = qr/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}
               -[0-9a-f]{12}/x;

run_tests();

__DATA__

=== TEST 1: without a token
--- config
    location = /ws {
        openclaw_pass           http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth           http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_auth_required  off;
        openclaw_greeting       Hi.;
    }
--- scenario
    my $c = $T->connect('/ws?senderId=ann')->chat('hello', messageId => 'm1');

    is $c->recv_json->{content}, 'Hi.';
    is $c->answer('m1')->{content}, 'echo: hello';

    my $d = $T->connect('/ws?senderId=ann')->chat('hello', messageId => 'm1');

    is $d->answer('m1')->{content}, 'echo: hello';

    my @key = map { $_->{session} } $agent->requests;

    is scalar(@key), 2, 'nobody was asked';
    like $_, qr/^agent:main:websocket:direct:anonymous-$main::uuid$/ for @key;
    isnt $key[0], $key[1], 'each is another one';

    # and can't be anybody else, not even another of them

    my ($id) = $key[0] =~ /(anonymous-.*)/;

    $d->chat('I am Ann', senderId => 'ann', messageId => 'm2');
    is $d->answer('m2')->{code}, 'sender_refused';
    $d->chat('I am the other', senderId => $id, messageId => 'm3');
    is $d->answer('m3')->{code}, 'sender_refused';



=== TEST 2: with a token that is refused, for any reason
--- config
    location = /ws {
        openclaw_pass           http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth           http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_auth_timeout   300ms;
        openclaw_auth_required  off;
    }
--- scenario
    my %service = (
        refusal => [reply => [200, '{"success":false,"error":"bad"}']],
        nonsense => [reply => [200, 'nonsense']],
        reserved => [reply => [200, '{"success":true,"data":{"userId":'
                                    . '"anonymous-1"}}']],
        expired => [reply => [200, '{"success":true,"data":{"userId":"ann",'
                                   . '"username":"Ann","expiresAt":1}}']],
        nothing => ['silence'],
        'no service' => ['close'],
    );

    for my $name (sort keys %service) {
        $agent->forget;
        $agent->on({ path => qr{^/auth}, header => { host => qr/./ },
                     times => 1 }, @{ $service{$name} });

        my $c = $T->connect('/ws?token=t')->chat('hello', messageId => 'm1');

        is $c->answer('m1')->{content}, 'echo: hello', $name;
        like [$agent->requests]->[1]{session},
             qr/^agent:main:websocket:direct:anonymous-$main::uuid$/;
    }



=== TEST 3: with one that is good
--- config
    location = /ws {
        openclaw_pass           http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth           http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_auth_required  off;
    }
--- scenario
    $agent->on({ path => qr{^/auth} }, reply =>
               [200, '{"success":true,"data":{"userId":"ann"}}']);

    $T->connect('/ws?token=t')->chat('hello')->answer;
    is [$agent->requests]->[1]{session}, 'agent:main:websocket:direct:ann';



=== TEST 4: their ids are not for others to take
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
    location = /bound {
        openclaw_pass      http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $arg_id;
    }
--- scenario
    my $c = $T->connect('/ws?senderId=anonymous-1', any => 1);

    is $c->status, 400;
    is $c->body, "\"senderId\" is not for clients to choose.\n";
    is $T->connect('/ws?senderId=%61nonymous-1', any => 1)->status, 400;
    is $T->connect('/bound?id=anonymous-1', any => 1)->status, 403;

    $c = $T->connect('/ws?senderId=anonymous');
    $c->chat('hello', senderId => 'anonymous-1', messageId => 'm1');
    is $c->answer('m1')->{code}, 'sender_refused';
    is $c->chat('x', messageId => 'm2')->answer('m2')->{content}, 'echo: x';

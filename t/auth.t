# Tests for openclaw_auth: a service says who the client is.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


sub asked { grep { $_->{path} =~ m{^/auth} } $TestEnv::T->agent->requests }
sub turns { grep { $_->{path} !~ m{^/auth} } $TestEnv::T->agent->requests }


# the service says yes, with that data

sub says_yes {
    $TestEnv::T->agent->on({ path => qr{^/auth} },
                           reply => [200, qq({"success":true,"data":$_[0]})]);
}


# the sender that the agent was told of last

sub told {
    my ($block) = (turns())[-1]->{content}
                  =~ /^Conversation info.*\n```json\n(.*)\n/;

    return WsFrame::from_json($block)->{sender};
}


run_tests();

__DATA__

=== TEST 1: what is asked, and who it is then
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth/verify?a=b;
    }
--- scenario
    says_yes('{"userId":"u-1","username":"Ann Lee","avatar":"x"}');

    my $c = $T->connect('/ws?token=se%63ret+1%2B%22&senderId=eve&x=1&X=2&x=3'
                        . '&senderName=Eve&flag&empty=&&%41=%e2%82%ac%ff%4');
    $c->chat('hello', messageId => 'm1');
    is $c->answer('m1')->{content}, 'echo: ' . (turns())[0]->{content};

    my ($q) = asked();

    is $q->{method}, 'POST';
    is $q->{path}, '/auth/verify?a=b', 'the path is kept';
    is $q->{headers}{'content-type'}, 'application/json';
    ok !exists $q->{headers}{authorization}, 'it is not shown our token';
    is_deeply $q->{json},
        { token => 'secret 1+"', senderId => 'eve', x => '3', X => '2',
          senderName => 'Eve', flag => '', empty => '', A => "\xe2\x82\xac?%4",
          tokenType => 'local' }, 'all arguments, the last of two';

    is((turns())[0]->{session}, 'agent:main:websocket:direct:u-1');
    is_deeply told(), { id => 'u-1', name => 'Ann Lee' };

    # what the service says is bound

    $c->chat('it is me', messageId => 'm2', senderId => 'eve');
    is $c->answer('m2')->{code}, 'sender_refused';

    $c->chat('it is me', messageId => 'm3', senderId => 'u-1',
             senderName => 'Eve');
    $c->answer('m3');
    is_deeply told(), { id => 'u-1', name => 'Ann Lee' };

    is scalar(asked()), 1, 'one is asked once';



=== TEST 2: tokenType is the client's if it has one
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
    }
--- scenario
    says_yes('{"userId":"u-1"}');

    $T->connect('/ws?token=t&tokenType=jwt&senderName=Ann')->chat('x')
      ->answer;

    is_deeply((asked())[0]->{json},
        { token => 't', tokenType => 'jwt', senderName => 'Ann' });
    is_deeply told(), { id => 'u-1', name => 'Ann' },
        'and so is the name, as the service says none';



=== TEST 3: ids that are numbers
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
    }
--- scenario
    says_yes('{"userId":9007199254740991}');

    $T->connect('/ws?token=t')->chat('x')->answer;
    is((turns())[0]->{session},
       'agent:main:websocket:direct:9007199254740991');



=== TEST 4: the status is not looked at, the JSON is
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
    }
--- scenario
    $agent->on({ path => qr{^/auth} }, reply =>
               [201, '{"success":true,"data":{"userId":"ann"}}']);

    is $T->connect('/ws?token=t')->chat('x')->answer->{content}, 'echo: x';



=== TEST 5: openclaw_sender_name wins, and openclaw_greeting waits
--- config
    location = /ws {
        openclaw_pass         http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth         http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_sender_name  $arg_senderName;
        openclaw_greeting     Hi.;
    }
--- scenario
    $agent->on({ path => qr{^/auth} }, gate => 'go', reply =>
        [200, '{"success":true,"data":{"userId":"ann","username":"Ann"}}']);

    my $c = $T->connect('/ws?token=t&senderName=Ann%2E');

    $agent->wait_for_gate('go');
    ok !IO::Select->new($c->{sock})->can_read(0), 'nothing yet';
    $agent->release('go');

    is_deeply $c->recv_json, { type => 'chat.response', content => 'Hi.' };
    $c->chat('x')->answer;
    is_deeply told(), { id => 'ann', name => 'Ann%2E' };



=== TEST 6: a path is not needed, and off is off
--- config
    openclaw_auth http://127.0.0.1:$TEST_NGINX_AGENT_PORT;

    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }

    location = /open {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth off;
    }
--- scenario
    $agent->on({ path => qr{^/$} }, reply =>
               [200, '{"success":true,"data":{"userId":"ann"}}']);

    $T->connect('/ws?token=t')->chat('x')->answer;
    is_deeply [map { $_->{path} } $agent->requests],
        ['/', '/v1/chat/completions'];

    $T->connect('/open?token=t&senderId=bob')->chat('x')->answer;
    is_deeply [map { $_->{path} } $agent->requests],
        ['/', '/v1/chat/completions', '/v1/chat/completions'];



=== TEST 7: over a socket
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth unix:$TEST_NGINX_AGENT_SOCKET:/auth;
    }
--- scenario
    says_yes('{"userId":"ann"}');

    is $T->connect('/ws?token=t')->chat('x')->answer->{content}, 'echo: x';
    is((asked())[0]->{path}, '/auth');



=== TEST 8: the Origin is still looked at
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
    }
--- scenario
    my $c = $T->connect('/ws?token=t', any => 1,
                        headers => { Origin => 'https://evil.example' });

    is $c->status, 403;
    is $agent->count, 0, 'before anybody is asked';

    $c = $T->connect('/ws?token=t&' . join('&', map { "a$_=" } 1 .. 200),
                     any => 1);

    is $c->status, 400;
    is $c->body, "There are too many arguments.\n";
    is $agent->count, 0;

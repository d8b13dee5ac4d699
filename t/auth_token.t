# Tests for openclaw_auth_token: where the token comes from.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# the token that the service was shown, by a client of these headers

sub shown {
    my ($uri, %header) = @_;

    my $T = $TestEnv::T;

    $T->agent->forget;
    $T->agent->on({ path => qr{^/auth} }, reply =>
                  [200, '{"success":true,"data":{"userId":"ann"}}']);

    my $c = $T->connect($uri, headers => \%header);
    my $answer = $c->chat('hello')->answer;

    $c->close;

    return $answer->{code} // ($T->agent->requests)[0]->{json}{token};
}


run_tests();

__DATA__

=== TEST 1: an argument
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
    }
    location = /jwt {
        openclaw_pass       http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth       http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_auth_token $arg_jwt;
    }
--- scenario
    is shown('/ws?token=abc'), 'abc';
    is shown('/ws?x=y&token=abc&token=d%65f'), 'def', 'the last one';
    is shown('/ws?t%6fken=abc'), 'abc';
    is shown('/ws?token=Bearer%20abc'), 'abc';
    is shown('/ws?token=bearer++abc+'), 'abc';
    is shown('/ws?token=Bearerabc'), 'Bearerabc';
    is shown('/ws?token=a%00b'), "a\0b";
    is shown('/ws?token=%ff%fe'), '??';

    is shown('/jwt?token=no&jwt=y%65s'), 'yes';
    is shown('/jwt?token=no'), 'token_required';



=== TEST 2: a cookie
--- config
    location = /ws {
        openclaw_pass       http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth       http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_auth_token $cookie_session;
    }
--- scenario
    is shown('/ws?token=no', Cookie => 'a=b; session=s3cret'), 's3cret';
    is shown('/ws?token=no', Cookie => 'a=b'), 'token_required';



=== TEST 3: Authorization
--- config
    openclaw_auth_token $http_authorization;

    location = /ws {
        openclaw_pass       http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth       http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
    }
--- scenario
    is shown('/ws', Authorization => 'Bearer s3cret'), 's3cret';
    is shown('/ws', Authorization => 'bEARER   s3cret'), 's3cret';
    is shown('/ws', Authorization => 's3cret'), 's3cret';
    is shown('/ws', Authorization => 'Bearer '), 'token_required';
    is shown('/ws?token=no'), 'token_required';



=== TEST 4: one variable, else another
--- http_config
    map $http_x_token $token {
        ""       $cookie_token;
        default  $http_x_token;
    }
--- config
    location = /ws {
        openclaw_pass       http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth       http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_auth_token $token;
    }
--- scenario
    for (1 .. 2) {
        is shown('/ws', 'X-Token' => 'one', Cookie => 'token=two'), 'one';
        is shown('/ws', Cookie => 'token=two'), 'two';
    }



=== TEST 5: a subprotocol
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
    }
--- scenario
    my $name = 'Sec-WebSocket-Protocol';

    is shown('/ws', $name => 'bearer.ab-c.d_e'), 'ab-c.d_e';
    is shown('/ws', $name => "chat ,\t bearer.abc, bearer.def"), 'abc';
    is shown('/ws', $name => "chat\r\n$name: bearer.abc"), 'abc';
    is shown('/ws?token=first', $name => 'bearer.abc'), 'first';
    is shown('/ws', $name => 'chat, bearer., Bearer.abc, bearer'),
       'token_required';

    # a browser fails without one of those that it has offered

    my $chosen = sub {
        my $c = $T->connect('/ws', headers => { $name => $_[0] });
        $c->close;

        return $c->header($name);
    };

    is $chosen->('bearer.abc, chat, superchat'), 'chat';
    is $chosen->('chat, bearer.abc'), 'chat';
    is $chosen->('chat'), 'chat';
    is $chosen->('bearer.abc'), 'bearer.abc', 'there is nothing else';
    is $chosen->(undef), undef;

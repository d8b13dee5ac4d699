# Tests for the token of a client: it is shown to the service of openclaw_auth,
# and is nowhere else.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
log_level('info');
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# where the token was seen, but in what the service was asked

sub seen {
    my ($token) = @_;

    my $T = $TestEnv::T;
    my %at = ('error.log' => $T->error_log, 'access.log' => $T->access_log);
    my $n = 0;

    for ($T->agent->requests) {
        my $bytes = join "\n", $_->{path}, $_->{body}, %{ $_->{headers} };

        $at{'request ' . ++$n} = $bytes if $_->{path} !~ m{^/auth};
    }

    return join ', ', grep { $at{$_} =~ /\Q$token/ } sort keys %at;
}


run_tests();

__DATA__

=== TEST 1: an argument
--- http_config
    log_format all '$request|$args|$request_uri|$arg_token|$http_cookie|$http_authorization|$http_sec_websocket_protocol';
--- config
    access_log logs/access.log all;

    location = /ws {
        openclaw_pass        http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth        http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_set_header  X-Args $args;
        openclaw_set_header  X-Token $arg_token;
        openclaw_set_header  X-Request $request;
    }

    location = /rewritten {
        rewrite ^ /ws;
    }
--- scenario
    $agent->on({ path => qr{^/auth} }, reply =>
               [200, '{"success":true,"data":{"userId":"ann"}}']);

    for my $uri ('/ws?a=b&token=SECRET-1234&c=d', '/ws?token=SECRET-1234',
                 '/ws?token=SECRET-1234&t%6Fken=SECRET-1234',
                 '/rewritten?x&token=SECRET-1234')
    {
        my $c = $T->connect($uri);

        $c->send_text('nonsense');
        is $c->recv_json->{code}, 'parse_error', 'which is logged';
        is $c->chat('hello')->answer->{content}, 'echo: hello';
        $c->close;
    }

    my ($q) = grep { $_->{path} =~ /auth/ } $agent->requests;
    is $q->{json}{token}, 'SECRET-1234';

    my $log = $T->wait_for(sub { $T->access_log =~ /rewritten/
                                 && $T->access_log }, 'the access log');
    like $T->access_log, qr/GET \/ws\?a=b&token=\*{11}&c=d HTTP/,
        'all else is there';
    is seen('SECRET'), '';



=== TEST 2: headers
--- http_config
    log_format all '$request|$http_cookie|$http_authorization|$http_sec_websocket_protocol';
--- config
    access_log logs/access.log all;

    location = /cookie {
        openclaw_pass        http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth        http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_auth_token  $cookie_token;
        openclaw_set_header  X-Cookie $http_cookie;
    }

    location = /header {
        openclaw_pass        http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth        http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_auth_token  $http_authorization;
        openclaw_set_header  X-Token $http_authorization;
    }

    location = /protocol {
        openclaw_pass        http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth        http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_set_header  X-Token $http_sec_websocket_protocol;
    }
--- scenario
    $agent->on({ path => qr{^/auth} }, reply =>
               [200, '{"success":true,"data":{"userId":"ann"}}']);

    my @client = (
        ['/cookie', Cookie => 'a=b; token=SECRET-1234; c=d'],
        ['/header', Authorization => 'Bearer SECRET-1234'],
        ['/protocol', 'Sec-WebSocket-Protocol' => 'chat, bearer.SECRET-1234'],
    );

    for (@client) {
        my ($uri, %header) = @$_;
        my $c = $T->connect($uri, headers => \%header);

        is $c->chat('hello')->answer->{content}, 'echo: hello', $uri;
        $c->close;
    }

    is_deeply [map { $_->{json}{token} } grep { $_->{path} =~ /auth/ }
               $agent->requests], [('SECRET-1234') x 3];

    $T->wait_for(sub { $T->access_log =~ /protocol/ }, 'the access log');
    is seen('SECRET'), '';



=== TEST 3: of those who are not let in, or not served at all
--- config
    location = /ws {
        openclaw_pass          http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth          http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_auth_timeout  200ms;
    }
    location = /nobody {
        openclaw_pass          http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth          http://127.0.0.1:1/auth;
    }
--- scenario
    my @answer = (
        [reply => [200, '{"success":false,"error":"no SECRET-1234 here"}']],
        [reply => [500, 'what is SECRET-1234?']],
        [reply => [200, '{"success":true,"data":{"userId":["SECRET-1234"]}}']],
        ['close'],
        ['silence'],
    );

    for (@answer) {
        $agent->on({ path => qr{^/auth}, times => 1 }, @$_);

        my $c = $T->connect('/ws?token=SECRET-1234');

        unlike $c->recv_text, qr/SECRET/, $_->[0];
        $c->close;
    }

    $T->connect('/nobody?token=SECRET-1234')->close;

    # refused by the handshake

    is $T->connect('/ws?token=SECRET-1234', any => 1, headers => $_)->status,
       403 for { Origin => 'https://evil.example' };
    is $T->connect('/ws?token=SECRET-1234&senderName=%01', any => 1)->status,
       400;
    is $T->get('/ws?token=SECRET-1234')->{status}, 426;

    $T->wait_for(sub { $T->access_log =~ / 426 / }, 'the access log');
    is seen('SECRET'), '';

# Tests for clients that the service of openclaw_auth does not know, and for a
# service that does not know what to say.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# what a client gets whose token the service answers so

sub refused {
    my ($status, $body) = @_;

    my $T = $TestEnv::T;

    $T->agent->forget;
    $T->agent->otherwise(reply => [$status, $body]);

    my $c = $T->connect('/ws?token=t')->chat('hello');
    my $error = $c->recv_json;

    return join ' ', @{$error}{'type', 'code'}, $c->close,
                     $T->agent->count . ":", $error->{error};
}


run_tests();

__DATA__

=== TEST 1: a refusal
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
    }
--- scenario
    my %word = (
        '{"success":false,"error":"token_expired"}' => 'token_expired',
        '{"success":false,"code":"bad_token"}' => 'bad_token',
        '{"success":false,"error":"a","code":"b"}' => 'a',
        '{"success":false,"error":"Kein Zugang f\u00fcr dich"}' =>
            "Kein Zugang f\xc3\xbcr dich",
        '{"success":false}' => 'auth_failed',
        '{"success":false,"error":""}' => 'auth_failed',
        '{"success":false,"error":17}' => 'auth_failed',
        '{"success":false,"error":"a\nb"}' => 'auth_failed',
        '{"success":false,"error":"' . 'x' x 129 . '"}' => 'auth_failed',
        '{"success":false,"data":{"userId":"ann"}}' => 'auth_failed',
        '{"data":{"userId":"ann"}}' => 'auth_failed',
        '{"success":"true","data":{"userId":"ann"}}' => 'auth_failed',
        '{"success":1,"data":{"userId":"ann"}}' => 'auth_failed',
        '{"success":true}' => 'auth_failed',
        '{"success":true,"data":null}' => 'auth_failed',
        '{"success":true,"data":null,"error":"gone"}' => 'gone',
        '{}' => 'auth_failed',
    );

    for my $answer (sort keys %word) {
        is refused(200, $answer), 'chat.error auth_failed 4401 1: '
           . "Authentication failed: $word{$answer}", $answer;
    }

    is refused(403, '{"success":false,"error":"banned"}'),
        'chat.error auth_failed 4401 1: Authentication failed: banned';



=== TEST 2: no answer
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
    }
--- scenario
    my $long = 'x' x 257;

    my %why = (
        '' => 'the answer is not JSON',
        'yes' => 'the answer is not JSON',
        '[]' => 'the answer is not a JSON object',
        '"yes"' => 'the answer is not a JSON object',
        '{"success":true,' => 'the answer is not JSON',
        '{"success":true,"data":{"userId":"ann"}} x' =>
            'the answer is not JSON',
        '{"success":true,"data":{"userId":"' . ('x' x 70000) . '"}}' =>
            'the answer is too large',
        map({ ('{"success":true,"data":' . $_->[0] . '}' => $_->[1]) }
            ['{}', 'there is no userId'],
            ['[]', 'there is no userId'],
            ['true', 'there is no userId'],
            ['{"userId":null}', 'there is no userId'],
            ['{"userId":""}', 'there is no userId'],
            ['{"userId":["ann"]}', 'there is no userId'],
            ['{"userid":"ann"}', 'there is no userId'],
            ['{"userId":9007199254740993}',
                'the userId is a number that is not exact'],
            ['{"userId":1e300}', 'the userId is a number that is not exact'],
            ['{"userId":1.5}', 'the userId is a number that is not exact'],
            [qq({"userId":"$long"}), 'the userId is too long'],
            ['{"userId":"a\n"}', 'the userId is too long, not UTF-8'],
            [qq({"userId":"a\xff"}), 'the userId is too long, not UTF-8'],
            ['{"userId":"a\u0000b"}', 'the answer is not JSON'],
            ['{"userId":"a\ud800"}', 'the answer is not JSON'],
            ['{"userId":"anonymous-1"}', 'the userId is a reserved one'],
            ['{"userId":"a","username":7}', 'the username is not a string'],
            [qq({"userId":"a","username":"$long"}),
                'the username is too long'],
            ['{"userId":"a","expiresAt":"soon"}',
                'the expiresAt is not a time'],
            ['{"userId":"a","expiresAt":true}',
                'the expiresAt is not a time'],
            ['{"userId":"a","expiresAt":0}', 'the expiresAt is not a time'],
        ),
    );

    my $said = 'chat.error auth_failed 4401 1: '
               . 'Authentication failed: service_unavailable';

    for my $answer (sort keys %why) {
        is refused(200, $answer), $said, substr $answer, 0, 100;
        like [$T->error_log =~ /(service failed, .*)/g]->[-1],
             qr/^service failed, status 200: \Q$why{$answer}\E/;
    }

    is refused(502, '<html>Bad Gateway</html>'), $said;
    like $T->error_log, qr/authentication service failed, status 502: the/;



=== TEST 3: no service
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth http://127.0.0.1:1/auth;
    }
--- scenario
    my $c = $T->connect('/ws?token=t');

    is $c->recv_json->{error}, 'Authentication failed: service_unavailable';
    is $c->close, 4401;
    like $T->error_log,
         qr/authentication service failed, status 0: connecting failed/;



=== TEST 4: a service that hangs up
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
    }
--- scenario
    $agent->on({ path => qr{^/auth} }, 'close');

    my $c = $T->connect('/ws?token=t');

    is $c->recv_json->{error}, 'Authentication failed: service_unavailable';
    is $c->close, 4401;
    is $agent->count, 1, 'it is asked once';



=== TEST 5: no token
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
    }
--- scenario
    for my $uri ('/ws', '/ws?token=', '/ws?senderId=ann', '/ws?Token=t',
                 '/ws?token=++', '/ws?token=Bearer', '/ws?token=Bearer%20')
    {
        my $c = $T->connect($uri)->chat('hello');

        is_deeply $c->recv_json, { type => 'chat.error',
            error => 'Token required. Connect with ?token=YOUR_TOKEN',
            code => 'token_required' }, $uri;
        is $c->close, 4401;
    }

    is $agent->count, 0, 'nobody is asked, and nobody is told';
    like $T->error_log, qr/client sent no token/;

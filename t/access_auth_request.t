# A service of the user's own says who may come in, and as whom: auth_request
# and auth_request_set.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: the identity is what the service said
--- http_config
    map $http_cookie $user_of_cookie {
        default "";
        "sid=1" "u-1;Ann Lee";
        "sid=2" "u-2;Bob";
    }

    map $user_of_cookie $user_id {
        "~^(?<found_id>[^;]+)" $found_id;
    }

    map $user_of_cookie $user_name {
        "~;(?<found_name>.+)" $found_name;
    }
--- config
    location = /ws {
        auth_request /auth;
        auth_request_set $auth_id $upstream_http_x_user_id;
        auth_request_set $auth_name $upstream_http_x_user_name;

        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $auth_id;
        openclaw_sender_name $auth_name;
    }

    location = /auth {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/service;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_set_header Upgrade "";
    }

    # stands for the service

    location = /service {
        add_header X-User-Id $user_id;
        add_header X-User-Name $user_name;

        if ($user_id = "") {
            return 401;
        }

        return 204;
    }
--- scenario
    is $T->connect('/ws?senderId=u-1', any => 1)->status, 401;
    is $T->connect('/ws', any => 1, headers => { Cookie => 'sid=3' })->status,
       401;

    my $ann = $T->connect('/ws?senderId=u-2',
                          headers => { Cookie => 'sid=1' });
    my $bob = $T->connect('/ws', headers => { Cookie => 'sid=2' });

    for my $client ($ann, $bob) {
        $client->chat('hello', chatType => 'group', groupId => 'g');
        $client->answer;
    }

    my ($one, $two) = $agent->requests;
    like $one->{content}, qr/"sender":\{"id":"u-1","name":"Ann Lee"\}/;
    like $two->{content}, qr/"sender":\{"id":"u-2","name":"Bob"\}/;

    $bob->chat('x', senderId => 'u-1');
    is $bob->answer->{code}, 'sender_refused';

# nginx's own access rules work in front: allow, deny and satisfy.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: who is denied gets 403, and no connection
--- config
    location = /ws {
        deny 127.0.0.1;
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }

    location = /open {
        allow 127.0.0.1;
        deny all;
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws', any => 1);

    is $c->status, 403;
    is $c->header('Upgrade'), undef;

    $c = $T->connect('/open');
    $c->chat('hello');
    is $c->answer->{content}, 'echo: hello';



=== TEST 2: satisfy any: an address, or a password
--- user_files
>>> users
ann:{PLAIN}secret
--- config
    location = /in {
        satisfy any;
        allow 127.0.0.1;
        deny all;
        auth_basic "chat";
        auth_basic_user_file ../html/users;
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }

    location = /out {
        satisfy any;
        deny all;
        auth_basic "chat";
        auth_basic_user_file ../html/users;
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }

    location = /both {
        satisfy all;
        deny all;
        auth_basic "chat";
        auth_basic_user_file ../html/users;
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my %ann = (headers => { Authorization => 'Basic YW5uOnNlY3JldA==' });

    is $T->connect('/in')->status, 101;
    is $T->connect('/out', any => 1)->status, 401;
    is $T->connect('/out', %ann)->status, 101;
    is $T->connect('/both', any => 1, %ann)->status, 403;

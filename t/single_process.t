# Without a master process everything is as it is with one.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
master_off();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: turns, in order
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('m1', gate => 'go', say => 'well');

    my $c = $T->connect('/ws?senderId=ann');
    my $d = $T->connect('/ws?senderId=ann');

    $c->chat('m1', messageId => 'm1');
    is $c->recv_json->{type}, 'chat.typing';
    $d->chat('m2', messageId => 'm2');
    is $d->recv_json->{type}, 'chat.typing';
    $c->chat('m3', messageId => 'm3');
    is $c->recv_json->{type}, 'chat.typing';

    $agent->wait_for_gate('go')->release('go');
    is $c->answer->{content}, 'well';
    is $d->answer->{content}, 'echo: m2';
    is $c->answer->{content}, 'echo: m3';



=== TEST 2: the end
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('m1', 'silence');

    my $c = $T->connect('/ws');

    $c->chat('m1');
    $c->chat('m2');
    $agent->wait_for_requests(1);

    $T->stop;
    is $agent->wait_for_end(1)->{state}, 'gone';
    is $c->close_code, 1006;

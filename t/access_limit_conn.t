# limit_conn counts chats for as long as they last, and limit_req their
# handshakes.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: limit_conn: two of each sender at a time
--- http_config
    limit_conn_zone $arg_senderId zone=senders:1m;
--- config
    location = /ws {
        limit_conn senders 2;
        limit_conn_status 429;
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my @ann = map { $T->connect('/ws?senderId=ann') } 1, 2;

    is $T->connect('/ws?senderId=ann', any => 1)->status, 429;
    is $T->connect('/ws?senderId=bob')->status, 101, 'others are others';

    # counted while it lasts, whatever it does meanwhile

    $ann[0]->chat('hello');
    is $ann[0]->answer->{content}, 'echo: hello';
    is $T->connect('/ws?senderId=ann', any => 1)->status, 429;

    $ann[0]->close;
    $T->wait_for(sub {
        my $c = $T->connect('/ws?senderId=ann', any => 1);
        $ann[0] = $c;
        return $c->status == 101;
    }, 'a place that has become free');

    # also when it just goes away

    $ann[1]->reset;
    $T->wait_for(sub {
        $T->connect('/ws?senderId=ann', any => 1)->status == 101;
    }, 'a place that was left');



=== TEST 2: limit_req: so many handshakes at a time
--- http_config
    limit_req_zone $binary_remote_addr zone=handshakes:1m rate=1r/m;
--- config
    location = /ws {
        limit_req zone=handshakes burst=2 nodelay;
        limit_req_status 429;
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my @c = map { $T->connect('/ws', any => 1) } 1 .. 5;

    is join(' ', map { $_->status } @c), '101 101 101 429 429';

    # messages are not requests

    $c[0]->chat("say $_")->answer for 1 .. 5;
    is $agent->count, 5;

# A handshake has to come in time: nginx's client_header_timeout is in front.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: a half of a handshake, and a byte now and then
--- config
    client_header_timeout 200ms;

    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $other = $T->connect('/ws');
    my $slow = bless { in => '', name => 'slow', timeout => WsClient::timeout(),
                       status => 0 }, 'WsClient';

    $slow->{sock} = $slow->_socket;
    $slow->send_raw(substr WsFrame::handshake('/ws'), 0, 40);

    $T->wait_for(sub {
        return 1 if !$slow->is_open;
        $slow->send_raw('x');
        return 0;
    }, 'the end of it');

    is $slow->{in}, '', 'not a word';

    # the limit is not that of a connection

    $other->chat('hello');
    is $other->answer->{content}, 'echo: hello';

# An agent on a unix socket.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: with the usual path, or another one
--- config
    location = /usual { openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET; }
    location = /other { openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET:/a/b?c=d; }
    location = /host {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET;
        openclaw_set_header Host agent.test;
    }
--- scenario
    for (qw(usual other host)) {
        is $T->connect("/$_")->chat('hello')->answer->{content},
            'echo: hello';
    }

    my @asked = $agent->requests;
    is join(' ', map { $_->{path} } @asked),
        '/v1/chat/completions /a/b?c=d /v1/chat/completions';
    is join(' ', map { $_->{headers}{host} } @asked),
        'localhost localhost agent.test';



=== TEST 2: it is not there
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_TMP/none.sock;
        openclaw_retry_timeout 0;
    }
--- scenario
    my $c = $T->connect('/ws');

    is $c->chat('hello')->answer->{code}, 'agent_unreachable';
    $T->wait_for_log(qr/agent_unreachable: connecting failed: .*No such file/);



=== TEST 3: nobody listens there, and then an agent does
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_TMP/late.sock;
        openclaw_retry_timeout 0;
    }
--- scenario
    my $path = "$ENV{TEST_NGINX_TMP}/late.sock";
    my $stale = IO::Socket::UNIX->new(Local => $path);
    my $c = $T->connect('/ws');

    is $c->chat('hello')->answer->{code}, 'agent_unreachable';
    $T->wait_for_log(qr/agent_unreachable: connecting failed: .*refused/);

    my $late = Agent->start(socket => $path);

    is $c->chat('hello')->answer->{content}, 'echo: hello';

# Tests for compressed messages, to and from a client.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: messages of any size
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
--- scenario
    my $c = $T->connect('/ws', deflate => 1);

    is $c->header('Sec-WebSocket-Extensions'),
       'permessage-deflate; server_no_context_takeover; '
       . 'client_no_context_takeover';

    for my $n (1, 10, 100, 1000, 10_000, 100_000) {
        my $said = join ' ', 1 .. $n;
        $c->chat($said);
        ok $c->answer->{content} eq "echo: $said", "$n numbers";
    }

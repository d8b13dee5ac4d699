# Tests for compressed messages over TLS, where what could not be sent has to
# be sent again as it was.

use lib 't/lib';
use TestEnv qw(tls);
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# text that takes half of its bytes when it is compressed, and more than the
# sockets hold

use constant LINE => join ' ', map { $_ * 7919 % 10007 } 1 .. 200;
use constant LONG => join ' ', map { $_ * 7919 % 1000003 } 1 .. 500_000;


run_tests();

__DATA__

=== TEST 1: large answers to a slow client
--- config
    listen $TEST_NGINX_PORT2 ssl sndbuf=16k;
    ssl_certificate $TEST_NGINX_CERT;
    ssl_certificate_key $TEST_NGINX_CERT_KEY;

    openclaw_stream off;

    location = /on {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
    location = /takeover {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate takeover;
    }
--- agent
    $agent->on('long', say => main::LONG());
--- scenario
    my $asked = 0;

    for my $uri ('/on', '/takeover') {
        my $c = $T->connect($uri, port => $ENV{TEST_NGINX_PORT2}, ssl => 1,
                            deflate => 1, rcvbuf => 16384);

        for my $n (1 .. 2) {
            $c->chat('long', messageId => "$uri$n");
            $agent->wait_for_end(++$asked);

            is $c->recv_json->{type}, 'chat.typing';
            ok index($c->recv_text, LONG) > 0, "$uri, $n";

            $c->chat(LINE);
            is $c->answer->{content}, 'echo: ' . LINE, 'and a small one';
            $agent->wait_for_end(++$asked);
        }

        is $c->close, 1000;
    }

# Several gateways, some with TLS: each gets the Host of its own url, and its
# certificate is verified.

use lib 't/lib';
use TestEnv qw(tls);
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: http, https, and a socket, in any order
--- agents: 3
--- config
    openclaw_ssl_trusted_certificate $TEST_NGINX_CERT;
    openclaw_ssl_name agent.test;

    location = /ws {
        openclaw_pass https://localhost:$TEST_NGINX_AGENT_TLS_PORT
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT
                      unix:$TEST_NGINX_AGENT3_SOCKET;
    }
    location = /set {
        openclaw_pass https://localhost:$TEST_NGINX_AGENT_TLS_PORT
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT
                      unix:$TEST_NGINX_AGENT3_SOCKET;
        openclaw_set_header Host gateways.test;
    }
--- scenario
    my @host = ("localhost:$ENV{TEST_NGINX_AGENT_TLS_PORT}",
                "127.0.0.1:$ENV{TEST_NGINX_AGENT2_PORT}", 'localhost');

    for my $uri ('/ws', '/set') {
        my $c = $T->connect($uri);

        for my $n (1 .. 60) {
            $c->chat('x', senderId => "u$n", messageId => "$uri$n");
            is $c->answer("$uri$n")->{content}, 'echo: x';
        }
    }

    for my $n (1 .. 3) {
        my %host;
        $host{$_->{headers}{host}}++ for $T->agent($n)->requests;
        is_deeply [sort keys %host], [sort $host[$n - 1], 'gateways.test'];
    }



=== TEST 2: from one to the next
--- agents: 3
--- config
    openclaw_ssl_trusted_certificate $TEST_NGINX_CERT;
    openclaw_ssl_name agent.test;

    location = /ws {
        openclaw_pass https://localhost:$TEST_NGINX_AGENT_TLS_PORT
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT
                      unix:$TEST_NGINX_AGENT3_SOCKET max_fails=0;
    }
--- scenario
    my @host = ("localhost:$ENV{TEST_NGINX_AGENT_TLS_PORT}",
                "127.0.0.1:$ENV{TEST_NGINX_AGENT2_PORT}", 'localhost');

    for my $left (1 .. 3) {
        $T->agent($_)->mode($_ == $left ? 'normal' : 'refuse')->close_idle
            for 1 .. 3;
        my $c = $T->connect('/ws');

        for my $n (1 .. 20) {
            $c->chat("x", senderId => "u$n", messageId => "$left.$n");
            is $c->answer("$left.$n")->{content}, 'echo: x';
        }
    }

    for my $n (1 .. 3) {
        my @asked = $T->agent($n)->requests;
        is scalar @asked, 20;
        is scalar(grep { $_->{headers}{host} eq $host[$n - 1] } @asked), 20;
        is scalar(grep { $_->{content} eq 'x' } @asked), 20;
    }



=== TEST 3: a certificate for another name
--- agents: 2
--- config
    openclaw_ssl_trusted_certificate $TEST_NGINX_CERT;

    location = /ws {
        openclaw_pass https://0.0.0.0:$TEST_NGINX_AGENT_TLS_PORT
                      https://127.0.0.1:$TEST_NGINX_AGENT2_TLS_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');

    for my $n (1 .. 20) {
        $c->chat('x', senderId => "u$n", messageId => "m$n");
        is $c->answer("m$n")->{content}, 'echo: x';
    }

    is $T->agent(1)->count, 0;
    like $T->error_log, qr/can't be reached, .*certificate verification failed/;

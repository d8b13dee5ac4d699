# A client certificate says who is there.

use lib 't/lib';
use TestEnv qw(tls);
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


sub wss {
    my (%opt) = @_;

    return $TestEnv::T->connect('/ws?senderId=mallory',
                                port => $ENV{TEST_NGINX_PORT2}, %opt);
}


run_tests();

__DATA__

=== TEST 1: the subject is the sender, and who has no certificate is nobody
--- config
    listen $TEST_NGINX_PORT2 ssl;
    ssl_certificate $TEST_NGINX_CERT;
    ssl_certificate_key $TEST_NGINX_CERT_KEY;
    ssl_client_certificate $TEST_NGINX_CERT;
    ssl_verify_client on;

    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $ssl_client_fingerprint;
    }
--- scenario
    is wss(ssl => 1, any => 1)->status, 400;

    my $c = wss(ssl => { SSL_cert_file => $ENV{TEST_NGINX_CERT},
                         SSL_key_file => $ENV{TEST_NGINX_CERT_KEY} });

    $c->chat('hello');
    is $c->answer->{content}, 'echo: hello';
    like [$agent->requests]->[0]{session}, qr/:direct:[0-9a-f]{40}$/;

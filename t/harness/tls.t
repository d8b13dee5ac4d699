# An agent behind TLS, a client over TLS.

use lib 't/lib';
use TestEnv qw(stock tls);
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
run_tests();

__DATA__

=== TEST 1: nginx checks the agent's certificate
--- config
    # nginx does not free a session that it keeps
    proxy_ssl_session_reuse off;

    location /good {
        proxy_pass https://127.0.0.1:$TEST_NGINX_AGENT_TLS_PORT;
        proxy_ssl_trusted_certificate $TEST_NGINX_CERT;
        proxy_ssl_verify on;
        proxy_ssl_name agent.test;
    }

    location /bad {
        proxy_pass https://127.0.0.1:$TEST_NGINX_AGENT_TLS_PORT;
        proxy_ssl_trusted_certificate $TEST_NGINX_CERT;
        proxy_ssl_verify on;
        proxy_ssl_name other.test;
    }
--- scenario
    $agent->on({ path => '/good' }, repeat => [3000, 'x' x 100]);

    is scalar(() = $T->get('/good')->{body} =~ /x{100}/g), 3000;
    is $T->get('/bad')->{status}, 502;
    is $agent->count, 1;



=== TEST 2: a client over TLS
--- config
    listen $TEST_NGINX_RAND_PORT_1 ssl;
    ssl_certificate $TEST_NGINX_CERT;
    ssl_certificate_key $TEST_NGINX_CERT_KEY;

    location /port { return 200 $TEST_NGINX_RAND_PORT_1; }
    location /ws { return 200 $https; }
--- scenario
    my $refused = $T->connect('/ws', port => $T->get('/port')->{body}, ssl => 1,
                              any => 1);
    is $refused->status, 200;
    is $refused->body, 'on';

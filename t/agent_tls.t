# An agent behind TLS: it is verified unless that is turned off.

use lib 't/lib';
use TestEnv qw(tls);
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();
log_level('info');


# an agent with a certificate as TestEnv's, and what else is said

sub tls_agent {
    my (%tls) = @_;

    return Agent->start(tls_port => $ENV{TEST_NGINX_AGENT2_TLS_PORT},
                        tls => { SSL_cert_file => $ENV{TEST_NGINX_CERT},
                                 SSL_key_file => $ENV{TEST_NGINX_CERT_KEY},
                                 %tls });
}


# a certificate for clients, signed by itself

sub make_client {
    my $tmp = $ENV{TEST_NGINX_TMP};
    my ($cert, $key) = IO::Socket::SSL::Utils::CERT_create(
        CA => 1, purpose => 'ca,client', subject => { commonName => 'nginx' });

    IO::Socket::SSL::Utils::PEM_cert2file($cert, "$tmp/client.pem");
    IO::Socket::SSL::Utils::PEM_key2file($key, "$tmp/client.key");
}


sub says {
    my ($uri) = @_;

    my $answer = $TestEnv::T->connect($uri)->chat('hello')->answer;

    return $answer->{content} // $answer->{code};
}


make_client();
run_tests();

__DATA__

=== TEST 1: a certificate that is trusted
--- config
    location = /address {
        openclaw_pass https://127.0.0.1:$TEST_NGINX_AGENT_TLS_PORT;
        openclaw_ssl_trusted_certificate $TEST_NGINX_CERT;
    }

    location = /name {
        openclaw_pass https://localhost:$TEST_NGINX_AGENT_TLS_PORT;
        openclaw_ssl_trusted_certificate $TEST_NGINX_CERT;
    }
--- scenario
    is says('/address'), 'echo: hello';
    is says('/name'), 'echo: hello';

    my @asked = $agent->requests;
    my $port = $ENV{TEST_NGINX_AGENT_TLS_PORT};

    is $asked[0]{headers}{host}, "127.0.0.1:$port";
    is $asked[1]{headers}{host}, "localhost:$port";
    is $asked[0]{path}, '/v1/chat/completions';



=== TEST 2: one that nobody has signed but itself
--- config
    location = /ws {
        openclaw_pass https://127.0.0.1:$TEST_NGINX_AGENT_TLS_PORT;
    }
--- scenario
    is says('/ws'), 'agent_unreachable';
    $T->wait_for_log(qr/\[error\].*certificate verification failed: .*self/);
    is $agent->count, 0, 'it was told nothing';



=== TEST 3: openclaw_ssl_verify off
--- config
    location = /off {
        openclaw_pass https://127.0.0.1:$TEST_NGINX_AGENT_TLS_PORT;
        openclaw_ssl_verify off;
    }

    location = /on {
        openclaw_pass https://127.0.0.1:$TEST_NGINX_AGENT_TLS_PORT;
    }
--- scenario
    is says('/off'), 'echo: hello';
    is says('/off'), 'echo: hello';

    # the connection that was not verified is no way around that

    is says('/on'), 'agent_unreachable';
    is says('/off'), 'echo: hello';
    is $agent->count, 3;



=== TEST 4: openclaw_ssl_name
--- config
    openclaw_ssl_trusted_certificate $TEST_NGINX_CERT;

    location = /right {
        openclaw_pass https://127.0.0.1:$TEST_NGINX_AGENT_TLS_PORT;
        openclaw_ssl_name agent.test;
    }

    location = /wrong {
        openclaw_pass https://127.0.0.1:$TEST_NGINX_AGENT_TLS_PORT;
        openclaw_ssl_name other.test;
    }
--- scenario
    # it need not be known to any resolver, and the agent is not told

    is says('/right'), 'echo: hello';
    is [$agent->requests]->[0]{headers}{host},
        "127.0.0.1:$ENV{TEST_NGINX_AGENT_TLS_PORT}";

    is says('/wrong'), 'agent_unreachable';
    $T->wait_for_log(qr/certificate verification failed: .*other\.test/);
    is $agent->count, 1;



=== TEST 5: a certificate of our own
--- config
    openclaw_ssl_trusted_certificate $TEST_NGINX_CERT;

    location = /with {
        openclaw_pass https://127.0.0.1:$TEST_NGINX_AGENT2_TLS_PORT;
        openclaw_ssl_certificate $TEST_NGINX_TMP/client.pem;
        openclaw_ssl_certificate_key $TEST_NGINX_TMP/client.key;
    }

    location = /without {
        openclaw_pass https://127.0.0.1:$TEST_NGINX_AGENT2_TLS_PORT;
    }
--- scenario
    my $strict = tls_agent(SSL_verify_mode => 3,
                           SSL_ca_file => "$ENV{TEST_NGINX_TMP}/client.pem");

    is says('/with'), 'echo: hello';

    # nor can the other one use its connection

    like says('/without'), qr/^agent_(?:unreachable|incomplete)$/;
    is says('/with'), 'echo: hello';
    is $strict->count, 2;



=== TEST 6: openclaw_ssl_protocols, openclaw_ssl_ciphers
--- config
    openclaw_ssl_trusted_certificate $TEST_NGINX_CERT;

    location = /old {
        openclaw_pass https://127.0.0.1:$TEST_NGINX_AGENT2_TLS_PORT;
        openclaw_ssl_protocols TLSv1.2;
    }

    location = /new {
        openclaw_pass https://127.0.0.1:$TEST_NGINX_AGENT2_TLS_PORT;
        openclaw_ssl_protocols TLSv1.3;
    }

    location = /both {
        openclaw_pass https://127.0.0.1:$TEST_NGINX_AGENT2_TLS_PORT;
    }

    location = /ciphers {
        openclaw_pass https://127.0.0.1:$TEST_NGINX_AGENT2_TLS_PORT;
        openclaw_ssl_protocols TLSv1.2;
        openclaw_ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256;
    }
--- scenario
    my $is_new = tls_agent(SSL_version => 'TLSv1_3');

    is says('/both'), 'echo: hello';
    is says('/new'), 'echo: hello';
    is says('/old'), 'agent_unreachable';
    $is_new->stop;

    my $is_old = tls_agent(SSL_version => 'TLSv1_2');

    is says('/both'), 'echo: hello';
    is says('/old'), 'echo: hello';
    is says('/new'), 'agent_unreachable';
    is says('/ciphers'), 'agent_unreachable', 'the key of the agent is RSA';



=== TEST 7: an agent without TLS, and TLS to one that has none
--- config
    location = /tls {
        openclaw_pass https://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_ssl_verify off;
        openclaw_connect_timeout 1s;
    }

    location = /plain {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_TLS_PORT;
    }
--- scenario
    $agent->on('hello', 'silence');
    like says('/plain'), qr/^agent_(?:error|incomplete)$/;
    is says('/tls'), 'agent_unreachable';



=== TEST 8: a certificate that is trusted no more, after a reload
--- config
    location = /ws {
        openclaw_pass https://127.0.0.1:$TEST_NGINX_AGENT_TLS_PORT;
        openclaw_ssl_trusted_certificate $TEST_NGINX_CERT;
    }
--- scenario
    is says('/ws'), 'echo: hello';

    my $other = "$ENV{TEST_NGINX_TMP}/client.pem";
    $T->reload(sub { s/\Q$ENV{TEST_NGINX_CERT};/$other;/ });
    is says('/ws'), 'agent_unreachable';

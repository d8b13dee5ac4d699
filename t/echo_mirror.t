# Tests for the echo and a subrequest in the background: nginx runs what its
# events lead to by way of the connection that the echo has taken over.

use lib 't/lib';
use TestEnv qw(echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();

run_tests();

__DATA__

=== TEST 1: a mirror's answer comes while the connection lives
--- config
    location = /echo {
        mirror /mirror;
        ws_echo;
    }

    location = /mirror {
        internal;
        log_subrequest on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/seen;
    }

    location = /seen {
        return 204;
    }
--- scenario
    my $c = ws();

    $c->send_frame('text', 'hel', fin => 0);
    $T->wait_for(sub { $T->access_log =~ m{^.*GET /echo .* 204 }m },
                 'the mirror');
    $c->send_frame('cont', 'lo');
    echoed($c, 'text', 'hello');
    is $c->close, 1000;


=== TEST 2: it fails, which has nginx take the connection back
--- config
    location = /echo {
        mirror /mirror;
        ws_echo;
    }

    location = /mirror {
        internal;
        log_subrequest on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/cut;
    }

    location = /cut {
        return 444;
    }
--- scenario
    my $c = ws();

    $T->wait_for(sub { $T->access_log =~ m{^.*GET /echo .* 502 }m },
                 'the mirror');
    $c->send_text('hello');
    echoed($c, 'text', 'hello');
    is $c->close, 1000;

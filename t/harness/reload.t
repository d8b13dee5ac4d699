# With HUP nginx is not stopped between blocks but reloaded.

use lib 't/lib';
use TestEnv qw(stock);

BEGIN { $ENV{TEST_NGINX_FAST_SHUTDOWN} = 1 }

use Test::Nginx::Socket;

use_hup();
no_shuffle();
plan tests => repeat_each() * 8;

my %master;

add_response_body_check(sub { $master{TestEnv::nginx_pid()} = 1 });
run_tests();
is(scalar keys %master, 1, 'one master for all blocks');

__DATA__

=== TEST 1: the first
--- config
    location = /t { return 200 "one\n"; }
--- request
GET /t
--- response_body
one



=== TEST 2: the second
--- config
    location = /t { return 200 "two\n"; }
--- request
GET /t
--- response_body
two
--- no_error_log
[alert]



=== TEST 3: no configuration of its own
--- request
GET /t
--- response_body
two

# Blocks that are left out, and configurations that must not load.

use lib 't/lib';
use TestEnv qw(stock);
use Test::Nginx::Socket;

repeat_each(2);
plan tests => repeat_each() * 21;
run_tests();

__DATA__

=== TEST 1: a version that is too old
--- config
    no_such_directive;
--- request
GET /t
--- skip_nginx: 3: < 9.0.0
--- no_error_log
[error]
[alert]



=== TEST 2: a version that will do
--- config
    location = /t { return 204; }
--- request
GET /t
--- skip_nginx: 1: < 0.8.0: too old
--- error_code: 204



=== TEST 3: between two versions
--- config
    no_such_directive;
--- request
GET /t
--- skip_nginx2: 2: >= 0.8.0 and < 9.0.0



=== TEST 4: what Perl says
--- config
    no_such_directive;
--- request
GET /t
--- skip_eval: 4: 1 + 1 == 2



=== TEST 5: and if it says no
--- config
    location = /t { return 204; }
--- request
GET /t
--- skip_eval: 4: 1 + 1 == 3
--- error_code: 204



=== TEST 6: what is to be done
--- config
    location = /t { return 204; }
--- request
GET /t
--- todo: 1: not yet



=== TEST 7: a configuration that does not load
--- config
    no_such_directive;
--- must_die
--- suppress_stderr
--- request
GET /t
--- error_log
unknown directive "no_such_directive"
--- no_error_log
[crit]



=== TEST 8: it says so with this status
--- config
    listen no:such:port;
--- must_die: 1
--- suppress_stderr
--- request
GET /t
--- error_log eval
qr/\[emerg\] .*invalid port/



=== TEST 9: and all is well after it
--- config
    location = /t { return 204; }
--- request
GET /t
--- error_code: 204
--- no_error_log
[emerg]
[alert]
[error]

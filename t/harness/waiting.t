# Servers that stay open: timeout, abort, shutdown; and what comes after.

use lib 't/lib';
use TestEnv qw(stock);
use Test::Nginx::Socket;

repeat_each(2);
plan tests => repeat_each() * blocks() * 2;
run_tests();

__DATA__

=== TEST 1: what came until the client gave up
--- config
    location = /t { return 200 "hello\n"; }
--- raw_request eval
"GET /t HTTP/1.1\r\nHost: x\r\n\r\n"
--- timeout: 100ms
--- abort
--- response_body
hello



=== TEST 2: the client shuts its side down
--- config
    location = /t { return 200 "hello\n"; }
--- raw_request eval
"GET /t HTTP/1.1\r\nHost: x\r\n\r\n"
--- shutdown: 1
--- response_body
hello



=== TEST 3: the log has what happened after the client left
--- config
    location = /t { return 200 "hello\n"; }
--- raw_request eval
"GET /t HTTP/1.1\r\nHost: x\r\n\r\n"
--- timeout: 0.1
--- abort
--- wait: 0.1
--- error_log
closed keepalive connection



=== TEST 4: each repeat has its own part of the log
--- config
    location = /t { return 200 "hello\n"; }
--- request
GET /t
--- grep_error_log: http uri: "/t"
--- grep_error_log_out eval
[qq{http uri: "/t"\n}, qq{http uri: "/t"\n}]



=== TEST 5: the last words, once all repeats are done
--- config
    location = /t { return 200; }
--- request
GET /t
--- shutdown_error_log eval
[qr/: exit$/, qr/signal 15/]

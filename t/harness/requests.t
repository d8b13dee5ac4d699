# What is sent and what is expanded.

use lib 't/lib';
use TestEnv qw(stock);
use Test::Nginx::Socket;

$ENV{TEST_NGINX_GREETING} = 'hello';
env_to_nginx('TEST_NGINX_GREETING');

plan tests => repeat_each() * (blocks() * 2 + 10);
no_long_string();
run_tests();

__DATA__

=== TEST 1: what a request has by itself
--- config
    location = /t { return 200 "$host $http_connection $http_content_length\n"; }
--- request
GET /t
--- response_body
localhost close 
--- response_headers
Connection: close



=== TEST 2: a body, its length, headers that replace the usual ones
--- config
    location = /t { return 200 "$host $http_connection $http_content_length $http_x\n"; }
--- more_headers
Host: example.org
Connection: keep-alive, close
X: a: b
--- request
POST /t
hello
--- response_body
example.org keep-alive, close 5 a: b



=== TEST 3: raw bytes
--- config
    location = /t { return 200 "$request_method $http_x\n"; }
--- raw_request eval
"BREW /t HTTP/1.1\r\nHost: x\r\nX: raw\r\nConnection: close\r\n\r\n"
--- response_body
BREW raw



=== TEST 4: raw bytes in packets
--- config
    location = /t { return 200 "$http_x\n"; }
--- raw_request eval
["GET /t HTTP/1.1\r\nHo", "st: x\r\nX: in pieces\r\nConnect", "ion: close\r\n\r\n"]
--- raw_request_middle_delay: 0.02
--- response_body
in pieces
--- grep_error_log eval: qr/http process request (?:line|header line)$/
--- grep_error_log_out eval: qr/line\n.*header line\n.*header line\n/s



=== TEST 5: pipelined requests
--- config
    location /t { return 200 "$request_uri\n"; }
--- pipelined_requests eval
["GET /t1", "GET /t2"]
--- response_body eval
["/t1\n", "/t2\n"]
--- no_error_log
[error]



=== TEST 6: HEAD has no body
--- config
    location = /t { return 200 hello; }
--- request
HEAD /t
--- response_headers
Content-Length: 5
--- response_body



=== TEST 7: chunked answers, files of the test, variables of the environment
--- config
    location = /t {
        ssi on;
        ssi_types *;
        root html;
    }
--- user_files
>>> t
1 <!--# echo var="request_method" --> $TEST_NGINX_GREETING
--- request
GET /t
--- response_headers
Transfer-Encoding: chunked
--- response_body
1 GET $TEST_NGINX_GREETING



=== TEST 8: a random port is the same all over the block
--- http_config
    server { listen $TEST_NGINX_RAND_PORT_1; return 200 "$server_port\n"; }
--- config
    location = /t { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
--- request
GET /t
--- response_body_like: ^\d+$



=== TEST 9: a server that the test brings along
--- config
    location = /t {
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/asked;
        proxy_http_version 1.0;
        proxy_set_header Host agent;
        proxy_set_header Connection close;
    }
--- tcp_listen: $TEST_NGINX_RAND_PORT_1
--- tcp_query eval
"GET /asked HTTP/1.0\r\nHost: agent\r\nConnection: close\r\n\r\n"
--- tcp_query_len: 55
--- tcp_reply eval
"HTTP/1.0 201 Fine\r\n\r\nhello\n"
--- request
GET /t
--- error_code: 201
--- response_body
hello



=== TEST 10: sections before and after http, a server name
--- main_config
    env FROM_TEST=1;
--- post_main_config
    # after http
--- http_config
    map $host $mapped { default mapped; }
--- config
    location = /t { return 200 "$mapped $server_name $server_port\n"; }
--- request
GET /t
--- response_body
mapped localhost $ServerPort



=== TEST 11: the body goes through filters
--- config
    location = /t { return 200 "hello\n"; }
--- request
GET /t
--- response_body_filters eval
[sub { $_[0] . 'bye' }, 'uc']
--- response_body chomp
HELLO
BYE



=== TEST 12: files for the client, a directory by itself
--- config
    location /dir/ { root html; }
--- user_files eval
[["dir/a.txt", "first\n"], ["dir/b.txt", "second\n"]]
--- request
GET /dir/b.txt
--- response_body
second

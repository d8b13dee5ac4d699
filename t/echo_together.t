# Tests for the echo and the module in one nginx: they are built of the same
# files, and neither may run the code of the other.

use lib 't/lib';
use TestEnv qw(stock echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::skip_all('the module is built in') unless $ENV{TEST_NGINX_MODULE};

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# both at work, one in the middle of a message of the other

sub both {
    my $c = ws();
    my $chat = ws(uri => '/ws');

    $c->send_frame('text', 'hel', fin => 0);
    $chat->chat('hello');
    is $chat->answer->{content}, 'echo: hello';
    $c->send_frame('cont', 'lo');
    echoed($c, 'text', 'hello');

    $chat->send_frame('text', 'x' x 2000);
    is $chat->close_code, 1009, 'each has its limits';
    $c->send_text('x' x 2000);
    echoed($c, 'text', 'x' x 2000);
    is $c->close, 1000;
}


run_tests();

__DATA__

=== TEST 1: the module first
--- main_config
    load_module $TEST_NGINX_MODULE;
    load_module $TEST_NGINX_ECHO_MODULE;
--- config
    location = /echo { ws_echo; }
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_max_message_size 1k;
    }
--- scenario
    both();



=== TEST 2: the echo first
--- main_config
    load_module $TEST_NGINX_ECHO_MODULE;
    load_module $TEST_NGINX_MODULE;
--- config
    location = /echo { ws_echo; }
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_max_message_size 1k;
    }
--- scenario
    both();



=== TEST 3: the echo has no name for others to find, and no need of the module
--- config
    location = /echo { ws_echo; }
--- main_config
    load_module $TEST_NGINX_ECHO_MODULE;
--- scenario
    my $so = $ENV{TEST_NGINX_ECHO_MODULE};
    my @names = map { / [A-TV-Z] (\w+)/ ? $1 : () } `nm -D $so`;

    is join(' ', sort grep { /^ngx_/ } @names),
       'ngx_module_names ngx_module_order ngx_modules';

    my @needs = map { / U (ngx_\w*openclaw\w*)/ ? $1 : () } `nm -D $so`;

    is "@needs", '';

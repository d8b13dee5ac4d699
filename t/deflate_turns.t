# Tests for many compressed messages at once: what takes a few bytes to send
# may take long to inflate and read, and others must not wait for all of it.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();

run_tests();

__DATA__

=== TEST 1: others get their turn between them
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
--- scenario
    my $greedy = $T->connect('/ws', deflate => 1);
    my $other = $T->connect('/ws');

    my $message = ' ' x (1024 * 1000) . '{"type":"ping"}';
    my $frame = WsFrame::frame('text', $greedy->deflate($message), rsv => 4);
    my $n = 100;

    # all of it is there when the worker looks

    my ($worker) = $T->workers;

    kill STOP => $worker;
    $greedy->send_raw($frame x $n);
    $other->send_text('{"type":"ping"}');
    kill CONT => $worker;

    is $other->recv_json->{type}, 'pong';

    $greedy->is_open;    # what has come so far
    my $before = () = $greedy->{in} =~ /pong/g;
    cmp_ok $before, '<', 20, 'not behind what is read at once';

    is scalar(grep { $greedy->recv_json->{type} eq 'pong' } 1 .. $n), $n;
    is $greedy->close, 1000;

# A client that makes work and nothing of it is disconnected.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# this, many times: how the connection ends

sub flood {
    my ($bytes) = @_;

    my $c = $TestEnv::T->connect('/ws?senderId=eve');

    $c->send_reading($bytes x 500) for 1 .. 20;

    return $c->close_code;
}


run_tests();

__DATA__

=== TEST 1: frames and messages that come to nothing
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $arg_senderId;
    }
--- scenario
    my $other = $T->connect('/ws?senderId=ann');
    my $send = '{"type":"chat.send","content":"x"';

    my %vain = (
        'pings' => WsFrame::ping('x'),
        'pongs' => WsFrame::pong('x'),
        'empty ones' => WsFrame::ping(''),
        'pings as messages' => WsFrame::text('{"type":"ping"}'),
        'no JSON' => WsFrame::text('x'),
        'no messages' => WsFrame::text('{}'),
        'messages that are refused' => WsFrame::text("$send,\"senderId\":1}"),
        'messages of others' => WsFrame::text("$send,\"senderId\":\"ann\"}"),
        'aborts of nothing' => WsFrame::text('{"type":"chat.abort"}'),
    );

    for my $what (sort keys %vain) {
        is main::flood($vain{$what}), 1008, $what;

        $other->chat('hello');
        is $other->answer->{content}, 'echo: hello', 'others are others';
    }

    my $n = () = $T->error_log =~ /\[info\].* client sent too many pings, pongs/g;
    is $n, keys %vain, 'a line for each';
    is $agent->count, keys %vain;



=== TEST 2: a lot of them at once is no flood
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $c = $T->connect('/ws');

    $c->send_reading(WsFrame::ping('x') x 1900);
    $c->chat('hello');
    is $c->answer->{content}, 'echo: hello';

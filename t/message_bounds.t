# What a message may hold is bounded: what is small to send must not be large
# to read.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# a message with this for its custom data, and what it is answered with

sub custom {
    my ($c, $json) = @_;

    $c->send_text('{"type":"chat.send","content":"hello",'
                  . "\"customData\":$json}");

    return $c->answer;
}


run_tests();

__DATA__

=== TEST 1: how deep it is
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $c = $T->connect('/ws');
    my $deep = sub { '{"a":' . '[' x $_[0] . ']' x $_[0] . '}' };

    is main::custom($c, $deep->(62))->{type}, 'chat.response', '64 levels';

    for my $n (63, 999, 100_000) {
        my $answer = main::custom($c, $deep->($n));
        is $answer->{code}, 'parse_error';
        is $answer->{error}, 'Failed to parse message: arrays and objects may '
                             . 'be at most 64 levels deep';
    }

    is main::custom($c, '{"a":"' . '[' x 1000 . '"}')->{type},
       'chat.response', 'in a string it is text';
    is $agent->count, 2;



=== TEST 2: how many values it has
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $c = $T->connect('/ws');
    my $many = sub { '{"a":[' . join(',', (0) x $_[0]) . ']}' };

    is main::custom($c, $many->(16_000))->{type}, 'chat.response';

    for my $n (17_000, 200_000) {
        my $answer = main::custom($c, $many->($n));
        is $answer->{code}, 'parse_error';
        is $answer->{error}, 'Failed to parse message: it may have at most '
                             . '16384 values';
    }

    is $agent->count, 1;



=== TEST 3: how many fragments it is in
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $other = $T->connect('/ws');
    my $json = '{"type":"chat.send","content":"hello"}';

    for ([0, 16_384], [1, 17_476]) {
        my ($size, $most) = @$_;
        my $fragment = WsFrame::cont(' ' x $size, fin => 0);

        my $c = $T->connect('/ws');
        $c->send_raw(WsFrame::frame('text', ' ' x $size, fin => 0)
                     . $fragment x ($most - 2) . WsFrame::cont($json));
        is $c->answer->{content}, 'echo: hello', "$most of $size bytes";

        $c->send_raw(WsFrame::frame('text', ' ' x $size, fin => 0)
                     . $fragment x $most);
        is $c->close_code, 1008, 'one more';
        is $c->close_reason, 'client sent a message in too many fragments';
    }

    $other->chat('hello');
    is $other->answer->{content}, 'echo: hello', 'others are others';

# Tests for very many messages, and for very many fragments of one.

use lib 't/lib';
use TestEnv qw(echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: tiny messages, as fast as they can be sent
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws(timeout => 60);
    my $count = $Echo::SLOW ? 3000 : 50_000;

    for my $len (0, 1, 16, 125, 126, 1000) {
        my $n = $len < 200 ? $count : $count / 10;
        my @payload = map { substr sprintf('%06d', $_) . 'x' x $len, 0, $len }
                      1 .. $n;

        for my $op (qw(text binary)) {
            my $out = join '', map { WsFrame::frame($op, $_, mask => undef) }
                      @payload;

            $c->send_reading(join '', map { WsFrame::frame($op, $_) } @payload);
            ok $c->recv_raw(length $out) eq $out, "$n times $op of $len bytes";
        }
    }

    is $c->close, 1000;



=== TEST 2: one after another, each waited for
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws(timeout => 60);
    my $count = $Echo::SLOW ? 300 : 3000;

    for my $len (16, 64, 256, 1024, 4096, 16_384, 65_536) {
        my $payload = substr $Echo::BYTES x 256, 0, $len;
        my $right = 0;

        for (1 .. $count / (1 + $len / 4096)) {
            $c->send_binary($payload);
            $right++, next if $c->recv->{payload} eq $payload;
            fail "$len bytes, the $_. time";
            last;
        }

        cmp_ok $right, '>', 10, "$right times $len bytes";
    }



=== TEST 3: tens of thousands of fragments, and of empty ones
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws(timeout => 60);
    my $count = $Echo::SLOW ? 3000 : 100_000;
    my $payload = substr $Echo::BYTES x (1 + $count / 256), 0, $count;

    $c->send_reading(in_fragments('binary', $payload, 1));
    echoed($c, 'binary', $payload, 'of one byte');

    $c->send_reading(WsFrame::text('', fin => 0)
                     . WsFrame::cont('', fin => 0) x $count
                     . WsFrame::cont('x'));
    echoed($c, 'text', 'x', 'empty ones');

    $c->send_reading(WsFrame::text('a', fin => 0) . WsFrame::pong('p') x $count
                     . WsFrame::cont('b'));
    echoed($c, 'text', 'ab', 'with as many pongs between');



=== TEST 4: pings, more than are read for a while
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws(timeout => 60);
    my $count = $Echo::SLOW ? 3000 : 50_000;
    my $out = join '', map { WsFrame::pong(sprintf('%06d', $_), mask => undef) }
              1 .. $count;

    $c->send_reading(join '', map { WsFrame::ping(sprintf '%06d', $_) }
                     1 .. $count);
    ok $c->recv_raw(length $out) eq $out, 'each has its pong, in order';

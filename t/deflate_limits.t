# Tests for openclaw_max_message_size and compressed messages: what counts is
# how large they are when they are inflated, and that is found out early.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

use Deflate;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


use constant BIG => '1009 client sent a too big compressed message';


# how a connection ends that sends these bytes

sub end {
    my ($bytes) = @_;

    my $c = $TestEnv::T->connect('/ws', deflate => 1);

    $c->send_raw($bytes);

    return $c->close_code . ' ' . $c->close_reason;
}


sub compressed {
    my ($payload, %opt) = @_;

    return WsFrame::frame('text', $payload, rsv => 4, %opt);
}


# a message of so many bytes

sub message {
    my ($len) = @_;

    my $empty = length WsFrame::to_json({ type => 'chat.send', content => '' });

    return WsFrame::to_json({ type => 'chat.send',
                              content => 'x' x ($len - $empty) });
}


run_tests();

__DATA__

=== TEST 1: as large as allowed, and one byte more
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
        openclaw_max_message_size 10k;
    }
--- scenario
    my $c = $T->connect('/ws', deflate => 1);

    for my $level (0, 6) {
        $c->send_raw(compressed(Deflate::deflated(message(10240),
                                                  level => $level)));
        is $c->answer->{type}, 'chat.response', "level $level";

        is end(compressed(Deflate::deflated(message(10241),
                                            level => $level))), BIG;
    }

    # in two frames, which say nothing of it

    my $payload = Deflate::deflated(message(10241));

    is end(compressed(substr($payload, 0, 10), fin => 0)
           . WsFrame::cont(substr $payload, 10)), BIG;

    # the next message begins anew

    for (1 .. 3) {
        $c->send_raw(compressed(Deflate::deflated(message(10240))));
        is $c->answer->{type}, 'chat.response';
    }



=== TEST 2: bombs
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
--- scenario
    my $peak = sub {
        my $kb = 0;

        for my $pid ($T->workers) {
            $kb += (TestEnv::Scenario::slurp("/proc/$pid/status")
                    =~ /VmPeak:\s+(\d+)/)[0];
        }

        return $kb;
    };

    my @bomb = map { Deflate::bomb(64, $_) } "\0", '{}', '"';

    my $c = $T->connect('/ws', deflate => 1);
    $c->chat('hello' x 100);
    is $c->answer->{type}, 'chat.response';

    my $before = $peak->();

    for my $bomb (@bomb) {
        cmp_ok length $bomb, '<', 1 << 20, 'less than a megabyte';
        is end(compressed($bomb)), BIG;
        is end(WsFrame::binary($bomb, rsv => 4)), BIG;
    }

    cmp_ok $peak->() - $before, '<', 20_000, 'not 64 megabytes of any';

    is $c->close, 1000, 'the others go on';



=== TEST 3: the bytes on the wire, which a header tells
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
        openclaw_max_message_size 10k;
    }
--- scenario
    my $end = '1009 client sent a too big message';

    is end(compressed('', len => 1 << 20)), $end, 'only the header';
    is end(compressed('', len => (1 << 63) - 1)), $end;
    is end(WsFrame::text('', len => 10241)), $end, 'one that is not compressed';

    # blocks that hold nothing

    my $empty = "\x00\x00\x00\xff\xff" x 1000;

    is end(compressed($empty, fin => 0)
           . WsFrame::cont($empty, fin => 0) x 3), $end;



=== TEST 4: messages that are never finished keep no more than others
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
--- scenario
    my @c = map { $T->connect('/ws', deflate => 1) } 1 .. 50;

    $_->send_raw(compressed(Deflate::deflated('x' x 1000), fin => 0)) for @c;
    $_->sync for @c;

    # each has its own

    for (@c) {
        $_->send_raw(WsFrame::cont("\x00\x00\xff\xff\x00"));
        is $_->recv_json->{code}, 'parse_error';
    }

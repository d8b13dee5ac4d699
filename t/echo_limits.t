# Tests for the limits of a connection: size of a message, what waits to be
# sent, and for how long.

use lib 't/lib';
use TestEnv qw(echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: the size of a message
--- config
    location = /echo {
        ws_echo;
        ws_echo_max_message_size 1000;
    }
--- scenario
    my $end = '1009 client sent a too big message';
    my $c = ws();

    for my $op (qw(text binary)) {
        $c->send_frame($op, 'x' x 1000);
        echoed($c, $op, 'x' x 1000);

        for my $size (1, 7, 500, 999) {
            $c->send_raw(in_fragments($op, 'x' x 1000, $size));
            echoed($c, $op, 'x' x 1000, "in fragments of $size bytes");
        }

        # the header tells, and the payload need not come

        refused(WsFrame::frame($op, '', len => $_), $end, "$op of $_",
                alone => 1) for 1001, 65_536, 1 << 40;
        refused(WsFrame::frame($op, 'x' x 1001), $end, "$op of 1001");
        refused(in_fragments($op, 'x' x 1001, $_), $end,
                "$op of 1001 in fragments of $_") for 1, 500, 1000;
        refused(WsFrame::frame($op, 'x' x 1000, fin => 0) . WsFrame::ping('p')
                . WsFrame::cont('', fin => 0) . WsFrame::cont('', len => 1),
                $end, 'the last byte', before => "pong p\n", alone => 1);
    }

    # what is refused is too long, even if it is no text either

    refused(WsFrame::text("\xff" x 1001), $end, 'neither');



=== TEST 2: a client that does not read is not read from
--- config
    location = /echo {
        ws_echo;
        ws_echo_send_buffer 64k;
    }
--- scenario
    my $c = ws(rcvbuf => 4096, timeout => 60);
    my $frame = WsFrame::binary($Echo::BYTES x 64);
    my $sent = 0;

    # until nobody takes any more, for as long as others are served

    my $pending = '';

    for (my $idle = 0; $idle < 20; ) {
        $pending = $frame if $pending eq '';
        my $n = syswrite $c->{sock}, $pending;

        if ($n) {
            $sent += $n;
            $idle = 0;
            substr($pending, 0, $n) = '';
            die 'it takes everything' if $sent > 100_000_000;

        } else {
            my $other = ws();
            $other->send_text('served');
            echoed($other, 'text', 'served');
            $other->close;
            $idle++;
        }
    }

    cmp_ok $sent, '<', 20_000_000, 'it stopped reading';

    # when the client reads, all of it comes

    $c->send_reading($pending);
    my $count = ($sent + length $pending) / length $frame;
    my $out = WsFrame::binary($Echo::BYTES x 64, mask => undef) x $count;
    ok $c->recv_raw(length $out) eq $out, 'all of it';
    is $c->close, 1000;



=== TEST 3: and dropped after a while
--- config
    location = /echo {
        ws_echo;
        ws_echo_send_buffer 64k;
        ws_echo_send_timeout 100ms;
    }
--- scenario
    my $c = ws(rcvbuf => 4096);
    my $other = ws();

    $c->send_frame('binary', 'x' x 10_000_000);
    $T->wait_for_log(qr/\[info\].* client timed out/);
    $other->send_text('there');
    echoed($other, 'text', 'there');

# Tests for openclaw_max_message_size: 1009 as soon as a header tells that the
# message is too big.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# how a connection ends that sends these bytes

sub end {
    my ($bytes) = @_;

    my $c = $TestEnv::T->connect('/ws');

    $c->send_raw($bytes);

    return $c->close_code . ' ' . $c->close_reason;
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

=== TEST 1: the largest one, in one frame and in several
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_max_message_size 1k;
    }
--- scenario
    my $c = $T->connect('/ws');
    my $text = message(1024);

    $c->send_text($text);
    is $c->answer->{type}, 'chat.response';

    $c->send_frame('text', substr($text, 0, 1000), fin => 0);
    $c->send_frame('cont', substr($text, 1000), fin => 0);
    $c->send_frame('cont', '');
    is $c->answer->{type}, 'chat.response';

    # each message begins anew, and control frames are no part of one

    $c->send_frame('text', substr($text, 0, 1000), fin => 0);
    $c->send_frame('ping', 'x' x 125);
    $c->send_frame('cont', substr($text, 1000));
    is $c->answer->{type}, 'chat.response';



=== TEST 2: one byte more, which need not have come
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_max_message_size 1k;
    }
--- scenario
    my $end = '1009 client sent a too big message';

    is end(WsFrame::text(message(1025))), $end;
    is end(WsFrame::text('', len => 1025)), $end, 'only the header';
    is end(WsFrame::binary('', len => 1025)), $end;
    is end(WsFrame::text('', len => 65536)), $end;
    is end(WsFrame::text('', len => (1 << 63) - 1)), $end;

    # all the fragments together

    is end(WsFrame::text('x' x 1000, fin => 0)
           . WsFrame::cont('', len => 25)), $end;
    is end(WsFrame::text('x' x 1000, fin => 0)
           . WsFrame::cont('x' x 24, fin => 0)
           . WsFrame::cont('', fin => 0) . WsFrame::cont('', len => 1)), $end;

    # a length that would wrap around

    is end(WsFrame::text('x', fin => 0)
           . WsFrame::cont('', len => (1 << 63) - 1)), $end;

    is $agent->count, 0;



=== TEST 3: a client that sends the payload nevertheless gets to read why
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_max_message_size 1k;
    }
--- scenario
    is end(WsFrame::text(message(2_000_000))),
       '1009 client sent a too big message';



=== TEST 4: a megabyte by default
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->otherwise(say => 'fine');
--- scenario
    my $c = $T->connect('/ws');

    $c->send_text(message(1 << 20));
    is $c->answer->{content}, 'fine';
    like [$agent->requests]->[0]{content}, qr/^x{32000}x+$/;

    is end(WsFrame::text('', len => (1 << 20) + 1)),
       '1009 client sent a too big message';



=== TEST 5: a header that promises much takes no memory ahead
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_max_message_size 1024m;
    }
--- scenario
    my $peak = sub {
        my $kb = 0;

        for my $pid ($T->workers) {
            open my $in, '<', "/proc/$pid/status" or die $!;
            $kb += (join('', <$in>) =~ /VmPeak:\s+(\d+)/)[0];
        }

        return $kb;
    };

    my $before = $peak->();

    for (1 .. 10) {
        my $c = $T->connect('/ws');
        $c->send_raw(WsFrame::binary('', len => 1 << 30) . 'x' x 1000);
        $c->half_close;
        is scalar $c->drain, 0, 'nothing wrong with it so far';
    }

    cmp_ok $peak->() - $before, '<', 100_000, 'not one gigabyte of ten';

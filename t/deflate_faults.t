# Tests for clients that break compression: the close code and the reason, and
# a line of the error log, say what it was.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

use Deflate;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


use constant PING => '{"type":"ping"}';
use constant RSV => '1002 client sent a frame with reserved bits set';
use constant BAD => "1007 client sent a compressed message that can't be "
                    . 'inflated';
use constant EARLY => '1007 client sent a compressed message that ends early';
use constant UTF8 => '1007 client sent a compressed text message that is not '
                     . 'UTF-8';


# how a connection ends that sends these bytes, and a message behind them

sub end {
    my ($bytes, $uri) = @_;

    my $c = $TestEnv::T->connect($uri // '/ws', deflate => 1);

    $c->send_raw($bytes . WsFrame::text(PING));
    my @got = $c->drain;

    is scalar(grep { $_->{op} != 8 } @got), 0, 'nothing else is answered';
    is scalar(grep { $_->{op} == 8 } @got), 1, 'one close frame';

    my $reason = $c->close_reason;
    my @line = $TestEnv::T->error_log =~ /\[info\].*: \*\d+ \Q$reason\E while/g;

    is scalar(@line), ++$TestEnv::T->{seen}{$reason}, 'one line in the log';

    return $c->close_code . ' ' . $reason;
}


# a compressed frame

sub compressed {
    my ($payload, %opt) = @_;

    return WsFrame::frame('text', $payload, rsv => 4, %opt);
}


run_tests();

__DATA__

=== TEST 1: the bit where it has no meaning
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
--- scenario
    my $payload = Deflate::deflated(PING);
    my $half = compressed(substr($payload, 0, 9), fin => 0);
    my $rest = substr $payload, 9;

    is end($half . WsFrame::cont($rest, rsv => 4)), RSV, 'a continuation';
    is end(WsFrame::text('{"type"', fin => 0)
           . WsFrame::cont(':"ping"}', rsv => 4)), RSV, 'of a plain message';

    is end(WsFrame::ping('x', rsv => 4)), RSV, 'a ping';
    is end(WsFrame::frame('pong', 'x', rsv => 4)), RSV, 'a pong';
    is end(WsFrame::frame('close', '', rsv => 4)), RSV, 'a close';

    is end(compressed($payload, rsv => $_)), RSV, "RSV $_"
        for 1, 2, 3, 5, 6, 7;



=== TEST 2: not what deflate makes
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
--- scenario
    my $payload = Deflate::deflated(PING);

    is end(compressed('Hello, world!')), BAD, 'text';
    is end(compressed("\xff" x 10)), BAD;
    is end(WsFrame::binary("\xff" x 10, rsv => 4)), BAD, 'binary';
    is end(compressed("\x07")), BAD, 'no type of block';
    is end(compressed("$payload\x00\x00\xff\xff\x07")), BAD, 'behind another';

    # the message is not over

    is end(compressed("\x07", fin => 0)), BAD, 'found at once';

    # nothing is there to refer to

    is end(compressed("\x02\x02\x00")), BAD, 'a distance too far back';



=== TEST 3: not a whole one
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
--- scenario
    my $payload = Deflate::deflated(PING x 10);

    is end(compressed(substr $payload, 0, $_)), EARLY, "$_ bytes"
        for 1 .. length($payload) - 3;

    is end(compressed(substr(Deflate::deflated(PING, level => 0), 0, $_))),
       EARLY, "$_ bytes, stored" for 2, 4, 5, 8;



=== TEST 4: not UTF-8
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
--- scenario
    for my $text ("\xff", "caf\xe9", "\xed\xa0\x80", "\xe5\xbc") {
        is end(compressed(Deflate::deflated($text))), UTF8;
        is end(compressed(Deflate::deflated('x' x 100_000 . $text))), UTF8;
    }

    # found before the rest has come

    my $bad = Deflate::deflated("\xff" . PING x 1000, level => 0);

    is end(compressed(substr($bad, 0, 10), len => length $bad)), UTF8;

    # a binary message is looked at by its reader

    my $c = $T->connect('/ws', deflate => 1);
    $c->send_binary("\xff");
    is $c->recv_json->{code}, 'parse_error';



=== TEST 5: a reference to a message before, which is gone
--- config
    location = /on {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
    location = /takeover {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate takeover;
    }
--- scenario
    my ($z) = Compress::Raw::Zlib::Deflate->new(-AppendOutput => 1,
                                                -WindowBits => -15);
    my @payload = map {
        my $out = '';
        $z->deflate(PING, $out);
        $z->flush($out, Compress::Raw::Zlib::Z_SYNC_FLUSH());
        substr $out, 0, -4;
    } 1 .. 2;

    cmp_ok length $payload[1], '<', 8;

    my $c = $T->connect('/takeover', deflate => 1);
    for (@payload) {
        $c->send_raw(compressed($_));
        is $c->recv_json->{type}, 'pong';
    }

    $c = $T->connect('/on', deflate => 1);
    $c->send_raw(compressed($payload[0]));
    is $c->recv_json->{type}, 'pong';

    $c->send_raw(compressed($payload[1]));
    is $c->close_code . ' ' . $c->close_reason, BAD;

    # neither is there anything of another client's

    $c = $T->connect('/takeover', deflate => 1);
    $c->send_raw(compressed($payload[1]));
    is $c->close_code . ' ' . $c->close_reason, BAD;



=== TEST 6: the others go on
--- config
    location = /on {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
    location = /takeover {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate takeover;
    }
--- scenario
    for my $uri ('/on', '/takeover') {
        my @other = map { $T->connect($uri, deflate => 1) } 1 .. 4;

        for (1 .. 3) {
            end(compressed("\xff" x 10), $uri) for 1 .. 4;

            $_->chat('hello' x 100) for @other;
            is $_->answer->{content}, 'echo: ' . 'hello' x 100 for @other;
        }
    }

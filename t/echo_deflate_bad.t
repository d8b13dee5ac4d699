# Tests for compressed messages that are none: they get a close, and nobody
# else notices.

use lib 't/lib';
use TestEnv qw(echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# how a connection ends that sends this as a compressed message

sub end_of {
    my ($uri, $data) = @_;

    my $c = ws(uri => $uri, deflate => 1);

    $c->send_raw(WsFrame::text($data, rsv => 4) . WsFrame::close_frame(1000));

    return $c->close_code . ' ' . $c->close_reason;
}


sub resident {
    my ($pid) = @_;

    my ($kb) = TestEnv::Scenario::slurp("/proc/$pid/status")
               =~ /^VmHWM:\s+(\d+)/m;
    return $kb * 1024;
}


run_tests();

__DATA__

=== TEST 1: data that no compressor makes
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    my %bad = (
        'a block of the type that is none' => '07',
        'the same behind a good one' => 'f248cdc9c9070007',
        'a length that its complement denies' => '000500fafe48656c6c6f00',
        'too many codes' => 'fcffffff',
        'codes of no length' => '0400000000000000',
        'a distance to before the beginning' => '4b04220000',
        'the same far away' => 'f200110000',
        'a length without a code' => '1b0300',
    );

    for my $uri ('/on', '/takeover') {
        for my $what (sort keys %bad) {
            my $data = pack 'H*', $bad{$what};
            my $end = end_of($uri, $data);

            like $end, qr/^1007 client sent a compressed message that /,
                "$uri, $what";
            refused(WsFrame::binary($data, rsv => 4), $end, $what, uri => $uri,
                    deflate => 1);
            refused(in_fragments('binary', $data, 1, rsv => 4), $end,
                    "$what, in fragments", uri => $uri, deflate => 1);
        }
    }



=== TEST 2: messages that end early
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    for my $uri ('/on', '/takeover') {
        my $data = ws(uri => $uri, deflate => 1)->deflate('Hello ' x 20 . "\xc3\xa9");

        for my $len (1 .. length($data) - 2) {
            like end_of($uri, substr $data, 0, $len),
                 qr/^1007 client sent a compressed (?:text )?message that /,
                 "$len bytes";
        }
    }



=== TEST 3: a bit that is not what it was, at each place
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    my $other = ws();
    my %end;

    for my $uri ('/on', '/takeover') {
        my $data = ws(uri => $uri, deflate => 1)->deflate($Echo::TEXT x 3);

        for my $at (0 .. length($data) * 8 - 1) {
            my $flipped = $data;
            vec($flipped, $at, 1) ^= 1;

            my $end = end_of($uri, $flipped);

            $end{$1}++ if $end =~ /^(1000|1007|1009)/ or fail "bit $at: $end";
        }
    }

    ok $end{1007} > 10, 'some are found out';
    ok $end{1000} > 0, 'others make another message';
    $other->send_text('still there');
    echoed($other, 'text', 'still there');



=== TEST 4: text that is not UTF-8 when it is inflated
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    my $end = '1007 client sent a compressed text message that is not UTF-8';

    for my $uri ('/on', '/takeover') {
        my @on = (uri => $uri, deflate => 1);

        for my $text ("\xff", "\x80", "\xc0\xaf", "\xed\xa0\x80",
                      "\xf4\x90\x80\x80", 'x' x 20_000 . "\xff", "\xe5\xbc",
                      'x' x 20_000 . "\xf0\x9f\xa6")
        {
            my $data = ws(@on)->deflate($text);
            my $what = length($text) . ' bytes, ' . unpack 'H*', substr $text, -4;

            refused(WsFrame::text($data, rsv => 4), $end, $what, @on);
            refused(in_fragments('text', $data, 3, rsv => 4), $end,
                    "$what, in fragments", @on);

            my $c = ws(@on);

            $c->send_binary($text);
            came_back($c, 'binary', $text, "$what, as binary");
        }
    }



=== TEST 5: which is seen at the first byte of it
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    my $end = '1007 client sent a compressed text message that is not UTF-8';

    for my $uri ('/on', '/takeover') {
        my @on = (uri => $uri, deflate => 1);
        my $data = ws(@on)->deflate("text \xff");

        # neither the frame nor the message has ended

        refused(WsFrame::text($data . "\0\0\xff\xff", rsv => 4, fin => 0), $end,
                'within a message', @on, alone => 1);
        refused(WsFrame::text($data . "\0\0\xff\xff", rsv => 4, len => 10_000),
                $end, 'within a frame', @on, alone => 1);
    }



=== TEST 6: bytes that become too many
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }

    ws_echo_max_message_size 1m;
--- scenario
    my $end = '1009 client sent a too big compressed message';
    my ($pid) = $T->workers;

    # 64 megabytes, a thousandth of it when it is compressed, and as much again

    my $z = ws(uri => '/on', deflate => 1)->deflater(15, -Level => 9);
    my $bomb = '';

    $z->deflate('x' x (64 << 20), $bomb);
    $z->flush($bomb, Compress::Raw::Zlib::Z_FINISH());

    cmp_ok length $bomb, '<', 100_000;

    for my $uri ('/on', '/takeover') {
        my @on = (uri => $uri, deflate => 1);
        my $c = ws(@on);
        my $most = 'x' x (1 << 20);

        $c->send_text($most);
        came_back($c, 'text', $most, 'as many as there may be');

        refused(WsFrame::text($c->deflate("${most}x"), rsv => 4), $end,
                'one more', @on) if $uri eq '/on';

        my $before = resident($pid);

        for (1 .. 5) {
            refused(WsFrame::text($bomb, rsv => 4), $end, 'in a frame', @on);
            refused(in_fragments('binary', $bomb, 100, rsv => 4), $end,
                    'in fragments', @on);
            refused(WsFrame::text($bomb, rsv => 4, len => 500_000), $end,
                    'before the end of a frame', @on, alone => 1);
        }

        cmp_ok resident($pid) - $before, '<', 8 << 20, 'memory stays flat'
            unless $Echo::SLOW;
    }

    # too long even before it is inflated

    refused(WsFrame::text('', rsv => 4, len => 2 << 20),
            '1009 client sent a too big message', 'by its header',
            uri => '/on', deflate => 1, alone => 1);

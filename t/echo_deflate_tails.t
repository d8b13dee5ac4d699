# Tests for the many ways to compress a message (RFC 7692, 7.2.3.).

use lib 't/lib';
use TestEnv qw(echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();


use Compress::Raw::Zlib ();

# The text as a message of its own, as each flush makes it.

sub deflated {
    my ($z, $text) = @_;

    my @out;

    for my $flush (Compress::Raw::Zlib::Z_SYNC_FLUSH(),
                   Compress::Raw::Zlib::Z_FULL_FLUSH(),
                   Compress::Raw::Zlib::Z_FINISH())
    {
        my $out = '';

        $z->deflateReset;

        # in two blocks, if there is something for two

        $z->deflate(substr($text, 0, length($text) / 2), $out);
        $z->flush($out, Compress::Raw::Zlib::Z_SYNC_FLUSH())
            if length $text > 10;
        $z->deflate(substr($text, length($text) / 2), $out);
        $z->flush($out, $flush);

        # behind a last block, the byte that begins the tail

        push @out, $flush == Compress::Raw::Zlib::Z_FINISH()
                   ? "$out\0" : $out =~ s/\0\0\xff\xff\z//r;
    }

    return @out;
}


run_tests();

__DATA__

=== TEST 1: the examples of the RFC
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    my %hello = (
        'a compressed block' => 'f248cdc9c90700',
        'a block without compression' => '000500faff48656c6c6f00',
        'a last block' => 'f348cdc9c9070000',
        'two blocks' => 'f24805000000ffffcac9c90700',
    );

    for my $uri ('/on', '/takeover') {
        for my $what (sort keys %hello) {
            for my $size (100, 1, 2, 3, 5) {
                my $c = ws(uri => $uri, deflate => 1);
                my $data = pack 'H*', $hello{$what};

                for (1 .. 3) {
                    $c->send_raw(in_fragments('text', $data, $size, rsv => 4));
                    came_back($c, 'text', 'Hello', "$uri, $what, $size");
                }
            }
        }
    }

    # the second looks back to the first

    my $c = ws(uri => '/takeover', deflate => 1);

    for my $data ('f248cdc9c90700', 'f200110000', 'f348cdc9c9070000', 'f200110000',
                  'f300110000', 'f200110000')
    {
        $c->send_frame('text', pack('H*', $data), rsv => 4);
        came_back($c, 'text', 'Hello', $data);
    }



=== TEST 2: each level, strategy and flush of zlib
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    my @text = ('', 'x', 'Hello', $Echo::TEXT, join ' ', 1 .. 2000);

    for my $uri ('/on', '/takeover') {
        for my $level (0, 1, 6, 9) {
            for my $strategy (0 .. 4) {
                my $c = ws(uri => $uri, deflate => 1);

                for my $text (@text) {
                    my $z = $c->deflater(15, -Level => $level,
                                         -Strategy => $strategy);

                    for my $data (deflated($z, $text)) {
                        $c->send_raw(WsFrame::text($data, rsv => 4));
                        came_back($c, 'text', $text, "$uri, level $level, "
                                  . "strategy $strategy, " . length $text);
                    }
                }
            }
        }
    }



=== TEST 3: nothing, compressed in each way
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    for my $uri ('/on', '/takeover') {
        my $c = ws(uri => $uri, deflate => 1);

        for my $hex ('00', '0200', '030000', '0300', '000000ffff00', '') {
            for my $op (qw(text binary)) {
                $c->send_frame($op, pack('H*', $hex), rsv => 4);
                came_back($c, $op, '', "$op, \"$hex\"");
            }
        }

        $c->send_text('Hello');
        came_back($c, 'text', 'Hello', 'and all goes on');
    }



=== TEST 4: a tail that was not cut off
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    for my $uri ('/on', '/takeover') {
        my $c = ws(uri => $uri, deflate => 1);

        for my $text ('', 'Hello', 'Hello ' x 1000) {
            $c->send_raw(WsFrame::text($c->deflate($text) . "\0\0\xff\xff",
                                       rsv => 4));
            came_back($c, 'text', $text);
            $c->send_raw(WsFrame::text($c->deflate($text)
                                       . "\0\0\xff\xff\0\0\0\xff\xff\0", rsv => 4));
            came_back($c, 'text', $text, 'and empty blocks behind');
        }
    }



=== TEST 5: more behind a last block
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    # RFC 7692, 7.2.3.4.: what is behind it is another block

    for my $uri ('/on', '/takeover') {
        my $c = ws(uri => $uri, deflate => 1);
        my $last = pack 'H*', 'f348cdc9c90700';

        for my $count (1 .. 4) {
            for my $size (1, 3, 100) {
                $c->send_raw(in_fragments('text', $last x $count . "\0", $size,
                                          rsv => 4));
                came_back($c, 'text', 'Hello' x $count, "$uri, $count of them");
            }
        }
    }

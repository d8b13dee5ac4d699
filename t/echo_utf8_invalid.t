# Tests for text that is not UTF-8 (RFC 6455, 8.1.): 1007, for each class of
# what it can be.

use lib 't/lib';
use TestEnv qw(echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();


our $END = '1007 client sent a text message that is not UTF-8';

# each breaks at its last byte, and is fine but unfinished before

our %BAD = (
    'a continuation' => ["\x80", "\xbf"],
    'a lead of two alone' => ["\xc2\x20", "\xc3(", "\xdf\xc0", "\xc2\xc2"],
    'a lead of three alone' => ["\xe0\x20", "\xe5\x20", "\xef\xc0"],
    'and with one behind' => ["\xe0\xa0\x20", "\xe5\xbc\x20", "\xef\xbf\xc0"],
    'a lead of four alone' => ["\xf0\x20", "\xf1\x20", "\xf4\xc0"],
    'and with one behind it' => ["\xf0\x90\x20", "\xf1\x80\x7f"],
    'and with two' => ["\xf0\x90\x80\x20", "\xf4\x8f\xbf\xff"],
    'one too many' => ["\xc3\xa9\x80", "\xe5\xbc\xa0\x80",
                       "\xf0\x9f\xa6\x9e\x80"],
    'what leads nothing' => [map { chr } 0xc0, 0xc1, 0xf5 .. 0xff],
    'overlong in three' => ["\xe0\x80", "\xe0\x9f"],
    'overlong in four' => ["\xf0\x80", "\xf0\x8f"],
    'surrogates' => ["\xed\xa0", "\xed\xaf", "\xed\xb0", "\xed\xbf"],
    'behind the last code point' => ["\xf4\x90", "\xf4\xbf"],
);


run_tests();

__DATA__

=== TEST 1: in front, in the middle, and at the end of a word
--- config
    location = /echo { ws_echo; }
--- scenario
    for my $what (sort keys %main::BAD) {
        for my $bytes (@{ $main::BAD{$what} }) {
            my $hex = unpack 'H*', $bytes;

            refused(WsFrame::text("$bytes rest"), $main::END, "$what, $hex");
            refused(WsFrame::text('x' x 13 . $bytes . 'x' x 13), $main::END,
                    "$what, $hex, behind others");
        }
    }



=== TEST 2: whole sequences that others take
--- config
    location = /echo { ws_echo; }
--- scenario
    my %bad = (
        'a slash in two bytes' => "\xc0\xaf",
        'in three' => "\xe0\x80\xaf",
        'in four' => "\xf0\x80\x80\xaf",
        'in five' => "\xf8\x80\x80\x80\xaf",
        'in six' => "\xfc\x80\x80\x80\x80\xaf",
        'the last of one byte, in two' => "\xc1\xbf",
        'of two, in three' => "\xe0\x9f\xbf",
        'of three, in four' => "\xf0\x8f\xbf\xbf",
        'NUL in two' => "\xc0\x80",
        'a pair of surrogates' => "\xed\xa0\x80\xed\xb0\x80",
        'the first of them' => "\xed\xa0\x80",
        'the last of them' => "\xed\xbf\xbf",
        'the first behind the last code point' => "\xf4\x90\x80\x80",
        'the last in four' => "\xf7\xbf\xbf\xbf",
        'the first in five' => "\xf8\x88\x80\x80\x80",
        'the last in six' => "\xfd\xbf\xbf\xbf\xbf\xbf",
        'latin-1' => "caf\xe9 ",
        'UTF-16' => "\xff\xfeh\0i\0",
    );

    refused(WsFrame::text("\xce\xba" . $bad{$_} . 'edited'), $main::END, $_)
        for sort keys %bad;



=== TEST 3: a message that ends within a character
--- config
    location = /echo { ws_echo; }
--- scenario
    for my $bytes ("\xc2", "\xdf", "\xe0", "\xe0\xa0", "\xed\x9f", "\xef\xbf",
                   "\xf0", "\xf0\x90", "\xf0\x90\x80", "\xf4\x8f\xbf")
    {
        my $hex = unpack 'H*', $bytes;

        refused(WsFrame::text($bytes), $main::END, "$hex");
        refused(WsFrame::text("text $bytes"), $main::END, "$hex, behind text");
        refused(WsFrame::text($bytes, fin => 0) . WsFrame::cont(''), $main::END,
                "$hex, then nothing");
        refused(WsFrame::text($bytes, fin => 0) . WsFrame::ping('p')
                . WsFrame::cont('', fin => 0) . WsFrame::cont(''), $main::END,
                "$hex, a ping, then nothing", before => "pong p\n");
    }



=== TEST 4: what came before is still sent back
--- config
    location = /echo { ws_echo; }
--- scenario
    refused(WsFrame::text('one') . WsFrame::binary("\xff") . WsFrame::ping('p')
            . WsFrame::text("\xff"), $main::END, 'behind messages',
            before => "text one\nbinary \xff\npong p\n");

# Tests for text messages that are not UTF-8: 1007 at the first byte that
# can't be, wherever the frames end.

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


run_tests();

__DATA__

=== TEST 1: what is no character
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $reason = '1007 client sent a text message that is not UTF-8';

    my %bad = (
        'a continuation' => "\x80",
        'a lead alone' => "\xc3(",
        'cut short' => "\xe5\xbc",
        'bytes that never are' => "\xff",
        'another of them' => "\xfe",
        'five bytes' => "\xf8\x88\x80\x80\x80",
        'a slash in two bytes' => "\xc0\xaf",
        'in three' => "\xe0\x80\xaf",
        'in four' => "\xf0\x80\x80\xaf",
        'a surrogate' => "\xed\xa0\x80",
        'behind the last one' => "\xf4\x90\x80\x80",
        'latin-1' => "caf\xe9 ",
    );

    for my $what (sort keys %bad) {
        is end(WsFrame::text("\"$bad{$what}\"")), $reason, $what;
        is end(WsFrame::text($bad{$what})), $reason, "$what, at the end";
    }



=== TEST 2: what is one
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');

    for my $text ("\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
                  "\xe1\x80\x80", "\xec\xbf\xbf", "\xed\x9f\xbf",
                  "\xee\x80\x80", "\xef\xbf\xbf", "\xef\xbf\xbd",
                  "\xf0\x90\x80\x80", "\xf1\x80\x80\x80",
                  "\xf3\xbf\xbf\xbf", "\xf4\x8f\xbf\xbf")
    {
        $c->chat("a${text}b");
        is $c->answer->{content}, "echo: a${text}b", unpack 'H*', $text;
    }



=== TEST 3: a character may be split over fragments, at any byte
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');
    my $text = '{"type":"chat.send","content":"é张😀"}';

    for my $at (31 .. length $text) {
        $c->send_frame('text', substr($text, 0, $at), fin => 0);
        $c->send_frame('cont', substr($text, $at));
        is $c->answer->{content}, 'echo: é张😀', "at $at";
    }



=== TEST 4: the first impossible byte is enough
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $reason = '1007 client sent a text message that is not UTF-8';

    # neither the rest of the frame nor that of the message has come

    my $frame = WsFrame::text("abc\xffdef" . 'x' x 100);

    is end(substr $frame, 0, -100), $reason, 'within a frame';
    is end(WsFrame::text("abc\xff", fin => 0)), $reason, 'within a message';

    # it takes two bytes to know

    my $c = $T->connect('/ws');
    $c->send_frame('text', "\xed", fin => 0);
    is scalar $c->sync, 0, 'this might become one';
    $c->send_frame('cont', "\xa0", fin => 0);
    is $c->close_code . ' ' . $c->close_reason, $reason, 'this can not';

    # and the last byte if one is missing

    is end(WsFrame::text("\xe5\xbc", fin => 0) . WsFrame::cont('')), $reason,
       'a message ends within a character';

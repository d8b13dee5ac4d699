# Bad frames: frames.cases, and those that are made here.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Deflate;
use Hostile;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# Each value of what has only some that are good.

sub made {
    my @case;

    for my $op (3 .. 7, 11 .. 15) {
        push @case, case("opcode $op, fin $_", WsFrame::frame($op, 'x',
                             fin => $_),
                         'close 1002 client sent a frame with an unknown '
                         . 'opcode') for 0, 1;
    }

    for my $rsv (1 .. 7) {
        push @case, map { case("rsv $rsv of a $_->[0]", $_->[1],
                               'close 1002 client sent a frame with reserved '
                               . 'bits set') }
            ['text', WsFrame::text('x', rsv => $rsv)],
            ['ping', WsFrame::ping('x', rsv => $rsv)],
            ['continuation', WsFrame::text('x', fin => 0)
                             . WsFrame::cont('x', rsv => $rsv)];
    }

    push @case, map { case("an unmasked $_", WsFrame::frame($_, '',
                               mask => undef),
                           'close 1002 client sent an unmasked frame') }
                qw(text binary ping pong close);

    push @case, map { case("close code $_", WsFrame::close_frame($_),
                           'close 1002 client sent a close frame with an '
                           . 'invalid code') }
                0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000,
                2999, 5000, 32768, 65535;

    push @case, map { case("close code $_", WsFrame::close_frame($_),
                           "close $_") }
                1000 .. 1003, 1007 .. 1011, 3000, 4999;

    # what is no UTF-8, in a text as a whole and cut behind its first byte

    for my $bytes ("\x80", "\xbf", "\xc0\x80", "\xc0\xaf", "\xc1\xbf",
                   "\xe0\x80\xaf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                   "\xed\xbf\xbf", "\xf0\x80\x80\xaf", "\xf0\x8f\xbf\xbf",
                   "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80",
                   "\xfe", "\xff", "\xc3\x28", "\xe2\x28\xa1", "\xe2\x82\x28",
                   "\xf0\x28\x8c\xbc", "\xf0\x90\x28\xbc")
    {
        push @case, map { case('UTF-8 ' . unpack('H*', $bytes) . $_->[0],
                               $_->[1], 'close 1007 client sent a text '
                               . 'message that is not UTF-8') }
            ['', WsFrame::text("{\"$bytes\"}")],
            [', cut', WsFrame::text(substr($bytes, 0, 1), fin => 0)
                      . WsFrame::cont(substr($bytes, 1) . '"}')];
    }

    return @case;
}


# Half a message, and no more to come.

sub cut {
    my $bytes = WsFrame::ping('hello') . WsFrame::message('hello', a => 'b');
    my $ping = length WsFrame::ping('hello');

    return map { case("$_ bytes of a ping and a message",
                      substr($bytes, 0, $_), $_ < $ping ? '' : 'pong hello') }
           0 .. length($bytes) - 1;
}


# Compressed messages that are none (RFC 7692), or more than they look.

sub compressed {
    my $z = sub { WsFrame::text($_[0], rsv => 4) };
    my $ping = Deflate::deflated('{"type":"ping"}');

    my %bad = (
        'a block of the type that is none' => '07',
        'a length that its complement denies' => '000500fafe48656c6c6f00',
        'too many codes' => 'fcffffff',
        'a distance to before the beginning' => '4b04220000',
        'a length without a code' => '1b0300',
    );

    my $close = 'close 1007 client sent a compressed message that ';

    return map({ case($_, $z->(pack 'H*', $bad{$_}),
                      "${close}can't be inflated") } sort keys %bad),
           map({ case("$_ bytes of it", $z->(substr $ping, 0, $_),
                      "${close}ends early") } 1 .. length($ping) - 2),
           case('not UTF-8', $z->(Deflate::deflated("{\xff}")),
                'close 1007 client sent a compressed text message that is '
                . 'not UTF-8'),
           case('a bomb of 64 megabytes', $z->(Deflate::bomb(64)),
                'close 1009 client sent a too big compressed message'),
           case('a bomb that is a message', $z->(Deflate::deflated(
                '{"type":"ping","a":"' . 'x' x 1_000_000 . '"}')),
                'close 1009 client sent a too big compressed message'),
           case('a compressed continuation', WsFrame::text('', fin => 0)
                . WsFrame::cont($ping, rsv => 4),
                'close 1002 client sent a frame with reserved bits set'),
           case('a compressed ping', WsFrame::ping($ping, rsv => 4),
                'close 1002 client sent a frame with reserved bits set'),
           case('nothing, compressed', $z->("\0"),
                'text {"type":"chat.error","error":"Failed to parse message",'
                . '"code":"parse_error"}'),
           case('empty blocks, a thousand',
                $z->("\0\0\0\xff\xff" x 1000 . $ping),
                'text {"type":"pong"}');
}


run_tests();

__DATA__

=== TEST 1: frames
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_max_message_size 4k;
    }
--- scenario
    hostile('frames', sub {
        my ($case, $beside) = @_;

        my $c = $T->connect('/ws?senderId=bad');

        send_halves($c, $case->{send}, $beside);

        return frames_of($c, $case->{want} =~ /^close/m);
    }, cases('frames'), made());

    is scalar(grep { $_->{session} =~ /:bad$/ } $agent->requests), 0;
    is logged(qr/\[(?:warn|error|crit)\]/), '', 'no error of our own';



=== TEST 2: frames that end with their connection
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    hostile('half frames', sub {
        my ($case, $beside) = @_;

        my $c = $T->connect('/ws?senderId=bad');

        send_halves($c, $case->{send}, $beside);
        $c->half_close;

        return frames_of($c, 1);
    }, cut());

    is scalar(grep { $_->{session} =~ /:bad$/ } $agent->requests), 0;
    is logged(qr/\[(?:warn|error|crit)\]/), '', 'no error of our own';



=== TEST 3: compressed messages
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_max_message_size 64k;
        openclaw_deflate on;
    }
--- scenario
    hostile('compressed messages', sub {
        my ($case, $beside) = @_;

        my $c = $T->connect('/ws?senderId=bad', deflate => 1);

        send_halves($c, $case->{send}, $beside);

        return frames_of($c, $case->{want} =~ /^close/m);
    }, compressed());

    is logged(qr/\[(?:warn|error|crit)\]/), '', 'no error of our own';

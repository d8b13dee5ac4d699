# Tests for long compressed messages, and for many of them.

use lib 't/lib';
use TestEnv qw(echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# text that repeats itself far back and near, and what can't be compressed

our $WORDS = join ' ', map { ($_ * 7919) % 10_007 } 1 .. 40_000;

srand 7;
our $NOISE = pack 'N*', map { rand 0xffffffff } 1 .. 40_000;


our $MB = 1 << ($Echo::SLOW ? 16 : 20);


# the most memory that a process has had

sub peak {
    my ($pid) = @_;

    my ($kb) = TestEnv::Scenario::slurp("/proc/$pid/status")
               =~ /^VmHWM:\s+(\d+)/m;
    return $kb * 1024;
}


run_tests();

__DATA__

=== TEST 1: megabytes, of what can be compressed and of what can not
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    for my $uri ('/on', '/takeover') {
        my $c = ws(uri => $uri, deflate => 1, timeout => 60);

        for (['noise', 1, 3], ['words', 1, 4, 8], ['near', 16, 32]) {
            my ($kind, @mb) = @$_;

            for my $mb (@mb) {
                my $len = $main::MB * $mb;
                my $of = $kind eq 'noise' ? $main::NOISE
                         : $kind eq 'words' ? $main::WORDS : $Echo::TEXT;
                my $op = $kind eq 'noise' ? 'binary' : 'text';
                my $payload = $of x ($len / length $of);
                my $data = $c->deflate($payload);

                $c->send_reading($mb > 2 && $mb < 9 ? in_fragments($op, $data, 65_536,
                                                         rsv => 4)
                                          : WsFrame::frame($op, $data, rsv => 4));

                my $m = came_back($c, $op, $payload, "$uri, $mb MB of $kind");

                cmp_ok $m->{size}, '<', $len / 2 unless $kind eq 'noise';
            }
        }

        is $c->close, 1000;
    }



=== TEST 2: many messages, as fast as they can be sent
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    my $count = $Echo::SLOW ? 300 : 5000;

    for my $uri ('/on', '/takeover') {
        for my $len (16, 300, 4000) {
            my $c = ws(uri => $uri, deflate => 1, timeout => 60);
            my @text = map { substr "$_ $main::WORDS", 0, $len }
                       1 .. $count / (1 + $len / 1000);

            $c->send_reading(join '', map {
                WsFrame::text($c->deflate($_), rsv => 4)
            } @text);

            my $bad = grep { $c->recv_message->{payload} ne $_ } @text;
            is $bad, 0, scalar(@text) . " times $len bytes, $uri";
            is $c->close, 1000;
        }
    }



=== TEST 3: a client that does not read, and one that does
--- config
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }

    ws_echo_send_buffer 64k;
--- scenario
    for my $uri ('/on', '/takeover') {
        my $slow = ws(uri => $uri, deflate => 1, rcvbuf => 4096, timeout => 60);
        my $other = ws(uri => $uri, deflate => 1);
        my $noise = substr $main::NOISE, 0, 100_000;
        my $text = substr $main::WORDS, 0, 2000;

        for (1 .. 10) {
            $slow->send_reading(WsFrame::binary($slow->deflate($noise), rsv => 4));
            $other->send_text($text);
            came_back($other, 'text', $text);
        }

        came_back($slow, 'binary', $noise) for 1 .. 10;
        is $slow->close, 1000;
    }



=== TEST 4: small ones that become long are taken one by one
--- config
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }

    ws_echo_send_buffer 64k;
--- scenario
    my ($pid) = $T->workers;
    my $text = 'x' x (1 << 20);

    for my $uri ('/on', '/takeover') {
        my $c = ws(uri => $uri, deflate => 1, timeout => 60);
        my @message = map { WsFrame::text($c->deflate($text), rsv => 4) } 1 .. 31;

        # one to know what it takes

        $c->send_raw(shift @message);
        came_back($c, 'text', $text);
        my $before = peak($pid);

        $c->send_raw(join '', @message);
        came_back($c, 'text', $text) for @message;
        cmp_ok peak($pid) - $before, '<', 8 << 20, 'memory stays flat'
            unless $Echo::SLOW;
        is $c->close, 1000;
    }



=== TEST 5: pings and a close are not held up, and nothing is lost before them
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    for my $uri ('/on', '/takeover') {
        my $c = ws(uri => $uri, deflate => 1, timeout => 60);
        my $text = $main::WORDS x 20;

        $c->send_reading(WsFrame::text($c->deflate($text), rsv => 4)
                         . WsFrame::ping('p') . WsFrame::text('x' x 300)
                         . WsFrame::close_frame(1000));

        my @got = $c->drain;
        my %count;

        $count{$_->{name}}++ for @got;
        is $count{pong}, 1;
        is $got[-1]{code}, 1000;
        is scalar(grep { $_->{fin} && $_->{op} < 3 } @got), 2, 'two messages';
    }

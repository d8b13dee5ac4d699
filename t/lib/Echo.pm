package Echo;

# Copyright (C) the authors of the OpenClaw module

# For tests of the echo, "location = /echo { ws_echo; }".  They are about one
# connection; that nobody else is touched by what it does is seen to here.

use strict;
use warnings;

use Exporter qw(import);
use Test::More ();
use Time::HiRes qw(time);

use WsClient;
use WsFrame;


our @EXPORT = qw(ws echoed came_back answered refused pieces in_fragments);

# sanitizers and valgrind get less to do

our $SLOW = ($ENV{OPENCLAW_SLOW} || 1) > 1;

# every byte there is, and a text with characters of each length

our $BYTES = join '', map { chr } 0 .. 255;
our $TEXT = "plain \xc3\xa9 \xe5\xbc\xa0 \xf0\x9f\xa6\x9e\n";


# connects; "uri" names another location

sub ws {
    my (%opt) = @_;

    return $TestEnv::T->connect(delete $opt{uri} // '/echo', %opt);
}


# The frame is sent back as a server has to: whole, unmasked, with the length
# in its shortest form, to the byte.

sub echoed {
    my ($c, $op, $payload, $what) = @_;

    my $frame = WsFrame::frame($op, $payload, mask => undef);
    my $got = $c->recv_raw(length $frame);

    $what //= "$op of " . length($payload) . ' bytes';

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return 1 if Test::More::ok($got eq $frame, $what);

    Test::More::diag(sprintf 'got %d bytes, %s...; expected %d, %s...',
                     map { length, unpack 'H*', substr $_, 0, 32 }
                     $got, $frame);
    return 0;
}


# The message is sent back, in as many frames as the server likes, compressed
# or not: returned is how.

sub came_back {
    my ($c, $op, $payload, $what) = @_;

    my $m = $c->recv_message;

    $what //= "$op of " . length($payload) . ' bytes';

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::ok($m->{name} eq $op && $m->{payload} eq $payload, $what)
        or Test::More::diag("got $m->{name} of " . length($m->{payload})
                            . " bytes, expected $op of " . length $payload);

    return $m;
}


# Everything that is sent back for these bytes, as lines.  The bytes are sent
# at once or in writes of "size" bytes.

sub answered {
    my ($bytes, %opt) = @_;

    my $c = ws(%opt);
    my $in = '';

    $c->send_reading($_) for pieces($bytes, $opt{size});

    for my $f ($c->drain) {
        $in .= WsFrame::frame($f->{op}, $f->{payload}, mask => undef,
                              rsv => $f->{rsv}, fin => $f->{fin});
    }

    return WsFrame::decode_frames($in);
}


# What a client gets that sends these bytes: what comes back "before", the
# close, code and reason; one line in the log, which says the same; nothing
# for what is sent behind it.  All the while another client is in the middle
# of a message.  The bytes are sent at once, and again one by one.

sub refused {
    my ($bytes, $close, $what, %opt) = @_;

    my ($reason) = $close =~ /^\d+ (.*)/;
    my $before = delete $opt{before} // '';
    my $expected = "${before}close $close\nlog: $reason\nother: echo\n";

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    for my $size (undef, length $bytes < 500 ? 1 : 997) {
        my $other = ws();
        my $log = length $TestEnv::T->error_log;

        $other->send_frame('text', substr($TEXT, 0, 7), fin => 0);
        $other->sync;

        my $got = answered($bytes . ($opt{alone} ? ''
                                     : WsFrame::text('behind')),
                           %opt, size => $size);

        $got .= "log: $_\n" for lines($log);
        $other->send_frame('cont', substr $TEXT, 7);
        $got .= 'other: ' . ($other->recv_text eq $TEXT ? 'echo' : 'lost')
                . "\n";
        $other->close;

        $got =~ s/^(.{300}).*/$1/mg;
        Test::More::is($got, $expected,
                       $what . ($size ? ", $size bytes a time" : ''));
    }
}


# what was logged since then, without the time and whom it was about

sub lines {
    my ($since) = @_;

    my $whom = qr/(?: while [\w ]+)?(?:, client: |\z)/;
    my $line = qr/\[(?!debug)(\w+)\] \S+ (?:\*\d+ )?(.*?)$whom/;

    return map { /$line/ ? ($1 eq 'info' ? $2 : "$1: $2") : () }
           split /\n/, substr $TestEnv::T->error_log, $since;
}


# cut in so many bytes

sub pieces {
    my ($bytes, $size) = @_;

    return $size ? unpack "(a$size)*", $bytes : $bytes;
}


# The frames of a message in fragments of so many bytes; rsv => 4 is for the
# first.

sub in_fragments {
    my ($op, $payload, $size, %opt) = @_;

    my $mask = "\x37\xfa\x21\x3d";

    # one mask over all of it, if it begins anew where a fragment does

    return slowly_in_fragments($op, $payload, $size, %opt)
        if $size % 4 || %opt;

    my @part = pieces(WsFrame::mask($payload, $mask), $size);
    my $last = pop @part // '';
    my @head = map { WsFrame::frame($_, '', len => $size, fin => 0,
                                    mask => $mask) } $op, 'cont';
    my $end = WsFrame::frame(@part ? 'cont' : $op, '', len => length $last,
                             mask => $mask);

    return join '', (map { $head[$_ > 0], $part[$_] } 0 .. $#part), $end, $last;
}


sub slowly_in_fragments {
    my ($op, $payload, $size, %first) = @_;

    my @part = pieces($payload, $size);
    my $out = '';

    while (@part) {
        my $part = shift @part;
        $out .= WsFrame::frame($op, $part, fin => @part ? 0 : 1, %first);
        ($op, %first) = 'cont';
    }

    return $out;
}


1;

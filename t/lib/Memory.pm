package Memory;

# Copyright (C) the authors of the OpenClaw module

# Looks for bytes in the memory of a process that can be written to: where a
# secret would be.
#
#     use Memory;
#
#     is found($pid, 'secret'), 0;        how often they are there
#     skip 'not permitted' unless can_read($pid);

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);


our @EXPORT = qw(can_read found);

my $PIECE = 4 * 1024 * 1024;


sub can_read {
    my ($pid) = @_;

    my ($map) = maps($pid) or return 0;

    open my $in, '<:raw', "/proc/$pid/mem" or return 0;

    return sysseek($in, $map->[0], 0) && sysread $in, my $byte, 1;
}


sub found {
    my ($pid, $bytes) = @_;

    my $n = 0;

    open my $in, '<:raw', "/proc/$pid/mem" or croak "/proc/$pid/mem: $!";

    for my $map (maps($pid)) {
        my ($at, $end) = @$map;
        my $tail = '';

        sysseek $in, $at, 0 or next;

        while ($at < $end) {
            my $len = $end - $at < $PIECE ? $end - $at : $PIECE;

            # some have no pages behind them

            my $got = sysread $in, my $piece, $len or last;

            $at += $got;
            $piece = $tail . $piece;
            $n += () = $piece =~ /\Q$bytes/g;
            $tail = substr $piece, 1 - length $bytes;
        }
    }

    return $n;
}


# What the process has mapped to be read and written, but for the memory that
# a sanitizer keeps its books in: that is huge, and almost all of it is not
# there.

sub maps {
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/maps" or return;

    no warnings 'portable';

    return grep { $_->[1] - $_->[0] < 1 << 32 }
           map { /^([0-9a-f]+)-([0-9a-f]+) rw/ ? [hex $1, hex $2] : () } <$in>;
}


1;

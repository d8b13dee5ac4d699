package Loop;

# Copyright (C) the authors of the OpenClaw module

# One loop over select() for clients and agents, with timers.  What is added
# has a socket in {sock} and is called by on_read() and, while it has something
# in {out}, by flush().

use strict;
use warnings;

use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use Time::HiRes qw(time);

use constant TICK => 0.005;

# standing still for longer, clients and agents can't keep what they should

use constant STALL => 1;


my ($rvec, $wvec, %object, %timer, $tick) = ('', '');
my ($since, $stalled) = (time, 0);


sub add {
    my ($object) = @_;

    my $fd = fileno $object->{sock};

    die "more descriptors than select() takes\n" if $fd >= 1024;
    $object->{sock}->blocking(0);
    $object{$fd} = $object;
    vec($rvec, $fd, 1) = 1;
    vec($wvec, $fd, 1) = 0;
}


sub remove {
    my ($object) = @_;

    my $sock = delete $object->{sock} or return;
    my $fd = fileno $sock;

    delete $object{$fd};
    vec($rvec, $fd, 1) = 0;
    vec($wvec, $fd, 1) = 0;
    close $sock;

    # a string that is cut keeps its memory

    delete @{$object}{qw(in out)};
    @{$object}{qw(in out)} = ('', '');
}


sub reading {
    my ($object, $on) = @_;

    vec($rvec, fileno $object->{sock}, 1) = $on if $object->{sock};
}


# Sends as much as there is room for, and the rest later; false when the other
# end is gone.

sub flush {
    my ($object) = @_;

    while (length $object->{out}) {
        my $n = syswrite $object->{sock}, $object->{out}, 262144;

        if (!defined $n) {
            next if $!{EINTR};
            return 0 unless $!{EAGAIN} || $!{EWOULDBLOCK};
            last;
        }

        substr $object->{out}, 0, $n, '';
    }

    vec($wvec, fileno $object->{sock}, 1) = length $object->{out} ? 1 : 0;
    return 1;
}


# Reads what there is, up to a limit: the number of bytes, 0 at the end or if
# the connection is lost, undef if there is nothing now.

sub fill {
    my ($object) = @_;

    while (1) {
        my $n = sysread $object->{sock}, $object->{in}, 131072,
                        length $object->{in};

        return $n if defined $n;
        next if $!{EINTR};
        return $!{EAGAIN} || $!{EWOULDBLOCK} ? undef : 0;
    }
}


sub after {
    my ($seconds, $sub) = @_;

    $tick //= int time / TICK;

    my $at = int((time + $seconds) / TICK);

    $at = $tick + 1 if $at <= $tick;
    push @{ $timer{$at} }, $sub;
}


sub once {
    my ($r, $w) = ($rvec, $wvec);

    lap('between');

    my $n = select($r, $w, undef, TICK);

    lap('waiting');

    if ($n > 0) {
        for my $fd (keys %object) {
            my $object = $object{$fd} or next;

            $object->on_write if vec($w, $fd, 1);
            $object->on_read if vec($r, $fd, 1)
                                && ($object{$fd} // 0) == $object;
        }
    }

    lap('with sockets');

    my $now = int time / TICK;

    $tick //= $now;

    while ($tick < $now) {
        $tick++;
        $_->() for @{ delete $timer{$tick} // [] };
    }

    lap('with timers');
}


sub lap {
    my ($where) = @_;

    my $now = time;
    my $gap = $now - $since;

    $since = $now;
    return if $gap < STALL;

    $stalled = $now;
    printf "the soak stood still for %.1f s, %s\n", $gap, $where;
}


# When that was the last time, perhaps just now.

sub stalled {
    my $now = time;

    return $now - $since < STALL ? $stalled : $now;
}


sub run {
    my ($until) = @_;

    once() until $until->();
}


1;

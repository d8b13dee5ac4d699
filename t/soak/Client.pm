package Client;

# Copyright (C) the authors of the OpenClaw module

# A client's connection: says what the model wants it to say and tells the
# model what it is told.

use strict;
use warnings;

use IO::Socket::INET;
use Socket qw(AF_INET INADDR_LOOPBACK IPPROTO_TCP SOCK_STREAM SO_LINGER
              SO_RCVBUF SOL_SOCKET TCP_NODELAY pack_sockaddr_in);
use Time::HiRes qw(time);

use Loop;
use WsFrame;


my $number = 0;


sub new {
    my ($class, $world, $sender, %opt) = @_;

    socket my $sock, AF_INET, SOCK_STREAM, 0 or die "socket: $!\n";
    bless $sock, 'IO::Socket::INET';

    # some can't take much at a time

    setsockopt $sock, SOL_SOCKET, SO_RCVBUF, 4096 if rand() < 0.3;
    setsockopt $sock, IPPROTO_TCP, TCP_NODELAY, 1;
    connect $sock, pack_sockaddr_in $world->{port}, INADDR_LOOPBACK or return;

    my $self = bless { sock => $sock, in => '', out => '', world => $world,
                       sender => $sender, name => 'C' . ++$number,
                       born => time, ask => {}, order => [], typings => 0,
                       ended => 0, reasked => 0, state => 'handshake' }, $class;

    Loop::add($self);
    $self->{out} = WsFrame::handshake("/ws?senderId=$sender");
    $self->on_write;
    return $self;
}


sub name { $_[0]{name} }

sub is_open { $_[0]{state} eq 'open' }


sub on_write {
    my ($self) = @_;

    Loop::flush($self) or $self->lost;
}


sub on_read {
    my ($self) = @_;

    my $n = Loop::fill($self);

    if ($self->{state} eq 'handshake' && length $self->{in}) {
        my $end = index $self->{in}, "\r\n\r\n";

        if ($end >= 0) {
            my $head = substr $self->{in}, 0, $end + 4, '';

            if ($head !~ m{^HTTP/1.1 101 }) {
                $self->{world}{model}->fault("$self->{name}: $head");
                return $self->leave;
            }

            ($self->{worker}) = $head =~ /\r\nX-Worker: (\d+)/;
            ($self->{number}) = $head =~ /\r\nX-Connection: (\d+)/;
            $self->{state} = 'open';
            $self->{world}{model}->opened($self);
        }
    }

    $self->frames if $self->{state} eq 'open';
    $self->lost if defined $n && $n == 0 && $self->{sock};
}


sub frames {
    my ($self) = @_;

    my $at = 0;
    my $len = length $self->{in};

    while ($len - $at >= 2) {
        my ($op, $size) = unpack 'CC', substr $self->{in}, $at, 2;
        my $head = 2;

        if ($size == 126) {
            last if $len - $at < 4;
            ($size, $head) = (unpack('n', substr $self->{in}, $at + 2, 2), 4);

        } elsif ($size == 127) {
            last if $len - $at < 10;
            ($size, $head) = (unpack('Q>', substr $self->{in}, $at + 2, 8),
                              10);
        }

        last if $len - $at < $head + $size;

        my $payload = substr $self->{in}, $at + $head, $size;
        $at += $head + $size;

        $self->frame($op, $payload);
        return unless $self->{sock};
    }

    substr $self->{in}, 0, $at, '';
}


sub frame {
    my ($self, $op, $payload) = @_;

    my $model = $self->{world}{model};

    if ($op == 0x81) {
        $model->told($self, $payload);

    } elsif ($op == 0x89) {
        $self->send_frame(10, $payload);

    } elsif ($op == 0x88) {
        $self->{close} = length $payload >= 2 ? unpack 'n', $payload : 1005;
        $self->send_frame(8, $payload);
        $self->lost;

    } elsif ($op != 0x8a) {
        $model->fault(sprintf '%s: a frame of %02x', $self->{name}, $op);
        $self->leave;
    }
}


# With a mask of zeros bytes are what they were.

sub send_frame {
    my ($self, $op, $payload, $part) = @_;

    return unless $self->{sock};

    my $len = length $payload;
    my $head = $len < 126 ? pack('CC', 0x80 | $op, 0x80 | $len)
                          : pack('CCn', 0x80 | $op, 0xfe, $len);
    my $frame = "$head\0\0\0\0$payload";

    # a part now, the rest later: what is sent meanwhile must come behind it

    if (defined $self->{rest}) {
        $self->{rest} .= $frame;
        return;
    }

    if ($part) {
        my $n = 1 + int rand(length($frame) - 1);

        $self->{rest} = substr $frame, $n, length $frame, '';
        Loop::after(rand 0.2, sub {
            return unless $self->{sock};
            $self->{out} .= delete $self->{rest};
            $self->on_write;
        });
    }

    $self->{out} .= $frame;
    $self->on_write;
}


sub ask {
    my ($self, $message, %opt) = @_;

    my $group = $message->{group}
              ? ",\"chatType\":\"group\",\"groupId\":\"$message->{group}\""
              : '';

    $self->send_frame(1, "{\"type\":\"chat.send\",\"messageId\":"
        . "\"$message->{id}\",\"content\":\"$message->{content}\"$group}",
        $opt{part});
}


sub abort {
    my ($self, $message) = @_;

    my $group = $message->{group} ? ",\"groupId\":\"$message->{group}\"" : '';

    $self->send_frame(1, "{\"type\":\"chat.abort\",\"messageId\":"
                         . "\"$message->{id}\"$group}");
}


sub pause {
    my ($self, $seconds) = @_;

    return if $self->{paused}++;

    Loop::reading($self, 0);
    Loop::after($seconds, sub {
        $self->{paused} = 0;
        Loop::reading($self, 1);
    });
}


# The server has ended the connection.

sub lost {
    my ($self) = @_;

    return unless $self->{sock};

    Loop::remove($self);
    $self->{state} = 'lost';
    $self->{world}{model}->lost($self);
}


# The client ends it, in one way or another.

sub leave {
    my ($self, $how) = @_;

    return unless $self->{sock};

    $how //= '';

    if ($how eq 'reset') {
        setsockopt $self->{sock}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;

    } elsif ($how eq 'close') {
        $self->send_frame(8, pack 'n', 1000);
        return unless $self->{sock};

    } elsif ($how eq 'half') {
        $self->{out} = substr WsFrame::message('half'), 0, 9;
        Loop::flush($self);
    }

    Loop::remove($self);
    $self->{state} = 'left';
    $self->{world}{model}->left($self);
}


1;

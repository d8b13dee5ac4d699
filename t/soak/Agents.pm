package Agents;

# Copyright (C) the authors of the OpenClaw module

# The flaky agent of a world: answers each message as the plan of that message
# says, at once or slowly, well or badly, and tells the model about each run.

use strict;
use warnings;

use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY SOL_SOCKET SO_LINGER MSG_PEEK);

use Loop;


sub new {
    my ($class, $world) = @_;

    my $self = bless { world => $world, conn => {} }, $class;

    $self->listen;
    return $self;
}


sub port { $_[0]{port} }


sub listen {
    my ($self) = @_;

    $self->{sock} = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        Listen => 1024, LocalPort => $self->{port} // 0, ReuseAddr => 1)
        or die "the agent cannot listen: $!\n";
    $self->{port} //= $self->{sock}->sockport;
    $self->{out} = '';
    Loop::add($self);
}


# Connections are refused for a while.

sub refuse {
    my ($self, $seconds) = @_;

    return unless $self->{sock};

    $self->on_read;
    Loop::remove($self);
    Loop::after($seconds, sub { $self->listen });
}


# Connections that wait for another request are closed, as servers do.

sub close_idle {
    my ($self) = @_;

    $_->drop for grep { !$_->{run} } values %{ $self->{conn} };
}


sub on_write { }

sub on_read {
    my ($self) = @_;

    while (my $sock = $self->{sock}->accept) {
        setsockopt $sock, IPPROTO_TCP, TCP_NODELAY, 1;

        my $conn = bless { sock => $sock, in => '', out => '',
                           agent => $self }, 'Agents::Connection';

        $self->{conn}{$conn} = $conn;
        Loop::add($conn);
    }
}


package Agents::Connection;

use strict;
use warnings;

use Socket qw(SOL_SOCKET SO_LINGER MSG_PEEK);
use Time::HiRes qw(time);


sub on_write {
    my ($self) = @_;

    if (!Loop::flush($self)) {
        $self->lost;
        return;
    }

    $self->drop if $self->{last} && !length $self->{out};
}


sub on_read {
    my ($self) = @_;

    my $n = Loop::fill($self);

    if (defined $n && $n == 0) {
        $self->lost;
        return;
    }

    $self->request while !$self->{run} && $self->{sock} && !$self->{last}
                         && index($self->{in}, "\r\n\r\n") >= 0
                         && $self->whole;
}


# whether the other end has hung up, as far as can be known now

sub hung_up {
    my ($self) = @_;

    return 1 unless $self->{sock};

    my $n = recv $self->{sock}, my $buf, 1, MSG_PEEK;

    return defined $n ? !length $buf : !$!{EAGAIN};
}


sub lost {
    my ($self) = @_;

    my $run = delete $self->{run};

    $self->drop;
    $self->{agent}{world}{model}->run_gone($run) if $run && !$run->{over};
}


sub drop {
    my ($self, $reset) = @_;

    setsockopt $self->{sock}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0
        if $reset && $self->{sock};
    Loop::remove($self);
    delete $self->{agent}{conn}{$self};
}


sub whole {
    my ($self) = @_;

    my $end = 4 + index $self->{in}, "\r\n\r\n";
    my ($len) = $self->{in} =~ /\r\ncontent-length: *(\d+)/i;

    return length $self->{in} >= $end + ($len // 0);
}


sub request {
    my ($self) = @_;

    my $end = 4 + index $self->{in}, "\r\n\r\n";
    my $head = substr $self->{in}, 0, $end;
    my ($len) = $head =~ /\r\ncontent-length: *(\d+)/i;
    my ($session) = $head =~ /\r\nx-openclaw-session-key: *(\S+)/i;
    my $body = substr $self->{in}, $end, $len // 0;

    substr $self->{in}, 0, $end + ($len // 0), '';

    # it has no history, in which a turn that was cut could be found

    if ($head =~ /^GET /) {
        $self->{out} .= "HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n";
        $self->on_write;
        return;
    }

    my ($id) = $body =~ /#(M\d+)#/;

    my $run = $self->{agent}{world}{model}->run_begins($self, $id, $session)
        or return $self->drop;

    $self->{run} = $run;
    $self->{head} = 0;
    $self->play($run);
}


# The steps of the plan; each is a word and its values, see Model::plan().

sub play {
    my ($self, $run) = @_;

    while (my $step = shift @{ $run->{step} }) {
        return unless $self->{sock} && ($self->{run} // 0) == $run;

        my ($what, @value) = @$step;

        if ($what eq 'wait') {
            Loop::after($value[0], sub { $self->play($run) });
            last;
        }

        return if $what eq 'silence';

        my $do = $self->can("do_$what") or die "what is $what?\n";

        $self->$do($run, @value);
    }

    $self->on_write if $self->{sock} && (length $self->{out} || $self->{last});

    # the next request may be here already

    $self->on_read if $self->{sock} && !$self->{run} && length $self->{in};
}


sub over {
    my ($self, $run) = @_;

    $run->{over} = time;
    delete $self->{run};
    $self->{agent}{world}{model}->run_over($run);
}


sub chunk {
    my ($self, $bytes) = @_;

    if (!$self->{head}++) {
        $self->{out} .= "HTTP/1.1 200 OK\r\n"
            . "Content-Type: text/event-stream; charset=utf-8\r\n"
            . "Transfer-Encoding: chunked\r\n\r\n";
    }

    $self->{out} .= sprintf "%x\r\n%s\r\n", length $bytes, $bytes;
}


sub do_say {
    my ($self, $run, $text) = @_;

    $self->chunk('data: {"id":"c","object":"chat.completion.chunk",'
                 . '"choices":[{"index":0,"delta":{"content":"' . $text
                 . "\"},\"finish_reason\":null}]}\n\n");
}


sub do_done {
    my ($self, $run) = @_;

    $self->chunk("data: [DONE]\n\n");
    $self->{out} .= "0\r\n\r\n";
    $self->over($run);
}


sub do_error {
    my ($self, $run, $text) = @_;

    $self->chunk("data: {\"error\":{\"message\":\"$text\"}}\n\n"
                 . "data: [DONE]\n\n");
    $self->{out} .= "0\r\n\r\n";
    $self->over($run);
}


sub do_garbage {
    my ($self, $run) = @_;

    $self->chunk("data: {\"choices\":[{\"delta\":\n\n");
    $self->{last} = 1;
    $self->over($run);
}


sub do_status {
    my ($self, $run, $status, $text) = @_;

    my $body = "{\"error\":{\"message\":\"$text\"}}";

    $self->{out} .= "HTTP/1.1 $status X\r\nContent-Type: application/json\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
    $self->over($run);
}


sub do_cut {
    my ($self, $run, $reset) = @_;

    if ($reset) {
        $self->over($run);
        $self->drop(1);
        return;
    }

    $self->{last} = 1;
    $self->over($run);
}


1;

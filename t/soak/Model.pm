package Model;

# Copyright (C) the authors of the OpenClaw module

# What must hold, whatever clients, agent and processes do:
#
# - each connection that asks gets one end, unless it is lost; who is closed
#   with 1012 has had the ends of all that was accepted;
# - parts are the answer as far as it goes, and the answer is what the agent
#   said; an error is the one that the agent, an abort or a crash accounts for;
# - who asks again gets the same end, and the agent is not asked again, for as
#   long as the answer is remembered;
# - the agent has one request of a session at a time, and those of one
#   connection in the order in which they were sent.
#
# What it knows of a message is told when one of these does not hold.

use strict;
use warnings;

use Time::HiRes qw(time);


# remembered per session, and of what size: see the configuration

our $ANSWERS = 8;
our $SIZE = 65536;

our $COMING_BACK = 1;

my $number = 0;
my $start = time;

my @KIND = ([ok => 38], [stream => 30], [slow => 5], [long => 2],
            [huge => 1], [cut => 3], [reset => 2], [early => 1],
            [empty => 1], [s500 => 3], [s503 => 3], [s401 => 1],
            [error => 3], [garbage => 2], [silence => 1]);

# the ends that a plan accounts for, and what the agent did not run

my %CODE = (cut => 'agent_incomplete', reset => 'agent_incomplete',
            early => 'agent_incomplete', empty => 'agent_incomplete',
            s500 => 'agent_error', error => 'agent_error',
            garbage => 'agent_error', silence => 'agent_timeout');

my %TRANSIENT = (s503 => 'agent_unavailable', s401 => 'agent_auth');

my %REFUSAL = map { $_ => 1 } qw(duplicate queue_full zone_full
                                 shutting_down);


sub new {
    my ($class, $world) = @_;

    return bless { world => $world, message => {}, session => {},
                   fault => [], count => {}, suspect => 0 }, $class;
}


sub count { $_[0]{count}{$_[1]}++ }


sub note {
    my ($self, $m, $text) = @_;

    my $log = $m->{log};

    push @$log, sprintf '%.3f %s', time - $start, $text;
    splice @$log, 10, 1 if @$log > 60;
}


sub fault {
    my ($self, $text, $m) = @_;

    my @line = (sprintf('%.3f %s: %s', time - $start, $self->{world}{name},
                        $text));

    push @line, "    $m->{id}, $m->{kind}, $m->{session}:",
         map { "      $_" } @{ $m->{log} } if $m;

    push @{ $self->{fault} }, join "\n", @line;
    $self->{world}{on_fault}->($self->{fault}[-1]);
}


# A new message of this connection's sender, and what the agent will make of
# it.

sub message {
    my ($self, $conn, $group) = @_;

    my $id = 'M' . ++$number;
    my $kind = pick(@KIND);
    my $sender = $conn->{sender};

    my $m = { id => $id, sender => $sender, group => $group, kind => $kind,
              content => "#$id# hello", born => time, asked => 0,
              asker => {}, run => [], end => {}, log => [], lives => 1,
              session => 'agent:main:websocket:'
                         . ($group ? "group:$group" : "direct:$sender") };

    my $n = $kind eq 'stream' ? 2 + int rand 8
          : $kind eq 'slow' ? 5 + int rand 10
          : $kind eq 'long' ? 40 : $kind eq 'huge' ? 90 : 1;
    my $size = $kind =~ /long|huge/ ? 1000 : 5 + int rand 60;

    $m->{part} = [map { "$id.$_ " . 'x' x $size . '\n' } 1 .. $n];
    $m->{text} = $kind eq 'empty' ? '' : join '', @{ $m->{part} };
    $m->{gap} = $kind eq 'slow' ? 0.02 + rand 0.1 : rand 0.02;

    $self->{message}{$id} = $m;
    $self->{session}{$m->{session}} //= { places => 0 };
    return $m;
}


sub pick {
    my (@of) = @_;

    my $sum = 0;
    $sum += $_->[1] for @of;
    my $at = rand $sum;

    for (@of) {
        return $_->[0] if ($at -= $_->[1]) < 0;
    }

    return $of[0][0];
}


sub steps {
    my ($m) = @_;

    my $kind = $m->{kind};
    my @part = @{ $m->{part} };

    return ['cut', 1] if $kind eq 'early';
    return ['silence'] if $kind eq 'silence';
    return ['status', 500, "no $m->{id}"] if $kind eq 's500';
    return ['status', 503, 'restarting']
        if $kind eq 's503' && ($m->{tried}++ // 0) < 2;
    return ['status', 401, 'no'] if $kind eq 's401' && !$m->{tried}++;
    return ['done'] if $kind eq 'empty';

    my @step = map { ([say => $_], $m->{gap} > 0.001 ? [wait => $m->{gap}]
                                                     : ()) } @part;

    return (@step, ['cut']) if $kind eq 'cut';
    return (@step, ['cut', 1]) if $kind eq 'reset';
    return (@step, ['garbage']) if $kind eq 'garbage';
    return (@step, [error => "no $m->{id}"]) if $kind eq 'error';
    return (@step, ['done']);
}


# Clients.

sub opened {
    my ($self, $conn) = @_;

    $self->count('connections');
    $self->{world}->opened($conn);
}


sub ask {
    my ($self, $conn, $m, %opt) = @_;

    my $ask = $conn->{ask}{$m->{id}} //= { n => 0, ended => 0, text => '',
                                           at => time };

    if ($ask->{n}++) {
        $conn->{reasked}++;

    } else {
        push @{ $conn->{order} }, $m->{id};
    }

    $ask->{open} = 1;
    $m->{asked}++;
    $m->{asker}{$conn->{name}} = time;
    $m->{first} //= $conn->{name};
    $self->note($m, "asked by $conn->{name}, worker $conn->{worker}");
    $self->count($m->{asked} > 1 ? 'asked again' : 'messages');
    $conn->ask($m, %opt);
}


sub abort {
    my ($self, $conn, $m) = @_;

    $m->{aborted} //= time;
    $m->{least} //= $self->{session}{$m->{session}}{places};
    $self->note($m, "aborted by $conn->{name}, worker $conn->{worker}");
    $self->count('aborts');
    $conn->abort($m);
}


sub told {
    my ($self, $conn, $text) = @_;

    if ($text eq '{"type":"chat.typing"}') {
        $conn->{typings}++;
        return;
    }

    return if $text eq '{"type":"pong"}';

    my ($type, $id, $rest) = $text
        =~ /^\{"type":"chat\.([a-z]+)","messageId":"(M\d+)",(.*)\}\z/s;
    my $m = defined $id ? $self->{message}{$id} : undef;
    my $ask = defined $id ? $conn->{ask}{$id} : undef;

    if (!$m || !$ask) {
        $self->fault("$conn->{name} was told " . substr($text, 0, 200)
                     . ', which it did not ask for', $m);
        return;
    }

    if ($ask->{ended} >= $ask->{n}) {
        $self->note($m, "$conn->{name}: " . substr $text, 0, 100);
        $self->fault("$conn->{name}: more of $id after its end", $m);
        return;
    }

    if ($type eq 'stream' && $rest =~ /^"content":"(.*)","done":false\z/s) {
        $self->part($conn, $m, $ask, $1);

    } elsif ($type eq 'response'
             && $rest =~ /^"content":"(.*)","done":true\z/s)
    {
        $self->response($conn, $m, $ask, $1);

    } elsif ($type eq 'error' && $rest =~ /^"error":"(.*)","code":"(\w+)"\z/s) {
        $self->refused($conn, $m, $ask, $2, $1);

    } else {
        $self->fault("$conn->{name} was told " . substr($text, 0, 200), $m);
    }
}


# The parts make up the text; who asked again may get it from its beginning.

sub part {
    my ($self, $conn, $m, $ask, $part) = @_;

    my $text = $ask->{text} . $part;

    if (index($m->{text}, $text) == 0) {
        $ask->{text} = $text;
        $ask->{streamed} = 1;
        return;
    }

    if (length $ask->{text} && ($ask->{n} > 1 || $m->{asked} > 1)
        && index($m->{text}, $part) == 0)
    {
        $ask->{text} = $part;
        return;
    }

    $self->note($m, "$conn->{name}: part " . substr $part, 0, 60);
    $self->fault("$conn->{name}: a part of $m->{id} after "
                 . length($ask->{text}) . ' bytes does not fit', $m);
}


sub response {
    my ($self, $conn, $m, $ask, $text) = @_;

    $self->note($m, "$conn->{name}: answered, " . length $text);

    $self->fault("$conn->{name}: the answer to $m->{id} is wrong: "
                 . substr($text, 0, 100), $m)
        if $text ne $m->{text};

    $self->fault("$conn->{name}: the parts of $m->{id} are not all of it", $m)
        if length $ask->{text} && $ask->{text} ne $text && $m->{asked} == 1;

    $self->fault("$conn->{name}: $m->{id} can't have an answer", $m)
        if $CODE{$m->{kind}};

    $self->in_order($conn, $m);
    $self->end($conn, $m, $ask, 'answer');
}


sub refused {
    my ($self, $conn, $m, $ask, $code, $words) = @_;

    $self->note($m, "$conn->{name}: $code");
    $self->count($code);

    if ($REFUSAL{$code}) {
        $self->fault("$conn->{name}: $m->{id} got $code", $m)
            unless $self->may_refuse($conn, $m, $code);

        @{$ask}{qw(text streamed open)} = ('', 0, 0);
        $ask->{ended}++;

        # what was accepted may find no room when it is entered anew

        $conn->{taken}++
            if $code eq 'duplicate'
               || $code eq 'zone_full'
                  && $self->{world}{cleared} > $m->{born} - 1;
        return;
    }

    $self->fault("$conn->{name}: $m->{id} got $code ($words)", $m)
        unless $self->may_fail($m, $code);

    $self->end($conn, $m, $ask, $code);
}


sub may_refuse {
    my ($self, $conn, $m, $code) = @_;

    my $world = $self->{world};

    return keys %{ $m->{asker} } > 1 if $code eq 'duplicate';
    return $world->may_close($conn) if $code eq 'shutting_down';
    return !$world->{strict} if $code eq 'zone_full';
    return 1;
}


sub may_fail {
    my ($self, $m, $code) = @_;

    my $world = $self->{world};

    return 1 if ($CODE{$m->{kind}} // '') eq $code
                || ($TRANSIENT{$m->{kind}} // '') eq $code;
    return $m->{aborted} if $code eq 'aborted';
    return $world->{refused} >= $m->{born} - 1 if $code eq 'agent_unreachable';

    # a worker has died, or the request met a connection that was just closed,
    # or that was never accepted

    return $world->{killed} >= $m->{born} - 1
        || $world->{idle_closed} >= $m->{born} - 1
        || $world->{refused} >= $m->{born} - 1 if $code eq 'agent_incomplete';

    return Loop::stalled() >= $m->{born} - 1 if $code eq 'agent_timeout';

    return 0;
}


sub end {
    my ($self, $conn, $m, $ask, $what) = @_;

    @{$ask}{qw(text streamed open)} = ('', 0, 0);
    $ask->{ended}++;
    $conn->{ended}++;
    $self->count($what eq 'answer' ? 'answers' : 'errors');

    # what did not run is not remembered

    if ($what =~ /^agent_(?:un|auth)/) {
        $m->{passed} = 1;
        return;
    }

    return if $m->{end}{$what}++;

    if (keys %{ $m->{end} } > $m->{lives}) {
        $self->doubt($m, "$conn->{name}: $m->{id} has another end: "
                         . join ', ', sort keys %{ $m->{end} })
            unless $self->may_forget($m);
        $m->{lives}++;
    }

    # what takes a place among the answers of its session

    $m->{ended} = time;
    return if defined $m->{place};

    $self->take_place($m, $what);

    # the end of an abort may have waited for others of its connection

    $m->{place} = $m->{least} if $what eq 'aborted';
}


sub take_place {
    my ($self, $m, $why) = @_;

    my $s = $self->{session}{$m->{session}};
    my $log = $s->{log} //= [];

    $m->{place} = ++$s->{places};
    push @$log, sprintf '%.3f place %d, %s, %s', time - $start, $s->{places},
                        $m->{id}, $why;
    shift @$log if @$log > 2 * $ANSWERS;
}


# The answers that a connection gets in one session come as it has asked.

sub in_order {
    my ($self, $conn, $m) = @_;

    return if $m->{asked} > 1;

    my @left;

    for my $id (@{ $conn->{order} }) {
        last if $id eq $m->{id};

        my $other = $self->{message}{$id} or next;
        my $ask = $conn->{ask}{$id};

        next if $other->{session} ne $m->{session} || $ask->{ended}
                || $other->{asked} > 1 || $other->{aborted};

        $self->fault("$conn->{name}: $m->{id} was answered before $id", $m);
    }

    shift @{ $conn->{order} }
        while @{ $conn->{order} }
              && $conn->{ask}{$conn->{order}[0]}{ended};
}


sub lost {
    my ($self, $conn) = @_;

    my $world = $self->{world};
    my $code = $conn->{close};

    if (defined $code && $code == 1012) {
        $self->count('closed by a reload');
        $self->fault("$conn->{name}: 1012 before a reload")
            unless $world->may_close($conn);
        $self->cut_off($conn);

    } elsif (!defined $code && $world->{dead}{$conn->{worker} // 0}) {
        $self->count('lost with a worker');

    } elsif (!defined $code && !defined $conn->{worker}
             && ($world->{killed} > $conn->{born} - 1))
    {
        $self->count('lost with a worker');

    } elsif (!defined $code && $conn->{worker}) {

        # it may be known a little later that the worker was killed

        Loop::after(0.5, sub {
            $self->fault("$conn->{name}: lost its connection to worker "
                         . "$conn->{worker}" . $world->log_of($conn))
                unless $world->{dead}{$conn->{worker}}
                       || Loop::stalled() >= time - 5;
        });

    } else {
        $self->fault("$conn->{name}: closed with " . ($code // 'nothing'));
    }

    $world->come_back($conn);
}


# 1012 comes when everything that was accepted has ended.

sub cut_off {
    my ($self, $conn) = @_;

    for my $id (keys %{ $conn->{ask} }) {
        my $ask = $conn->{ask}{$id};

        $self->fault("$conn->{name}: closed in the midst of $id",
                     $self->{message}{$id})
            if $ask->{streamed} && $ask->{open};
    }

    my $open = $conn->{typings} - $conn->{ended} - ($conn->{taken} // 0)
               - $conn->{reasked};

    return if $open <= 0;

    my ($m) = map { $self->{message}{$_} // () }
              grep { $conn->{ask}{$_}{open} } keys %{ $conn->{ask} };

    $self->fault("$conn->{name}: closed with $open accepted messages left",
                 $m);
}


sub left {
    my ($self, $conn) = @_;

    $self->count('left');
    $self->{world}->come_back($conn);
}


# The agent.

sub run_begins {
    my ($self, $conn, $id, $session) = @_;

    my $m = defined $id ? $self->{message}{$id} : undef;

    if (!$m || $m->{session} ne $session) {
        $self->fault('the agent was asked ' . ($id // 'nonsense') . " for "
                     . ($session // 'no session'), $m);
        return;
    }

    my $s = $self->{session}{$session};
    my @step = steps($m);
    my $run = { m => $m, conn => $conn, at => time, step => \@step,
                world => $self->{world} };

    $self->note($m, 'the agent is asked');
    $self->count('agent requests');

    # what was aborted since, or sent by who has died, is read late

    if ($conn->hung_up) {
        $self->note($m, 'the agent was hung up on before');
        $run->{before} = 1;
        return $run;
    }

    if (my $other = $s->{run}) {
        $self->overlap($s, $other, $run) unless $other->{over};
    }

    $s->{run} = $run;

    # what is refused with a status did not run

    return $run if $step[0][0] eq 'status' && $TRANSIENT{$m->{kind}};

    if (defined $m->{place}) {
        $self->doubt($m, "$m->{id} is asked anew")
            unless $self->may_forget($m);
        $m->{lives}++;
    }

    $self->late($m);
    push @{ $m->{run} }, $run;
    $self->take_place($m, 'run');
    return $run;
}


# The one before has been hung up, by a worker that aborted it or has died.

sub overlap {
    my ($self, $s, $other, $run) = @_;

    return if $other->{conn}->hung_up;

    my $say = sub {
        $self->note($_->{m}, "overlap: $other->{m}{id}, $run->{m}{id}")
            for $other, $run;
        $self->fault("two requests of $run->{m}{session} at once, "
                     . "$other->{m}{id} and $run->{m}{id}", $other->{m});
    };

    # the descriptors of a process are closed one by one when it dies

    if (time - $self->{world}{killed} < 2) {
        Loop::after(0.1, sub {
            $say->() unless $other->{over} || $other->{conn}->hung_up;
        });
        return;
    }

    $say->();
}


# whether others in the session may have taken the place of its answer

sub may_forget {
    my ($self, $m) = @_;

    my $world = $self->{world};

    return 1 if !$COMING_BACK || !$world->{strict}
                || length $m->{text} > $SIZE - 1024;

    return $self->{session}{$m->{session}}{places} - $m->{place}
           >= $ANSWERS - 2;
}


# Those of one connection and session run as they were sent, as long as that
# connection is there and nobody has died.  One that was overtaken may have
# been refused, which its client has yet to read: it must not run any more.

sub late {
    my ($self, $m) = @_;

    my $conn = $self->{world}{conn}{$m->{first} // ''} or return;

    return if $m->{asked} > 1 || $self->{world}{killed} > $m->{born} - 60;

    $self->fault("$m->{overtaken} ran before $m->{id} of the same connection",
                 $m) if $m->{overtaken};

    for my $id (@{ $conn->{order} }) {
        last if $id eq $m->{id};

        my $other = $self->{message}{$id} or next;

        next if $other->{session} ne $m->{session} || @{ $other->{run} }
                || $conn->{ask}{$id}{ended} || $other->{asked} > 1
                || $other->{aborted} || $TRANSIENT{$other->{kind}};

        $other->{overtaken} = $m->{id};
    }
}


sub run_over {
    my ($self, $run) = @_;

    $self->note($run->{m}, 'the agent is done');
    $run->{m}{done} = time;
}


sub run_gone {
    my ($self, $run) = @_;

    my $m = $run->{m};

    $self->note($m, 'the agent was hung up on');
    $run->{over} = time;

    return if $m->{aborted} || $CODE{$m->{kind}};

    my $since = $run->{at} - ($run->{before} ? 10 : 1);

    Loop::after(0.5, sub {
        $self->fault("the agent was hung up on in the midst of $m->{id}", $m)
            unless $self->{world}{killed} > $since || $m->{aborted};
    });
}


# What is wrong unless the zone was cleared since then, which the log tells,
# if a little late.

sub doubt {
    my ($self, $m, $text) = @_;

    my $world = $self->{world};

    return unless $COMING_BACK && $world->{strict};

    $self->{suspect}++;
    $text .= ", place $m->{place}" . join '', map { "\n      $_" }
                                     @{ $self->{session}{$m->{session}}{log} };

    Loop::after(1.5, sub {
        $self->{suspect}--;
        $self->fault($text, $m) unless $world->{cleared} > $m->{born} - 1;
    });
}


# Asked and not ended: by whom.

sub open_asks {
    my ($self) = @_;

    my @open;

    for my $conn (values %{ $self->{world}{conn} }) {
        for my $id (keys %{ $conn->{ask} }) {
            my $ask = $conn->{ask}{$id};

            push @open, [$conn, $self->{message}{$id}, $ask]
                if $ask->{open};
        }
    }

    return @open;
}


# whether the message has an end that everybody who asks is to be given

sub has_ended { scalar keys %{ $_[1]{end} } }


# Old messages need not be known any more.

sub forget {
    my ($self, $age) = @_;

    my $then = time - $age;

    for my $id (keys %{ $self->{message} }) {
        my $m = $self->{message}{$id};

        next if $m->{born} >= $then;

        # a run knows its message, too
        $m->{run} = [];
        delete $self->{message}{$id};
    }
}


1;

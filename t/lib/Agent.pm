package Agent;

# Copyright (C) the authors of the OpenClaw module

# A stand-in for the agent: an HTTP/1.1 server in a process of its own that
# answers as the test tells it to, well or badly, and keeps a record of what
# it was asked.  The test holds this object; the process is Agent::Server.
#
#     $agent->on('hello', say => 'Hel', gate => 'go', say => 'lo');
#     ...
#     $agent->wait_for_gate('go');
#     $agent->release('go');
#     is $agent->wait_for_requests(1)->{session}, 'agent:main:...';
#
# What is answered is a list of steps, done one after another, each as soon as
# it can be.  A list that does not end the answer itself ends with "done".
#
#     say => 'text'            a part of the answer, head and role before it
#     repeat => [n, 'text']    that n times, no faster than it is read
#     event => {...}           a line of JSON in the stream
#     data => 'anything'       a line that need not be JSON
#     body => 'bytes'          bytes in the stream, as one HTTP chunk
#     drip => [n, 'bytes']     bytes in the stream, n at a time
#     raw => 'bytes'           bytes on the wire, no head, no chunk
#     head => {...}            another head: status, any headers
#     start                    the head and the role now, before a gate
#     finish => 'stop'         the chunk that says why it ended
#     error => {...} or text   an error object in the stream, and its end
#     done                     finish chunk, usage if asked for, [DONE], the end
#     end                      the end of the stream without a [DONE]
#     reply => [status, body, {headers}]    a plain answer; a hash is JSON
#     gate => 'name'           go on when the test releases it
#     delay => seconds         go on later
#     silence                  never go on
#     close, reset             end the connection, with a FIN, with an RST
#     fragile                  die when the connection is used again

use strict;
use warnings;

use Carp qw(croak);
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);

use Agent::Server;
use WsClient;


our @CARP_NOT = qw(TestEnv TestEnv::Scenario);


# start(port =>, socket => path, tls_port =>, tls => {SSL_cert_file => ...})

sub start {
    my ($class, %opt) = @_;

    my @listen = map { $_->() } _listeners(%opt);

    socketpair my $here, my $there, AF_UNIX, SOCK_STREAM, PF_UNSPEC
        or croak "socketpair: $!";

    my $pid = fork // croak "fork: $!";

    if ($pid == 0) {
        close $here;
        _become_server();
        eval { Agent::Server->new($there, \@listen, \%opt)->run };
        print STDERR "# agent: $@" if $@;
        POSIX::_exit($@ ? 1 : 0);
    }

    return bless { %opt, pid => $pid, ctl => $here, owner => $$, seq => 0 },
                 $class;
}


sub _listeners {
    my (%opt) = @_;

    my $tcp = sub {
        my ($port) = @_;

        return IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1024,
                                     LocalPort => $port, ReuseAddr => 1)
            // croak "agent: cannot listen on port $port: $!";
    };

    my @make;

    push @make, sub { { sock => $tcp->($opt{port}) } } if $opt{port};
    push @make, sub { { sock => $tcp->($opt{tls_port}), tls => 1 } }
        if $opt{tls_port};

    push @make, sub {
        unlink $opt{socket};
        { sock => IO::Socket::UNIX->new(Local => $opt{socket}, Listen => 1024)
                  // croak "agent: cannot listen on $opt{socket}: $!" };
    } if $opt{socket};

    return @make;
}


sub _become_server {
    no warnings 'once';

    # an END of the test must not run here, nor prove wait for this process

    $Test::Nginx::Util::InSubprocess = 1;
    open STDIN, '<', '/dev/null';
    open STDOUT, '>', '/dev/null';
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP CHLD __DIE__ __WARN__);
    $SIG{PIPE} = 'IGNORE';
    $0 = 'agent';
}


sub pid { $_[0]{pid} }


# on('hello', steps...), on(qr/^h/, steps...): what is answered when that is
# what the user said last.  on({path => qr{^/auth}, ...}, steps...) looks at
# method, path, content, session or header => {name => value}; times => n lets
# the rule serve n requests only.  The first rule that fits is taken.

sub on {
    my ($self, $match, @step) = @_;

    my %match = ref $match eq 'HASH' ? %$match : (content => $match);

    $self->_call(rule => _plain(\%match), _steps(@step));
    return $self;
}


# What is answered when no rule fits; the agent echoes until it is told.

sub otherwise {
    my ($self, @step) = @_;

    $self->_call(otherwise => _steps(@step));
    return $self;
}


# What the agent remembers of its sessions, from now on; without arguments it
# knows of none.  Each is a message:
#
#     [user => 'hello']                     a time can be given: at => seconds
#     [assistant => 'Hi.', run => 1]        the answer to the first POST
#     [rerun => 'again']                    taken up after a restart, and
#     [assistant => 'Hi.', run => 'again']  answered
#     [assistant => '...', run => 1, stop => 'toolUse'], and any other members

sub history {
    my ($self, @message) = @_;

    $self->_call(history => @message ? [map { _message(@$_) } @message]
                                     : undef);
    return $self;
}


sub _message {
    my ($role, $text, %opt) = @_;

    my $at = 1000 * (delete $opt{at} // time);

    return { role => 'user', content => $text, timestamp => $at, %opt }
        if $role eq 'user';

    return { role => 'user', content => '[System] Your previous turn ...',
             timestamp => $at, idempotencyKey => "$text:user",
             provenance => { kind => 'internal_system', sourceTool =>
                             'main_session_restart_recovery' }, %opt }
        if $role eq 'rerun';

    my $run = delete $opt{run} // '';
    my $stop = exists $opt{stop} ? delete $opt{stop} : 'stop';

    $run = "chatcmpl_$run" if $run =~ /^\d+$/;

    return { role => $role, content => [{ type => 'text', text => $text }],
             timestamp => $at, $stop ? (stopReason => $stop) : (),
             __openclaw => { runId => $run, %{ delete $opt{meta} // {} } },
             %opt };
}


# Gates stay open once released; close_gate() shuts one again.

sub release    { my $self = shift; $self->_call(release => @_); $self }
sub close_gate { my $self = shift; $self->_call(shut => @_); $self }

sub wait_for_gate {
    my ($self, $name, $count) = @_;

    $self->_await('gate', $count // 1, "at the gate \"$name\"", $name);
    return $self;
}


# The record: a list of hashes with method, path, headers (lower-case names),
# body, json, content (what the user said last), session, connection (its
# number), gate (where it waits), started and ended (times), sent (bytes), and
# state: "running", "done", "closed" by the agent, "gone": the other end closed.

sub requests { my $self = shift; @{ $self->_call('requests') } }
sub count    { scalar $_[0]->requests }

sub forget   { my $self = shift; $self->_call('forget'); $self }


# These wait until so many requests have come, or ended (in a state, if one is
# named), or until so many connections are open.  They return the last request.

sub wait_for_requests {
    my ($self, $count) = @_;

    $self->_await('requests', $count, 'requests');
    return ($self->requests)[$count - 1];
}


sub wait_for_end {
    my ($self, $count, $state) = @_;

    $self->_await('ended', $count,
                  'ended requests' . ($state ? ", $state" : ''), $state);

    return (grep { $_->{state} ne 'running'
                   && (!$state || $_->{state} eq $state) }
            $self->requests)[$count - 1];
}


sub wait_for_connections {
    my ($self, $count) = @_;

    $self->_await('connections', $count, 'open connections');
    return $self;
}


sub connections { $_[0]->_call('connections') }


# How new connections are met: "normal"; "refuse" them; "deaf", accept but
# never read; "hang up" at once.

sub mode {
    my ($self, $mode) = @_;

    $self->_call(mode => $mode);
    return $self;
}


# Ends the connections that wait for another request, as a server does.

sub close_idle { my $self = shift; $self->_call('close_idle'); $self }


sub stop {
    my ($self) = @_;

    return unless $self->{pid} && $self->{owner} == $$;

    close $self->{ctl};
    local $?;
    my $pid = delete $self->{pid};
    kill 'KILL', $pid;
    waitpid $pid, 0;
    unlink $self->{socket} if $self->{socket};
    return;
}


sub DESTROY {
    local ($@, $!, $?);
    $_[0]->stop;
}


my %ARITY = (map({ $_ => 1 } qw(say repeat event data body drip raw head finish
                                error reply gate delay)),
             map({ $_ => 0 } qw(start done end silence close reset fragile)));


sub _steps {
    my @list = @_;
    my @step;

    while (@list) {
        my $name = shift @list;
        croak "agent: no such step: " . ($name // 'undef')
            unless defined $name && exists $ARITY{$name};
        croak "agent: the step \"$name\" needs a value"
            if $ARITY{$name} && !@list;
        push @step, [$name, $ARITY{$name} ? shift @list : ()];
    }

    return \@step;
}


sub _plain {
    my ($v) = @_;

    return { map { $_ => _plain($v->{$_}) } keys %$v } if ref $v eq 'HASH';
    return { _re => "$v" } if ref $v eq 'Regexp';
    return $v;
}


sub _await {
    my ($self, $what, $count, $words, @arg) = @_;

    my $got = $self->_call(await => $what, $count, @arg);
    croak "agent: waited for $count $words, there are $got->[1]"
        unless $got->[0];
}


sub _call {
    my ($self, @command) = @_;

    my $seq = ++$self->{seq};
    my $limit = WsClient::timeout();

    local $SIG{PIPE} = 'IGNORE';
    croak 'agent: is stopped' unless $self->{pid};
    Agent::Server::put($self->{ctl}, [$seq, $limit, @command])
        or croak "agent: is gone: $!";

    my $answer = Agent::Server::get($self->{ctl}) // croak 'agent: has died';
    croak "agent: $answer->[2]" unless $answer->[1];

    return $answer->[2];
}


1;

package Agent::Server;

# Copyright (C) the authors of the OpenClaw module

# The process behind an Agent: one loop over select(), one connection beside
# the other, each with the steps that are left of its answer.

use strict;
use warnings;

use Errno qw(EAGAIN EWOULDBLOCK EINTR);
use IO::Select;
use Socket qw(SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY);
use Storable qw(nfreeze thaw);
use Time::HiRes qw(time);

use WsFrame;

# more than this is not made before it is read

use constant HIGH => 256 * 1024;


sub put {
    my ($sock, $value) = @_;

    my $frozen = nfreeze($value);
    my $bytes = pack('N', length $frozen) . $frozen;

    while (length $bytes) {
        my $n = syswrite($sock, $bytes) // return;
        substr($bytes, 0, $n) = '';
    }

    return 1;
}


sub get {
    my ($sock) = @_;

    my $exactly = sub {
        my ($len, $buf) = ($_[0], '');

        while (length $buf < $len) {
            my $n = sysread $sock, $buf, $len - length $buf, length $buf;
            next if !defined $n && $!{EINTR};
            return unless $n;
        }

        return $buf;
    };

    my $head = $exactly->(4) // return;
    my $frozen = $exactly->(unpack 'N', $head) // return;

    return thaw($frozen);
}


sub new {
    my ($class, $ctl, $listen, $opt) = @_;

    return bless { ctl => $ctl, listen => $listen, opt => $opt, conn => {},
                   rule => [], gate => {}, log => [], await => [], conns => 0,
                   mode => 'normal',
                   otherwise => undef }, $class;
}


# One turn of the loop: what can be read is read, every connection does its
# steps as far as they go, and what the test waits for is looked at again.

sub run {
    my ($self) = @_;

    while (1) {
        my ($r, $w) = (IO::Select->new($self->{ctl}), IO::Select->new);
        my $timeout = 60;

        $r->add(map { $_->{sock} // () } @{ $self->{listen} });

        for my $c (values %{ $self->{conn} }) {
            $r->add($c->{sock}) unless $c->{deaf};
            $w->add($c->{sock}) if length $c->{out};
            $timeout = 0 if $c->{tls} && $c->{sock}->pending;
        }

        for my $at (grep { defined } map({ $_->{until} }
                    values %{ $self->{conn} }), map { $_->{limit} }
                    @{ $self->{await} })
        {
            my $left = $at - time;
            $timeout = $left < 0 ? 0 : $left if $left < $timeout;
        }

        IO::Select->select($r, $w, undef, $timeout);

        if (IO::Select->new($self->{ctl})->can_read(0)) {
            my $command = get($self->{ctl}) // return;
            $self->command(@$command);
        }

        $self->accept_all;

        for my $c (values %{ $self->{conn} }) {
            $self->fill($c) unless $c->{deaf};
            $self->advance($c) if $self->{conn}{$c->{id}};
        }

        $self->look_at_waits;
    }
}


sub command {
    my ($self, $seq, $limit, $name, @arg) = @_;

    if ($name eq 'await') {
        push @{ $self->{await} }, { seq => $seq, limit => time + $limit,
                                    what => $arg[0], count => $arg[1],
                                    arg => $arg[2] };
        return;
    }

    my $method = $self->can("do_$name");
    my $value = eval { $self->$method(@arg) };

    put($self->{ctl}, [$seq, $@ ? (0, "$@") : (1, $value)]);
}


sub do_rule {
    my ($self, $match, $step) = @_;

    push @{ $self->{rule} }, { match => $match, step => $step };
    return 1;
}


sub do_otherwise   { $_[0]{otherwise} = $_[1]; 1 }
sub do_history     { $_[0]{history} = $_[1]; 1 }
sub do_release     { my $self = shift; $self->{gate}{$_} = 1 for @_; 1 }
sub do_shut        { my $self = shift; delete $self->{gate}{$_} for @_; 1 }
sub do_requests    { $_[0]{log} }
sub do_connections { scalar keys %{ $_[0]{conn} } }
sub do_forget      { @{ $_[0] }{qw(log rule history)} = ([], []); 1 }


sub do_close_idle {
    my ($self) = @_;

    $self->drop($_, 'closed')
        for grep { !$_->{req} } values %{ $self->{conn} };
    return 1;
}


sub do_mode {
    my ($self, $mode) = @_;

    die "no such mode: $mode\n"
        unless $mode =~ /^(?:normal|refuse|deaf|hang up)$/;
    $self->{mode} = $mode;

    if ($mode eq 'refuse') {
        # closed at once: something else may still hold a reference

        close delete $_->{sock} for grep { $_->{sock} } @{ $self->{listen} };

    } elsif (grep { !$_->{sock} } @{ $self->{listen} }) {
        $self->{listen} = [map { $_->() } Agent::_listeners(%{ $self->{opt} })];
    }

    return 1;
}


sub look_at_waits {
    my ($self) = @_;

    my @left;

    for my $w (@{ $self->{await} }) {
        my $n = $self->amount($w->{what}, $w->{arg});
        my $yes = $w->{what} eq 'connections' ? $n == $w->{count}
                                              : $n >= $w->{count};

        if ($yes || time >= $w->{limit}) {
            put($self->{ctl}, [$w->{seq}, 1, [$yes, $n]]);
            next;
        }

        push @left, $w;
    }

    $self->{await} = \@left;
}


sub amount {
    my ($self, $what, $arg) = @_;

    my $log = $self->{log};

    return scalar keys %{ $self->{conn} } if $what eq 'connections';
    return scalar @$log if $what eq 'requests';
    return scalar grep { ($_->{gate} // '') eq $arg } @$log if $what eq 'gate';
    return scalar grep { $_->{state} ne 'running'
                         && (!$arg || $_->{state} eq $arg) } @$log;
}


sub accept_all {
    my ($self) = @_;

    for my $l (grep { $_->{sock} } @{ $self->{listen} }) {
        $l->{sock}->blocking(0);

        while (my $sock = $l->{sock}->accept) {
            my $id = ++$self->{conns};

            next if $self->{mode} eq 'hang up';
            setsockopt $sock, IPPROTO_TCP, TCP_NODELAY, 1;
            $sock->blocking(1);

            if ($l->{tls}) {
                $sock = IO::Socket::SSL->start_SSL($sock, SSL_server => 1,
                    Timeout => WsClient::timeout() / 2,
                    %{ $self->{opt}{tls} }) or next;
            }

            $sock->blocking(0);
            $self->{conn}{$id} = { id => $id, sock => $sock, in => '',
                                   out => '', tls => $l->{tls},
                                   deaf => $self->{mode} eq 'deaf' };
        }
    }
}


sub again {
    my ($c) = @_;

    return 1 if $!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINTR};

    no warnings 'once';
    return $c->{tls} && ($IO::Socket::SSL::SSL_ERROR // '') =~ /SSL wants a /;
}


sub fill {
    my ($self, $c) = @_;

    while (1) {
        my $n = sysread $c->{sock}, $c->{in}, 65536, length $c->{in};

        next if $n;
        return if !defined $n && again($c);

        return $self->drop($c, 'gone');
    }
}


sub flush {
    my ($self, $c) = @_;

    while (length $c->{out}) {
        my $n = syswrite $c->{sock}, $c->{out}, 65536;

        if (!defined $n) {
            $self->drop($c, 'gone') unless again($c);
            return;
        }

        substr($c->{out}, 0, $n) = '';
        $c->{req}{sent} += $n if $c->{req};
    }
}


sub drop {
    my ($self, $c, $state) = @_;

    $self->ended($c, $state) if $c->{req};
    delete $self->{conn}{$c->{id}};
    close $c->{sock};
}


sub ended {
    my ($self, $c, $state) = @_;

    my $req = delete $c->{req};

    @{$req}{qw(state ended gate)} = ($state, time, undef);
    delete @{$c}{qw(step until head chunked role over)};
}


sub advance {
    my ($self, $c) = @_;

    while ($self->{conn}{$c->{id}}) {
        $self->flush($c);
        return if !$self->{conn}{$c->{id}} || length $c->{out} > HIGH;

        if (!$c->{req}) {
            return $self->drop($c, 'closed')
                if $c->{last} && !length $c->{out};
            return $self->drop($c, 'closed')
                if $c->{fragile} && length $c->{in};
            return unless $self->begin($c);
        }

        $self->step_done($c) if !@{ $c->{step} } && !$c->{over};

        my ($name, $arg) = @{ $c->{step}[0] // [] };

        if (defined $name) {
            my $step = $self->can("step_$name");
            my $go_on = $self->$step($c, $arg);

            return if !$self->{conn}{$c->{id}};
            return unless $go_on;
            shift @{ $c->{step} };
        }

        if ($c->{over}) {
            $self->flush($c);
            return if !$self->{conn}{$c->{id}} || length $c->{out};
            $self->ended($c, 'done');
        }
    }
}


# A request that has come whole becomes the connection's, with its steps.

sub begin {
    my ($self, $c) = @_;

    my $end = index $c->{in}, "\r\n\r\n";
    return if $end < 0;

    my ($first, @line) = split /\r\n/, substr $c->{in}, 0, $end;
    my %h;

    for (@line) {
        my ($name, $value) = split /:[ \t]*/, $_, 2;
        $h{lc $name} = exists $h{lc $name} ? "$h{lc $name}, $value" : $value;
    }

    if (($h{expect} // '') =~ /100-continue/i && !$c->{continued}++) {
        $c->{out} .= "HTTP/1.1 100 Continue\r\n\r\n";
        $self->flush($c);
    }

    my $body = take_body(\$c->{in}, $end + 4, \%h) // return;
    my ($method, $path, $http) = split / /, $first;

    delete $c->{continued};
    $c->{last} = 1 if $http ne 'HTTP/1.1' || ($h{connection} // '') =~ /close/i;
    $c->{http} = $http;

    $c->{req} = { method => $method, path => $path, headers => \%h,
                  raw => \@line, body => $body, connection => $c->{id},
                  started => time, sent => 0, state => 'running',
                  session => $h{'x-openclaw-session-key'},
                  understand($body) };

    push @{ $self->{log} }, $c->{req};
    $c->{req}{run} = 'chatcmpl_' . ++$self->{runs} if $method eq 'POST';
    $c->{step} = [map { [@$_] } @{ $self->choose($c->{req}) }];

    return 1;
}


sub take_body {
    my ($in, $at, $h) = @_;

    my $body = '';

    if (($h->{'transfer-encoding'} // '') =~ /chunked/i) {
        my $pos = $at;

        while (1) {
            pos($$in) = $pos;
            $$in =~ /\G([0-9a-fA-F]+)[^\r\n]*\r\n/gc or return;
            my $len = hex $1;
            $pos = pos $$in;
            return if length $$in < $pos + $len + 2;
            $body .= substr $$in, $pos, $len;
            $pos += $len + 2;
            last if $len == 0;
        }

        substr($$in, 0, $pos) = '';
        return $body;
    }

    my $len = $h->{'content-length'} // 0;

    return if length $$in < $at + $len;
    $body = substr $$in, $at, $len;
    substr($$in, 0, $at + $len) = '';

    return $body;
}


sub understand {
    my ($body) = @_;

    my $json = eval { WsFrame::from_json($body) };
    return unless ref $json eq 'HASH';

    my $content;

    if (ref $json->{messages} eq 'ARRAY' && @{ $json->{messages} }) {
        $content = $json->{messages}[-1]{content};
        $content = join '', map { $_->{text} // () } @$content
            if ref $content eq 'ARRAY';
    }

    return (json => $json, content => $content);
}


sub choose {
    my ($self, $req) = @_;

    for my $rule (@{ $self->{rule} }) {
        my %m = %{ $rule->{match} };

        next if exists $m{times} && ($rule->{used} // 0) >= $m{times};
        next if grep { !fits($m{$_}, $req->{$_}) }
                grep { exists $m{$_} } qw(method path content session);
        next if grep { !fits($m{header}{$_}, $req->{headers}{lc $_}) }
                keys %{ $m{header} // {} };

        $rule->{used}++;
        return $rule->{step};
    }

    return $self->remembered
        if $req->{method} eq 'GET' && $req->{path} =~ m{/sessions/.*/history};

    return $self->{otherwise} // [[say => 'echo: '],
                                  [say => $req->{content} // '']];
}


# What is answered to a GET /sessions/<key>/history.

sub remembered {
    my ($self) = @_;

    my $history = $self->{history}
        or return [[reply => [404, { error => { type => 'not_found' } }]]];

    # large numbers come over as strings

    $_->{timestamp} += 0 for @$history;

    return [[reply => [200, { messages => $history, hasMore => \0 }]]];
}


sub fits {
    my ($want, $is) = @_;

    return !defined $is unless defined $want;
    return 0 unless defined $is;
    return ref $want ? $is =~ /$want->{_re}/ : $is eq $want;
}


# The steps.  Each returns true to go on with the next one.

sub step_say {
    my ($self, $c, $text) = @_;

    $self->step_start($c);
    return $self->choice($c, { content => $text });
}


sub step_start {
    my ($self, $c) = @_;

    $self->head($c, {});
    return $c->{role}++ || $self->choice($c, { role => 'assistant' });
}


sub step_repeat {
    my ($self, $c, $arg) = @_;

    my $step = $c->{step}[0];

    $self->step_start($c);
    my ($left, $line) = @$step > 2 ? @{$step}[2, 3]
        : ($arg->[0], WsFrame::to_json($self->chunk($c,
            [{ index => 0, delta => { content => $arg->[1] } }])));

    while ($left > 0) {
        $self->flush($c) if length $c->{out} > HIGH;
        last if !$self->{conn}{$c->{id}} || length $c->{out} > HIGH;
        $self->step_data($c, $line);
        $left--;
    }

    @{$step}[2, 3] = ($left, $line);
    return $left == 0;
}


sub step_event { $_[0]->step_data($_[1], WsFrame::to_json($_[2])) }
sub step_data  { $_[0]->step_body($_[1], "data: $_[2]\n\n") }


sub step_body {
    my ($self, $c, $bytes) = @_;

    $self->head($c, {});
    $c->{out} .= $c->{chunked} ? sprintf("%x\r\n%s\r\n", length $bytes, $bytes)
                               : $bytes if length $bytes;
    return 1;
}


sub step_drip {
    my ($self, $c, $arg) = @_;

    my ($n, $bytes) = @$arg;

    for (my $at = 0; $at < length $bytes; $at += $n) {
        $self->step_body($c, substr $bytes, $at, $n);
        $self->flush($c);
        return 1 unless $self->{conn}{$c->{id}};
    }

    return 1;
}


sub step_raw { $_[1]{out} .= $_[2]; $_[1]{head} = 1 }


sub step_head {
    my ($self, $c, $head) = @_;

    $self->head($c, $head);
    return 1;
}


sub step_finish {
    my ($self, $c, $reason) = @_;

    return $self->choice($c, {}, $reason);
}


sub step_error {
    my ($self, $c, $error) = @_;

    $error = { message => $error, type => 'api_error' } unless ref $error;
    $self->step_event($c, { error => $error });
    $self->step_data($c, '[DONE]');
    return $self->step_end($c);
}


sub step_done {
    my ($self, $c) = @_;

    # bytes sent raw end as they are

    return $c->{over} = 1 if $c->{head} && !$c->{role} && !$c->{chunked};

    $self->step_start($c);
    $self->step_finish($c, 'stop');

    my $option = $c->{req}{json}{stream_options} // {};

    $self->step_event($c, $self->chunk($c, [], usage => { prompt_tokens => 11,
        completion_tokens => 7, total_tokens => 18 }))
        if $option->{include_usage};

    $self->step_data($c, '[DONE]');
    return $self->step_end($c);
}


sub step_end {
    my ($self, $c) = @_;

    $self->head($c, {});
    $c->{out} .= "0\r\n\r\n" if $c->{chunked};
    $c->{last} = 1 unless $c->{chunked} || $c->{sized};
    return $c->{over} = 1;
}


sub step_reply {
    my ($self, $c, $arg) = @_;

    my ($status, $body, $header) = @$arg;
    my $json = ref $body;

    $body = WsFrame::to_json($body) if $json;
    $body //= '';
    $self->head($c, { status => $status, 'Content-Length' => length $body,
                      'Content-Type' => $json ? 'application/json'
                                              : 'text/plain',
                      %{ $header // {} } });
    $c->{out} .= $body;
    return $c->{over} = 1;
}


sub step_gate {
    my ($self, $c, $name) = @_;

    my $open = $self->{gate}{$name};

    $c->{req}{gate} = $open ? undef : $name;
    return $open;
}


sub step_delay {
    my ($self, $c, $seconds) = @_;

    $c->{until} //= time + $seconds * ($ENV{OPENCLAW_SLOW} || 1);
    return 0 if time < $c->{until};
    delete $c->{until};
    return 1;
}


sub step_silence { 0 }
sub step_fragile { $_[1]{fragile} = 1 }


sub step_close {
    my ($self, $c) = @_;

    $self->flush($c);
    return 0 if length $c->{out};
    $self->drop($c, 'closed') if $self->{conn}{$c->{id}};
    return 0;
}


sub step_reset {
    my ($self, $c) = @_;

    setsockopt $c->{sock}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0
        if !length $c->{out};
    return $self->step_close($c);
}


sub head {
    my ($self, $c, $given) = @_;

    return if $c->{head}++;

    my %h = %$given;
    my $status = delete $h{status} // 200;
    my $type = delete $h{'Content-Type'} // 'text/event-stream; charset=utf-8';

    $c->{sized} = exists $h{'Content-Length'};
    $c->{chunked} = !$c->{sized} && $c->{http} eq 'HTTP/1.1'
                    && !exists $h{'Transfer-Encoding'};

    $c->{out} .= join "\r\n", "HTTP/1.1 $status X", "Content-Type: $type",
        'Cache-Control: no-cache',
        'Connection: ' . ($c->{last} ? 'close' : 'keep-alive'),
        $c->{chunked} ? 'Transfer-Encoding: chunked' : (),
        map({ "$_: $h{$_}" } grep { defined $h{$_} } sort keys %h), '', '';
}


sub choice {
    my ($self, $c, $delta, $reason) = @_;

    return $self->step_event($c, $self->chunk($c,
        [{ index => 0, delta => $delta, finish_reason => $reason }]));
}


sub chunk {
    my ($self, $c, $choices, @more) = @_;

    return { id => $c->{req}{run}, object => 'chat.completion.chunk',
             created => int $c->{req}{started},
             model => $c->{req}{json}{model}, choices => $choices, @more };
}


1;

package World;

# Copyright (C) the authors of the OpenClaw module

# An nginx with its agent and its crowd of clients, and what befalls them:
# reloads, crashes, an agent that is away.

use strict;
use warnings;

use File::Path qw(make_path remove_tree);
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Time::HiRes qw(time sleep);

use Agents;
use Client;
use Loop;
use Model;
use Zone;


# how long processes may take for what they do at once

my $PATIENCE = 10 * ($ENV{OPENCLAW_SLOW} || 1);

# new(name =>, dir =>, zone => size, strict =>, workers =>, clients =>,
#     senders =>, groups =>, pace => seconds)

sub new {
    my ($class, %opt) = @_;

    my $self = bless { pace => 0.1, workers => 2, clients => 60, senders => 30,
                       groups => 8, %opt,
                       conn => {}, dead => {}, recent => {},
                       killed => 0, cleared => 0, refused => 0, hup => 0,
                       idle_closed => 0, calm => 1, quiet => 1, log_at => 0,
                       kills => 0, locked => 0, hups => 0, checks => 0,
                       task => {} }, $class;

    $self->{model} = Model->new($self);
    $self->{agent} = Agents->new($self);
    $self->{port} = free_port();
    $self->start;
    return $self;
}


sub fault { $_[0]{model}->fault($_[1]) }


sub free_port {
    my $sock = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1,
                                     LocalPort => 0) or die "no port: $!\n";
    return $sock->sockport;
}


sub start {
    my ($self) = @_;

    my $dir = $self->{dir};
    my $agent = $self->{agent}->port;
    my $answers = $Model::COMING_BACK
                ? "openclaw_answers $Model::ANSWERS $Model::SIZE;" : '';

    remove_tree($dir);
    make_path("$dir/logs", "$dir/temp");

    open my $out, '>', "$dir/nginx.conf" or die "$dir: $!\n";
    print $out <<"END";
load_module $self->{module};
worker_processes $self->{workers};
error_log logs/error.log $self->{level};
pid logs/nginx.pid;

events {
    worker_connections 2048;
}

http {
    access_log off;
    client_body_temp_path temp;
    proxy_temp_path temp;
    fastcgi_temp_path temp;
    uwsgi_temp_path temp;
    scgi_temp_path temp;

    openclaw_zone soak:$self->{zone};

    server {
        listen 127.0.0.1:$self->{port} reuseport sndbuf=64k;
        add_header X-Worker \$pid always;
        add_header X-Connection \$connection always;

        location = /ws {
            openclaw_pass http://127.0.0.1:$agent;
            openclaw_read_timeout 2s;
            openclaw_send_buffer 32k;
            openclaw_send_timeout 10s;
            openclaw_ping_interval 2s;
            openclaw_ping_timeout 10s;
            $answers
        }
    }
}
END
    close $out;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $ENV{LD_PRELOAD} = $ENV{TEST_NGINX_LD_PRELOAD}
            if $ENV{TEST_NGINX_LD_PRELOAD};
        exec($self->{nginx}, '-p', $dir, '-c', "$dir/nginx.conf",
             '-g', 'daemon off;') or POSIX::_exit(127);
    }

    $self->{pid} = $pid;
    $self->await(sub { $self->workers == $self->{workers} }, 'its workers');
}


sub await {
    my ($self, $yes, $what) = @_;

    my $deadline = time + $PATIENCE;

    Loop::run(sub { $yes->() || time > $deadline });
    return 1 if $yes->();
    $self->fault("waited in vain for $what");
    return 0;
}


sub workers {
    my ($self, $old) = @_;

    my $title = 'nginx: worker process' . ($old ? ' is shutting down' : '');
    my @pid;

    open my $in, '<', "/proc/$self->{pid}/task/$self->{pid}/children"
        or return;

    for my $pid (split ' ', <$in> // '') {
        open my $file, '<', "/proc/$pid/cmdline" or next;
        local $/;
        (my $is = <$file> // '') =~ s/[\0 ]+\z//;
        push @pid, $pid if $is eq $title;
    }

    return @pid;
}


# The crowd.

sub populate {
    my ($self) = @_;

    $self->{quiet} = 0;
    $self->arrive(1 + $_ % $self->{senders}) for 1 .. $self->{clients};
}


sub arrive {
    my ($self, $sender, @again) = @_;

    my $conn = Client->new($self, $sender =~ /^s/ ? $sender : "s$sender");

    if (!$conn) {
        Loop::after(0.2, sub { $self->arrive($sender, @again) });
        return;
    }

    $conn->{again} = \@again;
    $self->{conn}{$conn->{name}} = $conn;
}


# A connection is there: what it came back for, and then one thing after the
# other.

sub opened {
    my ($self, $conn) = @_;

    $self->{model}->ask($conn, $_) for @{ delete $conn->{again} // [] };
    $self->next_act($conn);
}


sub next_act {
    my ($self, $conn) = @_;

    Loop::after(rand 2 * $self->{pace} * $self->{clients},
                sub { $self->act($conn) });
}


sub act {
    my ($self, $conn) = @_;

    return unless $conn->is_open;
    return if $self->{quiet};

    my $model = $self->{model};
    my $what = Model::pick([message => 60], [group => 12], [again => 14],
                           [both => 3], [abort => 3], [leave => 5],
                           [pause => 1.5], [ping => 2]);
    my $recent = $self->{recent}{$conn->{sender}} //= [];
    my $m = $recent->[rand @$recent];

    if ($what =~ /message|group|both/) {
        $m = $model->message($conn, $what eq 'group'
                             ? 'g' . int rand $self->{groups} : undef);
        push @$recent, $m;
        shift @$recent if @$recent > 10;
        $model->ask($conn, $m, part => rand() < 0.05);

        # those who are in a hurry, on one connection or on all they have

        return $self->next_act($conn) unless $Model::COMING_BACK;

        $model->ask($conn, $m) if rand() < 0.02;

        if ($what eq 'both') {
            $model->ask($_, $m) for grep { $_ != $conn && $_->is_open
                                           && $_->{sender} eq $m->{sender} }
                                    values %{ $self->{conn} };
        }

    } elsif ($what eq 'again') {
        $model->ask($conn, $m) if $m && $Model::COMING_BACK;

    } elsif ($what eq 'abort') {
        $model->abort($conn, $m) if $m;

    } elsif ($what eq 'leave') {
        $conn->leave((qw(reset close half fin))[rand 4]);
        return;

    } elsif ($what eq 'pause') {
        $conn->pause(rand 2);

    } else {
        $conn->send_frame(1, '{"type":"ping"}');
    }

    $self->next_act($conn);
}


# Most of those who have lost their connection ask again, and somebody takes
# the place of the others.

sub come_back {
    my ($self, $conn) = @_;

    delete $self->{conn}{$conn->{name}};

    return if $self->{closing};

    my @again = !$Model::COMING_BACK || rand() < 0.1 ? ()
              : map { $self->{model}{message}{$_} // () }
                grep { $conn->{ask}{$_}{open} } keys %{ $conn->{ask} };

    Loop::after(rand 0.3, sub { $self->arrive($conn->{sender}, @again) });
}


# What befalls them.

sub storm {
    my ($self) = @_;

    return if $self->{calm};

    my $what = Model::pick([hup => 30], [hups => 5], [kill => 30],
                           [lock => 15], [refuse => 10], [idle => 10]);

    if ($what eq 'hup') {
        $self->hup;

    } elsif ($what eq 'hups') {
        Loop::after($_ * 0.02, sub { $self->hup unless $self->{calm} })
            for 1 .. 5;

    } elsif ($what eq 'kill') {
        $self->kill;

    } elsif ($what eq 'lock') {
        $self->kill_in_lock;

    } elsif ($what eq 'refuse') {
        my $seconds = rand 0.3;

        $self->{refused} = time + $seconds + 1;
        $self->{agent}->refuse($seconds);

    } else {
        $self->{idle_closed} = time;
        $self->{agent}->close_idle;
    }

    Loop::after(0.2 + rand 2, sub { $self->storm });
}


sub hup {
    my ($self) = @_;

    $self->{hup} = time;
    $self->{hups}++;
    kill 'HUP', $self->{pid};
}


# whether a worker that took this connection may be leaving

sub may_close {
    my ($self, $conn) = @_;

    return $self->{hup} > $conn->{born} - $PATIENCE / 2;
}


sub any_worker {
    my ($self) = @_;

    my @pid = grep { !$self->{dead}{$_} } $self->workers, $self->workers(1);

    return $pid[rand @pid];
}


sub kill {
    my ($self) = @_;

    my $pid = $self->any_worker or return;

    $self->{dead}{$pid} = 1;
    $self->{killed} = time;
    $self->{kills}++;
    CORE::kill 'KILL', $pid;
    $self->check;
}


# The killer needs a while to catch it.

sub kill_in_lock {
    my ($self) = @_;

    my ($pid) = grep { !$self->{dead}{$_} } $self->workers or return;

    return if $self->{locking};

    $self->{locking} = 1;
    $self->{dead}{$pid} = 1;
    $self->{killed} = time + 3;

    $self->task('zone_kill', [$pid, int rand 1500, 3], sub {
        my ($status, $said) = @_;

        $self->{locking} = 0;
        $self->{killed} = time;

        if ($status == 0) {
            $self->{kills}++;
            $self->{locked}++;
            $self->{cleared} = time;

        } else {
            delete $self->{dead}{$pid} if CORE::kill 0, $pid;
        }

        $self->check;
    });
}


# A look into the zone; $then is told what was said.

sub check {
    my ($self, $then) = @_;

    if ($self->{checking} || $self->{locking}) {
        $then->('') if $then;
        return;
    }

    $self->{checking} = 1;
    $self->{checks}++;

    $self->task('zone_check', [$self->{pid}], sub {
        my ($status, $said) = @_;

        $self->{checking} = 0;
        $self->fault("the zone is not sound:\n$said")
            unless $status == 0 || $status == 3;
        $then->($said) if $then;
    });
}


sub task {
    my ($self, $name, $arg, $then) = @_;

    my $program = Zone::_program($name);
    my $pid = open my $in, '-|', $program, @$arg
        or die "$program cannot be run: $!\n";
    my $task = bless { sock => $in, in => '', out => '', then => $then,
                       pid => $pid }, 'World::Task';

    Loop::add($task);
}


sub World::Task::on_write { }

sub World::Task::on_read {
    my ($task) = @_;

    my $n = Loop::fill($task) // return;

    return if $n;

    my $said = $task->{in};

    Loop::remove($task);    # which waits for its end
    $task->{then}->($? >> 8, $said);
}


# The error log, as it grows.

sub read_log {
    my ($self) = @_;

    open my $in, '<', "$self->{dir}/logs/error.log" or return;
    seek $in, $self->{log_at}, 0;

    while (my $line = <$in>) {
        last if $line !~ /\n\z/;
        $self->{log_at} += length $line;
        next unless $line =~ /\[(?:alert|crit|emerg)\]|Sanitizer|runtime err
                              |exited\ with\ code/x;

        if ($line =~ /exited with code/) {
            $self->fault("in the log: $line") unless $line =~ /code 0$/m;

        } elsif ($line =~ /a process died while it changed sessions/) {
            $self->{cleared} = time;

        } elsif ($line =~ /worker process (\d+) exited on signal 9$/m
                 || $line =~ /zone "soak" was locked by (\d+)$/m)
        {
            $self->fault("in the log: $line") unless $self->{dead}{$1};

        } elsif ($line =~ /could not allocate session/ && !$self->{strict}) {
            $self->{model}->count('zone full');

        } else {
            $self->fault("in the log: $line");
        }
    }

    my $pid = waitpid $self->{pid}, WNOHANG;

    $self->fault('nginx has ended') if $pid == $self->{pid};
}


# What the error log says of a connection.

sub log_of {
    my ($self, $conn) = @_;

    open my $in, '<', "$self->{dir}/logs/error.log" or return '';

    return join '', map { "\n      $_" }
                    map { /\Q $conn->{worker}#\E\d+: \*$conn->{number} (.*)/
                          ? $1 : () } <$in>;
}


# The end of a round: no new messages, and those that were asked have their
# ends; who has none asks again.

sub settle {
    my ($self) = @_;

    my $model = $self->{model};

    $self->{quiet} = 1;
    $self->{calm} = 1;

    return unless $self->await(sub { !$self->{locking} && !$self->{checking}
                                     && $self->{agent}{sock} },
                               'the end of what has begun');

    $self->all_ended or return;
    return unless $Model::COMING_BACK;

    for my $try (1 .. 20) {
        my @left = grep { $_->{asked} && !$model->has_ended($_)
                          && !$_->{passed} }
                   values %{ $model->{message} };

        last unless @left;

        # where there is little room, some of them will do

        $_->{passed} = 1 for $self->{strict} ? () : splice @left, 60;

        $model->fault("$left[0]{id} never ends", $left[0]) if $try == 20;
        $self->ask_all(@left) or return;
    }

    # and once more, what must be remembered

    my %by;

    push @{ $by{$_->{session}} }, $_
        for sort { $a->{ended} <=> $b->{ended} }
            grep { $_->{ended} } values %{ $model->{message} };

    $self->ask_all(map { my @m = @$_; @m > 4 ? @m[-4 .. -1] : @m }
                   values %by);
}


# Asks for some messages, not too many of a session at a time.

sub ask_all {
    my ($self, @message) = @_;

    while (@message) {
        my (%n, @later);
        my $room = $self->{strict} ? 1000 : 20;

        for my $m (@message) {
            my ($conn) = grep { $_->is_open && $_->{sender} eq $m->{sender} }
                         values %{ $self->{conn} };

            if (!$conn || $n{$m->{session}}++ >= 8 || --$room < 0) {
                push @later, $m;
                next;
            }

            $self->{model}->ask($conn, $m);
        }

        $self->all_ended or return 0;

        if (@later == @message) {
            $self->await(sub { !grep { !$_->is_open }
                               values %{ $self->{conn} } },
                         'all connections') or return 0;
        }

        @message = @later;
    }

    return 1;
}


sub all_ended {
    my ($self) = @_;

    my $model = $self->{model};
    my $deadline = time + 2 * $PATIENCE;
    my $look = 0;
    my @open;

    Loop::run(sub {
        return 0 if time < $look;
        $look = time + 0.05;
        return !(@open = $model->open_asks) || time > $deadline;
    });

    for (@open > 3 ? @open[0 .. 2] : @open) {
        my ($conn, $m, $ask) = @$_;

        $model->fault("$conn->{name} on worker $conn->{worker} has waited "
                      . sprintf('%.1f', time - $ask->{at})
                      . " s for the end of $m->{id}", $m);
    }

    return !@open;
}


# All leave, and nothing is left: no ticket, no old worker.

sub close_all {
    my ($self) = @_;

    my $left;

    $self->{closing} = 1;
    $_->leave for values %{ $self->{conn} };
    $self->{closing} = 0;

    my $busy;

    $self->await(sub {
        return 1 if defined $left && $left =~ / 0 tickets|not permitted/;
        $self->check(sub { $left = $_[0]; Loop::after(0.3, sub { $busy = 0 })
                           }) unless $busy++;
        return 0;
    }, 'the end of all tickets');

    $self->await(sub { !$self->workers(1) }, 'the end of old workers');
    $self->await(sub { $self->workers == $self->{workers} },
                 'all of its workers');
    $self->await(sub { !$self->{model}{suspect} }, 'what is in doubt');

    # no more of them than are kept open to the agent

    my $open = $self->descriptors;

    for my $pid (keys %$open) {
        $self->fault("worker $pid has $open->{$pid} open files")
            if $open->{$pid} > 80;
    }

    $self->{left} = $left;
    $self->{model}->forget(0);
    $self->{recent} = {};
    $self->{model}{session} = {};
}


# Resident memory of the present workers, in kilobytes.

sub memory {
    my ($self) = @_;

    my %kb;

    for my $pid ($self->workers) {
        open my $in, '<', "/proc/$pid/status" or next;
        local $/;
        $kb{$pid} = $1 if (<$in> // '') =~ /^VmRSS:\s+(\d+)/m;
    }

    return \%kb;
}


sub descriptors {
    my ($self) = @_;

    return { map { my $pid = $_; ($pid => scalar(() = glob "/proc/$pid/fd/*")) }
             $self->workers };
}


sub stop {
    my ($self) = @_;

    CORE::kill 'QUIT', $self->{pid};

    my $deadline = time + $PATIENCE;
    my $gone;

    Loop::run(sub { $gone = waitpid($self->{pid}, WNOHANG) != 0;
                    $gone || time > $deadline });

    return if $gone;

    $self->fault('nginx does not end');
    CORE::kill 'KILL', $self->workers, $self->workers(1), $self->{pid};
}


1;

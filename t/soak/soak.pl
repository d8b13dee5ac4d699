#!/usr/bin/env perl

# Copyright (C) the authors of the OpenClaw module

# Lets crowds of clients, a flaky agent, reloads and crashes loose on nginx,
# for as long as it is told to, and sees what must hold:
#
#     t/soak/soak.pl SECONDS [SEED]
#
# See README.md of the tests.  There are two worlds side by side: in one there
# is room for everything, in the other the zone is too small and forgets.

use strict;
use warnings;

use lib 't/lib', 't/soak';

use Cwd qw(getcwd);
use Time::HiRes qw(time);

use Loop;
use Model;
use World;


my $seconds = shift || 120;
my $seed = shift || time % 1_000_000;

srand $seed;
$| = 1;
$SIG{PIPE} = 'IGNORE';
$SIG{INT} = $SIG{TERM} = sub { exit 130 };

my $module = $ENV{OPENCLAW_MODULE} || getcwd()
             . '/build/ngx_http_openclaw_module.so';
my $nginx = $ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx';
my $slow = $ENV{OPENCLAW_SLOW} || 1;
my $faults = 0;
my $start = time;
my @world;

$Model::COMING_BACK = `grep -c openclaw_answers \Q$module\E` > 0 ? 1 : 0;


sub say_fault {
    my ($text) = @_;

    $faults++;
    print "FAULT (seed $seed) $text\n" if $faults <= 30;
}


sub world {
    my (%opt) = @_;

    return World->new(dir => getcwd() . "/build/soak/$opt{name}",
                      module => $module, nginx => $nginx, level => 'info',
                      on_fault => \&say_fault, pace => 0.006 * $slow, %opt);
}


# Runs for a while, or until there is nothing more to see.

sub go_on {
    my ($for) = @_;

    my $until = time + $for;
    my ($look, $check) = (0, 0);

    Loop::run(sub {
        my $now = time;

        if ($now > $look) {
            $_->read_log for @world;
            $look = $now + 0.1;
        }

        if ($now > $check) {
            $_->check for @world;
            $check = $now + 1;
        }

        return $now > $until || $faults > 30;
    });
}


# How much more memory the workers have than at first; what was freed is kept
# by a sanitizer.

sub grown {
    my ($world, $before, $name, $limit) = @_;

    return if $slow > 1;

    my $now = $world->memory;

    for my $pid (grep { defined $before->{$_} } keys %$now) {
        my $more = $now->{$pid} - $before->{$pid};

        $world->{most} = $more if $more > ($world->{most} // 0);
        $world->fault("worker $pid has grown by $more kB $name, from "
                      . "$before->{$pid}") if $more > $limit;
    }
}


sub round {
    my ($n, $stormy, $calm) = @_;

    for my $world (@world) {
        $world->populate;
        $world->{calm} = 0;
        $world->storm;
    }

    go_on($stormy);
    $_->{calm} = 1 for @world;

    # what a new worker needs it has after a while

    go_on($calm / 2);
    my @before = map { $_->memory } @world;
    go_on($calm / 2);
    grown($world[$_], $before[$_], 'in a calm', 3000) for 0 .. $#world;

    my $from = time;

    $_->{quiet} = 1 for @world;
    $_->settle for @world;
    $_->close_all for @world;
    printf "%4d s, it took %d s to settle\n", time - $start, time - $from;
    $_->read_log for @world;

    for my $world (@world) {
        my $c = $world->{model}{count};

        printf "%4d s, round %d, %s: %s\n", time - $start, $n, $world->{name},
            join ', ', "$world->{hups} reloads",
            "$world->{kills} kills ($world->{locked} in the lock)",
            "$world->{checks} checks",
            map { "$c->{$_} $_" } sort keys %$c;
        print "    the zone: $world->{left}" if $world->{left};
        printf "    a worker has grown by %d kB at most, %s descriptors\n",
            $world->{most} // 0, join ' ', values %{ $world->descriptors };
    }
}


# A master that is stopped starts no worker anew.

END {
    for my $world (grep { $_->{pid} && $_->{owner} == $$ } @world) {
        kill 'STOP', $world->{pid};
        kill 'KILL', $world->workers, $world->workers(1), $world->{pid};
    }
}


push @world, world(name => 'roomy', zone => '8m', strict => 1);
push @world, world(name => 'tight', zone => '32k', strict => 0, workers => 3);
$_->{owner} = $$ for @world;

printf "soak: %d s, seed %d%s\n", $seconds, $seed,
    $Model::COMING_BACK ? '' : ', without coming back';

my $rounds = $seconds < 90 ? 1 : int $seconds / ($seconds < 900 ? 45 : 300);
my $each = $seconds / $rounds;

for my $n (1 .. $rounds) {
    round($n, $each * 0.4, $each * 0.4);
    last if $faults > 30 || time - $start > $seconds;
}

$_->stop for @world;
$_->read_log for @world;
$_->{pid} = 0 for @world;

my $sum = sub {
    my ($what) = @_;

    my $n = 0;
    $n += $_->{model}{count}{$what} // 0 for @world;
    return $n;
};

printf "soak: %d s, %d messages, %d asked again, %d agent requests, "
       . "seed %d\n", time - $start, $sum->('messages'),
       $sum->('asked again'), $sum->('agent requests'), $seed;
printf "%d passed, %d failed\n", $faults ? 0 : 1, $faults;
exit($faults ? 1 : 0);

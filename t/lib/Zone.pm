package Zone;

# Copyright (C) the authors of the OpenClaw module

# Looks into the shared memory of a running nginx, with the programs of t/zone,
# which are made when they are needed first.
#
#     my ($ok, $said) = Zone::check($master);
#     my ($dead, $said) = Zone::kill_in_lock($worker, $steps, $seconds);
#
# $ok and $dead are undef where a process may not look into another, $dead also
# under valgrind, and where the worker goes step by step and is too slow.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);


my $ROOT = abs_path(dirname(__FILE__) . '/../..');


sub check { _run('zone_check', @_) }


sub kill_in_lock {
    my ($worker, @more) = @_;

    # step by step, it would not come to the lock in time
    return (undef, 'it is under valgrind')
        if (readlink("/proc/$worker/exe") // '') =~ /memcheck/;

    return _run('zone_kill', $worker, @more);
}


# Plants faults and has them found; the lines of TAP.

sub plant {
    my ($master) = @_;

    my $check = _program('zone_check');
    my $program = _program('zone_plant');

    return map { /^(.*)$/mg } scalar `$program $master $check`;
}


sub _run {
    my ($name, @arg) = @_;

    my $program = _program($name);

    # the libraries that nginx needs are nothing to it

    local %ENV = %ENV;
    delete @ENV{qw(LD_PRELOAD TEST_NGINX_LD_PRELOAD)};

    open my $in, '-|', $program, map { int } @arg
        or die "$program cannot be run: $!\n";

    my $said = join '', <$in>;

    local ($!, $?);
    close $in;
    my $status = $? >> 8;

    die "$program has failed: $said" if $status == 2 || $? & 0x7f;
    $said =~ s/\n\z//;

    return ($status == 3 ? undef : $status ? 0 : 1, $said);
}


my %program;

sub _program {
    my ($name) = @_;

    return $program{$name} //= do {
        my $dir = $ENV{OPENCLAW_MODULE} ? dirname($ENV{OPENCLAW_MODULE})
                                        : "$ROOT/build";

        if (!-x "$dir/$name") {
            $dir = "$ROOT/build";
            local $?;
            system("$ROOT/.ci/build", 'zone') == 0
                or die "$name cannot be built\n";
        }

        "$dir/$name";
    };
}


1;

package Test::Nginx::Util;

# Copyright (C) the authors of the OpenClaw module

# The nginx side of the harness: settings, configuration, starting, stopping,
# reloading, logs.  Used where Test::Nginx itself is not installed.

use strict;
use warnings;

use File::Path qw(make_path remove_tree);
use File::Spec;
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Test::More ();
use Time::HiRes qw(sleep time);


sub env { my ($name, $default) = @_; $ENV{"TEST_NGINX_$name"} || $default }

our $InSubprocess = 0;

our %S = (
    binary => env('BINARY', 'nginx'), workers => 1, worker_connections => 64,
    log_level => env('LOG_LEVEL', 'debug'),
    master => env('MASTER_PROCESS', 'off'), repeat => 1,
    sleep => env('SLEEP', 0.015), timeout => env('TIMEOUT', 3),
    port => env('RANDOMIZE') ? free_port()
            : env('SERVER_PORT') || env('PORT', 1984),
    server_name => 'localhost', preamble => '', root_location => 1,
    shuffle => !env('NO_SHUFFLE'), hup => env('USE_HUP'),
    accum => env('CHECK_ACCUM_ERR_LOG'), env => [],
);

*UseHup = \$S{hup};
our $UseHup;

$S{client_port} = env('CLIENT_PORT', $S{port});

our $Root = File::Spec->rel2abs(env('RANDOMIZE') ? "t/servroot_$S{port}"
                                : env('SERVROOT', 't/servroot'));
our ($Html, $Conf, $ErrLog, $AccLog, $PidFile) = map { "$Root/$_" }
    qw(html conf/nginx.conf logs/error.log logs/access.log logs/nginx.pid);

$ENV{TEST_NGINX_SERVER_ROOT} = $Root;

our (@Preprocessors, @Cleanup, @BlockCleanup, @BodyChecks);
our ($RandPorts, $PrevConfig, $LogPos, $Version, $Asan) = ({});


sub bail_out {
    my ($why) = @_;

    cleanup();
    Test::More::BAIL_OUT($why);
}


# Text of the test file: $TEST_NGINX_X, where RAND_PORT_n is a free port.

sub expand {
    my ($text, $name) = @_;

    return $text if !defined $text || ref $text;

    $text =~ s{\$(TEST_NGINX_\w+)}{
        my $var = $1;
        my $value = $var =~ /^TEST_NGINX_RAND_PORT_\d+$/
                    ? $RandPorts->{$var} //= free_port() : $ENV{$var};
        $value // bail_out("$name - $var is not set");
    }ge;

    return $text;
}


sub free_port {
    for (1 .. 1000) {
        my $port = 2000 + int rand 30000;
        next if grep { $_ && $_ == $port } values %{ $RandPorts // {} };
        return $port if IO::Socket::INET->new(LocalAddr => '0.0.0.0',
            LocalPort => $port, Listen => 1, ReuseAddr => 1);
    }

    die "no free port\n";
}


sub seconds {
    my ($time) = @_;

    return unless defined $time;
    return $time =~ /^\s*([\d.]+)ms\s*$/ ? $1 / 1000
         : $time =~ /^\s*([\d.]+)s?\s*$/ ? $1 : $time;
}


# The server root holds nothing but what is made here; anything else in it is
# somebody's data, and is not removed.

sub make_root {
    remove_tree(glob("$Root/*_temp $Root/*_cache"), map { "$Root/$_" }
                qw(conf html logs cache));
    -d $Root && !rmdir $Root
        and bail_out("cannot remove $Root, is it empty but for ours? $!");
    make_path(map { "$Root/$_" } qw(conf html logs));
    write_file("$Html/index.html", 'It works!');
}


sub write_file {
    my ($path, $content) = @_;

    open my $out, '>:raw', $path or bail_out("cannot write $path: $!");
    print $out $content;
    close $out;
}


sub write_user_files {
    my ($block) = @_;

    my $files = $block->user_files // return;
    my $name = $block->name;
    my @file = ref $files ? map { [@$_] } @$files : ();

    if (!ref $files) {
        my (undef, @part) = split /^>>> (\S+)(?:[ \t]+(.+))?\n/m, $files;
        while (my ($path, $date, $body) = splice @part, 0, 3) {
            push @file, [$path, $body, $date];
        }
    }

    for (@file) {
        my ($path, $body, $date) = @$_;

        $path = "$Html/$path" unless $path =~ m{^/};
        make_path($path =~ s{/[^/]*$}{}r);
        write_file($path, expand($body // '', $name));
        system 'touch', '-t', $date, $path if $date;
    }
}


sub write_config {
    my ($block, $config) = @_;

    my $name = $block->name;
    my %text = map { $_ => expand(scalar $block->$_, $name) // '' }
               qw(main_config http_config post_main_config);
    my $server_name = $block->server_name // $S{server_name};
    my $user = env('WORKER_USER', $> == 0 ? 'root' : '');
    my @load = map { "load_module $_;\n" } split ' ', env('LOAD_MODULES', '');
    my @env = map { "env " . (/\s/ ? "'$_'" : $_) . ";\n" }
              qw(LD_PRELOAD LD_LIBRARY_PATH ASAN_OPTIONS), @{ $S{env} };
    my $temp = join "\n    ", map { "${_}_temp_path $Root/${_}_temp;" }
               grep { $text{http_config} !~ /\b${_}_temp_path\b/ }
               qw(client_body proxy fastcgi scgi uwsgi);

    my $root = $S{root_location}
        ? "location / { root $Html; index index.html index.htm; }" : '';
    my $version = $S{hup} ? "server { listen $S{port}; server_name Test-Nginx;"
        . " location = /ver { return 200 '$Version'; } }" : '';

    write_file($Conf, join '', @load, @env, <<"EOC");
worker_processes $S{workers};
daemon on;
master_process $S{master};
error_log $ErrLog $S{log_level};
pid $PidFile;
@{[$user ? "user $user;" : '']}
$text{main_config}
http {
    access_log $AccLog;
    $temp
    default_type text/plain;
    keepalive_timeout 68s;

$text{http_config}
    server {
        listen $S{port};
        server_name '$server_name';
        client_max_body_size 30m;

$S{preamble}
$config
        $root
    }
    $version
}

$text{post_main_config}
events {
    accept_mutex off;
    worker_connections $S{worker_connections};
    @{[env('EVENT_TYPE') ? 'use ' . env('EVENT_TYPE') . ';' : '']}
}
EOC
}


# Runs nginx, returns its status once it has become a daemon.

sub execute {
    my ($block) = @_;

    my @cmd = ($S{binary}, '-e', $ErrLog, '-p', "$Root/", '-c', $Conf);
    my $pid = fork // bail_out("fork: $!");

    if ($pid == 0) {
        $InSubprocess = 1;
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null' if defined $block->suppress_stderr;
        $ENV{LD_PRELOAD} = join ' ', grep { $_ } env('LD_PRELOAD'),
            $ENV{LD_PRELOAD} if env('LD_PRELOAD');
        { no warnings; exec @cmd }
        POSIX::_exit(127);
    }

    waitpid $pid, 0;
    return $?;
}


# A sanitizer that writes to log_path writes to a file for each block.

sub name_reports {
    my ($name) = @_;

    $Asan //= $ENV{ASAN_OPTIONS} // return;
    return unless $name =~ m{t/([-\w/]+)\.t TEST (\d+):};

    my $tag = "$1-t$2" =~ tr{/}{-}r;
    $ENV{ORI_ASAN_OPTIONS} = $Asan;
    $ENV{ASAN_OPTIONS} = $Asan =~ s/(log_path=[^,]+)/$1-$tag/r;
}


# Brings nginx up for the block.  False: there is nothing to ask it.

sub start {
    my ($block) = @_;

    my $name = $block->name;
    my $config = expand(scalar $block->config, $name);

    if (!defined $config) {
        bail_out("$name - no --- config, and none before") unless $PrevConfig;
        return 1;
    }

    my $first = !$PrevConfig;
    my $keep = $S{hup} && !$first && !defined $block->must_die && pid();

    $PrevConfig = $config;
    $S{master} = 'on' if $S{hup};

    if (!$keep) {
        stop($name);
        check_shutdown();
        make_root();
    }

    $Version = join '', map { ('a' .. 'z')[rand 26] } 1 .. 10;
    write_user_files($block);
    write_config($block, $config);
    return reload($block, $keep) if $keep;

    name_reports($name);
    $LogPos = 0;
    return 0 if defined $block->must_die;

    # a port still taken may get free, any other reason stays

    for my $try (1 .. 20) {
        my $status = execute($block) or last;
        bail_out("$name - cannot start nginx, status $status")
            if $try == 20 || slurp($ErrLog) !~ /still could not bind/;
        sleep 0.2;
    }

    sleep $S{sleep};
    return 1;
}


sub reload {
    my ($block, $pid) = @_;

    unlink $ErrLog, $AccLog;
    kill 'USR1', $pid;
    sleep $S{sleep};
    check_shutdown();
    $LogPos = 0;

    my %old = map { $_ => 1 } accepting($pid);

    kill 'HUP', $pid;

    if (defined $block->reload_fails) {
        sleep 0.3;
        return 1;
    }

    # Workers of the old configuration accept for another while, and a new one
    # that answers many times in a row does not prove that they are gone.

    for (my $same = 0, my $until = time + 30; $same < 20; ) {
        my $old = grep { $old{$_} } accepting($pid);
        my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                         PeerPort => $S{port});
        print $sock "GET /ver HTTP/1.0\r\nHost: Test-Nginx\r\n\r\n" if $sock;
        my $answer = $sock ? join '', <$sock> : '';

        $same = !$old && $answer =~ /\b\Q$Version\E$/ ? $same + 1 : 0;
        sleep 0.01 unless $same;
        next if time < $until;
        unplanned($block->name . ' - failed to reload the configuration');
        last;
    }

    return 1;
}


# The workers of a master but those that say that they shut down.

sub accepting {
    my ($master) = @_;

    return grep { slurp("/proc/$_/stat") =~ /\) \S $master /
                  && slurp("/proc/$_/cmdline") =~ /worker process\0*\z/ }
           map { m{(\d+)} } glob '/proc/[0-9]*';
}


# A failure outside the plan: it is seen, the count does not matter then.

sub unplanned {
    Test::More->builder->no_ending(1);
    Test::More::fail($_[0]);
}


sub pid {
    my ($pid) = slurp($PidFile) =~ /^(\d+)/;

    return $pid && kill(0, $pid) ? $pid : 0;
}


sub get_pid_from_pidfile {
    my ($pid) = slurp($PidFile) =~ /^(\d+)/;

    return $pid // bail_out("$_[0] - no $PidFile");
}


# Ends a process: asks, waits as long as a request may take, then kills.

sub end_process {
    my ($pid, $signal, $name) = @_;

    my $until = time + $S{timeout};

    local $?;
    kill $signal, $pid;

    while (waitpid($pid, WNOHANG) != $pid && kill 0, $pid) {
        sleep 0.005;
        next if time < $until;
        warn "$name - timeout when waiting for the process $pid to exit\n";
        kill 'KILL', getpgrp($pid) == $pid ? -$pid : $pid;
        waitpid $pid, 0;
        last;
    }
}


sub stop {
    my ($name) = @_;

    my $pid = pid();

    end_process($pid, env('FAST_SHUTDOWN') ? 'TERM' : 'QUIT', $name) if $pid;
    unlink $PidFile;
}


our ($CheckShutdown, $PrevBlock);

sub check_shutdown {
    my $block = $PrevBlock // return;

    undef $PrevBlock;
    $CheckShutdown->($block) if defined $block->shutdown_error_log
                                || defined $block->no_shutdown_error_log;
}


sub cleanup { call_all(\@Cleanup) }


sub call_all {
    my ($list, @arg) = @_;

    for my $sub (@$list) {
        $sub->(@arg);
    }
}


sub slurp {
    open my $in, '<', $_[0] or return '';
    local $/;
    return <$in> // '';
}


# The lines since the last look; logs are written when the client has gone.

sub error_log_data {
    sleep 3 * $S{sleep};
    open my $in, '<', $ErrLog or return [];
    seek $in, $LogPos // 0, 0 unless $S{accum};

    my @lines = <$in>;

    $LogPos = tell $in;
    return \@lines;
}


sub access_log_data {
    sleep 3 * $S{sleep};
    open my $in, '<', $AccLog or die "cannot open $AccLog: $!";

    return [<$in>];
}


sub nginx_version {
    my $said = `$S{binary} -V 2>&1`;

    return version($said =~ m{/(\d+)\.(\d+)\.(\d+)}
                   ? ($1, $2, $3)
                   : bail_out("cannot tell the version of nginx: $said"));
}


sub version { sprintf '%d.%03d%03d', @_ }


END {
    unless ($InSubprocess) {
        local $?;
        cleanup();
        stop('END') unless env('NO_CLEAN');
        check_shutdown();
        remove_tree($Root) if env('RANDOMIZE') && $Root =~ m{/t/servroot_\d+$};
    }
}


1;

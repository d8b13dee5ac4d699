package TestEnv;

# Copyright (C) the authors of the OpenClaw module

# Every test starts with
#
#     use lib 't/lib';
#     use TestEnv;
#     use Test::Nginx::Socket;
#
# This file finds nginx, the module and a free port, brings a harness of our
# own where Test::Nginx is not installed, and looks after each block: nginx is
# stopped, nothing of it may be left, and its error log must hold no alert and
# no report of a sanitizer, unless the block says that it expects that line
# ("error_log" and the like, or "must_die").
#
# use TestEnv qw(lua);      loads Lua too; the test is skipped without it
# use TestEnv qw(tls);      is skipped without IO::Socket::SSL
# use TestEnv qw(stock);    does without the module
# use TestEnv qw(echo);     has the echo of t/echo in place of the module
#
# TestEnv::scenario() makes "--- scenario" sections run, see t/README.md.

use strict;
use warnings;

use Cwd qw(abs_path getcwd);
use File::Basename qw(dirname);
use File::Path qw(remove_tree);
use File::Temp ();
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Test::More ();
use Time::HiRes qw(sleep time);

use Agent;
use WsClient;
use WsFrame;
use Zone;


our $LIB = abs_path(dirname(__FILE__));
our $ROOT = abs_path("$LIB/../..");

our ($T, %Agents, $Tmp, @Allowed, $Block);
my $Owner = $$;
my ($Loaded, $Stopped, $Log, %Reports);

my $BAD = qr/\[alert\]|\[emerg\]|Sanitizer|runtime error:/;


sub import {
    my ($class, @want) = @_;

    my %want = map { $_ => 1 } @want;

    return if $Loaded++;

    $SIG{INT} = $SIG{TERM} = sub { exit 130 };
    become_subreaper();
    find_nginx();
    name_reports();
    load_modules(\%want);
    settle_limits();
    take_ports(\%want);

    # the last place: the real one wins where it is installed

    push @INC, "$LIB/fallback";
    require Test::Nginx::Socket;

    call('add_block_preprocessor', \&WsFrame::preprocess);
    call('add_block_preprocessor', \&before_block);
    call('add_cleanup_handler', \&after_block);
}


# What Test::Nginx exports, by name: it is not loaded when this is compiled.

sub call {
    my ($name, @arg) = @_;

    my $sub = Test::Nginx::Socket->can($name)
              // die "Test::Nginx::Socket has no $name()\n";

    return &$sub(@arg);
}


# nginx daemonizes.  Where nobody reaps its processes each stop of it would
# take seconds; with this they become children of the test.

sub become_subreaper {
    my ($name) = (POSIX::uname())[4];
    my $prctl = { x86_64 => 157, aarch64 => 167 }->{$name};

    syscall $prctl, 36, 1, 0, 0, 0 if $prctl && $^O eq 'linux';
}


sub find_nginx {
    return if $ENV{TEST_NGINX_BINARY};

    for my $dir (split(/:/, $ENV{PATH} // ''), '/usr/sbin', '/usr/local/sbin') {
        next unless -x "$dir/nginx";
        $ENV{TEST_NGINX_BINARY} = "$dir/nginx";
        return;
    }

    die "nginx is not installed, set TEST_NGINX_BINARY\n";
}


# OPENCLAW_MODULE names another build; set but empty it means that the module
# is built in.  The echo is beside it, or where ECHO_MODULE says.

sub load_modules {
    my ($want) = @_;

    my @load = split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // '';
    my $so = $ENV{OPENCLAW_MODULE} // "$ROOT/build/ngx_http_openclaw_module.so";

    if ($want->{lua} && !grep { /lua/ } @load) {
        my ($dir) = grep { -e "$_/ngx_http_lua_module.so" }
                    '/usr/lib/nginx/modules', '/usr/lib64/nginx/modules',
                    '/usr/share/nginx/modules';

        skip_all('needs the Lua module of nginx') unless $dir;
        unshift @load, grep { -e } "$dir/ndk_http_module.so",
                                   "$dir/ngx_http_lua_module.so";
    }

    my $dir = $so eq '' ? "$ROOT/build" : dirname($so);
    my $echo = $ENV{ECHO_MODULE} // "$dir/ngx_http_ws_echo_module.so";

    # for those who load them by themselves

    $ENV{TEST_NGINX_MODULE} = abs_path($so) if $so ne '';
    $ENV{TEST_NGINX_ECHO_MODULE} = abs_path($echo) if -e $echo;

    if ($want->{echo}) {
        die "$echo is not there, run make echo first (or set ECHO_MODULE)\n"
            unless -e $echo;
        push @load, $ENV{TEST_NGINX_ECHO_MODULE} unless $want->{stock};

    } elsif (!$want->{stock} && $so ne '' && !grep { /openclaw/ } @load) {
        die "$so is not there, run make first (or set OPENCLAW_MODULE)\n"
            unless -e $so;
        push @load, $ENV{TEST_NGINX_MODULE};
    }

    $ENV{TEST_NGINX_LOAD_MODULES} = "@load";
}


# OPENCLAW_REPORTS is the directory where sanitizers and valgrind write what
# they have to say: for each test files that start with its name, since tests
# may run side by side.

sub name_reports {
    my $dir = $ENV{OPENCLAW_REPORTS} // return;

    $ENV{OPENCLAW_REPORT} = "$dir/" . ($0 =~ s{^(?:\./)?t/|^/}{}r =~ tr{/}{-}r)
                            . ".$$";

    # with a comma, for the harness adds the name of the block

    for my $name (qw(ASAN_OPTIONS UBSAN_OPTIONS)) {
        $ENV{$name} = join ',', grep { length } $ENV{$name} // '',
                                "log_path=$ENV{OPENCLAW_REPORT}";
    }
}


# OPENCLAW_SLOW=n says that nginx is so many times slower than usual.  Then all
# takes so much longer: what is waited for at most, the times in a block's
# configuration, see slow_down(), and the delays of an agent.

sub settle_limits {

    # terminated, not drained: tests leave WebSockets open

    $ENV{TEST_NGINX_FAST_SHUTDOWN} //= 1;
    $ENV{TEST_NGINX_TIMEOUT} //= 3 * slow();
    $ENV{TEST_NGINX_SLEEP} //= 0.015 * slow();
}


sub slow { $ENV{OPENCLAW_SLOW} || 1 }


sub slow_down {
    my ($block) = @_;

    for my $section (qw(main_config http_config config)) {
        my $text = $block->$section // next;

        $text =~ s{\b(worker_shutdown_timeout|openclaw_\w+)(\s+)(\d+)(m?s;)}
                  { $1 . $2 . $3 * slow() . $4 }ge;
        $block->set_value($section => $text);
    }

    # and those that are short if nobody names them

    return if $ENV{TEST_NGINX_LOAD_MODULES} !~ /openclaw/;

    my $http = $block->http_config // '';

    for my $time (qw(openclaw_connect_timeout openclaw_auth_timeout)) {
        $http = "    $time " . 5 * slow() . "s;\n$http" if $http !~ /$time/;
    }

    $block->set_value(http_config => $http);
}


# A port, and with it a server root, of its own for each test file, so that
# tests can run side by side; below the ports that outgoing connections use.

sub take_ports {
    my ($want) = @_;

    my $start = $$ * 7 + int time;

    my $free = sub {
        for (1 .. 1000) {
            my $port = 10000 + $start++ % 20000;
            return $port if IO::Socket::INET->new(LocalAddr => '0.0.0.0',
                LocalPort => $port, Listen => 1, ReuseAddr => 1);
        }

        die "no free port\n";
    };

    unless ($ENV{TEST_NGINX_PORT} || $ENV{TEST_NGINX_SERVER_PORT}
            || $ENV{TEST_NGINX_RANDOMIZE})
    {
        $ENV{TEST_NGINX_PORT} = $free->();
        $ENV{TEST_NGINX_SERVROOT} //= getcwd()
                                      . "/t/servroot_$ENV{TEST_NGINX_PORT}";
    }

    # another one for nginx, if a block listens on two

    $ENV{TEST_NGINX_PORT2} //= $free->();

    $Tmp = File::Temp->newdir('openclaw-XXXXXX', TMPDIR => 1);

    for my $n ('', 2 .. 4) {
        my $name = "TEST_NGINX_AGENT$n";

        $ENV{$name . '_PORT'} //= $free->();
        $ENV{$name . '_SOCKET'} = "$Tmp/agent$n.sock";
        $ENV{$name . '_TLS_PORT'} = $free->();
    }

    $ENV{TEST_NGINX_TMP} = "$Tmp";
    make_certificate() if $want->{tls};
}


# Signed by itself, for localhost, 127.0.0.1 and agent.test.

sub make_certificate {
    skip_all('needs IO::Socket::SSL')
        unless eval { require IO::Socket::SSL; require IO::Socket::SSL::Utils };

    my ($cert, $key) = IO::Socket::SSL::Utils::CERT_create(
        CA => 1, purpose => 'ca,server,client',
        subject => { commonName => 'localhost' },
        subjectAltNames => [[DNS => 'localhost'], [DNS => 'agent.test'],
                            [IP => '127.0.0.1']]);

    $ENV{TEST_NGINX_CERT} = "$Tmp/cert.pem";
    $ENV{TEST_NGINX_CERT_KEY} = "$Tmp/key.pem";
    IO::Socket::SSL::Utils::PEM_cert2file($cert, $ENV{TEST_NGINX_CERT});
    IO::Socket::SSL::Utils::PEM_key2file($key, $ENV{TEST_NGINX_CERT_KEY});
}


sub skip_all {
    my ($why) = @_;

    Test::More::plan(skip_all => $why);
}


# The agents of a block: the first is there if the block has "--- agent" (what
# it answers, as Perl) or is a scenario, more of them with "--- agents: n".

sub start_agents {
    my ($block) = @_;

    my $rules = $block->agent;
    my $count = $block->agents;

    $count = defined $rules || defined $block->scenario ? 1 : 0
        unless defined $count;

    for my $n (1 .. $count) {
        my $name = 'TEST_NGINX_AGENT' . ($n == 1 ? '' : $n);

        $Agents{$n} = Agent->start(
            port => $ENV{$name . '_PORT'}, socket => $ENV{$name . '_SOCKET'},
            $ENV{TEST_NGINX_CERT}
            ? (tls_port => $ENV{$name . '_TLS_PORT'},
               tls => { SSL_cert_file => $ENV{TEST_NGINX_CERT},
                        SSL_key_file => $ENV{TEST_NGINX_CERT_KEY} })
            : ());
    }

    return unless defined $rules;

    if (ref $rules eq 'CODE') {
        $rules->($Agents{1});
        return;
    }

    run_code('agent', $rules, $block, $Agents{1}) // die $@;
}


# Runs a section in package main with $agent, $T and $block in sight.

sub run_code {
    my ($what, $code, $block, $agent) = @_;

    my $name = $block->name;

    $name =~ s/[^ -~]|"//g;
    our ($Agent_, $Block_) = ($agent, $block);

    return eval "package main; use strict; use warnings;\n"
                . 'my ($T, $agent, $block) = ($TestEnv::T, $TestEnv::Agent_, '
                . "\$TestEnv::Block_);\n#line 1 \"$what of $name\"\n$code\n;1";
}


# Before a block the one before it is seen to its end: only then has the log
# all that nginx had to say.

sub before_block {
    my ($block) = @_;

    if (!defined $block->config) {
        return;
    }

    after_block();
    slow_down($block) if slow() > 1;
    ($Block, $Stopped, $Log) = ($block, 0, log_state());
    @Allowed = ();
    start_agents($block);
}


sub after_block {
    return unless $Block && !$Stopped && $Owner == $$;

    $Stopped = 1;

    # with HUP the harness keeps nginx

    no warnings 'once';
    stop_nginx() unless $ENV{TEST_NGINX_USE_HUP} || $Test::Nginx::Util::UseHup
                        || $ENV{TEST_NGINX_NO_CLEAN};

    # a block that was skipped has the log of the one before

    check_log($Block) if log_state() ne $Log;

    $_->stop for values %Agents;
    %Agents = ();
}


sub nginx_pid {
    open my $in, '<', server_root() . '/logs/nginx.pid' or return;
    my $pid = <$in> // return;

    return $pid =~ /^(\d+)$/ ? $1 : undef;
}


sub server_root { $ENV{TEST_NGINX_SERVER_ROOT} }


sub stop_nginx {
    my $pid = nginx_pid();
    my $deadline = time + call('timeout');

    local $?;

    if ($pid) {
        $ENV{TEST_NGINX_FAST_SHUTDOWN} ? terminate($pid) : kill 'QUIT', $pid;
        sleep 0.002 while alive($pid) && time < $deadline;

        # the harness ends what does not end, and says so

        return if alive($pid);
    }

    # a master that was killed leaves workers, a sanitizer reports, to us

    my @left;

    while (@left = grep { process($_)->{name} =~ /nginx|memcheck/ }
                   children($$))
    {
        last if time > $deadline;
        alive($_) for @left;
        sleep 0.002;
    }

    return unless @left;

    fail_unplanned($Block->name . ' - nginx left processes behind',
                   map { process($_)->{title} } @left);
    kill 'KILL', @left;
    waitpid $_, 0 for @left;
}


# A master that terminates kills the workers that are not gone in little more
# than a second, and with them what valgrind or a sanitizer was about to report.
# There they are told first, while it can't do a thing.

sub terminate {
    my ($pid) = @_;

    if ($ENV{OPENCLAW_REPORTS}) {
        my $deadline = time + call('timeout');
        my $in_time = sub { sleep 0.002; time < $deadline };

        kill 'STOP', $pid;
        1 while process($pid)->{state} !~ /[TZ]/ && $in_time->();

        my @worker = children($pid);

        kill 'TERM', @worker;
        1 while grep({ process($_)->{state} ne 'Z' } @worker) && $in_time->();
    }

    kill 'TERM', $pid;
    kill 'CONT', $pid;
}


# Whether the process runs; a child of ours that has ended is reaped.

sub alive {
    my ($pid) = @_;

    waitpid $pid, WNOHANG;
    return kill(0, $pid) && process($pid)->{state} ne 'Z';
}


sub process {
    my ($pid) = @_;

    my %p = (pid => $pid, name => '', state => 'Z', parent => 0, title => '');

    open my $in, '<', "/proc/$pid/stat" or return \%p;
    @p{qw(name state parent)} = (<$in> // '') =~ /\((.*)\) (\S) (\d+)/s
        or return { %p, name => '', state => 'Z', parent => 0 };

    if (open $in, '<', "/proc/$pid/cmdline") {
        local $/;
        ($p{title} = <$in> // '') =~ tr/\0/ /;
        $p{title} =~ s/ +$//;
    }

    return \%p;
}


sub children {
    my ($parent) = @_;

    opendir my $dir, '/proc' or return;
    return grep { process($_)->{parent} == $parent }
           sort { $a <=> $b } grep { /^\d+$/ } readdir $dir;
}


# The lines that no test may leave, and the reports that are in files of their
# own.

sub check_log {
    my ($block) = @_;

    my @bad;

    if (open my $in, '<', server_root() . '/logs/error.log') {
        while (my $line = <$in>) {
            push @bad, $line if $line =~ $BAD && !expected($block, $line);
        }
    }

    fail_unplanned($block->name . ' - ' . @bad . ' bad lines in error.log',
                   @bad) if @bad;

    for my $file (grep { !$Reports{$_}++ } reports()) {
        open my $in, '<', $file or next;
        fail_unplanned($block->name . " - report in $file", <$in>);
    }
}


sub log_state {
    my @stat = Time::HiRes::stat(server_root() . '/logs/error.log');

    return join ' ', @stat[1, 7, 9, 10] if @stat;
    return 'none';
}


sub expected {
    my ($block, $line) = @_;

    return 1 if $line =~ /\[emerg\]/
                && (defined $block->must_die || defined $block->reload_fails);

    for my $section (qw(error_log shutdown_error_log grep_error_log)) {
        my $pattern = $block->$section;

        for my $p (ref $pattern eq 'ARRAY' ? @$pattern
                   : ref $pattern ? $pattern : split /\n+/, $pattern // '')
        {
            return 1 if ref $p ? $line =~ /$p/
                               : length $p && index($line, $p) >= 0;
        }
    }

    return scalar grep { $line =~ $_ } @Allowed;
}


# A file may be there before there is something to report.

sub reports {
    my $prefix = $ENV{OPENCLAW_REPORT} // return;

    return grep { -s } glob "$prefix*";
}


# A failure outside the plan, as the harness has them too: it is seen, and the
# count of the others is not held against it.

sub fail_unplanned {
    my ($what, @line) = @_;

    my $builder = Test::More->builder;

    $builder->no_ending(1);
    $builder->ok(0, $what);
    $builder->diag($_) for map { s/\s+\z//r } @line > 20 ? @line[0 .. 19]
                                                         : @line;
}


# Makes blocks with a "--- scenario" section run it, as Perl, between the
# start of nginx and the look at its logs; it counts as one assertion.  Such a
# block needs no "--- request": it asks for /up, whose 200 is another one.

sub scenario {
    my (%opt) = @_;

    $T = TestEnv::Scenario->new;
    call('no_root_location');
    call('master_on');
    call('workers', $opt{workers} // 2);
    call('worker_connections', $opt{worker_connections} // 256);
    call('log_level', $opt{log_level} // 'info')
        unless $ENV{TEST_NGINX_LOG_LEVEL};

    call('add_block_preprocessor', sub {
        my ($block) = @_;

        return unless defined $block->scenario && !defined $block->request
                      && !defined $block->raw_request;

        $block->set_value(request => 'GET /up');
        $block->set_value(config => scalar($block->config)
                          . "\n    location = /up { return 200 up; }\n")
            if defined $block->config;
    });

    call('add_response_body_check', sub {
        my ($block) = @_;

        run_scenario($block) if defined $block->scenario;
    });
}


sub run_scenario {
    my ($block) = @_;

    my $code = $block->scenario;
    my $before = (stat server_root() . '/logs/error.log')[7] // 0;

    my $ok = Test::More::subtest($block->name => sub {
        my $done = ref $code eq 'CODE'
                   ? eval { $code->($T); 1 }
                   : run_code('scenario', $code, $block, $Agents{1});

        Test::More::fail($@ =~ s/\s+\z//r) unless $done;
        $T->forget;
        Test::More::pass('done') unless Test::More->builder->current_test;
        Test::More::done_testing();
    });

    return if $ok;

    my @line = split /\n/, substr $T->error_log, $before;
    Test::More::diag(join "\n", 'the end of error.log:',
                     @line > 30 ? @line[-30 .. -1] : @line);
}


END {
    if ($Owner == $$) {
        local $?;
        my $root = server_root();

        $_->stop for values %Agents;
        remove_tree($root)
            if $root && $root =~ m{/t/servroot_\d+$} && -d $root
               && !$ENV{TEST_NGINX_NO_CLEAN}
               && Test::More->builder->is_passing;
    }
}


# What a scenario calls $T.

package TestEnv::Scenario;

use strict;
use warnings;

use Carp qw(croak);
use Time::HiRes qw(sleep time);


our @CARP_NOT = qw(TestEnv);


sub new { bless {}, $_[0] }


# connect('/ws?senderId=alice', headers => {...}, ...): see WsClient.

sub connect {
    my ($self, $uri, %opt) = @_;

    return WsClient->connect($uri, port => $self->port, %opt);
}


sub port  { TestEnv::call('server_port') }
sub agent { $TestEnv::Agents{$_[1] // 1} // croak 'there is no such agent' }


# get('/status', headers...): an ordinary request; status, headers, body.

sub get {
    my ($self, $uri, %header) = @_;

    my $to = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                   PeerPort => $self->port)
        // croak "cannot connect: $!";

    my $head = join '', map { "$_: $header{$_}\r\n" } sort keys %header;
    $head .= "Host: localhost\r\n" unless $head =~ /^host:/mi;
    print $to "GET $uri HTTP/1.0\r\n$head\r\n";

    my $answer = do {
        local $/;
        local $SIG{ALRM} = sub { die "no answer to GET $uri\n" };
        alarm WsClient::timeout();
        my $all = <$to>;
        alarm 0;
        $all;
    };

    my ($top, $body) = split /\r\n\r\n/, $answer // '', 2;
    my ($first, @line) = split /\r\n/, $top // '';
    my ($status) = ($first // '') =~ m{^HTTP/\S+ (\d+)};

    return { status => $status // 0, body => $body, headers =>
             { map { /^([^:]+):\s*(.*)$/ ? (lc $1 => $2) : () } @line } };
}


# Waits until the sub returns something true, and returns it.

sub wait_for {
    my ($self, $sub, $what) = @_;

    my $deadline = time + WsClient::timeout();

    while (1) {
        my $value = $sub->();
        return $value if $value;
        croak 'waited in vain for ' . ($what // 'a condition')
            if time > $deadline;
        sleep 0.005;
    }
}


sub wait_for_log {
    my ($self, $pattern) = @_;

    return $self->wait_for(sub { $self->error_log =~ $pattern },
                           "a line in error.log that matches $pattern");
}


sub config_file { TestEnv::server_root() . '/conf/nginx.conf' }
sub error_log  { slurp(TestEnv::server_root() . '/logs/error.log') }
sub access_log { slurp(TestEnv::server_root() . '/logs/access.log') }

# A bad line that this scenario brings about on purpose.

sub allow_log { my $self = shift; push @TestEnv::Allowed, @_ }


sub slurp {
    open my $in, '<', $_[0] or return '';
    local $/;
    return <$in> // '';
}


# Processes: the workers that take new connections, and those that still end
# what they have begun, after a reload.

sub master_pid { TestEnv::nginx_pid() // croak 'nginx does not run' }


sub workers     { $_[0]->in_role('worker process') }
sub old_workers { $_[0]->in_role('worker process is shutting down') }


# By the titles of the processes, which they take when they are ready.  Where
# valgrind hides these the log tells, and that the worker has waited for events.

my %Ready;

sub in_role {
    my ($self, $role) = @_;

    my $master = $self->master_pid;
    my @child = TestEnv::children($master);

    return grep { TestEnv::process($_)->{title} eq "nginx: $role" } @child
        if TestEnv::process($master)->{title} =~ /^nginx: master/;

    my $log = $self->error_log;
    my $old = $role =~ /shutting/ ? 1 : 0;

    return grep { $Ready{$_} ||= slurp("/proc/$_/wchan") =~ /poll/ }
           grep { $log =~ /start worker process $_$/m
                  && ($log =~ /\b$_#$_: gracefully shutting down/) == $old }
           @child;
}


sub is_running { TestEnv::alive($_[1]) ? 1 : 0 }


sub wait_gone {
    my ($self, @pid) = @_;

    $self->wait_for(sub { !grep { TestEnv::alive($_) } @pid },
                    "the end of processes @pid");
}


# Returns when new workers have taken over; with a sub, the text of nginx.conf
# is in $_ to be changed first.

sub reload {
    my ($self, $edit) = @_;

    $self->edit_config($edit) if $edit;

    # a worker that is busy now might not be known as one

    my %old = map { $_ => 1 } TestEnv::children($self->master_pid);
    my ($count) = slurp(config_file()) =~ /^worker_processes\s+(\d+)/m;

    kill 'HUP', $self->master_pid or croak "cannot signal nginx: $!";
    $self->wait_for(sub {
        my @now = $self->workers;
        @now == ($count // 1) && !grep { $old{$_} } @now;
    }, 'new workers after a reload');

    return $self->workers;
}


sub edit_config {
    my ($self, $edit) = @_;

    local $_ = slurp(config_file());

    $edit->();
    open my $out, '>', config_file() or croak "nginx.conf: $!";
    print $out $_;
    close $out or croak "nginx.conf: $!";
}


# A crash: returns the worker that came in its place.

sub kill_worker {
    my ($self, $pid, $signal) = @_;

    my %before = map { $_ => 1 } $self->workers;

    croak "$pid is no worker" unless $before{$pid};
    $self->allow_log(qr/worker process $pid exited on signal/);
    kill $signal // 'KILL', $pid;
    $self->wait_gone($pid);

    my $new;
    $self->wait_for(sub {
        ($new) = grep { !$before{$_} } $self->workers;
    }, 'a new worker');

    return $new;
}


# A crash in the midst of a change of the zone; false where that can't be
# brought about.  The worker must have something to do.

sub kill_in_lock {
    my ($self, $pid, $steps) = @_;

    $self->allow_log(qr/worker process $pid exited on signal/,
                     qr/shared memory zone ".*" was locked by $pid/,
                     qr/a process died while it changed sessions/);

    my ($dead, $said) = Zone::kill_in_lock($pid, $steps // int rand 1000,
                                           WsClient::timeout());

    Test::More::note($said);
    $self->wait_gone($pid) if $dead;

    return $dead;
}


# One assertion: what is in the zone is as it should be.

sub zone_check {
    my ($self, $what) = @_;

    my ($ok, $said) = Zone::check($self->master_pid);

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    if (!defined $ok) {
        Test::More::pass("the zone, unseen: $said");
        return $said;
    }

    Test::More::ok($ok, $what // 'the zone is sound')
        or Test::More::diag($said);

    return $said;
}


# Stop and wait until it is done: in good order, or at once.

sub quit { $_[0]->end('QUIT') }
sub stop { $_[0]->end('TERM') }


sub end {
    my ($self, $signal) = @_;

    my $pid = $self->master_pid;

    $signal eq 'TERM' ? TestEnv::terminate($pid) : kill $signal, $pid;
    $self->wait_gone($pid);
}


sub forget { %{ $_[0] } = () }


# The usual checks, for those who like them on $T.

for my $name (qw(ok is isnt like unlike is_deeply cmp_ok pass fail diag note)) {
    no strict 'refs';
    *$name = sub {
        my $self = shift;
        local $Test::Builder::Level = $Test::Builder::Level + 1;
        return &{ "Test::More::$name" }(@_);
    };
}


1;

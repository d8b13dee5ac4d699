package Test::Nginx::Socket;

# Copyright (C) the authors of the OpenClaw module

# Runs test files written for Test::Nginx (https://github.com/openresty/
# test-nginx, where the sections are documented) on machines without it, with
# core Perl only.  It knows the sections, functions and variables that tests
# here use; a file passes or fails with both, with the same count.

use strict;
use warnings;

use Digest::MD5 ();
use Digest::SHA ();
use Errno qw(EAGAIN EWOULDBLOCK);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use List::Util qw(shuffle);
use Test::More;
use Time::HiRes qw(sleep time);

use Test::Nginx::Block;
use Test::Nginx::Util;

our $VERSION = '0.1';

*S = \%Test::Nginx::Util::S;
our %S;

BEGIN {
    no strict 'refs';
    *$_ = \&{"Test::Nginx::Util::$_"}
        for qw(call_all bail_out expand seconds env unplanned);
}


# What a test file may call.

our @EXPORT = qw(
    add_block_preprocessor add_cleanup_handler add_response_body_check
    add_test_cleanup_handler bail_out blocks check_accum_error_log
    config_preamble env_to_nginx html_dir log_level master_off master_on
    master_process_enabled no_diff no_long_string no_root_location no_shuffle
    repeat_each run_tests server_addr server_name server_port
    server_port_for_client server_root timeout use_hup worker_connections
    workers
);


sub import {
    my ($class, @plan) = @_;

    my $into = caller;

    no strict 'refs';
    *{"${into}::$_"} = \&$_ for @EXPORT;
    *{"${into}::$_"} = \&{"Test::More::$_"} for @Test::More::EXPORT;
    strict->import;
    warnings->import;
    plan(@plan) if @plan;
}


sub setting {
    my ($name, @value) = @_;

    $S{$name} = $value[0] if @value;
    return $S{$name};
}


sub repeat_each        { setting('repeat', @_) }
sub workers            { setting('workers', @_) }
sub worker_connections { setting('worker_connections', @_) }
sub log_level          { setting('log_level', @_) }
sub timeout            { setting('timeout', @_) }
sub server_name        { setting('server_name', @_) }
sub server_port        { setting('port', @_) }
sub server_port_for_client { setting('client_port', @_) }
sub config_preamble    { setting('preamble', @_) }
sub master_on          { setting('master', 'on') }
sub master_off         { setting('master', 'off') }
sub no_root_location   { setting('root_location', 0) }
sub no_shuffle         { setting('shuffle', 0) }
sub use_hup            { setting('hup', 1) }
sub check_accum_error_log { setting('accum', 1) }
sub env_to_nginx       { push @{ $S{env} }, @_ }
sub no_long_string     { }
sub no_diff            { }
sub server_addr        { '127.0.0.1' }
sub server_root        { $Test::Nginx::Util::Root }
sub html_dir           { $Test::Nginx::Util::Html }

sub master_process_enabled {
    return setting('master', @_ ? $_[0] ? 'on' : 'off' : ());
}

sub add_block_preprocessor(&) { unshift @Test::Nginx::Util::Preprocessors, @_ }
sub add_cleanup_handler { unshift @Test::Nginx::Util::Cleanup, @_ }
sub add_test_cleanup_handler { unshift @Test::Nginx::Util::BlockCleanup, @_ }
sub add_response_body_check { push @Test::Nginx::Util::BodyChecks, @_ }


# The blocks of the test file: how many, or in a list all, filtered.

my ($Blocks, $Filtered);

sub blocks {
    $Blocks //= Test::Nginx::Block::_parse(
        do { local $/; no warnings; <main::DATA> });
    return scalar @$Blocks unless wantarray;

    if (!$Filtered++) {
        $_->run_filters for @$Blocks;
    }

    return @$Blocks;
}


sub run_tests {
    my @all = blocks();

    $S{version} = Test::Nginx::Util::nginx_version();
    $ENV{TEST_NGINX_SERVER_PORT} //= $S{port};

    for my $block ($S{shuffle} ? shuffle(@all) : @all) {
        call_all(\@Test::Nginx::Util::Preprocessors, $block);
        $block->set_value(name => "$0 " . $block->name);
        run_block($block);
        call_all(\@Test::Nginx::Util::BlockCleanup, $block);
        $Test::Nginx::Util::PrevBlock = $block;
    }

    Test::Nginx::Util::cleanup();
}


sub run_block {
    my ($block) = @_;

    my $name = $block->name;
    my ($skip, $why, $todo) = skipped($block);

    local @S{qw(log_level hup)} = ($block->log_level || $S{log_level},
                                   defined $block->must_die ? 0 : $S{hup});
    $Test::Nginx::Util::RandPorts = {};

    if ($skip && !$todo) {
        SKIP: { skip("$name - $why", $skip) for 1 .. $S{repeat} }
        skip_rest("$name - $why", $skip);
        return;
    }

    if (!Test::Nginx::Util::start($block)) {
        must_die($block, $_) for 1 .. $S{repeat};
        return;
    }

    if (defined $block->init) {
        eval 'package Test::Nginx::Util; ' . $block->init . ';1'
            or bail_out("$name - init: $@");
    }

    for my $i (0 .. $S{repeat} - 1) {
        Test::Nginx::Util::write_user_files($block) if $i;

        my $server = tcp_server($block);

        if ($todo) {
            TODO: { todo_skip("$name - $why", $skip) }

        } else {
            run_requests($block, $i);
        }

        tcp_server_end($block, $server) if $server;
    }
}


# skip() leaves its block after one go: the other repeats are here.

sub skip_rest {
    my ($why, $count) = @_;

    for (2 .. $S{repeat}) {
        SKIP: { skip($why, $count) }
    }
}


# How many assertions not to make, and why: skip_nginx "N: <1.23.0", two such
# conditions with skip_nginx2, Perl with skip_eval; todo "N: reason".

sub skipped {
    my ($block) = @_;

    my $name = $block->name;
    my $cond = qr/([<>]=?)\s*(\d+)\.(\d+)\.(\d+)/;
    my $holds = sub {
        my ($op, @v) = @_;
        return eval "$S{version} $op " . Test::Nginx::Util::version(@v);
    };

    if (defined(my $spec = $block->skip_eval)) {
        my ($n, $code) = $spec =~ /^\s*(\d+)\s*:\s*(.*)/s
            or bail_out("$name - invalid skip_eval");
        my $yes = eval "package Test::Nginx::Util; $code";
        bail_out("$name - skip_eval: $@") if $@;
        return ($n, 'skip_eval') if $yes;
    }

    if (defined(my $spec = $block->skip_nginx)) {
        my ($n, @c) = $spec =~ /^\s*(\d+)\s*:\s*$cond\s*(?::\s*(.*?))?\s*$/
            or bail_out("$name - invalid skip_nginx: $spec");
        my $why = pop @c;
        return ($n, $why || "nginx version $c[0] $c[1].$c[2].$c[3]")
            if $holds->(@c);
    }

    if (defined(my $spec = $block->skip_nginx2)) {
        my ($n, @c) = $spec
            =~ /^\s*(\d+)\s*:\s*$cond\s*(or|and)\s*$cond\s*(?::\s*(.*?))?\s*$/
            or bail_out("$name - invalid skip_nginx2: $spec");
        my ($a, $b) = ($holds->(@c[0 .. 3]), $holds->(@c[5 .. 8]));
        return ($n, $c[9] || 'various reasons')
            if $c[4] eq 'or' ? $a || $b : $a && $b;
    }

    if (defined(my $spec = $block->todo)) {
        my ($n, $why) = $spec =~ /^\s*(\d+)\s*:\s*(.*)/s
            or bail_out("$name - invalid todo");
        return ($n, $why || 'various reasons', 1);
    }

    return 0;
}


sub must_die {
    my ($block) = @_;

    my $name = $block->name;
    my $status = Test::Nginx::Util::execute($block);

    if ($status & 127) {
        fail("$name - nginx died of a signal");

    } elsif ($block->must_die =~ /^\s*(\d+)\s*$/) {
        is($status >> 8, $1, "$name - die with the expected exit code");

    } else {
        isnt($status, 0, "$name - die as expected");
    }

    check_error_log($block, $_[1] - 1);
    Test::Nginx::Util::stop($name) if $status == 0;
}


# The requests of a block: each a list of packets {value, delay_before}.

sub requests {
    my ($block) = @_;

    my $raw = $block->raw_request;

    return [map { +{ value => $_ } } ref $raw ? @$raw : $raw] if defined $raw;

    if (defined(my $list = $block->pipelined_requests)) {
        my $all = join '', map {
            build($block, $_, $_ == $#$list ? 'close' : 'keep-alive',
                  expand($list->[$_], $block->name))->[0]{value}
        } 0 .. $#$list;
        return [{ value => $all }];
    }

    my $request = $block->request // bail_out($block->name . ' - no request');

    # blank lines and comments before the request line do not count

    1 while !ref $request && $request =~ s/\A(?:\s*#[^\n]+\s+|\s+)//;

    my @list = ref $request ? @$request : $request;

    return map { build($block, $_, 'close', ref $list[$_] ? @{ $list[$_] }
                                                          : $list[$_])
               } 0 .. $#list;
}


# Completes the head of a request, which its first packet holds.

sub build {
    my ($block, $index, $connection, @packet) = @_;

    my $more = $block->more_headers // '';
    $more = $more->[$index]
            // bail_out($block->name . ' - more_headers lack one') if ref $more;
    my @header = map { s/^([^:\s]+)\s*(?::\s*|$)/$1: /r }
                 grep { !/^\s*#/ } split /[\r\n]+/, $more;

    @packet = map { ref $_ ? { %$_ } : { value => $_ } } @packet;

    my ($line, $rest) = $packet[0]{value} =~ /\A\s*([^\n]*)\n?(.*)\z/s;
    my ($method, $uri, $http) = split ' ', $line;

    $packet[0]{value} = $rest;
    $packet[0]{value} =~ s/\A\s+//;
    $packet[-1]{value} =~ s/\s+\z//
        unless grep { /^Transfer-Encoding: chunked/i } @header;

    my $len = 0;
    $len += length $_->{value} for @packet;

    unshift @header, "Connection: $connection"
        unless grep { /^Connection/i } @header;
    unshift @header, "Host: $S{server_name}" unless grep { /^Host:/i } @header;
    push @header, "Content-Length: $len"
        if $len && !grep { /^(?:Content-Length:|Transfer-Encoding: chunked)/i }
                   @header;

    $packet[0]{value} = join("\r\n", join(' ', $method, $uri // '/',
                                          $http // 'HTTP/1.1'), @header, '', '')
                        . $packet[0]{value};
    return \@packet;
}


sub run_requests {
    my ($block, $i) = @_;

    my @request = requests($block);
    my $piped = $block->pipelined_requests;
    my $count = $piped ? @$piped : @request;
    my ($answer, $head);

    for my $n (0 .. $count - 1) {
        ($answer, $head) = converse($block, $request[$n])
            if !$piped || $n == 0;

        if (!defined $block->ignore_response) {
            my $response = parse_response($block, $answer, $head);

            check_response($block, $response, $i, $n, $count > 1);
            $answer = $response->{left};
            warn 'WARNING: ', $block->name, " - unexpected extra bytes after ",
                "the response\n" if length $answer && $n == $count - 1;
        }

        sleep seconds(scalar $block->wait) if $block->wait;
        check_error_log($block, $i);
        check_access_log($block) unless defined $block->ignore_response;
    }
}


# Sends the packets and reads until the server closes, or is silent for as
# long as the block's timeout.

sub converse {
    my ($block, $packets) = @_;

    my $name = $block->name;
    my $limit = seconds(scalar $block->timeout) // $S{timeout};
    my $sock;

    for my $try (1 .. 50) {
        $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                      PeerPort => $S{client_port},
                                      Timeout => $limit) and last;
        sleep 0.02 * $try;
    }

    if (!$sock) {
        unplanned("$name - cannot connect to port $S{client_port}: $!");
        return '';
    }

    local $SIG{PIPE} = 'IGNORE';
    $sock->blocking(0);

    my @left = @$packets;
    my $out = shift(@left)->{value};
    my $head = $out =~ /^\s*HEAD\s/;
    my $select = IO::Select->new($sock);
    my ($in, $sending) = ('', 1);

    while (1) {
        my ($can_read, $can_write) = IO::Select->select($select,
            $sending ? $select : undef, undef, $limit);

        if (!$can_read) {
            defined $block->abort
                or unplanned("ERROR: client socket timed out - $name");
            last;
        }

        if (@$can_read) {
            my $n = sysread $sock, $in, 65536, length $in;

            last if defined $n && $n == 0;
            next if $n || $! == EAGAIN || $! == EWOULDBLOCK;
            warn "WARNING: $name - HTTP response read failure: $!\n";
            last;
        }

        if (length $out) {
            my $n = syswrite $sock, $out;

            substr($out, 0, $n) = '' if $n;
            next if defined $n || $! == EAGAIN || $! == EWOULDBLOCK;
            warn "write failed: $!\n";
            last;
        }

        if (my $next = shift @left) {
            sleep($next->{delay_before}
                  // $block->raw_request_middle_delay || 0);
            $out = $next->{value};
            next;
        }

        $sending = 0;
        my $shutdown = $block->shutdown;
        shutdown $sock, $shutdown eq '' ? 1 : $shutdown if defined $shutdown;
    }

    # nginx sees a client that left before its logs are looked at

    close $sock;
    warn "response: [$in]\n" if env('VERBOSE');

    return $in, $head;
}


sub parse_response {
    my ($block, $raw, $head_request) = @_;

    my $name = $block->name;
    my %r = (raw => '', code => '', header => {}, body => '', left => '');

    $raw //= '';
    return { %r, body => $raw } unless $raw =~ s/\A(.*?\r\n)\r\n//s;

    $r{raw} = $1;
    my ($status, @line) = split /\r\n/, $r{raw};

    ($r{code}) = $status =~ m{^HTTP/\S+ (\d+)};
    $r{code} //= '';

    for (@line) {
        my ($key, $value) = split /\s*:\s*/, $_, 2;
        push @{ $r{header}{lc $key} }, $value // '';
    }

    my $length = $r{header}{'content-length'};

    if ($r{code} eq '101' || $r{code} eq '304') {
        $r{body} = $raw;

    } elsif (($r{header}{'transfer-encoding'}[0] // '') eq 'chunked') {
        @r{qw(body left)} = dechunk($name, $raw);

    } elsif ($length && $length->[0] =~ /^\d+$/) {
        $r{body} = substr $raw, 0, $length->[0];
        $r{left} = substr $raw, length $r{body};
        warn "WARNING: $name - response body truncated: $length->[0] ",
            'expected, but got ', length $r{body}, "\n"
            if length $r{body} < $length->[0] && !$head_request;

    } else {
        $r{body} = $raw;
    }

    return \%r;
}


sub dechunk {
    my ($name, $raw) = @_;

    my $body = '';

    while ($raw =~ s/\A[ \t]*([0-9a-fA-F]+)[ \t]*\r\n//) {
        my $len = hex $1;

        if ($len == 0) {
            # trailers, if any, end with an empty line
            return $body, $raw if $raw =~ s/\A(?:[^\r\n]+\r\n)*\r\n//;
            last;
        }

        last if length $raw < $len + 2 || substr($raw, $len, 2) ne "\r\n";
        $body .= substr $raw, 0, $len;
        substr($raw, 0, $len + 2) = '';
    }

    unplanned("$name - invalid chunked body received, at \""
              . substr($raw, 0, 100) . '"');
    return '', '';
}


sub check_response {
    my ($block, $r, $i, $n, $many) = @_;

    my $name = $block->name;

    # of many requests each has its own expectation

    my $want = sub {
        my ($section) = @_;
        my $value = $block->$section;
        return ref $value eq 'ARRAY' ? $value->[$n] : $value unless $many;
        return unless defined $value;
        bail_out("$name - $section must be an array, there are many requests")
            unless ref $value eq 'ARRAY';
        return $value->[$n];
    };

    if (defined $block->error_code_like) {
        my $pattern = $want->('error_code_like');
        like($r->{code}, qr/$pattern/sm, "$name - status code ok");

    } else {
        is($r->{code}, defined $block->error_code ? $want->('error_code') : 200,
           "$name - status code ok");
    }

    if (defined(my $pattern = $want->('raw_response_headers_like'))) {
        like($r->{raw}, qr/$pattern/s, "$name - raw resp headers like");
    }

    if (defined(my $pattern = $want->('raw_response_headers_unlike'))) {
        unlike($r->{raw}, qr/$pattern/s, "$name - raw resp headers unlike");
    }

    check_headers($name, $r, $want);
    filter_body($block, $r, $n);
    check_body($name, $r, $want, "$name - response_body");
    call_all(\@Test::Nginx::Util::BodyChecks, $block, $r->{body}, $n, $i, 0);
}


sub check_headers {
    my ($name, $r, $want) = @_;

    my $exact = $want->('response_headers');
    my $list = $exact // $want->('response_headers_like') // return;
    my %seen;

    for my $line (reverse split /\n/, $list) {
        my ($not, $key, $value)
            = $line =~ /^\s*(?:(!)\s*)?([^:]+?)\s*(?::\s*(.*?))?\s*$/ or next;

        # a header that is named twice counts once

        next if $seen{$key}++;

        if ($not || !defined $value && defined $exact) {
            unlike($r->{raw}, qr/^\s*\Q$key\E\s*:/mi,
                   "$name - header $key not present in the raw headers");
            next;
        }

        my $got = join ', ', @{ $r->{header}{lc $key} // [] };
        $value = server_port_in($value // '');

        defined $exact
            ? is($got, $value, "$name - header $key ok")
            : like($got, qr/^$value$/, "$name - header $key like ok");
    }
}


sub filter_body {
    my ($block, $r, $n) = @_;

    my $filter = $block->response_body_filters // return;
    my %known = (uc => sub { uc $_[0] }, lc => sub { lc $_[0] },
                 ucfirst => sub { ucfirst $_[0] },
                 lcfirst => sub { lcfirst $_[0] },
                 length => sub { length $_[0] },
                 md5_hex => \&Digest::MD5::md5_hex,
                 sha1_hex => \&Digest::SHA::sha1_hex);

    my @list = ref $filter eq 'ARRAY' ? @$filter
             : ref $filter ? $filter : split ' ', $filter;

    @list = @{ $list[$n] // [] } if ref $list[0] eq 'ARRAY';

    for my $f (@list) {
        my $sub = ref $f eq 'CODE' ? $f : $known{$f}
            // bail_out($block->name . " - no such response_body_filters: $f");
        $r->{body} = $sub->($r->{body});
    }
}


sub check_body {
    my ($name, $r, $want, $what) = @_;

    if (defined(my $body = $want->('response_body'))) {
        return like($r->{body}, $body, $what) if ref $body;
        return is($r->{body}, expand(server_port_in($body), $name), $what);
    }

    for (['like', \&like], ['unlike', \&unlike]) {
        my ($kind, $check) = @$_;
        my $pattern = $want->("response_body_$kind") // next;

        $pattern = server_port_in($pattern);
        return $check->($r->{body}, qr/$pattern/s, "${what}_$kind");
    }
}


sub server_port_in {
    my ($text) = @_;

    $text =~ s/\$ServerPort(?:ForClient)?\b/$S{port}/g;
    return $text;
}


# Log patterns: a string is a literal for each line, a qr// or an array of
# either stand for themselves.

sub patterns {
    my ($section) = @_;

    return ref $section eq 'ARRAY' ? grep { defined } @$section
         : ref $section ? $section : grep { length } split /\n+/, $section;
}


sub matches {
    my ($line, $pattern) = @_;

    return ref $pattern ? $line =~ $pattern : index($line, $pattern) >= 0;
}


sub check_log {
    my ($name, $log, $lines, $section, $unwanted) = @_;

    return unless defined $section;

    for my $p (patterns($section)) {
        my ($hit) = grep { matches($_, $p) } @$lines;

        if ($unwanted) {
            ok(!defined $hit, "$name - pattern \"$p\" does not match a line in "
               . "$log") or diag($hit);

        } else {
            ok(defined $hit, "$name - pattern \"$p\" matches a line in $log");
        }
    }
}


sub check_error_log {
    my ($block, $i) = @_;

    my $name = $block->name;
    my $lines = Test::Nginx::Util::error_log_data();

    grep_log($block, $lines, $i);
    check_log($name, 'error.log', $lines, scalar $block->error_log);
    check_log($name, 'error.log', $lines, scalar $block->no_error_log, 1);
    check_assertions($name, $lines);

    my @expected = map { defined $_ ? patterns($_) : () }
                   scalar $block->error_log, scalar $block->no_error_log;

    for my $line (grep { /\[(alert|crit|emerg)\]/ } @$lines) {
        my ($level) = $line =~ /\[(alert|crit|emerg)\]/;
        warn "WARNING: $name - $line" unless grep { /\[$level/ } @expected;
    }
}


sub check_assertions {
    my ($name, $lines) = @_;

    unplanned("$name - $_") for grep { /\bAssertion .*?failed\b/ } @$lines;
}


sub grep_log {
    my ($block, $lines, $i) = @_;

    my $name = $block->name;
    my $pattern = $block->grep_error_log;
    my $out = $block->grep_error_log_out;

    bail_out("$name - grep_error_log and grep_error_log_out go together")
        if defined $pattern != defined $out;

    $pattern = $pattern->[$i] if ref $pattern eq 'ARRAY';
    return unless defined $pattern;

    $out = ref $out eq 'ARRAY' ? $out->[$i] : $out;
    my $re = ref $pattern ? $pattern : qr/\Q$pattern\E/;
    my $got = join '', map { "$_\n" } grep { !/\n/ }
              map { /$re/ ? $& : () } @$lines;

    my $what = "$name - grep_error_log_out (req $i)";

    ref $out ? like($got, $out, $what) : is($got, expand($out, $name), $what);
}


sub check_access_log {
    my ($block) = @_;

    my $with = $block->access_log;
    my $without = $block->no_access_log;

    return unless defined $with || defined $without;

    my $lines = Test::Nginx::Util::access_log_data();

    check_log(scalar $block->name, 'access.log', $lines, $with);
    check_log(scalar $block->name, 'access.log', $lines, $without, 1);
}


$Test::Nginx::Util::CheckShutdown = sub {
    my ($block) = @_;

    my $name = $block->name;

    # a server that goes on has not said its last word

    if ($S{hup} || env('NO_CLEAN')) {
        my @left = map { patterns($_) } $block->shutdown_error_log,
                   $block->no_shutdown_error_log;
        SKIP: { skip("$name - nginx is not shut down", scalar @left) }
        return;
    }

    my $lines = Test::Nginx::Util::error_log_data();

    check_log($name, 'error.log', $lines, scalar $block->shutdown_error_log);
    check_log($name, 'error.log', $lines, scalar $block->no_shutdown_error_log,
              1);
    check_assertions($name, $lines);
};


# The server of "--- tcp_listen": serves one connection and keeps what it got.

sub tcp_server {
    my ($block) = @_;

    my $name = $block->name;
    my $at = expand(scalar $block->tcp_listen, $name) // return;
    my $reply = $block->tcp_reply;
    my $want = $block->tcp_query_len;

    bail_out("$name - tcp_listen without tcp_reply")
        unless defined $reply || defined $block->tcp_shutdown;
    $want //= length $block->tcp_query if defined $block->tcp_query;
    unlink $at if $at !~ /^\d+$/;

    my $listen = $at =~ /^\d+$/
        ? IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $at,
                                Listen => 5, ReuseAddr => 1)
        : IO::Socket::UNIX->new(Local => $at, Listen => 5);
    bail_out("$name - tcp_listen on $at: $!") unless $listen;

    my $file = server_root() . '/logs/tcp_query';
    unlink $file;
    my $pid = fork // bail_out("fork: $!");

    return { pid => $pid, file => $file } if $pid;

    $Test::Nginx::Util::InSubprocess = 1;
    eval { serve($block, $listen, $reply, $want, $file) };
    POSIX::_exit(0);
}


sub serve {
    my ($block, $listen, $reply, $want, $file) = @_;

    my $client = $listen->accept;
    my $shutdown = $block->tcp_shutdown;
    my $got = '';

    $client->shutdown($shutdown) if defined $shutdown;

    if (!defined $shutdown || $shutdown == 1) {
        while ($client->sysread($got, 65536, length $got)) {
            Test::Nginx::Util::write_file("$file.tmp", $got);
            rename "$file.tmp", $file;
            last if !$want || length $got >= $want;
        }
    }

    sleep seconds(scalar $block->tcp_reply_delay) if $block->tcp_reply_delay;

    if (defined $reply && (!defined $shutdown || $shutdown == 0)) {
        $reply = $reply->($got) if ref $reply eq 'CODE';
        $client->syswrite($_) for ref $reply ? @$reply : $reply;
    }

    sleep 1 while defined $block->tcp_no_close;
    close $client;
}


sub tcp_server_end {
    my ($block, $server) = @_;

    my $name = $block->name;
    my $got = Test::Nginx::Util::slurp($server->{file});

    is($got, $block->tcp_query, "$name - tcp_query ok")
        if defined $block->tcp_query;
    is(length $got, $block->tcp_query_len, "$name - TCP query length ok")
        if defined $block->tcp_query_len;
    Test::Nginx::Util::end_process($server->{pid}, 'TERM', $name);
    unlink $server->{file};
}


1;

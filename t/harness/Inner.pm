package Inner;

# Copyright (C) the authors of the OpenClaw module

# Runs a test file inside a test, to see what it counts and that it can fail.

use strict;
use warnings;

use Exporter qw(import);
use File::Temp ();

our @EXPORT = qw(inner);


# inner($head, $blocks, %env): the lines of each block by its name ("TEST 1"),
# how many assertions were ok, not ok, skipped, the plan, the exit status, and
# all that was said.

sub inner {
    my ($head, $blocks, %env) = @_;

    my $dir = File::Temp->newdir;
    my $file = "$dir/inner.t";

    open my $out, '>', $file or die $!;
    print $out "use lib 't/lib';\nuse TestEnv qw(stock);\n",
        "use Test::Nginx::Socket;\n", $head, "\n__DATA__\n\n", $blocks;
    close $out;

    # ports, the server root and so on are to be its own

    local %ENV = %ENV;
    delete @ENV{grep { /^TEST_NGINX_(?!BINARY|LD_PRELOAD|TIMEOUT|SLEEP)/ }
                keys %ENV};
    $ENV{TEST_NGINX_SERVROOT} = "$dir/servroot";
    @ENV{keys %env} = values %env;

    my $said = `$^X $file 2>&1`;
    my $status = $? >> 8;

    my %r = (said => $said, status => $status);

    $r{ok} = () = $said =~ /^ok /mg;
    $r{not_ok} = () = $said =~ /^not ok /mg;
    $r{skip} = () = $said =~ /^ok .*# skip/mg;
    push @{ $r{$2} }, $1
        while $said =~ /^((?:not )?ok \d+ - .*?(TEST \d+).*)/mg;
    ($r{plan}) = $said =~ /^1\.\.(\d+)/m;

    # what a harness would say of it

    $r{passed} = !$r{not_ok} && !$status
                 && defined $r{plan} && $r{ok} == $r{plan} ? 1 : 0;

    return \%r;
}


1;

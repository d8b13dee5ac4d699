# Tests for the memory that compression keeps: none for a connection that is
# idle, unless messages refer to those before.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


use constant CLIENTS => 60;


sub resident {
    my $kb = 0;

    for my $pid ($TestEnv::T->workers) {
        $kb += (TestEnv::Scenario::slurp("/proc/$pid/status")
                =~ /^VmRSS:\s+(\d+)/m)[0];
    }

    return $kb;
}


# connects so many clients, each of which gets a compressed message and sends
# one; returns the kilobytes that each of them has cost

sub cost {
    my ($uri, $keep) = @_;

    # what all have together is there

    talk($TestEnv::T->connect($uri, deflate => 1)) for 1 .. 20;

    my $before = resident();

    push @$keep, map { talk($TestEnv::T->connect($uri, deflate => 1)) }
                 1 .. CLIENTS;

    return (resident() - $before) / CLIENTS;
}


sub talk {
    my ($c) = @_;

    $c->chat(join ' ', 1 .. 500);
    $c->answer->{type} eq 'chat.response' or die 'no answer';

    return $c;
}


run_tests();

__DATA__

=== TEST 1: what an idle connection costs
--- config
    location = /off {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
    location = /on {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
    location = /takeover {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate takeover;
    }
--- scenario
    my @keep;
    my %cost = map { $_ => cost($_, \@keep) } qw(/off /on /takeover);

    diag sprintf 'kilobytes a connection: off %.1f, on %.1f, takeover %.1f',
         @cost{qw(/off /on /takeover)} if $ENV{TEST_NGINX_VERBOSE};

    # a sanitizer has its own ideas of memory

    unless ($ENV{OPENCLAW_REPORTS}) {
        cmp_ok $cost{'/on'}, '<', $cost{'/off'} + 5, 'nothing';
        cmp_ok $cost{'/takeover'}, '<', $cost{'/off'} + 100, 'with a window';
    }

    is $_->close, 1000 for @keep[0, CLIENTS, -1];

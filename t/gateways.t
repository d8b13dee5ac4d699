# Several gateways: each session has one of them, whichever worker asks, in
# whatever order they are named, and others keep theirs when one is added.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# sends a message for each of the sessions u1 to u60 over a client; returns
# which agent has each, as a string of digits

sub where {
    my ($T, $c, $agents) = @_;

    $T->agent($_)->forget for 1 .. $agents;

    $c->chat('x', senderId => "u$_", messageId => "$_." . ++$main::N)
      ->answer("$_.$main::N") for 1 .. 60;

    my %at;

    for my $n (1 .. $agents) {
        for my $r ($T->agent($n)->requests) {
            $at{$r->{session} =~ s/.*:u//r} .= $n;
        }
    }

    return join '', map { $at{$_} } 1 .. 60;
}


run_tests();

__DATA__

=== TEST 1: two gateways
--- agents: 2
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT;
    }
    location = /other {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT2_PORT/v1/x
                      HTTP://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my ($one, $two) = two_workers();
    my $at = main::where($T, on_worker($one, '/ws'), 2);

    like $at, qr/^[12]{60}$/, 'each session has one';
    cmp_ok +(() = $at =~ /1/g), '>', 12, 'the first has its share';
    cmp_ok +(() = $at =~ /2/g), '>', 12, 'and so has the second';

    is main::where($T, on_worker($two, '/ws'), 2), $at, 'another worker';

    is main::where($T, $T->connect('/other'), 2), $at,
       'another order, and another path';

    $T->reload(sub {
        s{(openclaw_pass) (\S+AGENT_PORT|http://\S+)\s+(http://[^\s;]+);}
         {$1 $3 $2;} or die;
    });

    is main::where($T, $T->connect('/ws'), 2), $at,
       'another order after a reload';

    unlike $T->error_log, qr/gateway/;



=== TEST 2: one is added
--- agents: 3
--- config
    location = /two {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET
                      unix:$TEST_NGINX_AGENT2_SOCKET;
    }
    location = /three {
        openclaw_pass unix:$TEST_NGINX_AGENT_SOCKET
                      unix:$TEST_NGINX_AGENT3_SOCKET
                      unix:$TEST_NGINX_AGENT2_SOCKET;
    }
--- scenario
    my $before = main::where($T, $T->connect('/two'), 3);
    my $after = main::where($T, $T->connect('/three'), 3);

    like $before, qr/^[12]{60}$/;
    like $after, qr/^[123]{60}$/;

    my @moved = grep { substr($before, $_, 1) ne substr($after, $_, 1) }
                0 .. 59;

    is join('', map { substr $after, $_, 1 } @moved), '3' x @moved,
       'sessions move to the new one only';
    cmp_ok scalar @moved, '>', 3;
    cmp_ok scalar @moved, '<', 40;



=== TEST 3: a group has one, whoever speaks
--- agents: 2
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT;
    }
--- scenario
    my @c = map { $T->connect("/ws?senderId=u$_") } 1 .. 10;

    for my $group (1 .. 10) {
        $_->chat('x', chatType => 'group', groupId => "g$group")->answer
            for @c;
    }

    my %at;

    for my $n (1, 2) {
        $at{$_->{session}}{$n}++ for $T->agent($n)->requests;
    }

    is scalar keys %at, 10;
    is scalar(grep { keys %$_ > 1 } values %at), 0;

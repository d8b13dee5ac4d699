# Tests for the histograms of openclaw_status.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Status;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# each bucket has those of the one before, and the last one has all

sub sound {
    my ($h, $name) = @_;

    my %b = %{ $h->{buckets} };
    my $inf = delete $b{'+Inf'};
    my @n = map { $b{$_} } sort { $a <=> $b } keys %b;

    is scalar(grep { $n[$_] < $n[$_ - 1] } 1 .. $#n), 0, "$name: cumulative";
    is $inf, $h->{count}, "$name: the last one has all";
    cmp_ok $h->{sum}, '<=', $h->{count} * WsClient::timeout(), "$name: sum";
}


run_tests();

__DATA__

=== TEST 1: the wait in the queue, the first part, and the whole turn
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /status { openclaw_status; }
--- scenario
    # the gap before the first part is part of the turn, too

    $agent->on('slow', delay => 0.3, say => 'Hel', delay => 0.3, say => 'lo');

    my $c = $T->connect('/ws?senderId=ann');

    $c->chat($_) for 'slow', 'next';
    is $c->answer->{content}, $_ for 'Hello', 'echo: next';
    status_is('turns_total.ok' => 2, 'queue_wait_seconds.count' => 2,
              'first_part_seconds.count' => 2, 'turn_seconds.count' => 2);

    my $now = status()->{total};
    my ($wait, $first, $turn) = map { $now->{$_ . '_seconds'} }
                                'queue_wait', 'first_part', 'turn';

    main::sound($wait, 'wait');
    main::sound($first, 'first part');
    main::sound($turn, 'turn');

    cmp_ok $wait->{sum}, '>=', 0.59, 'the second one waited';
    is $wait->{buckets}{'0.5'}, 1, 'and the first one did not';
    cmp_ok $first->{sum}, '>=', 0.29 + 0.59;
    is $first->{buckets}{'0.25'}, 0;
    cmp_ok $turn->{sum}, '>=', 2 * 0.59;
    is $turn->{buckets}{'0.5'}, 0;



=== TEST 2: what did not come is not timed
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /status { openclaw_status; }
--- scenario
    $agent->on('silent', error => 'no');
    $agent->on('half', say => 'half', error => 'no');

    my $c = $T->connect('/ws');

    is $c->chat($_)->answer->{code}, 'agent_error' for 'silent', 'half';

    status_is('turns_total.agent_error' => 2, 'queue_wait_seconds.count' => 2,
              'first_part_seconds.count' => 1, 'turn_seconds.count' => 0);

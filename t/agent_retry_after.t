# A Retry-After of the agent is respected, but not beyond the time for tries.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();


# the times between requests

sub gaps {
    my @at = map { $_->{started} } @_;

    return map { $at[$_] - $at[$_ - 1] } 1 .. $#at;
}


sub http_date {
    my @t = gmtime shift;

    return sprintf '%s, %02d %s %d %02d:%02d:%02d GMT',
        qw(Sun Mon Tue Wed Thu Fri Sat)[$t[6]], $t[3],
        qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec)[$t[4]],
        $t[5] + 1900, @t[2, 1, 0];
}

__DATA__

=== TEST 1: seconds, and a date
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $slow = TestEnv::slow();
    my $date = main::http_date(time + 2 + $slow);

    $agent->on({ content => 'n', times => 1 },
               reply => [503, '', { 'Retry-After' => 1 }]);
    $agent->on({ content => 'd', times => 1 },
               reply => [503, '', { 'Retry-After' => $date }]);

    is $T->connect('/ws')->chat('n')->answer->{content}, 'echo: n';
    is $T->connect('/ws')->chat('d')->answer->{content}, 'echo: d';

    my @gap = main::gaps($agent->requests);
    cmp_ok $gap[0], '>=', 0.99;
    cmp_ok $gap[0], '<', 1 + $slow;
    cmp_ok $gap[2], '>=', 0.99;
    cmp_ok $gap[2], '<', 3 + $slow;



=== TEST 2: more than there is time for
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_retry_timeout 800ms;
    }
--- scenario
    $agent->on('x', reply => [503, '', { 'Retry-After' => 3600 }]);
    $agent->on('y', reply => [503, '', { 'Retry-After' => '9' x 12 }]);
    $agent->on('once', reply => [503, '', { 'Retry-After' => 5 }]);

    for my $content (qw(x y)) {
        is $T->connect('/ws')->chat($content)->answer->{code},
            'agent_unavailable';
    }

    my @asked = $agent->requests;
    is scalar @asked, 4, 'a last try at the end of the time';

    my @gap = main::gaps(@asked);
    cmp_ok $gap[0], '>=', 0.75;
    cmp_ok $gap[0], '<', 3 * TestEnv::slow();



=== TEST 3: what can't be read, or has passed
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my @after = ('soon', '-5', main::http_date(time - 3600), '');

    $agent->on({ content => "n$_", times => 1 },
               reply => [503, '', { 'Retry-After' => $after[$_] }])
        for 0 .. $#after;

    my $c = $T->connect('/ws');
    is $c->chat("n$_")->answer->{content}, "echo: n$_" for 0 .. $#after;

    my @gap = main::gaps($agent->requests);
    cmp_ok $gap[2 * $_], '<', 1 for 0 .. $#after;

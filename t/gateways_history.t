# Several gateways: a lost answer is looked for at the gateway that had the
# turn, which need not be the one that has the session at other times.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: each session's own
--- agents: 2
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT/one/v1/chat/completions
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT/two/v1/chat/completions;
    }
--- scenario
    for my $n (1, 2) {
        $T->agent($n)->on('hello', say => "half $n", 'end');
    }

    my $c = $T->connect('/ws');
    my %asked;

    for my $id (1 .. 20) {
        my @before = map { $T->agent($_)->count } 1, 2;

        for my $n (1, 2) {
            $T->agent($n)->history([user => 'hello'], [assistant =>
                "half $n and the rest", run => $before[$n - 1] / 2 + 1]);
        }

        $c->chat('hello', senderId => "u$id", messageId => "m$id");
        my ($n) = $c->answer("m$id")->{content} =~ /^half (.) and the rest$/;

        ok $n, 'an answer' or last;
        is $T->agent($n)->count, $before[$n - 1] + 2, "agent $n";
        is $T->agent(3 - $n)->count, $before[2 - $n];
        $asked{$n} = 1;
    }

    for my $n (keys %asked) {
        my $path = { 1 => '/one', 2 => '/two' }->{$n};
        is scalar(grep { $_->{path} =~ m{^$path/sessions/} }
                  $T->agent($n)->requests), $T->agent($n)->count / 2;
    }



=== TEST 2: the one that took over
--- agents: 2
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_TMP/none.sock
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT;
    }
--- scenario
    my $two = $T->agent(2);
    my $c = $T->connect('/ws');

    # some sessions belong to the one that is not there

    for my $n (1 .. 20) {
        $two->forget;
        $two->on("hello $n", say => 'Hel', 'end');
        $c->chat("hello $n", senderId => "u$n", messageId => "m$n");
        $two->wait_for_requests(1);
        my ($run) = $two->requests;
        $two->history([user => "hello $n"],
                      [assistant => 'Hello', run => $n]);
        is $c->answer("m$n")->{content}, 'Hello';
        is $two->count, 2;
    }

    like $T->error_log, qr/can't be reached/;



=== TEST 3: it is not looked for elsewhere when that one is away
--- agents: 2
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT;
    }
--- scenario
    my $c = $T->connect('/ws?senderId=ann');

    $c->chat('who')->answer;
    my ($n) = grep { $T->agent($_)->count } 1, 2;
    my $one = $T->agent($n);

    $one->forget;
    $one->on('hello', say => 'Hel', gate => 'go', 'reset');
    $c->chat('hello', messageId => 'm1');
    $one->wait_for_gate('go')->mode('refuse');
    $one->history([user => 'hello'], [assistant => 'Hello', run => 2]);
    $one->release('go');

    $T->wait_for_log(qr/agent is unavailable, waiting for its history/);
    $one->mode('normal');

    is $c->answer('m1')->{content}, 'Hello';
    is $T->agent(3 - $n)->count, 0;
    unlike $T->error_log, qr/gateway "/;

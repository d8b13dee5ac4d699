# Several gateways: one that can't be connected to is left alone for a while,
# by all workers, and found again when it is back.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# a sender whose session is with that agent

sub sender_of {
    my ($T, $want, $uri) = @_;

    my $c = $T->connect($uri // '/ws');

    for my $n (1 .. 100) {
        my $before = $T->agent($want)->count;
        $c->chat('who', senderId => "u$n", messageId => "who$n");
        $c->answer("who$n");
        return "u$n" if $T->agent($want)->count > $before;
    }

    die "no session is with agent $want\n";
}


# how often a gateway could not be reached

sub failures { scalar(() = $_[0]->error_log =~ /can't be reached/g) }


# asks until an agent is asked

sub ask_until {
    my ($T, $c, $want) = @_;

    my $count = $T->agent($want)->count;

    $T->wait_for(sub {
        $c->chat('again')->answer;
        return $T->agent($want)->count > $count;
    }, "a request at agent $want");
}


run_tests();

__DATA__

=== TEST 1: down, seen by both workers and after a reload
--- agents: 2
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT
                      fail_timeout=1h;
    }
--- scenario
    my $id = main::sender_of($T, 1);
    my ($one, $two) = two_workers();
    my $name = "http://127.0.0.1:$ENV{TEST_NGINX_AGENT_PORT}";

    $T->agent(1)->mode('refuse')->close_idle;

    my @c = map { on_worker($_, "/ws?senderId=$id") } $one, $two;
    is $c[0]->chat('a')->answer->{content}, 'echo: a';

    like $T->error_log, qr/\[warn\].*: gateway "\Q$name\E" temporarily disabled, for 3600 seconds, client/;
    is main::failures($T), 1;

    $T->agent(1)->mode('normal');

    is $c[$_]->chat('b')->answer->{content}, 'echo: b' for 0, 1, 0, 1;
    is main::failures($T), 1, 'no worker tries it';

    $T->reload;
    my $c = $T->connect("/ws?senderId=$id");
    is $c->chat('c')->answer->{content}, 'echo: c';
    is main::failures($T), 1, 'nor do those after a reload';

    is $T->agent(1)->count, 1, 'which was before';
    $T->zone_check;



=== TEST 2: and found again
--- agents: 2
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT
                      fail_timeout=1s;
    }
--- scenario
    my $id = main::sender_of($T, 1);
    my ($one, $two) = two_workers();
    my $c = on_worker($one, "/ws?senderId=$id");
    my $d = on_worker($two, "/ws?senderId=$id");

    $T->agent(1)->mode('refuse')->close_idle;

    # each time one turn has a look

    $T->wait_for(sub {
        is $d->chat('a')->answer->{content}, 'echo: a';
        main::failures($T) == 3;
    }, 'three tries');

    $T->agent(1)->mode('normal');
    main::ask_until($T, $c, 1);
    my $count = $T->agent(2)->count;
    $_->chat('b')->answer for $c, $d;
    is $T->agent(2)->count, $count, 'for all workers';

    my $log = $T->error_log;
    is scalar(() = $log =~ /\[warn\].*temporarily disabled/g), 1,
        'one line when it goes';
    is scalar(() = $log =~ /\[notice\].*: gateway "http:\S+" enabled again/g),
        1, 'one line when it comes';



=== TEST 3: a 503 of it tells that it is there
--- agents: 2
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT
                      fail_timeout=1s;
    }
--- scenario
    my $id = main::sender_of($T, 1);
    my $c = $T->connect("/ws?senderId=$id");

    $T->agent(1)->mode('refuse')->close_idle;
    $c->chat('a')->answer;
    $T->wait_for_log(qr/temporarily disabled/);

    $T->agent(1)->mode('normal');
    $T->agent(1)->on({ content => 'again', times => 2 }, reply => [503, '']);
    main::ask_until($T, $c, 1);

    like $T->error_log, qr/enabled again/;
    is scalar(grep { $_->{content} eq 'again' } $T->agent(1)->requests), 3;



=== TEST 4: max_fails
--- agents: 2
--- config
    location = /three {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT
                      max_fails=3 fail_timeout=1h;
    }
    location = /never {
        openclaw_pass unix:$TEST_NGINX_TMP/never.sock
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT max_fails=0;
    }
--- scenario
    my $id = main::sender_of($T, 1, '/three');
    my $c = $T->connect("/three?senderId=$id");

    $T->agent(1)->mode('refuse')->close_idle;

    for my $n (1 .. 3) {
        unlike $T->error_log, qr/temporarily disabled/;
        $c->chat('a')->answer;
        is main::failures($T), $n;
    }

    like $T->error_log, qr/temporarily disabled/;
    $c->chat('a')->answer;
    is main::failures($T), 3;

    $c = $T->connect('/never');

    for my $n (1 .. 50) {
        $c->chat('x', senderId => "u$n", messageId => "m$n")->answer("m$n");
    }

    cmp_ok main::failures($T), '>', 10;
    is scalar(() = $T->error_log =~ /temporarily disabled/g), 1;



=== TEST 5: all down, and one is back before its time
--- agents: 2
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT
                      fail_timeout=1h;
        openclaw_retry_timeout 0;
    }
--- scenario
    my $id = main::sender_of($T, 1);
    my ($one, $two) = two_workers();
    my $c = on_worker($one, "/ws?senderId=$id");
    my $d = on_worker($two, "/ws?senderId=$id");

    $T->agent($_)->mode('refuse')->close_idle for 1, 2;

    is $_->chat('a')->answer->{code}, 'agent_unreachable' for $c, $d;
    is scalar(() = $T->error_log =~ /temporarily disabled/g), 2;

    $T->agent(2)->mode('normal')->forget;
    is $_->chat('b')->answer->{content}, 'echo: b' for $c, $d;
    is $T->agent(2)->count, 2;

    $T->agent(1)->mode('normal')->forget;
    is $_->chat('c')->answer->{content}, 'echo: c' for $c, $d;
    is $T->agent(1)->count, 0, 'the other one waits for its time';

    is scalar(() = $T->error_log =~ /enabled again/g), 1;



=== TEST 6: a single one is never down
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT
                      max_fails=1 fail_timeout=1h;
        openclaw_retry_timeout 0;
    }
--- scenario
    my $c = $T->connect('/ws');

    $agent->mode('refuse');
    is $c->chat('a')->answer->{code}, 'agent_unreachable';
    $agent->mode('normal');
    is $c->chat('b')->answer->{content}, 'echo: b';
    unlike $T->error_log, qr/gateway "/;

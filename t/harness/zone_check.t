# The checker of the zone: it is content with what nginx does, and with nothing
# else.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# sessions with and without tickets, and with answers, and a sender who counts

sub fill_zone {
    my ($T, $agent) = @_;

    $agent->on(qr/^m/, gate => 'go', say => 'well');

    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/bound?senderId=ann');
    my $d = on_worker($two, '/ws');

    for my $n (1 .. 10) {
        $d->chat('x' x (2 ** $n), messageId => "id$n", senderId => "s$n");
        $d->answer("id$n");
    }

    $c->chat("m$_") for 1, 2;
    $c->sync;
    $d->chat('m3', senderId => 'ann');
    $d->sync;

    return ($c, $d);
}


run_tests();

__DATA__

=== TEST 1: what nginx does
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }

    location = /bound {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $arg_senderId;
        openclaw_connections 5;
        openclaw_message_rate rate=1r/s burst=100;
    }
--- scenario
    like $T->zone_check, qr/^sound: 0 sessions, 0 tickets/;

    my @client = main::fill_zone($T, $agent);
    like $T->zone_check, qr/^sound: 11 sessions, 3 tickets, 10 answers, 1/;

    $agent->release('go');
    $client[$_]->answer for 0, 0, 1;
    like $T->zone_check, qr/^sound: 11 sessions, 0 tickets/;



=== TEST 2: faults of all kinds
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT
                      unix:$TEST_NGINX_TMP/none1.sock
                      unix:$TEST_NGINX_TMP/none2.sock
                      unix:$TEST_NGINX_TMP/none3.sock;
    }

    location = /bound {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $arg_senderId;
        openclaw_connections 5;
        openclaw_message_rate rate=1r/s burst=100;
    }
--- scenario
    my @client = main::fill_zone($T, $agent);
    my $said = $T->zone_check;

    SKIP: {
        skip $said, 1 if $said =~ /not permitted/;

        for my $line (Zone::plant($T->master_pid)) {
            $line =~ /^(ok|not ok) \d+ - (.*)/ ? ok $1 eq 'ok', "found: $2"
                                               : note $line;
        }
    }

    $T->zone_check('and sound again');



=== TEST 3: a worker that dies in the midst of a change
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    # there has to be something to do for as long as it takes to be watched

    $agent->otherwise(delay => 0.5, say => 'well');

    my ($one, $two) = two_workers();
    my @client = map { on_worker($one, '/ws') } 1 .. 10;

    for my $c (@client) {
        $c->chat("$_") for 1 .. 10;
    }

    SKIP: {
        # the first time that it has the lock: there may be no second one

        my $dead = $T->kill_in_lock($one, int rand 100);

        skip 'it can\'t be watched, or is too slow', 1 unless defined $dead;

        ok $dead, 'it was caught';
        $T->wait_for_log(qr/a process died while it changed sessions/);
    }

    $T->zone_check;

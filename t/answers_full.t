# A zone that is full forgets answers, the oldest ones first, and refuses
# nothing for their sake.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# the answer to a message of one of three senders

sub ask {
    my ($client, $n, $size) = @_;

    return $client->chat("$n " . 'x' x $size, messageId => "m$n",
                         senderId => 's' . $n % 3)->answer("m$n")->{content};
}


run_tests();

__DATA__

=== TEST 1: many more answers than there is room for
--- http_config
    openclaw_zone small:128k;
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_answers 1000 64k;
    }
--- scenario
    my @client = map { on_worker($_, '/ws') } two_workers();
    my $n = 100;

    # each takes a page

    like ask($client[$_ % 2], $_, 3000), qr/^echo: $_ x{3000}$/ for 1 .. $n;
    is $agent->count, $n;

    # some of the last ones are there, whoever asks

    for my $client (@client) {
        like ask($client, $_, 3000), qr/^echo: $_ x{3000}$/
            for $n - 9 .. $n;
    }

    is $agent->count, $n;

    # the first ones are not

    like ask($client[0], $_, 3000), qr/^echo: $_ x{3000}$/ for 1 .. 3;
    is $agent->count, $n + 3;



=== TEST 2: one that would take too much of it
--- http_config
    openclaw_zone small:128k;
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_answers 8 1m;
    }
--- scenario
    my @client = map { on_worker($_, '/ws') } two_workers();

    ask($client[0], 1, 10);
    ask($client[0], 2, 100000);
    is $agent->count, 2;

    ask($client[1], 1, 10);
    is $agent->count, 2, 'is no reason to forget others';

    ask($client[1], 2, 100000);
    is $agent->count, 3;

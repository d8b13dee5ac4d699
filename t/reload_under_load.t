# Many clients and many reloads in a row: every message that was accepted is
# answered once, and the agent is asked once.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario(worker_connections => 512);
plan tests => repeat_each() * blocks() * 2;
no_long_string();

our (%client, %answers);


# Who was sent away comes back, as the close code asks for.

sub say {
    my ($name, @id) = @_;

    $client{$name} //= $TestEnv::T->connect("/ws?senderId=$name",
                                            name => $name);

    # who cannot send any more will see why when reading

    eval { $client{$name}->chat($_, messageId => $_) for @id };
}


# Reads until all have been answered, or the connection is closed; returns
# what is to be said again: what was not accepted.

sub hear {
    my ($name, @id) = @_;

    my %left = map { $_ => 1 } @id;
    my $accepted = 0;

    while (%left) {
        my $m = eval { $client{$name}->recv_json };

        if (!$m) {
            die $@ unless $@ =~ /closed with 1012|connection closed/;
            is $accepted, 0, "$name was not closed before its answers came";

            (delete $client{$name})->disconnect;
            return sort keys %left;
        }

        if ($m->{type} eq 'chat.typing') {
            $accepted++;
            next;
        }

        next if ($m->{code} // '') eq 'shutting_down';

        is $m->{type}, 'chat.response', "$m->{messageId} was answered";
        delete $left{$m->{messageId}};
        $answers{$m->{messageId}}++;
        $accepted--;
    }

    return;
}


run_tests();

__DATA__

=== TEST 1: fifty clients, ten reloads
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_stream off;
    }
--- scenario
    $agent->otherwise(delay => 0.05, say => 'well');

    for my $round (1 .. 10) {

        # two messages each: one that runs and one that waits

        my %left = map { my $name = "client$_";
                         ($name => [map { "$name.$round.$_" } 1, 2]) } 1 .. 50;

        my $reloaded;

        while (%left) {
            say($_, @{ $left{$_} }) for keys %left;
            $T->reload unless $reloaded++;

            for my $name (keys %left) {
                my @again = hear($name, @{ $left{$name} });
                @again ? $left{$name} = \@again : delete $left{$name};
            }
        }
    }

    is scalar(keys %main::answers), 1000, 'all were answered';
    is join(' ', grep { $main::answers{$_} > 1 } keys %main::answers), '',
        'none twice';

    my %asked;
    $asked{$_->{content}}++ for $agent->requests;

    is scalar(keys %asked), 1000, 'the agent was asked';
    is join(' ', grep { $asked{$_} > 1 } keys %asked), '', 'nothing twice';
    is scalar(grep { $_->{state} ne 'done' } $agent->requests), 0;

    $_->disconnect for values %main::client;
    $T->wait_for(sub { !$T->old_workers }, 'the end of all old workers');
    is scalar $T->workers, 2;



=== TEST 2: two hundred running turns, over fifty generations of workers
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;

        # where all of that takes long, nobody answers one meanwhile
        openclaw_ping_interval 0;
    }
--- scenario
    $agent->otherwise(say => 'Hel', gate => 'go', say => 'lo');

    my @client;

    for my $generation (1 .. 50) {
        for (1 .. 4) {
            my $n = @client;
            push @client, $T->connect("/ws?senderId=s$n", name => "s$n");
            $client[-1]->chat("m$n", messageId => "m$n");
        }

        $agent->wait_for_gate('go', scalar @client);
        $T->reload;
    }

    cmp_ok scalar $T->old_workers, '>=', 50, 'all of them live';
    like $T->zone_check, qr/ 200 tickets/;

    # who has nothing to wait for was sent away long ago

    $agent->release('go');

    for my $n (0 .. $#client) {
        my @end = grep { /"messageId":"m$n","content":"Hello","done":true/ }
                  map { $_->{payload} // '' } $client[$n]->drain;

        is @end, 1, "m$n has one answer";
        is $client[$n]->close_code, 1012;
    }

    $T->wait_for(sub { !$T->old_workers }, 'the end of all old workers');
    like $T->zone_check, qr/ 0 tickets/;

    is $agent->count, 200, 'no turn ran twice';
    is scalar(grep { $_->{state} ne 'done' } $agent->requests), 0;



=== TEST 3: signals come as they like
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->otherwise(gate => 'go', say => 'well');

    my @client = map { $T->connect("/ws?senderId=s$_") } 1 .. 50;

    $_->chat('hello', messageId => 'm') for @client;
    $agent->wait_for_gate('go', 50);

    for (1 .. 50) {
        kill 'HUP', $T->master_pid;
        Time::HiRes::sleep(rand 0.02);
    }

    $agent->release('go');
    is $_->answer('m')->{content}, 'well' for @client;
    is $_->close_code, 1012 for @client;

    $T->wait_for(sub { !$T->old_workers && $T->workers == 2 },
                 'the end of all old workers');
    $T->zone_check;
    is $agent->count, 50;

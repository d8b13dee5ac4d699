package Workers;

# Copyright (C) the authors of the OpenClaw module

# Clients of this worker or of that one.
#
#     use Workers;            after "use Test::Nginx::Socket"
#
#     my ($one, $two) = two_workers();
#     my $ann = on_worker($one, '/ws?senderId=ann');
#     my $bob = elsewhere($ann, '/ws?senderId=bob');
#
# Scenarios get a second port for this, where each worker accepts connections
# of its own, and a header that says which one did.  What is sent there fills
# the system's buffers soon when the client does not read.

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use IO::Socket::INET;

use TestEnv;


our @EXPORT = qw(two_workers on_worker elsewhere worker_of);
our @CARP_NOT = qw(TestEnv);


# below the ports that outgoing connections use

my $port = sub {
    for (1 .. 1000) {
        my $port = 10000 + int rand 20000;
        return $port if IO::Socket::INET->new(LocalAddr => '0.0.0.0',
            LocalPort => $port, Listen => 1, ReuseAddr => 1);
    }

    die "no free port\n";
}->();


TestEnv::call('add_block_preprocessor', sub {
    my ($block) = @_;

    return unless defined $block->scenario && defined $block->config;

    $block->set_value(config => "    listen 127.0.0.1:$port reuseport"
                      . " sndbuf=64k;\n"
                      . "    add_header X-Worker \$pid always;\n"
                      . $block->config);
});


# Both of them: one that has just started may not yet show as a worker.

sub two_workers {
    my $T = $TestEnv::T;

    $T->wait_for(sub { $T->workers == 2 }, 'two workers');
    return $T->workers;
}


# The kernel picks the worker by the client's port: each try is as good as
# another.

sub on_worker {
    my ($worker, $uri, %opt) = @_;

    return _pick(sub { $_[0] == $worker }, "worker $worker", $uri, %opt);
}


sub elsewhere {
    my ($client, $uri, %opt) = @_;

    my $worker = worker_of($client);

    return _pick(sub { $_[0] != $worker }, "others than worker $worker", $uri,
                 %opt);
}


sub worker_of { $_[0]->header('X-Worker') }


sub _pick {
    my ($good, $who, $uri, %opt) = @_;

    for (1 .. 100) {
        my $client = WsClient->connect($uri, %opt, port => $port);
        return $client if $good->(worker_of($client));
        $client->disconnect;
    }

    croak "no connection gets to $who";
}


1;

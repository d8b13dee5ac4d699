# Workers run as a user that may do nothing: what only root may read is read
# before, by the master process, also when it reads its configuration anew.

use lib 't/lib';

BEGIN {
    my ($user) = grep { getpwnam $_ } qw(nobody www-data nginx);

    if ($> == 0 && $user) {
        my $group = getgrgid((getpwnam $user)[3]);
        $ENV{TEST_NGINX_WORKER_USER} = "$user $group";
    }
}

use TestEnv;

BEGIN { TestEnv::skip_all('needs root, and another user') if $> != 0
        || !$ENV{TEST_NGINX_WORKER_USER}; }

use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# A file that only root may read.

sub token_file {
    my ($token) = @_;

    my $name = "$ENV{TEST_NGINX_TMP}/token";

    open my $out, '>', $name or die "$name: $!";
    chmod 0400, $name;
    print $out "$token\n";
    close $out or die "$name: $!";
}


sub user_of {
    my ($pid) = @_;

    my ($uid) = TestEnv::Scenario::slurp("/proc/$pid/status")
                =~ /^Uid:\t(?:\d+\t){3}(\d+)/m;

    return scalar getpwuid $uid;
}


# What the agent is shown by a turn of this worker.

sub token_of {
    my ($worker) = @_;

    my $c = on_worker($worker, '/ws');

    $c->chat('hello')->answer;
    $c->disconnect;

    return ($TestEnv::T->agent->requests)[-1]{headers}{authorization};
}


token_file('one');
run_tests();

__DATA__

=== TEST 1: a token file
--- config
    openclaw_token_file $TEST_NGINX_TMP/token;

    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my ($user) = split / /, $ENV{TEST_NGINX_WORKER_USER};
    my @old = two_workers();

    is user_of($_), $user for @old;
    is user_of($T->master_pid), 'root';
    is token_of($_), 'Bearer one' for @old;

    # by the time it is read again it is another one

    token_file('two');
    is token_of($_), 'Bearer one' for @old;

    my @new = $T->reload;

    is user_of($_), $user for @new;
    is token_of($_), 'Bearer two' for @new;

    # a worker that comes instead of another one has what the master has read

    token_file('three');
    is token_of($T->kill_worker($new[0])), 'Bearer two';

    token_file('one');



=== TEST 2: what workers say to each other
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_stream snapshot;
    }
--- scenario
    $agent->on('first', say => 'Hel', gate => 'go', say => 'lo');

    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');

    $c->chat('first', messageId => 'm1');
    is $c->recv_json->{type}, 'chat.typing';
    is $c->recv_json->{content}, 'Hel';

    # the next turn waits at the other worker, and the answer is carried there

    my $d = on_worker($two, '/ws?senderId=ann');

    $d->chat('second', messageId => 'm2');
    $d->chat('first', messageId => 'm1');
    $d->recv_until(sub { $_->{type} eq 'chat.stream' });

    $agent->release('go');
    is $d->answer('m1')->{content}, 'Hello';
    is $d->answer('m2')->{content}, 'echo: second';
    is $agent->count, 2;
    $T->zone_check;

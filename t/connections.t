# openclaw_connections: how many connections a sender may have.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# whether a connection is let in: a message is answered

sub let_in {
    my ($c) = @_;

    $c->send_json({ type => 'ping' });
    my $first = $c->recv_json;

    return 1 if $first->{type} eq 'pong';

    is $first->{code}, 'too_many_connections';
    is $c->recv->{code}, 1013;
    $c->disconnect;

    return 0;
}


# A connection of that worker that is let in.  Those that came to another one
# meanwhile, and were closed, may count for a moment.

sub joins {
    my ($worker, $uri) = @_;

    my $c;

    $TestEnv::T->wait_for(sub {
        $c = on_worker($worker, $uri);
        let_in($c);
    }, 'a place');

    return $c;
}


# waits until there are so many connections in the zone

sub wait_for_count {
    my ($n) = @_;

    $TestEnv::T->wait_for(sub {
        $TestEnv::T->zone_check =~ / $n connections|unseen/;
    }, "$n connections");
}


run_tests();

__DATA__

=== TEST 1: one too many is told so and closed
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $arg_senderId;
        openclaw_connections 2;
        openclaw_greeting hello;
    }
--- scenario
    my @ann = map { $T->connect('/ws?senderId=ann') } 1, 2;
    is $_->recv_json->{content}, 'hello' for @ann;

    my $c = $T->connect('/ws?senderId=ann');
    $c->chat('too late');
    is_deeply $c->recv_json, { type => 'chat.error',
        error => 'There are too many connections of this sender, close one of '
                 . 'them or connect again later',
        code => 'too_many_connections' };
    is $c->close_code, 1013;
    is $c->close_reason, 'too many connections';
    like $T->error_log,
        qr/\[error\].* limiting connections, there are 2 of this sender/;

    is $T->connect('/ws?senderId=bob')->recv_json->{content}, 'hello';
    is $agent->count, 0;

    # those that were there have noticed nothing

    is $_->chat('hi')->answer->{content}, 'echo: hi' for @ann;



=== TEST 2: a place is free again when its connection has ended
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $arg_senderId;
        openclaw_connections 1;
    }
--- scenario
    my @end = (
        sub { $_[0]->close },
        sub { $_[0]->reset },
        sub { $_[0]->disconnect },
        sub { $_[0]->send_raw("\xff"); $_[0]->close_code },

        # its turn runs on without it
        sub { $_[0]->chat('silent'); $agent->wait_for_requests(1);
              $_[0]->reset },
    );

    $agent->on('silent', 'silence');

    for my $end (@end) {
        my $c;

        $T->wait_for(sub {
            $c = $T->connect('/ws?senderId=ann');
            main::let_in($c);
        }, 'a place');

        ok !main::let_in($T->connect('/ws?senderId=ann')), 'taken';
        $end->($c);
    }

    main::wait_for_count(0);



=== TEST 3: over all workers and locations, and after a crash
--- config
    openclaw_sender_id $arg_senderId;

    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_connections 3;
    }

    location = /other {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_connections 4;
    }

    location = /any {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my ($one, $two) = two_workers();
    my @c = map { main::joins(@$_) } [$one, '/ws?senderId=ann'],
        [$one, '/other?senderId=ann'], [$two, '/ws?senderId=ann'];

    ok !main::let_in(on_worker($_, '/ws?senderId=ann')) for $one, $two;
    ok main::let_in(on_worker($one, '/any?senderId=ann')), 'no limit there';
    push @c, main::joins($two, '/other?senderId=ann');
    ok !main::let_in(on_worker($one, '/other?senderId=ann'));

    # those of a worker that has died are no more

    my $new = $T->kill_worker($one);
    main::wait_for_count(2);

    my $c = main::joins($new, '/ws?senderId=ann');
    ok !main::let_in(on_worker($_, '/ws?senderId=ann')) for $new, $two;



=== TEST 4: a worker that dies in the midst of a change
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $arg_senderId;
        openclaw_connections 2;
    }
--- scenario
    my ($one, $two) = two_workers();
    my $c = main::joins($two, '/ws?senderId=ann');
    my $d = main::joins($one, '/ws?senderId=ann');

    $d->chat("say $_") for 1 .. 50;

    my %before = map { $_ => 1 } $T->workers;

    SKIP: {
        my $dead = $T->kill_in_lock($one);

        skip 'a process may not look into another', 1 unless defined $dead;

        $T->kill_worker($one) unless $dead;
        my $new;
        $T->wait_for(sub { ($new) = grep { !$before{$_} } $T->workers },
                     'a new worker');

        # that of the living one was entered anew

        main::wait_for_count(1);

        my $e = main::joins($new, '/ws?senderId=ann');
        ok !main::let_in(on_worker($_, '/ws?senderId=ann')) for $new, $two;

        $c->close;
        main::wait_for_count(1);
    }



=== TEST 5: old workers have theirs during a reload
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $arg_senderId;
        openclaw_connections 2;
    }
--- scenario
    $agent->on('hello', gate => 'go', say => 'hi');

    my @c = map { $T->connect('/ws?senderId=ann') } 1, 2;

    $c[0]->chat('hello', messageId => 'm1');
    $c[0]->recv_json;
    $T->reload(sub { s/openclaw_connections 2/openclaw_connections 3/ });
    is $c[1]->close_code, 1012;

    # one that stays for its turn, and two with the new limit

    my @d = map { $T->connect('/ws?senderId=ann') } 1, 2;
    ok main::let_in($_) for @d;
    ok !main::let_in($T->connect('/ws?senderId=ann'));

    $agent->release('go');
    is $c[0]->answer->{content}, 'hi';
    is $c[0]->close_code, 1012;
    $T->wait_for(sub { !$T->old_workers }, 'the end of the old ones');

    ok main::let_in($T->connect('/ws?senderId=ann'));
    main::wait_for_count(2);



=== TEST 6: a sender that is not bound is an address
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_connections 2;
    }
--- scenario
    my @c = map { $T->connect("/ws?senderId=$_") } qw(ann bob);

    ok main::let_in($_) for @c;
    ok !main::let_in($T->connect('/ws?senderId=eve'));
    like $T->error_log, qr/limiting connections, there are 2 of this address/;



=== TEST 7: a zone without room
--- http_config
    openclaw_zone small:32k;
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_turns 0;
    }

    location = /bound {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $arg_senderId;
        openclaw_connections 2;
    }
--- scenario
    $T->allow_log(qr/could not allocate (?:session|sender) in openclaw zone/);
    $agent->otherwise(gate => 'go', say => 'well');

    my $c = $T->connect('/ws');
    my $n = 0;

    while (1) {
        $n++;
        $c->chat("m$n", messageId => "m$n", senderId => "s$n");
        last if $c->recv_json->{type} ne 'chat.typing';
    }

    # as the pages are of sizes, there may be room for some

    my (@kept, $first);

    for (1 .. 200) {
        my $d = $T->connect("/bound?senderId=ann$_");
        $d->send_json({ type => 'ping' });
        $first = $d->recv_json;

        if ($first->{type} ne 'pong') {
            is $first->{code}, 'zone_full';
            is $d->close_code, 1013;
            is $d->close_reason, 'no room';
            last;
        }

        push @kept, $d;
    }

    is $first->{code}, 'zone_full', 'the door is closed then';
    $T->zone_check;

    $agent->release('go');
    $c->answer for 1 .. $n - 1;
    ok main::let_in($T->connect('/bound?senderId=bob'));

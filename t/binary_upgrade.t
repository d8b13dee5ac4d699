# The upgrade of nginx itself, by USR2 and QUIT: the new master process has a
# zone of its own, and the old one ends what it has begun.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: a turn that is running, and clients that come back
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $old = $T->master_pid;

    $agent->on('slow', say => 'Hel', gate => 'go', say => 'lo');

    my $c = $T->connect('/ws?senderId=ann')->chat('slow', messageId => 'm1');
    my $idle = $T->connect('/ws?senderId=bob');
    is $idle->chat('hello', messageId => 'm2')->answer('m2')->{content},
       'echo: hello';
    $agent->wait_for_gate('go');

    kill 'USR2', $old;
    my $new = $T->wait_for(sub {
        my $pid = TestEnv::nginx_pid();
        $pid && $pid != $old && $pid;
    }, 'a new master process');

    $T->wait_for(sub { $T->workers == 2 }, 'its workers');

    # both serve

    is $idle->chat('x', messageId => 'm3')->answer('m3')->{content}, 'echo: x';

    kill 'QUIT', $old;
    is $idle->recv->{code}, 1012, 'who waits for nothing is sent on';
    $idle->disconnect;
    $agent->release('go');
    is $c->answer('m1')->{content}, 'Hello', 'a running turn ends';
    is $c->recv->{code}, 1012;
    $c->disconnect;
    $T->wait_gone($old);

    # the new ones do not know what the old ones remembered

    is $T->master_pid, $new;
    $c = $T->connect('/ws?senderId=ann');
    is $c->chat('slow', messageId => 'm1')->answer('m1')->{content},
       'Hello';
    is scalar(grep { $_->{content} eq 'slow' } $agent->requests), 2,
       'asked anew';

    $T->zone_check;



=== TEST 2: one that is taken back
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $old = $T->master_pid;

    kill 'USR2', $old;
    my $new = $T->wait_for(sub {
        my $pid = TestEnv::nginx_pid();
        $pid && $pid != $old && $pid;
    }, 'a new master process');

    $T->wait_for(sub { $T->workers == 2 }, 'its workers');

    kill 'QUIT', $new;
    $T->wait_gone($new);
    $T->wait_for(sub { (TestEnv::nginx_pid() // 0) == $old },
                 'the old pid file');

    my $c = $T->connect('/ws?senderId=ann');
    is $c->chat('hello')->answer->{content}, 'echo: hello';

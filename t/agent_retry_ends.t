# While a turn waits for its agent it can be aborted, left and shut down like
# any other.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: an abort
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->mode('refuse');

    my $c = $T->connect('/ws?senderId=ann');
    $c->chat('x', messageId => 'm1');
    $T->wait_for_log(qr/still unavailable/);

    $c->send_json({ type => 'chat.abort', messageId => 'm1' });
    is $c->answer('m1')->{code}, 'aborted';

    $agent->mode('normal');
    is $c->chat('y')->answer->{content}, 'echo: y';
    is $agent->count, 1;



=== TEST 2: the client leaves, and its turn runs all the same
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->mode('refuse');

    my $c = $T->connect('/ws?senderId=ann')->chat('x');
    $T->wait_for_log(qr/still unavailable/);
    $c->reset;

    $agent->mode('normal');
    is $agent->wait_for_end(1, 'done')->{content}, 'x';



=== TEST 3: unless it may not run without one
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_detach 0;
    }
--- scenario
    $agent->mode('refuse');

    my $c = $T->connect('/ws?senderId=ann')->chat('x');
    $T->wait_for_log(qr/still unavailable/);
    $c->reset;
    $T->wait_for_log(qr/turn aborted since the client has left/);

    $agent->mode('normal');
    is $T->connect('/ws?senderId=ann')->chat('y')->answer->{content},
        'echo: y';
    is $agent->count, 1;



=== TEST 4: a reload waits for it
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->mode('refuse');

    my $c = $T->connect('/ws?senderId=ann')->chat('x');
    $T->wait_for_log(qr/still unavailable/);

    my @old = $T->workers;
    $T->reload;
    $T->wait_for(sub { $T->old_workers == 1 }, 'the idle one to go');

    $agent->mode('normal');
    is $c->answer->{content}, 'echo: x';
    is $c->close_code, 1012;
    $T->wait_gone(@old);



=== TEST 5: but not longer than worker_shutdown_timeout
--- main_config
    worker_shutdown_timeout 1s;
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->mode('refuse');

    my $c = $T->connect('/ws?senderId=ann')->chat('x');
    my $gone = $T->connect('/ws?senderId=bob')->chat('y');
    $T->wait_for(sub {
        2 <= scalar(() = $T->error_log =~ /\[warn\].*trying again for/g)
    }, 'both to wait');
    $gone->reset;

    my @old = $T->workers;
    $T->reload;

    is $c->answer->{code}, 'shutting_down';
    $T->wait_gone(@old);
    is $agent->count, 0;



=== TEST 6: nor does anything keep nginx from stopping at once
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->mode('refuse');

    my $c = $T->connect('/ws?senderId=ann')->chat('x');
    $T->wait_for_log(qr/still unavailable/);

    $T->stop;
    ok !$c->is_open;

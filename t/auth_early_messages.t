# Tests for messages that come before the service of openclaw_auth has said
# who the client is.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


my $yes = '{"success":true,"data":{"userId":"ann"}}';


# the service waits for the test to let it answer

sub hold {
    my ($answer) = @_;

    $TestEnv::T->agent->on({ path => qr{^/auth} }, gate => 'auth',
                           reply => [200, $answer // $yes]);
}


# Whether a process sleeps: it is asleep in poll() when it can't write.

sub asleep {
    my ($state) = TestEnv::Scenario::slurp("/proc/$_[0]/stat") =~ /\) (\S)/;

    return $state eq 'S';
}


run_tests();

__DATA__

=== TEST 1: they are answered, in order
--- config
    location = /ws {
        openclaw_pass   http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth   http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_queue  100;
    }
--- scenario
    hold();

    my $c = $T->connect('/ws?token=t');

    $c->chat("hello $_", messageId => "m$_") for 1 .. 25;
    $agent->wait_for_gate('auth');
    $c->chat("hello $_", messageId => "m$_") for 26 .. 50;

    is $agent->count, 1, 'the service is the only one who was asked';
    ok !IO::Select->new($c->{sock})->can_read(0), 'nothing is answered yet';

    $agent->release('auth');

    is $c->answer("m$_")->{content}, "echo: hello $_" for 1 .. 50;
    is_deeply [map { $_->{content} } ($agent->requests)[1 .. 50]],
        [map { "hello $_" } 1 .. 50];



=== TEST 2: glued to the handshake
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
    }
--- scenario
    hold();

    my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                     PeerPort => $T->port);

    syswrite $sock, WsFrame::handshake('/ws?token=t')
                    . WsFrame::message('one', messageId => 'm1')
                    . WsFrame::message('two', messageId => 'm2');

    $agent->wait_for_gate('auth');
    syswrite $sock, WsFrame::message('three', messageId => 'm3');
    $agent->release('auth');

    my $in = '';
    1 while $in !~ /chat\.response","messageId":"m3/
            && sysread $sock, $in, 65536, length $in;

    is_deeply [$in =~ /chat\.response","messageId":"(..)/g],
        ['m1', 'm2', 'm3'];



=== TEST 3: more than the sockets take
--- config
    location = /ws {
        openclaw_pass              http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth              http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_max_message_size  32m;
    }
--- scenario
    hold();

    my $c = $T->connect('/ws?token=t');
    my $pid = fork // die;

    if ($pid == 0) {
        $c->send_text('{"type":"ping","x":"' . 'x' x 16_000_000 . '"}');
        $c->chat('hello', messageId => 'm2');
        require POSIX;
        POSIX::_exit(0);
    }

    $agent->wait_for_gate('auth');

    # the writer is stuck: nobody reads what it writes

    $T->wait_for(sub { asleep($pid) }, 'the writer to wait');
    $agent->release('auth');
    waitpid $pid, 0;
    is $?, 0;

    is $c->recv_json->{type}, 'pong';
    is $c->answer('m2')->{content}, 'echo: hello';



=== TEST 4: nothing of a client that is refused
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
    }
--- scenario
    hold('{"success":false,"error":"bad"}');

    my $c = $T->connect('/ws?token=t');

    $c->chat('hello')->chat('again');
    $agent->wait_for_gate('auth');
    $agent->release('auth');

    is $c->recv_json->{error}, 'Authentication failed: bad';
    $c->chat('please');
    is $c->close, 4401;
    is $agent->count, 1;



=== TEST 5: a client that goes is noticed, and the service is let go
--- config
    location = /ws {
        openclaw_pass          http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth          http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_auth_timeout  1h;
    }
--- scenario
    hold();

    my $c = $T->connect('/ws?token=t');
    $agent->wait_for_gate('auth', 1);
    $c->disconnect;
    $agent->wait_for_end(1, 'gone');

    $c = $T->connect('/ws?token=t');
    $agent->wait_for_gate('auth', 1);
    $c->reset;
    $agent->wait_for_end(2, 'gone');

    is $agent->count, 2;



=== TEST 6: one that has said something and gone is heard
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
    }
--- scenario
    hold();

    my $c = $T->connect('/ws?token=t')->chat('hello');
    $c->disconnect;
    $agent->wait_for_gate('auth');
    $agent->release('auth');

    is $agent->wait_for_end(2, 'done')->{content}, 'hello';



=== TEST 7: no pings meanwhile, and as ever afterwards
--- config
    location = /ws {
        openclaw_pass           http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth           http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_ping_interval  100ms;
        openclaw_ping_timeout   100ms;
    }
--- scenario
    hold();

    my $c = $T->connect('/ws?token=t');
    $agent->wait_for_gate('auth');
    ok !IO::Select->new($c->{sock})->can_read(0.5);
    $agent->release('auth');

    is $c->recv('a ping')->{op}, 9;



=== TEST 8: a reload does not wait for the service
--- config
    location = /ws {
        openclaw_pass          http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth          http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_auth_timeout  1h;
    }
--- scenario
    hold();

    my $c = $T->connect('/ws?token=t')->chat('hello');
    $agent->wait_for_gate('auth');
    $T->reload;

    is $c->close_code, 1012;
    $c->disconnect;
    $agent->wait_for_end(1, 'gone');
    $T->wait_for(sub { !$T->old_workers }, 'the old workers to go');
    is $agent->count, 1, 'the message was not accepted';

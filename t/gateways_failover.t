# Several gateways: the next one is tried when nothing could be sent to the one
# that the session has, and for no other reason.

use lib 't/lib';
use TestEnv qw(tls);
use Test::Nginx::Socket;

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


run_tests();

__DATA__

=== TEST 1: a gateway that refuses connections
--- agents: 2
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT;
    }
--- scenario
    my $id = main::sender_of($T, 1);
    my $c = $T->connect("/ws?senderId=$id");

    $T->agent(1)->mode('refuse')->close_idle->forget;
    $T->agent(2)->forget;

    is $c->chat('hello', messageId => 'm1')->answer('m1')->{content},
       'echo: hello';
    is $T->agent(2)->count, 1, 'asked once';
    is(($T->agent(2)->requests)[0]{session},
       "agent:main:websocket:direct:$id");

    like $T->error_log, qr/\[warn\].*gateway "http:\/\/127\.0\.0\.1:$ENV{TEST_NGINX_AGENT_PORT}" can't be reached, trying the next one: connecting failed: .*refused.*message: "m1"/;
    unlike $T->error_log, qr/\[error\]|trying again/;



=== TEST 2: one that has no socket, one whose TLS does not come about in time
--- agents: 3
--- config
    location = /ws {
        openclaw_pass unix:$TEST_NGINX_TMP/none.sock
                      https://127.0.0.1:$TEST_NGINX_AGENT_PORT
                      https://localhost:$TEST_NGINX_AGENT2_TLS_PORT
                      http://127.0.0.1:$TEST_NGINX_AGENT3_PORT;
        openclaw_connect_timeout 400ms;
        openclaw_ssl_trusted_certificate $TEST_NGINX_CERT;
    }
--- scenario
    $T->agent(1)->mode('deaf');
    $T->agent(2)->mode('hang up');

    my $c = $T->connect('/ws');

    for my $n (1 .. 40) {
        $c->chat("$n", senderId => "u$n", messageId => "m$n");
        is $c->answer("m$n")->{content}, "echo: $n";
    }

    is $T->agent(3)->count, 40;
    like $T->error_log, qr/gateway "unix:\S+none.sock" can't be reached, .*No such file/;
    like $T->error_log, qr/gateway "https:\S+" can't be reached, .*connecting timed out/;
    like $T->error_log, qr/gateway "https:\/\/localhost:\S+" can't be reached, .*TLS handshake failed/;
    unlike $T->error_log, qr/\[error\]/;



=== TEST 3: a gateway that is restarting keeps its sessions
--- agents: 2
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT;
    }
--- scenario
    my $id = main::sender_of($T, 1);
    my $c = $T->connect("/ws?senderId=$id");

    $T->agent($_)->forget for 1, 2;
    $T->agent(1)->on({ content => 'hello', times => 3 },
                     reply => [503, 'draining']);

    is $c->chat('hello')->answer->{content}, 'echo: hello';
    is $T->agent(1)->count, 4;
    is $T->agent(2)->count, 0;
    unlike $T->error_log, qr/gateway/;



=== TEST 4: what has been sent is not sent to another one
--- agents: 2
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT;
        openclaw_read_timeout 1s;
    }
--- scenario
    my $id = main::sender_of($T, 1);
    my $c = $T->connect("/ws?senderId=$id");
    my $one = $T->agent(1);

    $T->agent($_)->forget for 1, 2;

    $one->on('close', 'close');
    $one->on('reset', 'reset');
    $one->on('lost', say => 'a', 'reset');
    $one->on('silence', 'silence');
    $one->on("status $_", reply => [$_, 'no']) for 401, 429, 500, 502;

    my %code = (close => 'incomplete', reset => 'incomplete',
                lost => 'incomplete', silence => 'timeout',
                'status 401' => 'auth', 'status 429' => 'unavailable',
                'status 500' => 'error', 'status 502' => 'error');

    for my $what (sort keys %code) {
        is $c->chat($what)->answer->{code}, "agent_$code{$what}", $what;
    }

    is $c->chat('hello')->answer->{content}, 'echo: hello';
    is scalar(grep { $_->{method} eq 'POST' } $one->requests), 9;
    is $T->agent(2)->count, 0;
    unlike $T->error_log, qr/gateway "/;



=== TEST 5: a kept connection that has died is not the gateway's death
--- agents: 2
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT;
    }
--- scenario
    my $id = main::sender_of($T, 1);
    my $c = $T->connect("/ws?senderId=$id");

    $T->agent($_)->close_idle->forget for 1, 2;

    is $c->chat('hello')->answer->{content}, 'echo: hello';
    is $T->agent(1)->count, 1;
    is $T->agent(2)->count, 0;



=== TEST 6: all refuse, for a while
--- agents: 2
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT;
    }
    location = /off {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT;
        openclaw_retry_timeout 0;
    }
--- scenario
    my $id = main::sender_of($T, 1);
    my $c = $T->connect("/ws?senderId=$id");

    $T->agent($_)->mode('refuse')->close_idle->forget for 1, 2;

    is $T->connect('/off')->chat('x')->answer->{code}, 'agent_unreachable';

    $c->chat('hello', messageId => 'm1');
    $T->wait_for_log(qr/\[warn\].*agent is unavailable, trying again for \d+ms/);
    $T->wait_for_log(qr/\[info\].*agent is still unavailable/);

    # disabled, but there is no other

    $T->agent(1)->mode('normal');
    is $c->answer('m1')->{content}, 'echo: hello';
    is $T->agent(1)->count, 1;
    is $T->agent(2)->count, 0;
    unlike $T->error_log, qr/\[error\].*m1/;



=== TEST 7: one of them has the answer to a message that comes again
--- agents: 2
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT
                      http://127.0.0.1:$TEST_NGINX_AGENT2_PORT;
    }
--- scenario
    my $id = main::sender_of($T, 1);

    $T->agent(1)->mode('refuse')->close_idle->forget;
    $T->agent(2)->forget;

    my $c = $T->connect("/ws?senderId=$id");
    is $c->chat('hello', messageId => 'm1')->answer('m1')->{content},
       'echo: hello';

    $T->agent(1)->mode('normal');
    $T->reload;
    $c = $T->connect("/ws?senderId=$id");
    is $c->chat('hello', messageId => 'm1')->answer('m1')->{content},
       'echo: hello';
    is $T->agent(1)->count + $T->agent(2)->count, 1;

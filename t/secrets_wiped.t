# Tests that a secret does not stay in memory which has been given back.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Memory;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# Bytes that are nowhere else.

sub secret {
    return join '', 'secret-', map { ('a' .. 'z', 0 .. 9)[rand 36] } 1 .. 24;
}


# A file that only root may read, if it is root who runs this.

sub token_file {
    my ($token) = @_;

    my $name = "$ENV{TEST_NGINX_TMP}/token";

    open my $out, '>', $name or die "$name: $!";
    chmod 0400, $name;
    print $out "$token\n";
    close $out or die "$name: $!";
}


# The worker, if its memory can be looked at; it passes unseen where that is not
# permitted.

sub worker {
    my $T = $TestEnv::T;

    $T->wait_for(sub { $T->workers == 1 }, 'the worker');

    my ($worker) = $T->workers;

    Test::More::plan(skip_all => 'memory may not be read')
        unless can_read($worker);

    return $worker;
}


# A function that is bound when it is called first has all registers saved on the
# stack, with what was copied last in them.

$ENV{LD_BIND_NOW} = 1;

our $OLD = secret();
token_file($OLD);

run_tests();

__DATA__

=== TEST 1: the token of a client
--- config
    location = /ws {
        openclaw_pass        http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth        http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
    }
    location = /cookie {
        openclaw_pass        http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth        http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_auth_token  $cookie_token;
    }
    location = /header {
        openclaw_pass        http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth        http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_auth_token  $http_authorization;
    }
--- scenario
    my $worker = worker();

    for my $accepted (1, 0) {
        for my $case (['/ws?token=TOKEN'], ['/ws?a=b&token=TOKEN&c=d'],
                      ['/ws?token=Bearer%20TOKEN'],
                      ['/cookie', Cookie => 'a=b; token=TOKEN'],
                      ['/header', Authorization => 'Bearer TOKEN'],
                      ['/ws', 'Sec-WebSocket-Protocol' => 'a, bearer.TOKEN'])
        {
            my $token = secret();
            my ($uri, %header) = map { s/TOKEN/$token/r } @$case;
            my $what = "@$case, " . ($accepted ? 'accepted' : 'refused');

            $agent->forget;
            $agent->on({ path => '/auth' }, gate => 'go', reply => [200,
                '{"success":' . ($accepted ? 'true' : 'false')
                . qq(,"error":"not $token",)
                . qq("data":{"userId":"ann","token":"$token"}})]);

            my $c = $T->connect($uri, headers => \%header);

            $agent->wait_for_gate('go');
            cmp_ok found($worker, $token), '>', 0, "$what: when it is needed";
            $agent->release('go');

            if ($accepted) {
                is $c->chat('hello')->answer->{content}, 'echo: hello';
                is found($worker, $token), 0, "$what: is not kept";
                $c->close;

            } else {
                is $c->recv_json->{code}, 'auth_failed';
                is $c->close_code, 4401;
                $c->disconnect;
            }

            is found($worker, $token), 0, "$what: afterwards";
            $agent->close_gate('go');
        }
    }



=== TEST 2: the token of a client that does not wait
--- config
    location = /ws {
        openclaw_pass        http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth        http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
    }
--- scenario
    my $worker = worker();

    my $token = secret();

    $agent->on({ path => '/auth' }, 'silence');

    my $c = $T->connect("/ws?token=$token");

    $agent->wait_for_requests(1);
    $c->reset;
    $agent->wait_for_end(1, 'gone');

    is found($worker, $token), 0;



=== TEST 3: the token of the agent
--- config
    openclaw_token_file $TEST_NGINX_TMP/token;

    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $worker = worker();

    my $ask = sub {
        my $c = $T->connect('/ws');

        $c->chat('hello')->answer;
        $c->close;
        return ($agent->requests)[-1]{headers}{authorization};
    };

    is $ask->(), "Bearer $::OLD";
    is $ask->(), "Bearer $::OLD", 'over a kept connection';
    is found($worker, $::OLD), 1, 'in the configuration, and nowhere else';

    # a configuration that is not taken

    my $bad = secret();

    token_file($bad);
    $T->edit_config(sub { s/(openclaw_token_file.*)/$1 no_such_thing;/ });
    $T->allow_log(qr/\[emerg\].*no_such_thing/);
    kill 'HUP', $T->master_pid;
    $T->wait_for_log(qr/no_such_thing/);
    is found($T->master_pid, $bad), 0, 'of one that is not taken';

    # one that is

    my $new = secret();

    token_file($new);
    $T->edit_config(sub { s/ no_such_thing;// });

    my ($next) = $T->reload;

    is $ask->(), "Bearer $new";
    $T->wait_gone($worker);

    is found($next, $new), 1, 'the new one';
    is found($next, $::OLD), 0, 'the old one in the new worker';
    is found($T->master_pid, $::OLD), 0, 'and in the master process';

    token_file($::OLD);

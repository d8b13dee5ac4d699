# Looks into the history that take their time, or fail.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: the client reads on during a look
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_send_buffer 64k;
        openclaw_read_timeout 800ms;
    }
--- scenario
    $agent->on('long', say => 'x' x 6_000_000, 'close');
    $agent->on('silent', 'start', 'silence');
    $agent->on({ method => 'GET' }, gate => 'look', reply => [200, {
        messages => [{ role => 'user', content => 'long',
                       timestamp => 1000 * time },
                     { role => 'assistant', content => 'Done.',
                       stopReason => 'stop',
                       __openclaw => { runId => 'chatcmpl_1' } }]
    }]);

    my $slow = $T->connect('/ws?senderId=ann', rcvbuf => 8192);
    $slow->chat('long');
    $agent->wait_for_gate('look');

    # the typing, and the part that was too long to be sent at once

    $slow->recv_text for 1 .. 2;

    is $T->connect('/ws')->chat('silent')->answer->{code}, 'agent_timeout';

    # the look is not bound by what bounds a stream

    $agent->release('look');
    is $slow->answer->{content}, 'Done.';
    is scalar(grep { $_->{method} eq 'GET' } $agent->requests), 1, 'one look';



=== TEST 2: a connection that dies is no sign of a gateway that was away
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_retry_timeout 4s;
    }
--- scenario
    my $history = sprintf '{"messages":[{"role":"user","content":"hello",'
                          . '"timestamp":%d}]}', 1000 * time;

    $agent->on('hello', say => 'Hel', 'close');
    $agent->on({ method => 'GET' }, 'fragile', reply => [200, $history]);

    is $T->connect('/ws')->chat('hello')->answer->{code}, 'agent_incomplete';
    unlike $T->error_log, qr/unavailable, waiting for its history/;



=== TEST 3: each look has a connection of its own
# one that is used again may have died, again and again
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_retry_timeout 4s;
    }
--- scenario
    my $history = sprintf '{"messages":[{"role":"user","content":"hello",'
                          . '"timestamp":%d}]}', 1000 * time;

    $agent->on('hello', say => 'Hel', 'close');
    $agent->on({ method => 'GET' }, reply => [200, $history]);

    is $T->connect('/ws')->chat('hello')->answer->{code}, 'agent_incomplete';

    my @looks = map { $_->{connection} } grep { $_->{method} eq 'GET' }
                                             $agent->requests;
    my %own = map { $_ => 1 } @looks;

    cmp_ok scalar @looks, '>', 1, 'there were some';
    is keys %own, @looks;

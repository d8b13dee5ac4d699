# Scenarios: clients, a scripted agent and nginx's processes in one script.

use lib 't/lib';
use TestEnv qw(stock);
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: what the agent is asked and what it answers
--- config
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    $agent->on('hello', say => 'Hel', say => 'lo');

    my $answer = $T->get('/v1/any');
    is $answer->{status}, 200;
    like $answer->{body}, qr/data: \{"choices":\[\{"delta":\{"role":"assistant"/;
    like $answer->{body}, qr/"content":"echo: "/, 'the agent echoes by itself';
    like $answer->{body}, qr/data: \[DONE\]\n\n\z/;

    my $asked = $agent->wait_for_end(1);
    is $asked->{method}, 'GET';
    is $asked->{path}, '/v1/any';
    is $asked->{state}, 'done';
    is $agent->count, 1;



=== TEST 2: gates hold an answer until it is released
--- config
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->on({ path => qr{^/slow} }, gate => 'go',
               reply => [203, { ok => 1 }, { 'X-A' => 'b' }]);
--- scenario
    my $slow = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                     PeerPort => $T->port);
    print $slow "GET /slow HTTP/1.0\r\n\r\n";

    $agent->wait_for_gate('go');
    is [$agent->requests]->[0]{state}, 'running';
    ok !IO::Select->new($slow)->can_read(0), 'no answer yet';

    $agent->release('go');
    like join('', <$slow>), qr/ 203 .*X-A: b.*\{"ok":1\}/s;



=== TEST 3: status codes, cut streams, silence
--- config
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        proxy_http_version 1.1;
        proxy_read_timeout 200ms;
    }
--- scenario
    $agent->on({ path => '/503', times => 1 }, reply => [503, 'restarting']);
    $agent->on({ path => '/503' }, reply => [200, 'up again']);
    $agent->on({ path => '/cut' }, say => 'half', 'close');
    $agent->on({ path => '/reset' }, 'reset');
    $agent->on({ path => '/close' }, 'close');
    $agent->on({ path => '/silence' }, 'silence');
    $agent->on({ path => '/raw' }, raw => "HTTP/1.0 299 Odd\r\n\r\nall", 'close');
    $agent->on({ path => '/error' }, say => 'so far', error => 'no luck');
    $agent->on({ path => '/many' }, repeat => [5000, 'x' x 100]);
    $agent->on({ path => '/drip' }, drip => [1, "data: a\n\n"], 'end');

    is $T->get('/503')->{body}, 'restarting';
    is $T->get('/503')->{body}, 'up again', 'a rule can be used up';
    like $T->get('/cut')->{body}, qr/half/;
    unlike $T->get('/cut')->{body}, qr/DONE/;
    is $T->get('/reset')->{status}, 502;
    is $T->get('/close')->{status}, 502;
    is $T->get('/silence')->{status}, 504;
    is $agent->wait_for_end(1, 'gone')->{path}, '/silence';
    is $T->get('/raw')->{status}, 299;
    like $T->get('/error')->{body},
        qr/so far.*\{"error":\{"message":"no luck","type":"api_error"\}\}.*DONE/s;
    is scalar(() = $T->get('/many')->{body} =~ /"content":"x{100}"/g), 5000;
    is $T->get('/drip')->{body}, "data: a\n\n";



=== TEST 4: an agent that refuses, hangs up or is deaf
--- config
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        proxy_read_timeout 200ms;
    }
--- scenario
    $agent->mode('refuse');
    is $T->get('/')->{status}, 502;
    like $T->error_log, qr/Connection refused/;

    $agent->mode('hang up');
    is $T->get('/')->{status}, 502;

    $agent->mode('deaf');
    is $T->get('/')->{status}, 504;
    is $agent->count, 0;

    $agent->mode('normal');
    is $T->get('/')->{status}, 200;
    is $agent->count, 1;



=== TEST 5: connections kept alive, and one that dies when used again
--- http_config
    upstream agent {
        server 127.0.0.1:$TEST_NGINX_AGENT_PORT;
        keepalive 4;
    }
--- config
    location / {
        proxy_pass http://agent;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_next_upstream off;
    }
--- scenario
    # one worker, for a pool of its own in each would blur the picture
    $T->reload(sub { s/worker_processes .*?;/worker_processes 1;/ });

    $agent->on({ path => '/last' }, reply => [200, 'fine'], 'fragile');
    $agent->on({ path => '/fragile' }, 'fragile', reply => [200, 'fine']);

    $T->get('/a');
    is $T->get('/b')->{status}, 200;
    is [$agent->requests]->[1]{connection}, 1, 'used again';

    is $T->get('/fragile')->{status}, 200;
    is $T->get('/c')->{status}, 502, 'died under the second request';
    is $agent->count, 3;

    is $T->get('/d')->{status}, 200;
    $agent->wait_for_connections(1)->close_idle->wait_for_connections(0);



=== TEST 6: reload, a killed worker, an orderly end
--- config
    location = /version { return 200 one; }
--- scenario
    my @first = $T->workers;
    is scalar @first, 2;
    is $T->get('/version')->{body}, 'one';

    my @second = $T->reload(sub { s/\bone\b/two/ });
    is scalar @second, 2;
    is $T->get('/version')->{body}, 'two';

    my $new = $T->kill_worker($second[0]);
    isnt $new, $second[0];
    ok $T->is_running($new);
    is scalar $T->workers, 2;
    like $T->error_log, qr/\[alert\].*exited on signal 9/;

    $T->wait_gone(@first);
    $T->quit;



=== TEST 7: two agents, and one on a unix socket
--- config
    location /one { proxy_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location /two { proxy_pass http://unix:$TEST_NGINX_AGENT2_SOCKET; }
--- agents: 2
--- scenario
    $T->agent(2)->otherwise(reply => [200, 'second']);

    like $T->get('/one')->{body}, qr/echo/;
    is $T->get('/two')->{body}, 'second';
    is $T->agent->count, 1;
    is $T->agent(2)->count, 1;

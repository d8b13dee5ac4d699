# openclaw_token, openclaw_token_file: what the agent is shown, and nobody
# else, wherever the agent repeats it.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario(log_level => 'debug');
plan tests => repeat_each() * blocks() * 2;
no_long_string();

sub shown {
    my $asked = ($TestEnv::T->agent->requests)[-1];

    return $asked->{headers}{authorization};
}


sub write_file {
    my ($token) = @_;

    open my $out, '>', html_dir() . '/token' or die "token: $!";
    print $out $token;
    close $out;
}


run_tests();

__DATA__

=== TEST 1: in the configuration, or in a file
--- http_config
    openclaw_token outer-token;
--- config
    location = /inherited {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }

    location = /inline {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_token inner-token;
    }

    location = /file {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_token_file ../html/token;
    }
--- user_files
>>> token
from-a-file
--- scenario
    my %token = (inherited => 'outer-token', inline => 'inner-token',
                 file => 'from-a-file');

    for (sort keys %token) {
        is $T->connect("/$_")->chat('hello')->answer->{content},
            'echo: hello';
        is shown(), "Bearer $token{$_}";
    }



=== TEST 2: none
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $T->connect('/ws', headers => { Authorization => 'Bearer client-token' })
      ->chat('hello')->answer;
    is shown(), undef, 'nor is the one of a client passed on';



=== TEST 3: a file is read again on reload
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_token_file ../html/token;
    }
--- user_files
>>> token
from-a-file
--- scenario
    $agent->on('long', gate => 'go', say => 'well');

    my $c = $T->connect('/ws?senderId=ann');

    $c->chat('long');
    $agent->wait_for_gate('go');

    # one of the old worker that is yet to be asked

    $c->chat('next');
    is $c->recv_json->{type}, 'chat.typing' for 1, 2;

    write_file("  not-read-yet\n");
    is $T->connect('/ws')->chat('hello')->answer->{content}, 'echo: hello';
    is shown(), 'Bearer from-a-file';

    write_file("the-new-one\r\n\n");
    $T->reload;
    is $T->connect('/ws')->chat('hello')->answer->{content}, 'echo: hello';
    is shown(), 'Bearer the-new-one';

    $agent->release('go');
    $c->answer for 1, 2;
    is shown(), 'Bearer from-a-file';



=== TEST 4: it is in no log and in no frame
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_token 53cr3t-t0k3n;
        openclaw_retry_timeout 0;
    }
--- scenario
    my $token = '53cr3t-t0k3n';
    my $says = "no $token, $token-$token, Bearer $token";
    my $json = { error => { message => $says, type => $says } };

    # an agent that repeats it wherever it can

    $agent->on($_, reply => [$_, $json, { 'X-Any' => $says }])
        for 400, 401, 403, 404, 429, 500, 503;
    $agent->on('text', reply => [500, $says]);
    $agent->on('page', reply => [200, "<html>$says</html>",
                                 { 'Content-Type' => 'text/html' }]);
    $agent->on('stream', 'start', error => $says);
    $agent->on('late', say => 'half', error => $says);
    $agent->on('garbage', data => "{$says");
    $agent->on('not http', raw => "$says\r\n", 'close');
    $agent->on('odd header', raw => "HTTP/1.1 200 OK\r\n$says\r\n\r\n",
               'close');
    $agent->on('cut', 'close');
    $agent->on('good', head => { 'X-Any' => $says }, body => ": $says\n\n",
               say => 'well');

    my $c = $T->connect('/ws');
    my @frame;

    for (400, 401, 403, 404, 429, 500, 503, 'text', 'page', 'stream', 'late',
         'garbage', 'not http', 'odd header', 'cut', 'good')
    {
        $c->chat("$_");
        my $all = WsFrame::to_json($c->answer);

        push @frame, $all;
        unlike $all, qr/t0k3n/, "in answer to $_";
    }

    $c->disconnect;

    is shown(), "Bearer $token";
    like "@frame", qr/\Qno ***, ***-***, Bearer ***/, 'but what it said of it';

    $T->wait_for_log(qr/openclaw agent: /);
    $T->quit;

    unlike $T->error_log, qr/t0k3n/;
    unlike $T->access_log, qr/t0k3n/;



=== TEST 5: nor if it is in a header that is looked at
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_token 53cr3t-t0k3n;
    }
--- scenario
    my $says = 'Bearer 53cr3t-t0k3n';

    $agent->on('page', reply => [200, 'any', { 'Content-Type' => $says }]);
    $agent->on('away', reply => [302, 'any', { Location => "http://$says/" }]);

    my $c = $T->connect('/ws');

    for my $content ('page', 'away') {
        my $answer = $c->chat($content)->answer;
        is $answer->{code}, 'agent_error';
        unlike $answer->{error}, qr/t0k3n/;
    }

    $T->wait_for_log(qr/not an event stream: Bearer \*\*\*/);
    unlike $T->error_log, qr/t0k3n/;



=== TEST 6: nor is it in what nginx says of a wrong one
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_token 53cr3t-t0k3n;
    }
--- scenario
    $T->allow_log(qr/the token has a character/, qr/"openclaw_token"/);

    my $before = () = $T->error_log =~ /\[emerg\]/g;

    for my $wrong ('"53cr3t t0k3n"', '"53cr3t-t0k3n\n"', '53cr3t-t0k3n 53cr3t',
                   "53cr3t-t0k3n\xc3\xa4", 'a; openclaw_token 53cr3t-t0k3n')
    {
        $T->edit_config(sub { s/openclaw_token .*;/openclaw_token $wrong;/ });
        kill 'HUP', $T->master_pid;
        $before++;
        $T->wait_for(sub {
            (() = $T->error_log =~ /\[emerg\]/g) >= $before;
        }, 'an error');
    }

    unlike $T->error_log, qr/t0k3n/;

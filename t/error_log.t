# Tests for what the error log tells: one line of each turn that failed, with
# its session and the cause, and never what was said.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# the lines about turns, without the time, the process and the connection

sub turns {
    return map { /(\[\w+\]) \S+ (?:\*\d+ )?(turn .*)/ ? "$1 $2" : () }
           split /\n/, $TestEnv::T->error_log;
}


run_tests();

__DATA__

=== TEST 1: a turn that failed
--- config
    location = /ws {
        openclaw_pass           http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_retry_timeout  0;
    }
    location = /nobody {
        openclaw_pass           http://127.0.0.1:1;
        openclaw_retry_timeout  0;
    }
--- scenario
    $agent->on('fails', say => 'half', error => 'out of tokens');
    $agent->on(qr/refused/, reply => [401, 'no']);

    my $c = $T->connect('/ws?senderId=ann');

    $c->chat('hello', messageId => 'm0')->answer;
    $c->chat('fails', messageId => 'm1')->answer;
    $c->chat('refused', messageId => 'm2', chatType => 'group',
             groupId => 'g')->answer;
    $T->connect('/nobody?senderId=bob')->chat('hello', messageId => 'm3')
      ->answer;

    my $key = 'agent:main:websocket';
    my @line = main::turns();

    is @line, 3;
    is $line[0], '[error] turn failed, agent_error: out of tokens, client: '
        . qq(127.0.0.1, session: "$key:direct:ann", message: "m1");
    like $line[1], qr/^\[error\] turn failed, agent_auth: .*, session: "\Q$key\E:group:g", message: "m2"$/;
    like $line[2], qr/^\[error\] turn failed, agent_unreachable: .*, session: "\Q$key\E:direct:bob", message: "m3"$/;



=== TEST 2: it is one line also if the client has come back elsewhere
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('fails', say => 'half', gate => 'go', error => 'no more');

    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws?senderId=ann');

    $c->chat('fails', messageId => 'm1');
    $agent->wait_for_gate('go');
    $c->disconnect;

    my $d = on_worker($two, '/ws?senderId=ann');
    $d->chat('fails', messageId => 'm1');
    is $d->recv_json->{type}, 'chat.typing';
    $agent->release('go');
    is $d->answer('m1')->{code}, 'agent_error';

    # once more, from what is remembered

    is $d->chat('fails', messageId => 'm1')->answer('m1')->{code},
        'agent_error';

    is scalar(my @line = main::turns()), 1;



=== TEST 3: one that the client gave up is not a failure
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('stay', 'silence');

    my $c = $T->connect('/ws?senderId=ann')->chat('stay', messageId => 'm1');

    $agent->wait_for_requests(1);
    $c->send_json({ type => 'chat.abort' });
    is $c->answer->{code}, 'aborted';

    my ($line) = main::turns();
    like $line, qr/^\[info\] turn aborted by the client, .*session: /;



=== TEST 4: openclaw_log_level is of what a client did wrong
--- config
    openclaw_log_level warn;

    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /quiet {
        openclaw_log_level  info;
        openclaw_pass       http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    for my $uri ('/ws', '/quiet') {
        my $c = $T->connect($uri);

        $c->send_text('nonsense');
        is $c->recv_json->{code}, 'parse_error';
        $c->chat('hello', chatType => 'group', groupId => '');
        like $c->recv_json->{code}, qr/group_id_required|bad_field/;
        $c->send_raw("\xff\xff");
        is $c->close_code, 1002;

        is $T->connect("$uri?senderId=%01", any => 1)->status, 400;
    }

    my @line = grep { /client sent/ } split /\n/, $T->error_log;

    is scalar(grep { /\[warn\]/ && m{"GET /ws} } @line), 4;
    is scalar(grep { /\[info\]/ && m{"GET /quiet} } @line), 4;



=== TEST 5: nothing that is said, and no secret
--- config
    error_log   logs/error.log debug;
    access_log  logs/access.log;

    location = /ws {
        openclaw_pass      http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_token     GATEWAY-SECRET;
        openclaw_queue     1;
        openclaw_deflate   on;
        openclaw_set_header X-Key HEADER-SECRET;
    }
--- scenario
    # names, media and what is quoted are the sender's words as well

    my $c = $T->connect('/ws?senderId=ann', deflate => 1);
    my %all = (senderName => 'WORDS-name', replyToBody => 'WORDS-quote',
               replyToMessageId => 'r1', mediaPath => 'WORDS-path',
               customData => { a => 'WORDS-data' });

    $agent->on('WORDS fail', say => 'WORDS half', error => 'no');
    $agent->on('WORDS refused', reply => [400, 'no']);
    $agent->on('WORDS stay', say => 'WORDS half', gate => 'go', say => 'x');

    is $c->chat('WORDS hello' x 100, messageId => 'm1')->answer->{type},
        'chat.response';
    $agent->on('WORDS all', say => 'WORDS' x 1000);
    $c->chat('WORDS all', messageId => 'm2', %all);
    is $c->answer('m2')->{type}, 'chat.response';
    is $c->chat('WORDS fail')->answer->{code}, 'agent_error';
    is $c->chat('WORDS refused')->answer->{code}, 'agent_error';

    $c->chat("WORDS $_", messageId => $_, senderId => 'bob')
        for 'stay', 'next', 'more';
    is $c->answer('more')->{code}, 'queue_full';
    $c->send_json({ type => 'chat.abort', messageId => 'next',
                    senderId => 'bob' });
    is $c->answer('next')->{code}, 'aborted';

    $c->send_text('{"type":"chat.send","content":"WORDS');
    is $c->answer->{code}, 'parse_error';
    $c->send_json({ type => 'chat.send', content => 'WORDS',
                    senderName => ['WORDS'] });
    is $c->answer->{code}, 'bad_field';
    $agent->release('go');
    is $c->answer('stay')->{type}, 'chat.response';
    $c->send_frame('text', "WORDS \xff");
    is $c->close_code, 1007;
    $c->disconnect;

    my ($asked) = $agent->requests;
    is $asked->{headers}{authorization}, 'Bearer GATEWAY-SECRET';
    is $asked->{headers}{'x-key'}, 'HEADER-SECRET';
    $T->wait_for(sub { $T->access_log =~ /senderId=ann/ }, 'the access log');
    like $T->error_log, qr/\[debug\]/;

    for my $log ($T->error_log, $T->access_log) {
        my @line = grep { /WORDS|SECRET/ } split /\n/, $log;
        is "@line[0 .. ($#line > 2 ? 2 : $#line)]", '';
    }

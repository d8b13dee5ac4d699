# However the agent fails, the client gets exactly one chat.error with the
# right code, one line is logged, and the connection goes on.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
log_level('info');
run_tests();


# a turn that fails, and one after it on the same connection that does not

sub fails {
    my ($T, $content, $code, $text) = @_;

    my $ws = $T->connect('/ws?senderId=ann');

    my $got = $ws->chat($content, messageId => "bad $content")->answer;

    is $got->{type}, 'chat.error', "$content fails";
    is $got->{messageId}, "bad $content";
    is $got->{code}, $code, "$content: $code";
    like $got->{error}, $text // qr/\w/;

    $T->agent->mode('normal');

    $got = $ws->chat('fine', messageId => 'good')->answer;
    is $got->{content}, 'echo: fine', 'the connection goes on';
    is $got->{messageId}, 'good', 'nothing more came of the first turn';

    my @lines = $T->error_log =~ /\[error\].*turn failed, $code: .*"bad \Q$content\E"/g;
    is scalar @lines, 1, 'one line in the log';

    return $lines[0];
}

__DATA__

=== TEST 1: nobody listens
--- config
    location /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_retry_timeout 0;
    }
--- scenario
    $agent->mode('refuse');
    main::fails($T, 'x', 'agent_unreachable', qr/again later/);



=== TEST 2: the connection is accepted and closed at once
--- config
    location /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('x', 'close');
    main::fails($T, 'x', 'agent_incomplete');



=== TEST 3: status codes
--- config
    location /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_retry_timeout 0;
    }
--- scenario
    my $error = sub { { error => { message => $_[0], type => 'any' } } };

    $agent->on(400, reply => [400, $error->('Invalid `model`.')]);
    $agent->on(401, reply => [401, $error->('Unauthorized')]);
    $agent->on(403, reply => [403, $error->('missing scope')]);
    $agent->on(404, reply => [404, 'Not Found']);
    $agent->on(413, reply => [413, $error->('Payload too large')]);
    $agent->on(429, reply => [429, $error->('Too many failed attempts')]);
    $agent->on(500, reply => [500, $error->('internal error')]);
    $agent->on(502, reply => [502, 'not JSON']);
    $agent->on(503, reply => [503, 'Plugin runtime is starting',
                              { 'Retry-After' => 1 }]);

    main::fails($T, '400', 'agent_error', qr/Invalid `model`/);
    main::fails($T, '401', 'agent_auth');
    main::fails($T, '404', 'agent_error', qr/chatCompletions|disabled/);
    main::fails($T, '503', 'agent_unavailable');

    my $ws = $T->connect('/ws?senderId=bob');
    is $ws->chat('403')->answer->{code}, 'agent_auth';
    is $ws->chat('413')->answer->{code}, 'agent_error';
    is $ws->chat('429')->answer->{code}, 'agent_unavailable';
    is $ws->chat('500')->answer->{error}, 'internal error';
    is $ws->chat('502')->answer->{code}, 'agent_error';
    is $ws->chat('fine')->answer->{content}, 'echo: fine';



=== TEST 4: a page instead of a stream
--- config
    location /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('x', reply => [200, '<html>control</html>',
                              { 'Content-Type' => 'text/html' }]);
    main::fails($T, 'x', 'agent_error');



=== TEST 5: an error inside a 200, before and after some text
--- config
    location /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('x', 'start', error => 'upstream provider timeout');
    main::fails($T, 'x', 'agent_error', qr/^upstream provider timeout$/);

    $agent->on('y', say => 'so far', error => 'no luck');
    my $got = $T->connect('/ws?senderId=bob')->chat('y')->answer;
    is $got->{code}, 'agent_error';
    is $got->{error}, 'no luck';
    is $got->{streamed}, 'so far';



=== TEST 6: a stream that is cut
--- config
    location /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('cut', say => 'half', 'close');
    main::fails($T, 'cut', 'agent_incomplete');

    my $ws = $T->connect('/ws?senderId=bob');

    $agent->on('reset', say => 'half', 'reset');
    is $ws->chat('reset')->answer->{code}, 'agent_incomplete';

    # a proper end of the response, but none of the answer
    $agent->on('end', say => 'half', 'end');
    is $ws->chat('end')->answer->{code}, 'agent_incomplete';

    $agent->on('empty', 'start', 'done');
    is $ws->chat('empty')->answer->{code}, 'agent_incomplete';



=== TEST 7: garbage
--- config
    location /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('json', data => '{"choices":[{"delta":');
    main::fails($T, 'json', 'agent_error');

    my $ws = $T->connect('/ws?senderId=bob');

    $agent->on('http', raw => "SSH-2.0-OpenSSH_9.2\r\n", 'close');
    like $ws->chat('http')->answer->{code}, qr/^agent_(error|incomplete)$/;

    $agent->on('line', data => 'x' x 1_000_000);
    is $ws->chat('line')->answer->{code}, 'agent_error';

    $agent->on('utf8', body =>
        qq(data: {"choices":[{"delta":{"content":"a\xff"}}]}\n\n), 'done');
    is $ws->chat('utf8')->answer->{content}, 'a?', 'text it has to be';

    # what is unknown is left alone
    $agent->on('odd', event => { any => 'thing' }, event => [], data => '1',
               body => ": comment\n\nid: 7\n\n", say => 'well', 'done');
    is $ws->chat('odd')->answer->{content}, 'well';



=== TEST 8: a line of a megabyte is an answer
--- config
    location /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('long', say => 'x' x 1_000_000);

    my $got = $T->connect('/ws?senderId=ann')->chat('long')->answer;

    is $got->{type}, 'chat.response';
    is length $got->{content}, 1_000_000;



=== TEST 9: silence
--- config
    location /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_read_timeout 300ms;
    }
--- scenario
    $agent->on('before', 'silence');
    $agent->on('within', say => 'Hel', 'silence');

    main::fails($T, 'before', 'agent_timeout');

    my $got = $T->connect('/ws?senderId=bob')->chat('within')->answer;
    is $got->{code}, 'agent_timeout';
    is $got->{streamed}, 'Hel';

    $agent->wait_for_end(2, 'gone');



=== TEST 10: an answer without end
--- config
    location /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_turn_timeout 500ms;
    }
--- scenario
    $agent->on('x', (say => 'word ', delay => 0.05) x 100);

    my $ws = $T->connect('/ws?senderId=ann');
    my $got = $ws->chat('x')->answer;

    is $got->{code}, 'agent_timeout';
    is $ws->chat('fine')->answer->{content}, 'echo: fine';



=== TEST 11: a connection that never comes about, here for want of a handshake
--- config
    location /ws {
        openclaw_pass https://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_connect_timeout 300ms;
    }
--- scenario
    $agent->mode('deaf');

    my $ws = $T->connect('/ws?senderId=ann');

    is $ws->chat('x')->answer->{code}, 'agent_unreachable';
    is $ws->chat('y')->answer->{code}, 'agent_unreachable';



=== TEST 12: no route
--- config
    location /ws {
        openclaw_pass http://255.255.255.255:18789;
        openclaw_retry_timeout 0;
    }
--- scenario
    my $ws = $T->connect('/ws?senderId=ann');

    is $ws->chat('x')->answer->{code}, 'agent_unreachable';
    is $ws->chat('y')->answer->{code}, 'agent_unreachable';

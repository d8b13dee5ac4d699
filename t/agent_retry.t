# An agent that is away for a while costs time, but no answer: what nothing
# came of is sent again.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: nobody listens, and then somebody does
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->mode('refuse');

    my $c = $T->connect('/ws?senderId=ann');
    $c->chat('hello', messageId => 'm1');
    is $c->recv_json->{type}, 'chat.typing';

    $T->wait_for_log(qr/\[warn\].*agent is unavailable, trying again for \d+ms: connecting failed: .*message: "m1"/);
    $T->wait_for_log(qr/\[info\].*agent is still unavailable, trying again in \d+ms/);

    is scalar $c->sync, 0, 'the client is told nothing meanwhile';
    $agent->mode('normal');

    is $c->answer('m1')->{content}, 'echo: hello';
    is scalar $c->sync, 0, 'one end';
    is $agent->count, 1, 'asked once';
    is scalar(() = $T->error_log =~ /\[warn\]/g), 1, 'one warning';
    unlike $T->error_log, qr/\[error\]/;



=== TEST 2: a socket that is not there, and then is
--- config
    location = /ws { openclaw_pass unix:$TEST_NGINX_TMP/later.sock; }
--- scenario
    my $c = $T->connect('/ws')->chat('hello');

    $T->wait_for_log(qr/trying again for .*No such file/);
    my $late = Agent->start(socket => "$ENV{TEST_NGINX_TMP}/later.sock");

    is $c->answer->{content}, 'echo: hello';



=== TEST 3: 503, with all of the message each time
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $long = 'x' x 300_000;

    $agent->on({ content => $long, times => 3 },
               reply => [503, { error => { message => 'draining' } }]);

    my $c = $T->connect('/ws?senderId=ann');
    is $c->chat($long)->answer->{content}, "echo: $long";

    my @asked = $agent->requests;
    is scalar @asked, 4;
    is scalar(grep { $_->{content} eq $long } @asked), 4;
    is scalar(grep { $_->{body} eq $asked[0]{body} } @asked), 4;
    is scalar(grep { $_->{session} eq $asked[0]{session} } @asked), 4;

    like $T->error_log, qr/trying again for \d+ms: status 503: draining/;
    cmp_ok $asked[3]{started} - $asked[2]{started}, '>=', 0.2 - 0.05,
        'later each time';



=== TEST 4: 503 with a page that is never read to its end
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on({ content => 'x', times => 1 }, head => { status => 503 },
               body => 'y' x 20_000, 'silence');

    is $T->connect('/ws')->chat('x')->answer->{content}, 'echo: x';
    $agent->wait_for_end(1, 'gone');
    is $agent->count, 2;



=== TEST 5: the end of the time, which is the last try
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_retry_timeout 700ms;
    }
    location = /off {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_retry_timeout 0;
    }
    location = /turn {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_turn_timeout 500ms;
    }
--- scenario
    $agent->otherwise(reply => [503, 'Plugin runtime is starting']);

    my $c = $T->connect('/ws?senderId=ann');
    my $answer = $c->chat('x', messageId => 'm1')->answer('m1');
    is $answer->{code}, 'agent_unavailable';

    my @asked = $agent->requests;
    cmp_ok scalar @asked, '>', 2;
    cmp_ok $asked[-1]{started} - $asked[0]{started}, '>=', 0.65;

    $agent->forget;
    is $T->connect('/off')->chat('x')->answer->{code}, 'agent_unavailable';
    is $agent->count, 1, 'no second try';

    is $T->connect('/turn')->chat('x')->answer->{code}, 'agent_timeout';

    $agent->mode('refuse')->close_idle;
    is $c->chat('y')->answer->{code}, 'agent_unavailable';
    is $T->connect('/off')->chat('y')->answer->{code}, 'agent_unreachable';

    $agent->mode('normal');
    $agent->otherwise(say => 'back');
    is $c->chat('z')->answer->{content}, 'back';



=== TEST 6: the queue waits behind it
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->mode('refuse');

    my $c = $T->connect('/ws?senderId=ann');
    $c->chat($_, messageId => $_) for qw(one two three);
    $T->wait_for_log(qr/still unavailable/);
    $agent->mode('normal');

    is $c->answer($_)->{content}, "echo: $_" for qw(one two three);
    is join(' ', map { $_->{content} } $agent->requests), 'one two three';



=== TEST 7: what is not known to be unsent is not sent again
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $c = $T->connect('/ws?senderId=ann');

    $agent->on('429', reply => [429, 'later', { 'Retry-After' => 1 }]);
    $agent->on('500', reply => [500, 'no']);
    $agent->on('502', reply => [502, 'no']);
    $agent->on('close', 'close');
    $agent->on('reset', 'reset');

    is $c->chat('429')->answer->{code}, 'agent_unavailable';
    is $c->chat('500')->answer->{code}, 'agent_error';
    is $c->chat('502')->answer->{code}, 'agent_error';
    is $c->chat('close')->answer->{code}, 'agent_incomplete';
    is $c->chat('reset')->answer->{code}, 'agent_incomplete';
    is $agent->count, 5;
    unlike $T->error_log, qr/trying again/;



=== TEST 8: what is kept of the handle does no harm to others
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on({ content => qr/^\d/, times => 30 }, reply => [503, '']);

    my @c = map { $T->connect("/ws?senderId=u$_") } 1 .. 10;

    $c[$_]->chat("$_ " . 'z' x ($_ * 1000)) for 0 .. 9;
    is $c[$_]->answer->{content}, "echo: $_ " . 'z' x ($_ * 1000) for 0 .. 9;

    is $agent->count, 40;

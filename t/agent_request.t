# Tests for the request that a turn makes: what the agent is sent, and what
# not.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# says hello and returns what the agent was asked

sub asked {
    my ($uri, %header) = @_;

    my ($T, $agent) = ($TestEnv::T, $TestEnv::T->agent);

    my $c = $T->connect($uri, headers => \%header);
    $c->chat('hello', messageId => 'm1');
    $c->answer;

    return ($agent->requests)[-1];
}


run_tests();

__DATA__

=== TEST 1: the whole of it
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_token s3cret;
    }
--- scenario
    my $asked = asked('/ws?senderId=ann');

    is $asked->{method}, 'POST';
    is $asked->{path}, '/v1/chat/completions';
    is_deeply [sort @{ $asked->{raw} }], [
        'Accept: text/event-stream',
        'Authorization: Bearer s3cret',
        'Content-Length: ' . length $asked->{body},
        'Content-Type: application/json',
        "Host: 127.0.0.1:$ENV{TEST_NGINX_AGENT_PORT}",
        'x-openclaw-message-channel: websocket',
        'x-openclaw-scopes: operator.write',
        'x-openclaw-session-key: agent:main:websocket:direct:ann',
    ];

    is $asked->{body}, '{"model":"openclaw/main","stream":true,'
        . '"stream_options":{"include_usage":true},'
        . '"messages":[{"role":"user","content":"hello"}]}';



=== TEST 2: no header of the client is passed on
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $sent = join "\n", sort @{ asked('/ws?senderId=ann')->{raw} };

    my %header = (
        'X-Forwarded-For' => '1.2.3.4', 'X-Real-IP' => '1.2.3.4',
        'Forwarded' => 'for=1.2.3.4', 'Via' => '1.1 proxy',
        'Cookie' => 'a=b', 'Authorization' => 'Bearer mine',
        'User-Agent' => 'x', 'Accept' => 'text/html', 'Expect' => 'x',
        'x-openclaw-session-key' => 'agent:main:main',
        'x-openclaw-scopes' => 'operator.admin',
        'x-openclaw-agent-id' => 'other',
    );

    is join("\n", sort @{ asked('/ws?senderId=ann', %header)->{raw} }), $sent;



=== TEST 3: without a token there is none
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    is asked('/ws')->{headers}{authorization}, undef;



=== TEST 4: the session key
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');

    # what the gateway would read in another way is encoded: capitals are
    # lower-cased, bytes taken for latin-1, and ":" has a meaning

    my %key = (
        'user1' => 'user1',
        'a.b_c-9' => 'a.b_c-9',
        'User1' => '%55ser1',
        'a b' => 'a%20b',
        'a:thread:1' => 'a%3athread%3a1',
        'a/b?c#d&e' => 'a%2fb%3fc%23d%26e',
        'a%20b' => 'a%2520b',
        '张三' => '%e5%bc%a0%e4%b8%89',
        'é' => '%c3%a9',
        '*~!"' => '%2a%7e%21%22',
        '..' => '..',
    );

    for my $id (sort keys %key) {
        $c->chat('x', senderId => $id);
        $c->answer;
        is [$agent->requests]->[-1]{session},
           "agent:main:websocket:direct:$key{$id}", $id;

        $c->chat('x', chatType => 'group', groupId => $id);
        $c->answer;
        is [$agent->requests]->[-1]{session},
           "agent:main:websocket:group:$key{$id}", "group $id";
    }



=== TEST 5: another agent, by a name or by a variable
--- config
    openclaw_agent work;

    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }

    location = /by {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_agent $arg_agent;
    }
--- scenario
    my $asked = asked('/ws?senderId=ann');
    is $asked->{json}{model}, 'openclaw/work';
    is $asked->{session}, 'agent:work:websocket:direct:ann';

    $asked = asked('/by?senderId=ann&agent=Play_2-x');
    is $asked->{json}{model}, 'openclaw/play_2-x',
       'in lower case, which is how the gateway reads it';
    is $asked->{session}, 'agent:play_2-x:websocket:direct:ann';

    # nobody gets into the session of another agent by it

    for my $id ('', 'a:b', 'main:websocket:direct:bob:', 'a%20b', 'a/b',
                'x' x 65, "\xff")
    {
        is $T->connect("/by?senderId=ann&agent=$id", any => 1)->status, 500;
        like $T->error_log, qr/the value "\Q$id\E" of "openclaw_agent"/;
    }



=== TEST 6: openclaw_set_header
--- config
    openclaw_set_header X-Above a;

    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_set_header X-One "two three";
        openclaw_set_header X-User $http_x_user;
        openclaw_set_header X-Both $arg_a-$remote_addr;
        openclaw_set_header X-OpenClaw-Scopes operator.read;
        openclaw_set_header x-openclaw-message-channel "";
        openclaw_set_header Host agent.test;
        openclaw_set_header Accept */*;
    }

    location = /above {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $h = asked('/ws?a=b', 'X-User' => 'ann')->{headers};

    is $h->{'x-one'}, 'two three';
    is $h->{'x-user'}, 'ann', 'a variable of the handshake';
    is $h->{'x-both'}, 'b-127.0.0.1';
    is $h->{'x-openclaw-scopes'}, 'operator.read', 'one of the default';
    is $h->{'x-openclaw-message-channel'}, undef, 'an empty one is not sent';
    is $h->{host}, 'agent.test';
    is $h->{accept}, '*/*';
    is $h->{'x-above'}, undef, 'inherited if there are none on this level';
    is asked('/ws')->{headers}{'x-user'}, undef, 'nor is an empty variable';

    $h = asked('/above')->{headers};
    is $h->{'x-above'}, 'a';
    is $h->{'x-openclaw-scopes'}, 'operator.write';



=== TEST 7: another path, and the token of a file
--- user_files
>>> token
from-a-file
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT/v2/chat?a=b;
        openclaw_token_file ../html/token;
    }

    location = /slash {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT/;
    }
--- scenario
    my $asked = asked('/ws');
    is $asked->{path}, '/v2/chat?a=b';
    is $asked->{headers}{authorization}, 'Bearer from-a-file',
       'without the line end';

    is asked('/slash')->{path}, '/v1/chat/completions';



=== TEST 8: a large body goes without asking first
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- agent
    $agent->otherwise(say => 'fine');
--- scenario
    my $c = $T->connect('/ws');

    # a body over one megabyte, from a message under it

    $c->chat('x' x 1_048_500);
    is $c->answer->{content}, 'fine';

    my $asked = ($agent->requests)[0];
    is length $asked->{content}, 1_048_500;
    is $asked->{headers}{expect}, undef, 'no "Expect: 100-continue"';
    is $asked->{headers}{'content-length'}, length $asked->{body};

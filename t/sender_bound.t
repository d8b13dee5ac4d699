# Tests for openclaw_sender_id and openclaw_sender_name: the server says who
# the client is.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# the sender that the agent was told of last

sub told {
    my $asked = ($TestEnv::T->agent->requests)[-1];
    my ($block) = $asked->{content} =~ /^Conversation info.*\n```json\n(.*)\n/;

    return WsFrame::from_json($block)->{sender};
}


run_tests();

__DATA__

=== TEST 1: the id of the client's own is not asked for
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $http_x_user;
    }
--- scenario
    my $c = $T->connect('/ws?senderId=mallory',
                        headers => { 'X-User' => 'Ann Lee' });
    my $key = 'agent:main:websocket:direct:%41nn%20%4cee';

    $c->chat('hello');
    is $c->answer->{content}, 'echo: hello';
    is [$agent->requests]->[0]{session}, $key;

    # the argument may even be what no argument may be

    my $d = $T->connect('/ws?senderId=%FF', headers => { 'X-User' => 'bob' });
    $d->chat('hello');
    is $d->answer->{content}, 'echo: hello';

    # who says the same is right

    $c->chat('me', senderId => 'Ann Lee');
    is $c->answer->{content}, 'echo: me';
    is [$agent->requests]->[2]{session}, $key;

    # who says something else is not, and nothing of it reaches the agent

    for my $other ('mallory', 'ann lee', 'Ann Lee ', 'Ann') {
        $c->chat('it is me', messageId => 'm1', senderId => $other);
        is $c->answer->{code}, 'sender_refused', $other;
    }

    is $agent->count, 3;

    $c->chat('again');
    is $c->answer->{content}, 'echo: again', 'the connection goes on';



=== TEST 2: in a group, too
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $http_x_user;
    }
--- scenario
    my $c = $T->connect('/ws', headers => { 'X-User' => 'ann' });
    my %group = (chatType => 'group', groupId => 'g');

    $c->chat('x', senderId => 'bob', %group);
    is $c->answer->{code}, 'sender_refused';

    $c->chat('x', %group);
    is $c->answer->{content}, 'echo: ' . ($agent->requests)[0]->{content};
    is told()->{id}, 'ann';



=== TEST 3: nobody is nobody
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $http_x_user;
    }
--- scenario
    my $status = sub {
        $T->connect('/ws?senderId=ann', any => 1,
                    headers => { 'X-User' => $_[0] })->status;
    };

    is $status->(undef), 403, 'without a value';
    like $T->error_log, qr/the value of "openclaw_sender_id" is empty/;
    is $status->('a' x 257), 403, 'with one that is too long';
    is $status->("\xff"), 403, 'with one that is not UTF-8';
    is $status->('ann'), 101;



=== TEST 4: the name
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_name $http_x_name;
    }
--- scenario
    my $c = $T->connect('/ws?senderId=ann&senderName=Queen',
                        headers => { 'X-Name' => 'Ann Lee' });

    $c->chat('x');
    $c->answer;
    is_deeply told(), { id => 'ann', name => 'Ann Lee' };

    $c->chat('x', senderName => 'King');
    $c->answer;
    is_deeply told(), { id => 'ann', name => 'Ann Lee' };

    # an empty name is no name, and still not the client's to choose

    my $d = $T->connect('/ws?senderId=bob&senderName=King');

    $d->chat('x', senderName => 'King');
    $d->answer;
    is [$agent->requests]->[2]{content}, 'x';
    is [$agent->requests]->[2]{session}, 'agent:main:websocket:direct:bob',
       'the id is free';



=== TEST 5: without either a message may have a sender of its own
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws?senderId=ann&senderName=Ann');

    $c->chat('x', senderId => 'bob', senderName => 'Bob');
    $c->answer;
    is_deeply told(), { id => 'bob', name => 'Bob' };
    is [$agent->requests]->[0]{session}, 'agent:main:websocket:direct:bob';

    # the name of the connection is not that of another sender

    $c->chat('x', senderId => 'bob');
    $c->answer;
    is [$agent->requests]->[1]{content}, 'x';

    $c->chat('x');
    $c->answer;
    is_deeply told(), { id => 'ann', name => 'Ann' }, 'the next one is hers';

# The key that the agent keeps a session's memory under: two ids that differ
# have two keys, whatever bytes they are made of, and a group has one.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# the key that a message was sent with

sub key_of {
    my ($client, %field) = @_;

    $client->chat('hello', %field);
    $client->answer->{type} eq 'chat.response' or fail 'no answer';

    return ($TestEnv::T->agent->requests)[-1]{session};
}


run_tests();

__DATA__

=== TEST 1: ids of a sender
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    # the gateway lower-cases keys, and reads headers as latin-1

    my %key = ('ann' => 'ann',
               'Ann' => '%41nn',
               'ANN' => '%41%4e%4e',
               '%41nn' => '%2541nn',
               'a.b_c-9' => 'a.b_c-9',
               'a b' => 'a%20b',
               'a+b' => 'a%2bb',
               'a:b' => 'a%3ab',
               'a/b?c=d&e' => 'a%2fb%3fc%3dd%26e',
               '"' => '%22',
               "\xc3\xa4" => '%c3%a4',
               "\xc3\x84" => '%c3%84',
               "a\xcc\x88" => 'a%cc%88',
               "\xf0\x9f\xa6\x9e" => '%f0%9f%a6%9e',
               'group:g' => 'group%3ag',
               'x' x 256 => 'x' x 256,
               'X' x 256 => '%58' x 256);

    for my $id (sort keys %key) {
        my $key = "agent:main:websocket:direct:$key{$id}";
        my $arg = $id =~ s/([^a-z])/sprintf '%%%02X', ord $1/ger;

        is key_of($T->connect("/ws?senderId=$arg")), $key;
        is key_of($T->connect('/ws'), senderId => $id), $key,
            'a message may say it, too';
    }



=== TEST 2: ids that differ only in case are two sessions
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->otherwise(gate => 'go', say => 'hello');

    my @client = map { $T->connect("/ws?senderId=$_") }
                 qw(ann Ann ANN %C3%A4 %C3%84);

    $_->chat('hello') for @client;
    $agent->wait_for_gate('go', scalar @client);
    $agent->release('go');
    is $_->answer->{content}, 'hello' for @client;



=== TEST 3: a group is one, from whoever and from wherever
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my %group = (chatType => 'group', groupId => 'Our Group');
    my $ann = $T->connect('/ws?senderId=ann');
    my $bob = elsewhere($ann, '/ws?senderId=bob');
    my $key = 'agent:main:websocket:group:%4fur%20%47roup';

    is key_of($ann, %group), $key;
    is key_of($bob, %group), $key;
    is key_of($bob, %group, senderId => 'cid'), $key;

    # but not with a sender of that name, nor with who speaks in it

    is key_of($ann, senderId => 'Our Group'),
        'agent:main:websocket:direct:%4fur%20%47roup';
    is key_of($bob), 'agent:main:websocket:direct:bob';
    is key_of($bob, chatType => 'direct', groupId => 'Our Group'),
        'agent:main:websocket:direct:bob';



=== TEST 4: a client without a senderId has one of its own while it is there
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $c = $T->connect('/ws');
    my $key = key_of($c);

    like $key, qr/^agent:main:websocket:direct:[0-9a-f]{8}-[0-9a-f-]{27}$/;
    is key_of($c), $key;
    isnt key_of($T->connect('/ws')), $key;



=== TEST 5: agents do not share what they remember
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }

    location = /work {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_agent work;
    }
--- scenario
    $agent->on('long', gate => 'go', say => 'hello');

    my $ann = $T->connect('/ws?senderId=ann');
    my $work = $T->connect('/work?senderId=ann');

    $ann->chat('long');
    $agent->wait_for_gate('go');

    is key_of($work), 'agent:work:websocket:direct:ann', 'nor wait';

    $agent->release('go');
    is $ann->answer->{content}, 'hello';

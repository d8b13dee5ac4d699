# A messageId means one message.  The same id with something else in it is
# refused, be the turn of the first one waiting, running or ended.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: another message with the id of one that runs, waits, or was answered
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('one', gate => 'go', say => 'well');

    my $c = $T->connect('/ws?senderId=ann');
    my $d = elsewhere($c, '/ws?senderId=ann');

    my $refused = sub {
        for my $client ($c, $d) {
            for my $id ('m1', 'm2') {
                $client->chat('another', messageId => $id);
                my $error = $client->recv_json;

                is $error->{code}, 'duplicate';
                is $error->{messageId}, $id;
                like $error->{error}, qr/\w/;
            }
        }
    };

    $c->chat('one', messageId => 'm1');
    $c->chat('two', messageId => 'm2');
    is $c->recv_json->{type}, 'chat.typing' for 1, 2;

    # on its own connection or on that of another worker

    $refused->();

    $agent->release('go');
    is $c->answer->{content}, 'well', 'the first one is not touched by it';
    is $c->answer->{messageId}, 'm2';
    is scalar $d->sync, 0;

    $refused->();
    is join(' ', map { $_->{content} } $agent->requests), 'one two';



=== TEST 2: other ids, senders and sessions
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->otherwise(gate => 'go', say => 'well');

    my %group = (chatType => 'group', groupId => 'g');
    my $ann = $T->connect('/ws?senderId=ann');
    my $bob = $T->connect('/ws?senderId=bob');

    # ids are compared as they are, and one may be the start of the other

    $ann->chat('one', messageId => $_) for 'm1', 'M1', 'm', 'm11', ' m1';
    $ann->chat('one', messageId => 'm1', %group);
    $bob->chat('one', messageId => 'm1', %group);
    $bob->chat('one', messageId => 'm1');
    is $ann->recv_json->{type}, 'chat.typing' for 1 .. 6;
    is $bob->recv_json->{type}, 'chat.typing' for 1 .. 2;

    $agent->release('go');
    is $ann->answer->{content}, 'well' for 1 .. 6;
    is $bob->answer->{content}, 'well' for 1 .. 2;



=== TEST 3: what makes it another message
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->otherwise(say => 'one ', gate => 'go', say => 'two');

    my %media = (mediaPaths => ['/a', '/bc'], mediaTypes => ['x', 'y']);
    my $c = $T->connect('/ws?senderId=ann');
    my $d = elsewhere($c, '/ws?senderId=ann');

    $c->chat('one', messageId => 'm1', %media);
    is $c->recv_json->{type}, 'chat.typing';
    is $c->recv_json->{content}, 'one ';

    my @other = (
        ['one'], ['One', %media], ['one ', %media], ['onee', %media],
        ['one', mediaPath => '/a'],
        ['one', mediaPaths => ['/bc', '/a'], mediaTypes => ['y', 'x']],
        ['one', mediaPaths => ['/a', '/bc'], mediaTypes => ['y', 'x']],
        ['one', mediaPaths => ['/a', '/bc']],

        # the same bytes, cut at other places
        ['one', mediaPaths => ['/a/b', 'c'], mediaTypes => ['x', 'y']],
        ['on', mediaPaths => ['e/a', '/bc'], mediaTypes => ['x', 'y']],
        ['one/a', mediaPaths => ['x', '/bc'], mediaTypes => ['', 'y']],
    );

    for my $other (@other) {
        my ($content, @field) = @$other;
        $d->chat($content, messageId => 'm1', @field);
        is $d->recv_json->{code}, 'duplicate';
    }

    # who says it, and to what, may be told otherwise by then

    $d->chat('one', messageId => 'm1', %media, senderName => 'Ann',
             replyToMessageId => 'm0', customData => { now => 1 });
    is $d->recv_json->{type}, 'chat.typing';
    is $d->recv_json->{content}, 'one ';

    $agent->release('go');
    is $d->answer->{content}, 'one two';
    is $agent->count, 1;



=== TEST 4: a message that was refused was not taken
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_queue 0;
    }
--- scenario
    $agent->on('one', gate => 'go', say => 'well');

    my $c = $T->connect('/ws?senderId=ann');

    $c->chat('one', messageId => 'm1');
    $c->chat('two', messageId => 'm2');
    is $c->answer->{code}, 'queue_full';
    $c->chat('two', messageId => 'm2');
    is $c->answer->{code}, 'queue_full', 'not a duplicate of itself';

    $agent->release('go');
    is $c->answer->{messageId}, 'm1';
    $c->chat('two', messageId => 'm2');
    is $c->answer->{content}, 'echo: two';

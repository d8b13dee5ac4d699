# Tests for the fields of chat.send: types, limits, and what is ignored.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# what a message with these fields is refused with; that one with any other
# content is still answered is looked at each time

sub refused {
    my ($c, %field) = @_;

    $c->chat('hello', messageId => 'm1', %field);
    my $refused = $c->answer;

    $c->chat('and now');
    is $c->answer->{type}, 'chat.response', 'the connection goes on';

    return $refused;
}


run_tests();

__DATA__

=== TEST 1: a field of another type is refused by name
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');
    my ($yes, $no) = (JSON::PP::true(), JSON::PP::false());

    my @string = qw(content senderId senderName groupId groupSubject
                    replyToMessageId replyToBody mediaPath mediaType);
    my @array = qw(mediaPaths mediaTypes);

    my %fault = (
        (map {
            my $name = $_;
            map { ("$name $_->[0]" => [$name, $_->[1], 'must be a string']) }
                ['number' => 5], ['bool' => $no], ['array' => ['x']],
                ['object' => { a => 1 }];
        } @string),
        (map {
            my $name = $_;
            map { ("$name $_->[0]" => [$name, $_->[1],
                                       'must be an array of strings']) }
                ['string' => 'x'], ['number' => 0], ['object' => {}],
                ['of numbers' => ['a', 1]], ['of arrays' => [['a']]],
                ['of null' => [undef]];
        } @array),
        (map { ("customData $_->[0]" => ['customData', $_->[1],
                                         'must be an object']) }
            ['string' => '{}'], ['number' => 1], ['array' => []],
            ['bool' => $yes]),
        (map { ("chatType $_->[0]" => ['chatType', $_->[1],
                                       'must be "direct" or "group"']) }
            ['number' => 1], ['another word' => 'channel'],
            ['empty' => ''], ['in capitals' => 'Group'], ['array' => []]),
    );

    for my $case (sort keys %fault) {
        my ($name, $value, $text) = @{ $fault{$case} };

        my $answer = refused($c, $name => $value);
        is "$answer->{code} $answer->{messageId}", 'bad_field m1', $case;
        is $answer->{error},
           "Failed to parse message: field \"$name\" $text";
    }

    ok !grep({ $_->{content} eq 'hello' } $agent->requests),
       'the agent has seen none of them';



=== TEST 2: a messageId of another type can't be told back
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');

    for my $value (5, [], {}, JSON::PP::true()) {
        my $answer = refused($c, messageId => $value);
        is_deeply $answer->{all}[0], { type => 'chat.error', error =>
            'Failed to parse message: field "messageId" must be a string',
            code => 'bad_field' };
    }



=== TEST 3: null is as good as nothing
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws?senderId=ann');

    $c->chat('hello', map { $_ => undef } qw(messageId senderId senderName
        chatType groupId groupSubject replyToMessageId replyToBody mediaPath
        mediaType mediaPaths mediaTypes customData));

    my $answer = $c->answer;
    is $answer->{content}, 'echo: hello';
    like $answer->{messageId}, qr/^[0-9a-f-]{36}$/, 'generated';
    is [$agent->requests]->[0]{session}, 'agent:main:websocket:direct:ann';

    $c->send_json({ type => 'chat.send', content => undef });
    is $c->answer->{code}, 'invalid_message', 'but the content is needed';



=== TEST 4: empty strings, arrays and objects are nothing, too
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws?senderId=ann');

    $c->chat('hello', (map { $_ => '' } qw(messageId senderId senderName
        groupId groupSubject replyToMessageId replyToBody mediaPath
        mediaType)), mediaPaths => [], mediaTypes => [], customData => {});

    is $c->answer->{content}, 'echo: hello';
    is [$agent->requests]->[0]{session}, 'agent:main:websocket:direct:ann';



=== TEST 5: unknown fields are ignored, whatever they hold
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');

    $c->chat('hello', x => 1, Content => [], 'messageid' => {}, '' => undef,
             model => 'other', messages => [{ role => 'system' }],
             done => JSON::PP::true());

    is $c->answer->{content}, 'echo: hello';
    is_deeply [$agent->requests]->[0]{json}{messages},
              [{ role => 'user', content => 'hello' }];



=== TEST 6: the last one of two fields counts, as in JavaScript
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');

    $c->send_text('{"type":"x","content":5,"messageId":"a",'
                  . '"type":"chat.send","content":"two","messageId":"b"}');

    my $answer = $c->answer;
    is $answer->{content}, 'echo: two';
    is $answer->{messageId}, 'b';



=== TEST 7: limits, in bytes
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');

    my %max = (senderId => 256, senderName => 256, groupId => 256,
               groupSubject => 256, replyToMessageId => 256,
               mediaType => 256);

    for my $name (sort keys %max) {
        my $answer = refused($c, $name => 'x' x ($max{$name} + 1));
        is $answer->{code}, 'too_long', $name;
        is $answer->{error}, "Failed to parse message: field \"$name\" "
                             . "must be at most $max{$name} bytes long";

        # 86 characters, and 258 bytes

        is refused($c, $name => '张' x 86)->{code}, 'too_long';

        $c->chat('hello', $name => 'x' x $max{$name});
        is $c->answer->{type}, 'chat.response', 'and not one less';
    }

    my $answer = refused($c, messageId => 'x' x 129);
    is $answer->{code}, 'too_long', 'messageId';
    ok !exists $answer->{messageId}, 'it is not sent back';

    $c->chat('hello', messageId => 'x' x 128);
    is $c->answer->{messageId}, 'x' x 128;

    $c->chat('x' x 100_000, replyToBody => 'y' x 100_000);
    is $c->answer->{type}, 'chat.response', 'texts may be long';



=== TEST 8: sixteen media
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');

    $c->chat('16', mediaPaths => [('/a.png') x 16]);
    is $c->answer->{type}, 'chat.response';

    my $answer = refused($c, mediaPaths => [('/a.png') x 17]);
    is $answer->{code}, 'too_long';
    like $answer->{error}, qr/"mediaPaths"/;

    # with the single one they are seventeen

    is refused($c, mediaPath => '/b.png', mediaPaths => [('/a.png') x 16])
       ->{code}, 'too_long';



=== TEST 9: ids and names have no control characters, texts may
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws');

    for my $name (qw(senderId senderName groupId groupSubject
                     replyToMessageId mediaPath mediaType))
    {
        my $answer = refused($c, $name => "a\nb");
        is "$answer->{code} $answer->{error}", 'bad_field Failed to parse '
            . "message: field \"$name\" contains control characters";
    }

    for my $text ("a\nb", "a\tb", "a\x01b") {
        $c->chat($text, replyToBody => $text);
        like $c->answer->{content}, qr/\Q$text\E\z/;
    }

    # strings that no line of the agent could carry

    $c->send_text('{"type":"chat.send","content":"a\u0000b"}');
    is $c->answer->{code}, 'bad_field', 'a NUL';

    $c->send_text('{"type":"chat.send","content":"x","senderId":"a\ud800"}');
    is $c->answer->{code}, 'bad_field', 'half a character in an id';

    $c->send_text('{"type":"chat.send","content":"a\ud800b"}');
    is $c->answer->{content}, "echo: a\xef\xbf\xbdb", 'and in a text';

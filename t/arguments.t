# Tests for the arguments senderId and senderName.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# says hello as that sender and returns what the agent was asked

sub asked {
    my ($arguments) = @_;

    my ($T, $agent) = ($TestEnv::T, $TestEnv::T->agent);

    my $c = $T->connect("/ws$arguments");
    $c->chat('hello');
    $c->answer;
    $c->close;

    return ($agent->requests)[-1];
}


sub session { asked(@_)->{session} =~ s/^agent:main:websocket:direct://r }


sub name {
    my ($encoded) = @_;

    my ($block) = asked("?senderId=a&senderName=$encoded")->{content}
                  =~ /^Conversation info.*\n```json\n(.*)\n/;

    return WsFrame::from_json($block)->{sender}{name};
}


sub refused {
    my ($arguments) = @_;

    my $c = $TestEnv::T->connect("/ws?$arguments", any => 1);

    return $c->status . ' ' . ($c->body // '');
}


run_tests();

__DATA__

=== TEST 1: the id becomes the end of the session key
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my %key = (
        '?senderId=alice' => 'alice',
        '?senderName=x&senderId=alice' => 'alice',
        '?senderId=alice&senderId=bob' => 'alice',

        # names of arguments are in this case, values in any
        '?senderid=bob&senderId=alice' => 'alice',
        '?xsenderId=bob&senderId=alice' => 'alice',
        '?senderId=Alice' => '%41lice',

        # as URLSearchParams reads it
        '?senderId=a+b' => 'a%20b',
        '?senderId=a%20b' => 'a%20b',
        '?senderId=a%2Bb' => 'a%2bb',
        '?senderId=a%26b%3dc' => 'a%26b%3dc',
        '?senderId=a=b' => 'a%3db',
        '?senderId=100%' => '100%25',
        '?senderId=100%4' => '100%254',
        '?senderId=%zz%61' => '%25zza',

        # "%61" written as such is not "a"
        '?senderId=%2561' => '%2561',

        # any language, encoded or as it is
        '?senderId=%E5%BC%A0' => '%e5%bc%a0',
        '?senderId=张' => '%e5%bc%a0',

        # what means something elsewhere
        '?senderId=a/../b:c' => 'a%2f..%2fb%3ac',
        '?senderId=a"%22\\' => 'a%22%22%5c',
    );

    is session($_), $key{$_}, $_ for sort keys %key;



=== TEST 2: the name is decoded for the agent
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my %name = (
        'John%20Doe' => 'John Doe',
        'John+Doe' => 'John Doe',
        '%E5%BC%A0%E4%B8%89' => '张三',
        '%22%5C%3C%26' => '"\\<&',
        '%F0%9F%98%80' => '😀',
        'a' x 256 => 'a' x 256,
    );

    is name($_), $name{$_}, $_ for sort keys %name;



=== TEST 3: without an id each connection is a session of its own
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my %seen;
    my $uuid = qr/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}
                   -[0-9a-f]{12}$/x;

    for my $arguments ('', '?', '?senderId=', '?senderId', '?x=1', '?&&') {
        my $id = session($arguments);
        like $id, $uuid, "a generated id for \"$arguments\"";
        ok !$seen{$id}++, 'a new one';
    }

    my $c = $T->connect('/ws');

    for my $said ('one', 'two') {
        $c->chat($said);
        $c->answer;
    }

    is [$agent->requests]->[-1]{session}, [$agent->requests]->[-2]{session},
       'it stays as long as the connection does';



=== TEST 4: what can be no id is refused, with a line that says which
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my %fault = (
        'a' x 257 => 'is too long',

        # 256 bytes is not 256 characters
        '%E5%BC%A0' x 86 => 'is too long',

        'a%00b' => 'contains control characters',
        'a%0Ab' => 'contains control characters',
        '%0D%0AX-Evil:+1' => 'contains control characters',
        '%7F' => 'contains control characters',
        '%C2%85' => 'contains control characters',

        '%FF' => 'is not valid UTF-8',
        '%C0%AF' => 'is not valid UTF-8',
        '%ED%A0%80' => 'is not valid UTF-8',
        '%F4%90%80%80' => 'is not valid UTF-8',
        'a%E5%BC' => 'is not valid UTF-8',
    );

    for my $value (sort keys %fault) {
        is refused("senderId=$value"), "400 \"senderId\" $fault{$value}.\n",
           substr($value, 0, 20) . ' as an id';
        is refused("senderId=a&senderName=$value"),
           "400 \"senderName\" $fault{$value}.\n", 'as a name';
    }

    is session('?senderId=' . 'a' x 256), 'a' x 256, '256 bytes are fine';
    is session('?senderId=' . '%E5%BC%A0' x 85), '%e5%bc%a0' x 85;
    is $agent->count, 2;

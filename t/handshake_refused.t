# Tests for handshakes that are refused: the status, the headers that help a
# client, and one line that helps its author.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# what a handshake with these headers is answered with

sub refused {
    my %header = @_;

    my $c = $TestEnv::T->connect('/ws', headers => \%header, any => 1);

    like $c->body, qr/\A[ -~]+\n\z/, 'one line of text';
    like $c->header('Content-Type'), qr{^text/plain}, 'said to be text';

    return $c;
}


run_tests();

__DATA__

=== TEST 1: the method
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    for my $method (qw(POST PUT DELETE OPTIONS PATCH)) {
        my $c = refused(method => $method);
        is $c->status, 405, $method;
        is $c->header('Allow'), 'GET';
    }

    is $agent->count, 0;



=== TEST 2: not a WebSocket client
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my %case = (
        'no Upgrade' => { Upgrade => undef },
        'another Upgrade' => { Upgrade => 'h2c' },
        'a part of the word' => { Upgrade => 'websockets' },
        'no Connection' => { Connection => undef },
        'another Connection' => { Connection => 'keep-alive' },
        'an old HTTP' => { http => '1.0' },
    );

    for my $what (sort keys %case) {
        my $c = refused(%{ $case{$what} });
        is $c->status, 426, $what;
        is $c->header('Upgrade'), 'websocket';
        like $c->body, qr/WebSocket/;
    }

    is $T->get('/ws')->{status}, 426, 'a plain request';



=== TEST 3: the version
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    for my $version (undef, '', 8, 14, 130, '13, 8', 'x') {
        my $c = refused('Sec-WebSocket-Version' => $version);
        is $c->status, 426, 'version ' . ($version // 'none');
        is $c->header('Sec-WebSocket-Version'), 13, 'which one is spoken';
        is $c->header('Upgrade'), 'websocket';
        like $c->body, qr/Sec-WebSocket-Version/;
    }

    is refused('Sec-WebSocket-Version' => "13\r\nSec-WebSocket-Version: 13")
       ->status, 400, 'two of them';



=== TEST 4: the key
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my @key = (
        undef, '', 'short', 'dGhlIHNhbXBsZSBub25jZQ',
        'dGhlIHNhbXBsZSBub25j',             # 15 bytes
        'dGhlIHNhbXBsZSBub25jZQAA',         # 18 bytes
        'dGhlIHNhbXBsZSBub25jZQ=!',
    );

    for my $key (@key) {
        my $c = refused('Sec-WebSocket-Key' => $key);
        is $c->status, 400, $key // 'none';
        like $c->body, qr/Sec-WebSocket-Key/;
    }

    is refused('Sec-WebSocket-Key' => "$WsFrame::KEY\r\n"
               . "Sec-WebSocket-Key: $WsFrame::KEY")->status, 400,
       'two of them';



=== TEST 5: a body
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    # the bytes after the header are frames, nothing else

    is refused('Content-Length' => 5, Connection => 'Upgrade, close')->status,
       400;
    is refused('Transfer-Encoding' => 'chunked')->status, 400;
    is $T->connect('/ws', headers => { 'Content-Length' => 0 })->status, 101,
       'but an empty one is none';

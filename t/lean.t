# Tests for openclaw_lean: the request is freed after the handshake, and the
# connection lives on.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# the line that the error log has for the end of a sender's connection

sub ended {
    my ($sender) = @_;

    return $TestEnv::T->wait_for_log(
        qr/ connection of sender "\Q$sender\E" closed with .*/);
}


run_tests();

__DATA__

=== TEST 1: a chat, and the line at its end
--- http_config
    openclaw_lean on;
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('fails', error => 'no');

    my $c = $T->connect('/ws?senderId=ann');

    is $c->chat('hello')->answer->{content}, 'echo: hello';
    is $c->chat('hello', chatType => 'group', groupId => 'g')->answer->{type},
        'chat.response';
    is $c->chat('fails')->answer->{code}, 'agent_error';
    $c->send_text('nonsense');
    is $c->recv_json->{code}, 'parse_error';
    $c->close(4321);

    main::ended('ann');

    my ($line) = $T->error_log =~ /(connection of sender "ann" .*)/;

    like $line, qr/^connection of sender "ann" closed with 4321, messages: 4, turns: 3, errors: 2, frames: 5 received, \d+ sent, bytes: \d+ received, \d+ sent, client: 127\.0\.0\.1, server: /;



=== TEST 2: the access log has the handshake
--- http_config
    log_format openclaw '$uri $status $openclaw_sender_id $openclaw_messages $openclaw_close_code';
--- config
    access_log logs/access.log openclaw;

    location = /ws {
        openclaw_lean on;
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws?senderId=ann');
    my $log;

    $T->wait_for(sub { ($log) = grep { m{^/ws} } split /\n/, $T->access_log },
                 'a line in the access log');

    is $log, '/ws 101 ann 0 -';

    is $c->chat('hello')->answer->{content}, 'echo: hello';
    is $c->close, 1000;
    main::ended('ann');

    is scalar(grep { m{^/ws} } split /\n/, $T->access_log), 1, 'and no other';



=== TEST 3: limit_conn does not count it, openclaw_connections does
--- http_config
    openclaw_lean on;
    limit_conn_zone $arg_senderId zone=senders:1m;
--- config
    location = /ws {
        limit_conn senders 1;
        openclaw_connections 2;
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my @c;

    for (1, 2) {
        push @c, $T->connect('/ws?senderId=ann');
        is $c[-1]->status, 101;
        is $c[-1]->chat('hello', messageId => "m$_")->answer->{content},
            'echo: hello';
    }

    my $third = $T->connect('/ws?senderId=ann');

    is $third->recv_json->{code}, 'too_many_connections';
    is $third->close_code, 1013;



=== TEST 4: headers, agents and names that depend on the request stay
--- http_config
    openclaw_lean on;
--- config
    location = /ws {
        openclaw_agent $arg_agent;
        openclaw_sender_name $arg_name;
        openclaw_set_header X-Tenant $http_x_tenant;
        openclaw_set_header X-Plain plain;
        openclaw_set_header X-None $arg_none;
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws?senderId=ann&agent=Sales&name=Ann',
                        headers => { 'X-Tenant' => 'acme' });

    # whatever the memory of the request is used for meanwhile

    $T->connect('/ws?senderId=' . 'x' x 200 . '&agent=other&name=' . 'y' x 200,
                headers => { 'X-Tenant' => 'z' x 200 }) for 1 .. 5;

    like $c->chat('hello')->answer->{content}, qr/"name":"Ann".*hello$/s;

    my ($request) = $agent->requests;

    is $request->{headers}{'x-tenant'}, 'acme';
    is $request->{headers}{'x-plain'}, 'plain';
    is $request->{headers}{'x-none'}, undef;
    is $request->{headers}{'x-openclaw-message-channel'}, 'websocket';
    is $request->{session}, 'agent:sales:websocket:direct:ann';



=== TEST 5: frames that came glued to the handshake
--- http_config
    openclaw_lean on;
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- ws
--- raw_request eval
WsFrame::handshake('/ws') . WsFrame::text('{"type":"ping"}')
    . WsFrame::ping('p') . WsFrame::close_frame(1000)
--- response_body
text {"type":"pong"}
pong p
close 1000



=== TEST 6: a handshake with large headers
--- http_config
    openclaw_lean on;
    large_client_header_buffers 4 8k;
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my %headers = map { ("X-Large-$_" => 'x' x 7000) } 1 .. 3;
    my $c = $T->connect('/ws?senderId=ann', headers => \%headers);

    is $c->chat('hello')->answer->{content}, 'echo: hello';
    is $c->close, 1000;
    main::ended('ann');



=== TEST 7: a mirror that takes its time keeps the request
--- http_config
    openclaw_lean on;
--- config
    location = /ws {
        mirror /mirror;
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }

    location = /mirror {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT/seen;
    }
--- scenario
    $agent->on({ method => 'GET' }, gate => 'go', reply => [200, {}]);

    my $c = $T->connect('/ws?senderId=ann');

    $agent->wait_for_gate('go');
    is $c->chat('hello')->answer->{content}, 'echo: hello';
    unlike $T->access_log, qr{GET /ws}, 'there is no line yet';

    $agent->release('go');

    # it is freed with an event of the connection

    $T->wait_for(sub {
        $c->send_json({ type => 'ping' });
        $c->recv_json;
        return $T->access_log =~ m{GET /ws\S* HTTP/1.1" 101 };
    }, 'a line in the access log');

    is $c->chat('hello again')->answer->{content}, 'echo: hello again';
    is $c->close, 1000;
    main::ended('ann');



=== TEST 8: a mirror that fails, which has nginx take the connection back
--- http_config
    openclaw_lean on;
--- config
    location = /ws {
        mirror /mirror;
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }

    location = /mirror {
        internal;
        log_subrequest on;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/cut;
    }

    location = /cut {
        return 444;
    }
--- scenario
    my $c = $T->connect('/ws?senderId=ann');

    $T->wait_for(sub { $T->access_log =~ m{ 502 } }, 'the mirror');
    is $c->chat('hello')->answer->{content}, 'echo: hello';

    $T->wait_for(sub { $T->access_log =~ m{GET /ws\S* HTTP/1.1" 101 } },
                 'a line in the access log');

    is $c->chat('hello again')->answer->{content}, 'echo: hello again';
    is $c->close, 1000;
    main::ended('ann');



=== TEST 9: what is sent behind a Close is read, as nginx would
--- http_config
    openclaw_lean on;
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $c = $T->connect('/ws?senderId=ann');

    # it would be answered with a reset, which takes our Close away

    $c->send_raw(WsFrame::close_frame(1000) . 'x' x 1_000_000);
    is $c->close_code, 1000;

    my $d = $T->connect('/ws?senderId=bob');

    $d->send_raw("\xff" x 1_000_000);
    is $d->close_code, 1002;

    main::ended($_) for 'ann', 'bob';
    unlike $T->error_log, qr/reset by peer/;



=== TEST 10: who the service has said it is, and when that expires
--- http_config
    openclaw_lean on;
--- config
    location = /ws {
        openclaw_auth http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    $agent->on({ path => qr{^/auth} }, gate => 'auth',
               reply => [200, '{"success":true,"data":{"userId":"ann"}}']);

    my $c = $T->connect('/ws?token=secret');

    # the request has gone before the service has answered

    $T->wait_for(sub { $T->access_log =~ m{GET /ws\S* HTTP/1.1" 101 } },
                 'a line in the access log');
    $agent->wait_for_gate('auth')->release('auth');

    like $c->chat('hello')->answer->{content}, qr/hello$/;
    is [$agent->requests]->[-1]{session}, 'agent:main:websocket:direct:ann';
    is $c->close, 1000;
    main::ended('ann');

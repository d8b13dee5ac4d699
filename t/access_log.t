# Tests for the variables of a connection, in the line of the access log that
# its end is written by.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# the lines of this location so far, when there are so many

sub lines {
    my ($n) = @_;

    my @line;

    $TestEnv::T->wait_for(sub {
        @line = grep { !m{^/up} } split /\n/, $TestEnv::T->access_log;
        return @line >= $n;
    }, "$n lines in the access log");

    return @line;
}


run_tests();

__DATA__

=== TEST 1: what a connection did
--- http_config
    log_format openclaw '$uri $openclaw_sender_id $openclaw_session $openclaw_messages $openclaw_turns $openclaw_errors $openclaw_last_error $openclaw_frames_received $openclaw_frames_sent $openclaw_close_code';
--- config
    access_log logs/access.log openclaw;

    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $agent->on('fails', error => 'no');
    $agent->otherwise(say => 'well');

    my $c = $T->connect('/ws?senderId=ann');

    is $c->chat('hello')->answer->{content}, 'well';
    is $c->chat('hello', chatType => 'group', groupId => 'g')->answer->{type},
        'chat.response';
    is $c->chat('fails')->answer->{code}, 'agent_error';
    $c->send_text('nonsense');
    is $c->recv_json->{code}, 'parse_error';
    $c->send_json({ type => 'ping' });
    is $c->recv_json->{type}, 'pong';
    $c->close(1000);

    # typing, a part, the answer, twice; typing, an error; an error; pong; Close

    is_deeply [main::lines(1)], ['/ws ann '
        . 'agent:main:websocket:direct:ann 5 3 2 parse_error 6 11 1000'];



=== TEST 2: one that did nothing, one that said nothing, one that was not one
--- http_config
    log_format openclaw '$uri $status $openclaw_sender_id $openclaw_session $openclaw_messages $openclaw_errors $openclaw_last_error $openclaw_close_code';
--- config
    access_log logs/access.log openclaw;

    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /other { return 204; }
--- scenario
    $T->connect('/ws?senderId=ann')->close(4321);
    main::lines(1);
    $T->connect('/ws?senderId=bob')->disconnect;
    main::lines(2);
    $T->get('/ws');
    $T->get('/other');

    is_deeply [main::lines(4)], ['/ws 101 ann - 0 0 - 4321',
                                 '/ws 101 bob - 0 0 - 1006',
                                 '/ws 426 - - - - - -',
                                 '/other 204 - - - - - -'];



=== TEST 3: the bytes of frames
--- http_config
    log_format openclaw '$uri $openclaw_bytes_received $openclaw_bytes_sent $bytes_sent';
--- config
    access_log logs/access.log openclaw;

    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $c = $T->connect('/ws?senderId=ann');
    my $ping = WsFrame::ping('x' x 100);

    $c->send_raw($ping . WsFrame::close_frame(1000));
    is $c->close_code, 1000;
    $c->disconnect;

    my ($in, $out, $all) = (main::lines(1))[0] =~ /(\d+) (\d+) (\d+)$/;

    is $in, length $ping . WsFrame::close_frame(1000);
    is $out, 102 + 4;
    cmp_ok $all, '>', $out + 100, 'the handshake is not in it';



=== TEST 4: sessions of groups, and keys of any length
--- http_config
    log_format openclaw '$uri $openclaw_session';
--- config
    access_log logs/access.log openclaw;

    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $c = $T->connect('/ws?senderId=ann');

    for my $id ('a', 'B' x 200, 'c', 'D' x 256, 'Team 1') {
        $c->chat('hello', chatType => 'group', groupId => $id)->answer;
    }

    $c->close;
    is_deeply [main::lines(1)],
        ['/ws agent:main:websocket:group:%54eam%201'];



=== TEST 5: who was authenticated
--- http_config
    log_format openclaw '$uri $openclaw_sender_id $openclaw_errors $openclaw_last_error $openclaw_close_code';
--- config
    access_log logs/access.log openclaw;

    location = /ws {
        openclaw_pass  http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth  http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
    }
--- scenario
    $agent->on({ path => qr{^/auth}, times => 1 }, reply =>
               [200, '{"success":true,"data":{"userId":"ann"}}']);
    $agent->on({ path => qr{^/auth} }, reply =>
               [200, '{"success":false,"error":"no"}']);

    my $c = $T->connect('/ws?token=t');
    $c->chat('hello')->answer;
    $c->close(1000);
    main::lines(1);

    $c = $T->connect('/ws?token=t');
    is $c->close_code, 4401;
    $c->disconnect;

    is_deeply [main::lines(2)], ['/ws ann 0 - 1000',
                                 '/ws - 1 auth_failed 4401'];

# A zone without room refuses messages, keeps what it has accepted, and takes
# new ones when turns have ended.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# the code of a refusal, or what the message was accepted with

sub says {
    my ($client, $content, %field) = @_;

    $client->chat($content, messageId => $content, %field);
    my $first = $client->recv_json;

    return $first->{code} // $first->{type};
}


run_tests();

__DATA__

=== TEST 1: running turns of many sessions
--- http_config
    openclaw_zone small:32k;
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $T->allow_log(qr/could not allocate session in openclaw zone "small"/);
    $agent->otherwise(gate => 'go', say => 'well');

    my ($n, $said) = 0;
    my @client = map { on_worker($_, '/ws') } two_workers();

    while (1) {
        $said = says($client[$n % 2], "m$n", senderId => "s$n");
        last if $said ne 'chat.typing';
        $n++;
    }

    is $said, 'zone_full';
    cmp_ok $n, '>', 10;
    like $T->zone_check, qr/ $n tickets/;

    # there is none for a turn more of a session that is there, either

    is says($client[0], 'next', senderId => 's0'), 'zone_full';
    is says($client[1], 'other', senderId => 's'), 'zone_full';

    # none that was accepted is lost

    $agent->wait_for_gate('go', $n)->release('go');

    for my $i (0, 1) {
        my %ended = map { $_ => 1 }
                    map { $client[$i]->answer->{messageId} }
                    grep { $_ % 2 == $i } 0 .. $n - 1;
        is scalar keys %ended, scalar grep { $_ % 2 == $i } 0 .. $n - 1;
    }

    # and there is room again, for sessions known and unknown

    for ('s0', "s$n", 'other', map { "new$_" } 1 .. 2 * $n) {
        $client[0]->chat('again', senderId => $_);
        is $client[0]->answer->{content}, 'well';
    }

    is $agent->count, $n + 3 + 2 * $n;
    like $T->zone_check, qr/ 0 tickets/;



=== TEST 2: turns that wait for one session
--- http_config
    openclaw_zone small:32k;
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_queue 10000;
        openclaw_turns 0;
    }
--- scenario
    $T->allow_log(qr/could not allocate session in openclaw zone "small"/);
    $agent->on('m0', gate => 'go', say => 'well');

    my $n = 0;
    my @client = map { on_worker($_, '/ws?senderId=ann') } two_workers();

    $n++ while says($client[$n % 2], "m$n") eq 'chat.typing';

    my $bob = $T->connect('/ws?senderId=bob');
    is says($bob, 'hello'), 'zone_full', 'nor is there room for others';
    like $T->zone_check, qr/ $n tickets/;

    $agent->release('go');
    is $client[$_ % 2]->answer->{messageId}, "m$_" for 0 .. $n - 1;
    is join(' ', map { $_->{content} } $agent->requests),
        join(' ', map { "m$_" } 0 .. $n - 1);

    is says($bob, 'hello'), 'chat.typing';
    is $bob->answer->{content}, 'echo: hello';



=== TEST 3: room that a dead worker had taken
--- http_config
    openclaw_zone small:32k;
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    $T->allow_log(qr/could not allocate session in openclaw zone "small"/);
    $agent->on(qr/^m/, 'silence');

    my ($one, $two) = two_workers();
    my $c = on_worker($one, '/ws');
    my $d = on_worker($two, '/ws');
    my $n = 0;

    $n++ while says($c, "m$n", senderId => "s$n") eq 'chat.typing';
    is says($d, 'hello'), 'zone_full';

    $T->kill_worker($one);

    is says($d, 'hello'), 'chat.typing';
    is $d->answer->{content}, 'echo: hello';
    $T->zone_check;

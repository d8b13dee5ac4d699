# openclaw_message_rate: how fast a sender's messages may come.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# how the messages m1, m2, ... of a client end

sub ends {
    my ($c, @id) = @_;

    return join ' ', map {
        $c->chat($_, messageId => $_);
        my $end = $c->answer($_);
        $end->{code} // 'ok';
    } @id;
}


run_tests();

__DATA__

=== TEST 1: what comes too fast is refused, and may be sent again
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $arg_senderId;
        openclaw_message_rate rate=10r/s burst=2;
    }
--- scenario
    my $c = $T->connect('/ws?senderId=ann');

    $c->chat("m$_", messageId => "m$_") for 1 .. 20;

    my %end = map { my $e = $c->answer; ($e->{messageId} => $e) } 1 .. 20;

    is $end{"m$_"}{content}, "echo: m$_" for 1 .. 3;

    my ($id) = grep { $end{$_}{code} } map { "m$_" } 4 .. 20;
    delete @{ $end{$id} }{qw(all streamed)};
    is_deeply $end{$id}, { type => 'chat.error', messageId => $id,
        error => 'Messages come too fast, wait a little and send this one '
                 . 'again', code => 'rate_limited' };

    # what was refused has left nothing behind, nor kept others out

    is $agent->count, grep { !$_->{code} } values %end;
    is main::ends($T->connect('/ws?senderId=bob'), 'm1'), 'ok', 'another one';

    $T->wait_for(sub { main::ends($c, $id) eq 'ok' }, 'its turn');



=== TEST 2: not so many at once, however long one has waited
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $arg_senderId;
        openclaw_message_rate rate=1r/m burst=3;
    }
--- scenario
    is main::ends($T->connect('/ws?senderId=ann'), map { "m$_" } 1 .. 6),
       'ok ok ok ok rate_limited rate_limited';



=== TEST 3: without a burst
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $arg_senderId;
        openclaw_message_rate rate=1r/m;
    }
--- scenario
    is main::ends($T->connect('/ws?senderId=ann'), 'm1', 'm2'),
       'ok rate_limited';



=== TEST 4: over all connections and workers, reloads and crashes
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $arg_senderId;
        openclaw_message_rate rate=1r/m burst=4;
    }
--- scenario
    my ($one, $two) = two_workers();

    is main::ends(on_worker($one, '/ws?senderId=ann'), 'm1'), 'ok';
    is main::ends(on_worker($two, '/ws?senderId=ann'), 'm2', 'm3'), 'ok ok';

    $T->kill_worker($one);
    is main::ends(on_worker($two, '/ws?senderId=ann'), 'm4'), 'ok';

    $T->reload;
    is main::ends($T->connect('/ws?senderId=ann'), 'm5', 'm6'),
       'ok rate_limited';
    is main::ends($T->connect('/ws?senderId=bob'), 'm1'), 'ok';
    like $T->zone_check, qr/ 2 rates/;



=== TEST 5: a sender that is not bound is an address
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_message_rate rate=1r/m burst=2;
    }
--- scenario
    my $c = $T->connect('/ws?senderId=ann');

    # another name is no help, and no harm to who has it

    is main::ends($c, 'm1'), 'ok';
    $c->chat('m2', senderId => 'bob');
    is $c->answer->{content}, 'echo: m2';
    is main::ends($T->connect('/ws?senderId=eve'), 'm3', 'm4'),
       'ok rate_limited';
    $c->chat('m5', senderId => 'mia');
    is $c->answer->{code}, 'rate_limited';

    is main::ends(WsClient->connect('/ws', host => '127.0.0.2'), 'm1'),
       'rate_limited', 'to another address, from the same';



=== TEST 6: each rate is counted by itself
--- config
    openclaw_sender_id $arg_senderId;

    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_message_rate rate=1r/m burst=1;
    }

    location = /other {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_message_rate rate=2r/m;
    }

    location = /same {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_message_rate rate=1r/m burst=1;
    }

    location = /off {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_message_rate off;
    }
--- scenario
    my %c = map { $_ => $T->connect("/$_?senderId=ann") } qw(ws other same off);

    is main::ends($c{ws}, 'm1'), 'ok';
    is main::ends($c{other}, 'm2', 'm3'), 'ok rate_limited';
    is main::ends($c{same}, 'm4', 'm5'), 'ok rate_limited';
    is main::ends($c{off}, map { "n$_" } 1 .. 10), join ' ', ('ok') x 10;
    is main::ends($c{ws}, 'm6'), 'rate_limited';



=== TEST 7: a message that is sent again is one more; pings and aborts are not
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $arg_senderId;
        openclaw_message_rate rate=1r/m burst=2;
    }
--- scenario
    my $c = $T->connect('/ws?senderId=ann');

    $c->send_json({ type => 'ping' });
    $c->send_json({ type => 'chat.abort' });
    $c->send_text('nonsense');
    is main::ends($c, 'm1', 'm1', 'm2', 'm1'), 'ok ok ok rate_limited';
    is $agent->count, 2;



=== TEST 8: a dry run only tells
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $arg_senderId;
        openclaw_message_rate rate=1r/m dry_run;
    }
--- scenario
    is main::ends($T->connect('/ws?senderId=ann'), 'm1', 'm2', 'm3'),
       'ok ok ok';
    like $T->error_log, qr/\[error\].* limiting messages, dry run, /;
    like $T->error_log, qr/, excess: (?:1\.000|0\.\d+) of this sender/;



=== TEST 9: one line for each, and one error for those in a row
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_message_rate rate=1r/m;
    }
--- scenario
    my $c = $T->connect('/ws');

    is main::ends($c, map { "m$_" } 1 .. 11),
       join ' ', 'ok', ('rate_limited') x 10;

    my @error = $T->error_log =~ /\[error\].*limiting messages, .*/g;
    my @info = $T->error_log =~ /\[info\].*limiting messages, .*/g;

    is @error, 1;
    is @info, 9;
    like $error[0], qr/excess: (?:1\.000|0\.\d+) of this address/;
    unlike $T->error_log, qr/that was refused/;



=== TEST 10: no memory but for those who have sent something lately
--- http_config
    openclaw_zone small:128k;
--- config
    openclaw_sender_id $arg_senderId;

    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_message_rate rate=1r/m;
    }

    location = /fast {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_message_rate rate=100000r/s;
    }
--- scenario
    is main::ends($T->connect("/fast?senderId=s$_"), 'm1'), 'ok' for 1 .. 20;

    my ($rates) = $T->zone_check =~ / (\d+) rates/;
    cmp_ok $rates // 1, '<', 3, 'those that have run down are forgotten';

    # an eighth of the zone is for the others: the oldest have to go

    is main::ends($T->connect("/ws?senderId=s$_"), 'm1'), 'ok' for 1 .. 150;

    ($rates) = $T->zone_check =~ / (\d+) rates/;
    cmp_ok $rates // 1, '<=', 128;
    is main::ends($T->connect('/ws?senderId=s150'), 'm2'), 'rate_limited';

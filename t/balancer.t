# Several machines with nginx behind one that hashes on senderId, as
# docs/operations.md has it: here the nginx of the test is the balancer, and
# two more, with the module, a zone and workers of their own, are the machines.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# A machine with all of its files in a directory of its own; it is stopped
# when the object goes.

package Machine;

use Time::HiRes qw(sleep time);


sub start {
    my ($class, $n) = @_;

    my $self = bless { n => $n, root => "$ENV{TEST_NGINX_TMP}/machine$n",
                       port => $ENV{'TEST_NGINX_AGENT' . ($n + 2) . '_PORT'} },
                     $class;

    mkdir "$self->{root}$_" or die "$self->{root}$_: $!" for '', '/logs';

    my ($load) = TestEnv::Scenario::slurp(TestEnv::Scenario::config_file())
                 =~ /^(load_module .*openclaw.*)$/m;
    my ($one, $two) = @ENV{qw(TEST_NGINX_AGENT_PORT TEST_NGINX_AGENT2_PORT)};

    # the urls are the same on all machines, their order is not

    ($one, $two) = ($two, $one) if $n == 2;

    open my $out, '>', "$self->{root}/nginx.conf" or die $!;
    print $out "${\ ($load // '') }
        worker_processes 2;
        error_log logs/error.log info;
        pid logs/nginx.pid;
        events { worker_connections 64; }
        http {
            access_log off;
            client_body_temp_path logs; proxy_temp_path logs;
            fastcgi_temp_path logs; uwsgi_temp_path logs; scgi_temp_path logs;
            server {
                listen 127.0.0.1:$self->{port};
                add_header X-Machine $n always;
                location /ws {
                    openclaw_pass http://127.0.0.1:$one http://127.0.0.1:$two;
                }
            }
        }\n";
    close $out;

    local $ENV{LD_PRELOAD} = $ENV{TEST_NGINX_LD_PRELOAD} // '';
    local $?;
    system($ENV{TEST_NGINX_BINARY}, '-p', $self->{root}, '-e',
           'logs/error.log', '-c', 'nginx.conf') == 0
        or die "machine $n does not start\n";

    return $self;
}


sub stop {
    my ($self) = @_;

    my $pid = TestEnv::Scenario::slurp("$self->{root}/logs/nginx.pid");

    return unless $pid && $pid =~ /^(\d+)/ && !$self->{stopped}++;

    $pid = $1;
    my $deadline = time + WsClient::timeout();
    my @all = ($pid, TestEnv::children($pid));

    local $?;
    TestEnv::terminate($pid);
    sleep 0.005 while grep({ TestEnv::alive($_) } @all) && time < $deadline;
    kill 'KILL', @all;
}


sub error_log { TestEnv::Scenario::slurp("$_[0]{root}/logs/error.log") }

sub DESTROY { $_[0]->stop }


package main;

run_tests();

__DATA__

=== TEST 1: each sender has a machine, and each session a gateway
--- agents: 2
--- http_config
    map $arg_senderId $chat_key {
        ""       $request_id;
        default  $arg_senderId;
    }

    map $http_upgrade $connection_upgrade {
        ""       close;
        default  upgrade;
    }

    upstream chat {
        hash    $chat_key consistent;
        server  127.0.0.1:$TEST_NGINX_AGENT3_PORT;
        server  127.0.0.1:$TEST_NGINX_AGENT4_PORT;
    }
--- config
    location = /ws {
        proxy_pass          http://chat;
        proxy_http_version  1.1;
        proxy_set_header    Host $http_host;
        proxy_set_header    Upgrade $http_upgrade;
        proxy_set_header    Connection $connection_upgrade;
        proxy_read_timeout  2m;
    }
--- scenario
    my @machine = map { Machine->start($_) } 1, 2;
    my %of;

    for my $id ('a' .. 'z') {
        my $c = $T->connect("/ws?senderId=$id&v=1");
        $of{$id} = $c->header('X-Machine');

        is $c->chat("hello $id", messageId => 'm1')->answer->{content},
           "echo: hello $id";
        $c->disconnect;

        # over another connection the same machine knows the answer

        $c = $T->connect("/ws?v=2&senderId=$id");
        is $c->header('X-Machine'), $of{$id}, "the machine of $id";
        is $c->chat("hello $id", messageId => 'm1')->answer->{content},
           "echo: hello $id";
    }

    is join('', sort keys %{ { reverse %of } }), '12', 'both have some';
    is $T->agent(1)->count + $T->agent(2)->count, 26, 'each asked once';

    # whichever machine asks, the gateway is the same

    my %gateway;

    for my $n (1, 2) {
        my $c = $T->connect('/ws?senderId=z', port => $machine[$n - 1]{port});
        is $c->header('X-Machine'), $n;

        for my $id ('a' .. 'z') {
            $c->chat('x', senderId => $id, messageId => "$n$id")
              ->answer("$n$id");
        }
    }

    for my $n (1, 2) {
        $gateway{$_->{session}}{$n}++ for $T->agent($n)->requests;
    }

    is scalar keys %gateway, 26;
    is scalar(grep { keys %$_ > 1 } values %gateway), 0;

    # a sender's two connections take turns

    my @c = map { $T->connect('/ws?senderId=a') } 1, 2;
    my ($n) = keys %{ $gateway{'agent:main:websocket:direct:a'} };

    $agent = $T->agent($n);
    $agent->forget->on('one', gate => 'go', say => 'first');
    $c[0]->chat('one');
    $agent->wait_for_gate('go');
    $c[1]->chat('two')->sync;
    is $agent->count, 1;
    $agent->release('go');
    is $c[0]->answer->{content}, 'first';
    is $c[1]->answer->{content}, 'echo: two';

    # those who do not say who they are are spread, too

    my %anonymous = map { $T->connect('/ws')->header('X-Machine') => 1 }
                    1 .. 40;
    is join('', sort keys %anonymous), '12';

    # a machine leaves: its senders are served by the other one

    $machine[1]->stop;

    for my $id (sort keys %of) {
        my $c = $T->connect("/ws?senderId=$id");
        is $c->header('X-Machine'), 1, "$id was on $of{$id}";
        is $c->chat("again $id")->answer->{content}, "echo: again $id";
    }

    $_->stop for @machine;
    unlike $_->error_log, qr/\[(?:alert|emerg|error)\]|Sanitizer/ for @machine;

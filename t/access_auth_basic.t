# auth_basic says who is there, and openclaw_sender_id binds what they say to
# that.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();
run_tests();

__DATA__

=== TEST 1: the user of the password is the sender
--- user_files
>>> users
ann:{PLAIN}secret
bob:{PLAIN}other
--- config
    location = /ws {
        auth_basic "chat";
        auth_basic_user_file ../html/users;
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_sender_id $remote_user;
        openclaw_sender_name $remote_user;
    }
--- scenario
    # ann:secret, bob:other, ann:other

    my %ann = (headers => { Authorization => 'Basic YW5uOnNlY3JldA==' });
    my %bob = (headers => { Authorization => 'Basic Ym9iOm90aGVy' });
    my %bad = (headers => { Authorization => 'Basic YW5uOm90aGVy' });

    my $nobody = $T->connect('/ws?senderId=ann', any => 1);
    is $nobody->status, 401;
    like $nobody->header('WWW-Authenticate'), qr/Basic realm="chat"/;
    is $T->connect('/ws?senderId=ann', any => 1, %bad)->status, 401;

    my $ann = $T->connect('/ws?senderId=bob&senderName=Bob', %ann);
    my $bob = $T->connect('/ws', %bob);

    $_->chat('hello')->answer for $ann, $bob;

    is join(' ', map { $_->{session} =~ s/.*://r } $agent->requests),
       'ann bob';
    unlike +($agent->requests)[0]{content}, qr/Bob/;

    $ann->chat('it is me', senderId => 'bob');
    is $ann->answer->{code}, 'sender_refused';

    # neither the password nor who checked it goes further

    for my $asked ($agent->requests) {
        unlike WsFrame::to_json($asked), qr/YW5uOnNlY3|Ym9iOm90/;
    }

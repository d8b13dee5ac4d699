# The client, against a server of 40 lines.

use strict;
use warnings;

use lib 't/lib';
use TestEnv qw(stock);
use Compress::Raw::Zlib;
use IO::Socket::INET;
use POSIX ();
use Test::More;

use WsClient;
use WsFrame;


my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
    or die $!;
my $port = $listen->sockport;
my @server;


# A process that takes one connection, shakes hands and does what it is told.

sub serve {
    my ($do, $extra) = @_;

    my $pid = fork // die $!;

    if ($pid) {
        push @server, $pid;
        return WsClient->connect('/x', port => $port, timeout => 3, @_[2 .. $#_]);
    }

    my $c = $listen->accept;
    my $in = '';

    sysread $c, $in, 4096, length $in until $in =~ s/.*?\r\n\r\n//s;
    my $put = sub { syswrite $c, $_ for @_ };
    my $get = sub {
        while (1) {
            my $f = WsFrame::parse(\$in);
            return $f if $f;
            sysread($c, $in, 65536, length $in) or return;
        }
    };

    $put->("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
           . 'Connection: Upgrade' . ($extra // '') . "\r\nSec-WebSocket-Accept: "
           . WsFrame::accept_key($WsFrame::KEY) . "\r\n\r\n");
    eval { $do->($put, $get, $c) };
    POSIX::_exit(0);
}


sub plain { WsFrame::frame(@_, mask => undef) }


# messages

my $c = serve(sub {
    my ($put, $get) = @_;
    $put->(plain('text', '{"type":"a","n":1}'), plain('ping', 'are you there'),
           plain('text', '{"type":', fin => 0), plain('ping', 'still'),
           plain('cont', '"b"}'));
    $put->(plain('text', $get->()->{payload})) for 1 .. 2;
    $put->(plain('text', join ',', map { length $get->()->{payload} } 1 .. 3));
    $get->();
});

is_deeply($c->recv_json, { type => 'a', n => 1 }, 'a message');
is($c->recv_json->{type}, 'b', 'one in fragments');
is($c->recv_text, 'are you there', 'pings are answered');
is($c->recv_text, 'still', 'between fragments too');
$c->send_text('x' x $_) for 125, 126, 70000;
is($c->recv_text, '125,126,70000', 'lengths in all forms');
$c->disconnect;

# answers

$c = serve(sub {
    my ($put, $get) = @_;
    my $m = WsFrame::from_json($get->()->{payload});
    my $say = sub { $put->(plain('text', WsFrame::to_json({ messageId =>
                           $m->{messageId}, @_ }))) };
    $say->(type => 'chat.typing');
    $say->(type => 'chat.stream', content => $_) for "h\xc3\xa9", 'llo';
    $say->(type => 'chat.response', content => $m->{content});
    $put->(plain('pong', $get->()->{payload}));
    $put->(plain('close', pack('n', 1012) . 'reload'));
});

$c->chat("h\xc3\xa9llo", messageId => 'm1');
my $answer = $c->answer('m1');
is($answer->{streamed}, "h\xc3\xa9llo", 'parts, as UTF-8 bytes');
is($answer->{content}, $answer->{streamed}, 'and the whole');
is(scalar @{ $answer->{all} }, 4, 'all messages');
is_deeply([$c->sync], [], 'nothing else came');
is($c->close_code, 1012, 'the close code');
is($c->close_reason, 'reload', 'and why');
is($c->is_open, 0, 'the end is seen');

# what does not come

$c = serve(sub { $_[0]->(plain('text', 'one')); $_[1]->() }, undef,
           timeout => 0.2, name => 'alice');
is($c->recv_text, 'one');
ok(!eval { $c->recv_json('a word'); 1 }, 'waiting ends');
like($@, qr/^alice: waited 0\.2 s for a word; the last frame was: text one at/,
     'and says for what');
is($c->is_open, 1, 'the connection is still there');
$c->reset;

$c = serve(sub { });
ok(!eval { $c->recv_text; 1 }, 'the end while waiting');
like($@, qr/closed while waiting for a message/, 'is said');
is($c->close_code, 1006, 'an end without a close');

$c = serve(sub { $_[0]->(plain('close', pack 'n', 1009)); $_[1]->() });
ok(!eval { $c->recv_text; 1 }, 'a close while waiting');
like($@, qr/closed with 1009/, 'is said with its code');
$c->disconnect;

# a slow reader: the server is stuck until it is read

$c = serve(sub {
    my ($put) = @_;
    $put->(plain('binary', 'x' x 1e6)) for 1 .. 20;
    $put->(plain('close', pack 'n', 1000));
}, undef, rcvbuf => 4096);

select undef, undef, undef, 0.05;
is(waitpid($server[-1], POSIX::WNOHANG()), 0, 'the server waits for the reader');
is(scalar grep({ length $_->{payload} == 1e6 } $c->drain), 20,
   'and all comes through');

# permessage-deflate

$c = serve(sub {
    my ($put, $get) = @_;
    my $in = Compress::Raw::Zlib::Inflate->new(-WindowBits => -15,
                                               -AppendOutput => 1);
    for (1 .. 2) {
        my $f = $get->();
        my ($bytes, $out) = ("$f->{payload}\0\0\xff\xff", '');
        $in->inflate($bytes, $out);
        $put->(plain('text', "$f->{rsv} " . length($f->{payload}) . " $out"));
        $put->(plain('text', $f->{payload}, rsv => 4));
    }
}, "\r\nSec-WebSocket-Extensions: permessage-deflate", deflate => 1);

$c->send_text('hello hello hello' x 20);
like($c->recv_text, qr/^4 \d+ (?:hello hello hello){20}$/, 'deflated');
is($c->recv_text, 'hello hello hello' x 20, 'inflated');
$c->send_text('hello hello hello' x 20);
like($c->recv_text, qr/^4 \d /, 'the window is kept');
is($c->recv_text, 'hello hello hello' x 20);

# a wrong handshake

ok(!eval { serve(sub { }, undef, headers => { 'Sec-WebSocket-Key' => 'x' }); 1 },
   'a wrong accept key');
like($@, qr/wrong Sec-WebSocket-Accept/, 'is refused');

waitpid $_, 0 for @server;
done_testing();

# "make run": conf.example/ as it stands, its page, and the demo agent, which
# remembers each session; and nothing of it is left afterwards.

use strict;
use warnings;

use lib 't/lib';
use WsClient;

use IO::Select;
use IO::Socket::INET;
use IPC::Open3;
use Test::More;
use Time::HiRes qw(sleep time);


# two free ports, one after the other

my ($port) = grep {
    my $p = $_;
    2 == grep { IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                      LocalPort => $_, Listen => 1) }
         $p, $p + 1;
} map { 30000 + ($$ * 2 + $_ * 2) % 2000 } 1 .. 100;

$ENV{PORT} = $port;
$ENV{DELAY} = 0;
delete @ENV{qw(OPENCLAW_URL OPENCLAW_TOKEN SANITIZE)};

# a shell in the background ignores it, which what it starts would inherit

$SIG{INT} = 'DEFAULT';

my ($prefix, $ours);
my $pid = open3(my $in, my $out, undef, 'make', '-s', 'run');
my $said = '';


sub hear {
    my ($pattern) = @_;

    my $deadline = time + 12 * WsClient::timeout();

    until ($said =~ $pattern) {
        die "make run said:\n$said" if time > $deadline;
        next unless IO::Select->new($out)->can_read(1);
        sysread $out, $said, 4096, length $said
            or die "make run has ended:\n$said";
    }
}


sub say_and_hear {
    my ($uri, @say) = @_;

    my $ws = WsClient->connect($uri, port => $port);

    return map { $ws->chat($_)->answer->{content} } @say;
}


sub get {
    my ($path) = @_;

    my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                     PeerPort => $port) or die "connect: $!";

    print $sock "GET $path HTTP/1.0\r\nHost: localhost\r\n\r\n";
    local $/;
    return <$sock>;
}


sub processes { map { m{(\d+)} } glob '/proc/[0-9]*' }


sub ours { grep { process($_)->{command} =~ $ours } processes() }


sub process {
    my ($pid) = @_;

    my ($stat, $command) = map { slurp("/proc/$pid/$_") } 'stat', 'cmdline';

    return { parent => $stat =~ /\) \S (\d+)/ ? $1 : 0,
             command => $command =~ tr/\0/ /r };
}


sub slurp {
    open my $file, '<', $_[0] or return '';
    local $/;
    return <$file> // '';
}


hear(qr/Ctrl-C stops it/);

like $said, qr{chat page +http://127\.0\.0\.1:$port/\n};
like get('/'), qr{^HTTP/1\.1 200 OK\r\n.*<script type="module" src="}s,
     'the chat page';

like get('/status'), qr{^HTTP/1\.1 200 OK\r\n.*<title>OpenClaw status}s,
     'the status page';

# the README's first conversation

is +(say_and_hear('/ws?senderId=user1&senderName=John', 'My name is John',
                  'What is my name?'))[1],
   'Your name is John.', 'a session is remembered';

unlike +(say_and_hear('/ws?senderId=user2', 'What is my name?'))[0],
       qr/John/, 'by itself';

# as Ctrl-C does it, which all of the foreground gets

($prefix) = $said =~ m{logs +(\S+?)/logs/};
$ours = qr/\Q$prefix\E|--port ${\($port + 1)} /;

is scalar(ours()), 2, 'nginx and the agent are running';

kill 'INT', $pid, grep { process($_)->{parent} == $pid } processes();
waitpid $pid, 0;

my $deadline = time + WsClient::timeout();
sleep 0.02 while -e $prefix && time < $deadline;

ok !-e $prefix, 'no directory is left';
is scalar(ours()), 0, 'and no process';

done_testing();

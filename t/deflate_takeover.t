# Tests for openclaw_deflate takeover: messages refer to those before them, in
# the directions that were agreed to (RFC 7692, 7.1.1.).

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

use Deflate;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# the sizes of two answers that are the same, as they come; without a window
# that is kept, the second one can't be inflated by a new inflater

sub answers {
    my ($c, $kept) = @_;

    my (@size, $inflate);

    for my $n (1 .. 2) {
        $c->chat('say', messageId => "m$n");
        is $c->recv->{payload}, '{"type":"chat.typing"}';

        my $f = $c->recv;

        is $f->{rsv}, 4;
        $inflate = Deflate::inflater if $n == 1 || !$kept;
        is $inflate->($f->{payload}),
           qq({"type":"chat.response","messageId":"m$n",)
           . '"content":"' . join(' ', 1 .. 200) . '","done":true}';

        push @size, length $f->{payload};
    }

    return @size;
}


run_tests();

__DATA__

=== TEST 1: to the client
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate takeover;
        openclaw_stream off;
    }
    location = /on {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
        openclaw_stream off;
    }
--- agent
    $agent->on('say', say => join ' ', 1 .. 200);
--- scenario
    my @size = answers($T->connect('/ws', deflate => 1), 1);
    cmp_ok $size[1], '<', $size[0] / 5;

    @size = answers($T->connect('/ws', deflate => 'permessage-deflate'
                                . '; server_no_context_takeover'));
    cmp_ok abs($size[1] - $size[0]), '<', 5, 'the client asks for no window';

    @size = answers($T->connect('/on', deflate => 1));
    cmp_ok abs($size[1] - $size[0]), '<', 5, 'there is to be none';



=== TEST 2: from the client
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate takeover;
    }
--- scenario
    for my $offer ('', '; client_no_context_takeover',
                   '; server_no_context_takeover',
                   '; client_max_window_bits=9',
                   '; server_max_window_bits=9')
    {
        my $c = $T->connect('/ws', deflate => "permessage-deflate$offer");

        for my $n (1 .. 200) {
            my $said = join ' ', $n .. $n * 2;
            $c->chat($said, messageId => "m$n");
            $c->answer->{content} eq "echo: $said" or fail "message $n";
        }

        is $c->close, 1000, "\"$offer\"";
    }



=== TEST 3: small parts of an answer
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate takeover;
    }
--- agent
    $agent->on('words', map { (say => "word$_ ") } 1 .. 50);
--- scenario
    my $c = $T->connect('/ws', deflate => 1);
    my ($plain, $wire, @part) = (0, 0);
    my $inflate = Deflate::inflater;

    $c->chat('words', messageId => 'm1');

    while (1) {
        my $f = $c->recv;
        my $text = $f->{rsv} ? $inflate->($f->{payload}) : $f->{payload};

        $plain += length $text;
        $wire += length $f->{payload};
        last if $text =~ /chat\.response/;
        push @part, $text =~ /"content":"(.*)","done"/;
    }

    is join('', @part), join '', map { "word$_ " } 1 .. 50;
    cmp_ok $wire, '<', $plain / 4 if @part > 20;



=== TEST 4: a slow client, and one that comes back
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate takeover;
        openclaw_send_buffer 16k;
    }
--- agent
    $agent->on('long', repeat => [2000, join ' ', map { $_ * 7919 } 1 .. 100]);
--- scenario
    my $all = join(' ', map { $_ * 7919 } 1 .. 100) x 2000;

    for my $n (1 .. 2) {
        my $c = $T->connect('/ws', deflate => 1, rcvbuf => 8192);
        my $streamed = '';

        $c->chat('long');

        while (1) {
            my $text = $c->recv_text;

            $streamed .= $1 if $text =~ /stream.*"content":"([0-9 ]*)"/;
            next unless $text =~ /response.*"content":"([0-9 ]*)"/;

            ok $1 eq $all, 'all of it';
            last;
        }

        ok $streamed eq $all, 'and in parts';
        $n == 1 ? $c->reset : is $c->close, 1000;
    }

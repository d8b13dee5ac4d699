# Tests for compressed messages, to and from a client (RFC 7692, 6. and 7.2.).

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

use Deflate;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


use constant PING => '{"type":"ping"}';


# bytes that can't be compressed

sub noise {
    my ($n) = @_;

    my $r = 1;
    return join '', map {
        $r = ($r * 1103515245 + 12345) % (1 << 31);
        chr(0x21 + ($r >> 8) % 94);
    } 1 .. $n;
}


run_tests();

__DATA__

=== TEST 1: of any size
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
--- scenario
    my $c = $T->connect('/ws', deflate => 1);

    for my $n (1, 10, 100, 1000, 10_000, 100_000) {
        my $said = join ' ', 1 .. $n;

        $c->chat($said);
        my $answer = $c->answer;
        ok $answer->{content} eq "echo: $said", "$n numbers";
        ok $answer->{streamed} eq "echo: $said", 'and its parts';
    }

    is $c->close, 1000;



=== TEST 2: small ones are sent as they are
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
        openclaw_stream off;
    }
--- agent
    $agent->on('short', say => 'x' x 100);
    $agent->on('long', say => 'x' x 1000);
--- scenario
    my $c = $T->connect('/ws', deflate => 1);

    $c->chat('short');
    is $c->recv->{rsv}, 0, 'chat.typing';
    is $c->recv->{rsv}, 0, 'chat.response of 150 bytes';

    $c->chat('long');
    is $c->recv->{rsv}, 0, 'chat.typing';
    my $f = $c->recv;
    is $f->{rsv}, 4, 'chat.response of 1050 bytes';
    cmp_ok length $f->{payload}, '<', 150;




=== TEST 3: a client may send some as they are
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
--- scenario
    my $c = $T->connect('/ws', deflate => 1);

    for (1 .. 3) {
        $c->send_frame('text', PING);
        is $c->recv_json->{type}, 'pong';

        $c->send_text(PING);
        is $c->recv_json->{type}, 'pong';

        $c->send_binary(PING);
        is $c->recv_json->{type}, 'pong', 'binary';
    }



=== TEST 4: in fragments, and control frames between them
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
--- scenario
    my $c = $T->connect('/ws', deflate => 1);
    my $said = join ' ', 1 .. 300;
    my $text = WsFrame::to_json({ type => 'chat.send', content => $said });
    my @byte = split //, Deflate::deflated($text);

    # RSV1 is set in the first one only

    $c->send_frame('text', shift @byte, rsv => 4, fin => 0);
    $c->send_frame('ping', 'p');
    is $c->recv->{payload}, 'p', 'a pong amid a message';

    $c->send_frame('cont', $_, fin => 0) for @byte;
    $c->send_frame('ping', 'q');
    is $c->recv->{payload}, 'q';
    $c->send_frame('cont', '');

    is $c->answer->{content}, "echo: $said";

    # empty ones

    $c->send_frame('text', '', rsv => 4, fin => 0);
    $c->send_frame('cont', '', fin => 0);
    $c->send_frame('cont', Deflate::deflated(PING), fin => 0);
    $c->send_frame('cont', '');
    is $c->recv_json->{type}, 'pong';



=== TEST 5: blocks of all kinds
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
--- scenario
    my $c = $T->connect('/ws', deflate => 1);
    my $empty = "\x00\x00\x00\xff\xff";
    my $final = Deflate::deflated(PING, final => 1);

    my %payload = (
        'stored' => Deflate::deflated(PING, level => 0),
        'by fixed codes' => Deflate::deflated(PING, strategy => 4),
        'empty blocks around' => $empty x 3 . Deflate::deflated(PING)
                                 . substr($empty, 1) . $empty x 3 . "\x00",
        'a final block' => "$final\x00",
        'a final block at the end' => $final,
        'final blocks' => Deflate::deflated('{"type":', final => 1)
                          . "\x03\x00"
                          . Deflate::deflated('"ping"}', final => 1) . "\x00",
        'the tail is left' => Deflate::deflated(PING) . "\x00\x00\xff\xff",
    );

    for (1 .. 2) {
        for my $kind (sort keys %payload) {
            $c->send_frame('text', $payload{$kind}, rsv => 4);
            is $c->recv_json->{type}, 'pong', $kind;
        }
    }

    # what is not JSON, as without compression

    for my $nothing ('', "\x00", "\x02\x00", "$empty\x00") {
        $c->send_frame('text', $nothing, rsv => 4);
        is $c->recv_json->{code}, 'parse_error', 'an empty message';
    }



=== TEST 6: windows of the client's, and of the server's
--- config
    location = /on {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
    location = /takeover {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate takeover;
    }
--- scenario
    my $said = join ' ', map { ($_, $_ % 100) } 1 .. 20_000;

    for my $bits (9 .. 15) {
        for my $uri ('/on', '/takeover') {
            my $c = $T->connect($uri, deflate =>
                                'permessage-deflate; client_max_window_bits='
                                . "$bits; server_max_window_bits=$bits");

            my $inflate = Deflate::inflater($bits);
            my ($all, $compressed) = ('', 0);

            $c->chat($said);

            while ($all !~ /chat\.response/) {
                my $f = $c->recv;
                my $payload = $f->{payload};

                until ($f->{fin}) {
                    my $next = $c->recv;
                    $payload .= $next->{payload};
                    $f->{fin} = $next->{fin};
                }

                $compressed++ if $f->{rsv};
                $inflate = Deflate::inflater($bits) if $uri eq '/on';
                $all = $f->{rsv} ? $inflate->($payload) : $payload;
            }

            ok $all =~ /"content":"echo: \Q$said\E"/, "$uri, $bits bits";
            cmp_ok $compressed, '>', 0;
        }
    }



=== TEST 7: a long answer comes in frames, whatever is between them
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
        openclaw_stream off;
    }
--- agent
    $agent->on('long', say => main::noise(3_000_000));
    $agent->on('zeros', say => '0' x 3_000_000);
--- scenario
    my $c = $T->connect('/ws', deflate => 1);

    $c->chat('long');
    is $c->recv_json->{type}, 'chat.typing';

    my $frames = 0;
    my $payload = '';

    while (1) {
        my $f = $c->recv;

        $frames++;
        is $f->{op}, $frames == 1 ? 1 : 0 if $frames < 3;
        is $f->{rsv}, $frames == 1 ? 4 : 0 if $frames < 3;
        $payload .= $f->{payload};
        last if $f->{fin};
    }

    cmp_ok $frames, '>', 100;
    like Deflate::inflater->($payload), qr/"content":".{32000}/;

    # much that becomes little

    $c->chat('zeros');
    is $c->recv_json->{type}, 'chat.typing';
    cmp_ok index($c->recv_text, '0' x 3_000_000), '>', 0;

    # and others need not wait for the end of it

    my $other = $T->connect('/ws');
    $c->chat('long');
    $other->chat('hello');
    is $other->answer->{content}, 'echo: hello';
    ok length($c->recv_text) < 1000;
    ok length($c->recv_text) > 3_000_000;



=== TEST 8: one byte at a time
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
--- scenario
    my $c = $T->connect('/ws', deflate => 1);
    my $said = '张三 says ' . join ' ', 1 .. 40;
    my $bytes = WsFrame::frame('text', Deflate::deflated(WsFrame::to_json({
                    type => 'chat.send', content => $said })), rsv => 4);

    $c->send_raw($_) for split //, $bytes;
    is $c->answer->{content}, "echo: $said";

# Tests for the negotiation of compression: openclaw_deflate, and what is
# answered to what a client offers (RFC 7692, 7.1.).

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


use constant PMD => 'permessage-deflate';
use constant ALONE => PMD . '; server_no_context_takeover'
                      . '; client_no_context_takeover';


# what is answered to the headers of an offer; the connection works either way

sub answered {
    my ($uri, @offer) = @_;

    my $c = $TestEnv::T->connect($uri, any => 1, headers => {
        'Sec-WebSocket-Extensions' => \@offer });

    return $c->status . ' ' . $c->body if $c->status != 101;

    $c->send_json({ type => 'ping' });
    is $c->recv_json->{type}, 'pong';

    return $c->header('Sec-WebSocket-Extensions') // 'none';
}


run_tests();

__DATA__

=== TEST 1: off by default
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
    location = /off {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate off;
    }
--- scenario
    my $pmd = PMD;

    is answered($_, $pmd), 'none', $_ for qw(/ws /off);

    # then the bit has no meaning

    my $c = $T->connect('/ws', deflate => 1);
    $c->send_frame('text', "\x00", rsv => 4);
    is $c->close_code . ' ' . $c->close_reason,
       '1002 client sent a frame with reserved bits set';



=== TEST 2: each message alone
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
--- scenario
    my ($pmd, $alone) = (PMD, ALONE);

    my %answer = (
        '' => '',
        '; server_no_context_takeover' => '',
        '; client_no_context_takeover' => '',
        '; client_max_window_bits' => '',
        '; client_max_window_bits=8' => '; client_max_window_bits=8',
        '; server_max_window_bits=9' => '; server_max_window_bits=9',
        '; client_max_window_bits="12" ;server_max_window_bits = 15'
        => '; server_max_window_bits=15; client_max_window_bits=12',
    );

    is answered('/ws', $pmd . $_), $alone . $answer{$_}, "\"$_\""
        for sort keys %answer;

    my $c = $T->connect('/ws');
    is $c->header('Sec-WebSocket-Extensions'), undef, 'not offered';



=== TEST 3: messages that refer to those before
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate takeover;
    }
--- scenario
    my $pmd = PMD;

    my @asked = ('', '; server_no_context_takeover',
                 '; client_no_context_takeover',
                 '; server_no_context_takeover; client_no_context_takeover',
                 '; server_max_window_bits=10; client_max_window_bits=10');

    is answered('/ws', $pmd . $_), $pmd . $_, "\"$_\"" for @asked;



=== TEST 4: the first offer that can be honored
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
--- scenario
    my ($pmd, $alone) = (PMD, ALONE);

    is answered('/ws', "foo, $pmd; bar, $pmd; server_max_window_bits=11, $pmd"),
       "$alone; server_max_window_bits=11";

    is answered('/ws', 'foo; bar="1"', "$pmd; bar", ',', $pmd), $alone,
       'in several headers';

    # zlib writes no windows of 256 bytes

    is answered('/ws', "$pmd; server_max_window_bits=8, $pmd"), $alone;



=== TEST 5: offers that can't
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate on;
    }
--- scenario
    my $pmd = PMD;

    my @bad = ('unknown', 'unknown=1', 'server_no_context_takeover=1',
               'client_no_context_takeover=0',
               'server_max_window_bits', 'server_max_window_bits=7',
               'server_max_window_bits=8', 'server_max_window_bits=16',
               'server_max_window_bits=09', 'client_max_window_bits=7',
               'client_max_window_bits=16', 'client_max_window_bits=x',
               'server_max_window_bits=10; server_max_window_bits=10',
               'server_no_context_takeover; server_no_context_takeover');

    is answered('/ws', "$pmd; $_"), 'none', $_ for @bad;
    is answered('/ws', 'x-webkit-deflate-frame'), 'none';
    is answered('/ws', ''), 'none', 'an empty header';



=== TEST 6: a malformed header, whether wanted or not
--- config
    openclaw_deflate on;
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
    location = /off {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate off;
    }
--- scenario
    my $pmd = PMD;

    my $refused = "400 Sec-WebSocket-Extensions is malformed.\n";

    for my $bad (';', "$pmd;", "$pmd; a=", "$pmd; a=\"b", "$pmd a", "($pmd)",
                 "$pmd, $pmd; a=\"\"")
    {
        is answered($_, $bad), $refused, "$_ $bad" for qw(/ws /off);
        is answered('/ws', $pmd, $bad), $refused, 'behind a good one';
    }



=== TEST 7: inheritance
--- http_config
    openclaw_deflate on;
--- config
    location = /http { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /location {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate takeover;
    }
    location = /off {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_deflate off;
    }
--- scenario
    my ($pmd, $alone) = (PMD, ALONE);

    is answered('/http', $pmd), $alone;
    is answered('/location', $pmd), $pmd;
    is answered('/off', $pmd), 'none';

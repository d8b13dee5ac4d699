# Tests for the negotiation of permessage-deflate (RFC 7692, 7.1.).

use lib 't/lib';
use TestEnv qw(echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();


use Compress::Raw::Zlib ();

# The answer is legal for the offer, which said whose context is not taken
# over, and which windows the server and the client may have; two messages go
# either way as it says.

sub agreed {
    my ($uri, $offer, $fresh, $server_bits, $client_bits) = @_;

    my $c = ws(uri => $uri, ref $offer
               ? (headers => { 'Sec-WebSocket-Extensions' => $offer })
               : (deflate => $offer));

    my $answer = $c->header('Sec-WebSocket-Extensions');
    my $what = "$uri, " . (ref $offer ? "@$offer" : $offer);

    # zlib can't write with a window of 8 bits

    return is $answer, undef, $what if $server_bits == 8;

    my ($name, @param) = split /; /, $answer // '';
    my %param = map { /(.*)=(.*)/ ? ($1 => $2) : ($_ => '') } @param;
    my @bad;

    push @bad, 'name' if ($name // '') ne 'permessage-deflate';
    push @bad, 'twice' if keys %param != @param;
    push @bad, 'server context'
        if ($fresh & 1 || $uri eq '/on')
           && !exists $param{server_no_context_takeover};
    push @bad, 'client context'
        if ($fresh & 2 || $uri eq '/on')
           && !exists $param{client_no_context_takeover};

    push @bad, 'server window'
        if ($param{server_max_window_bits} // 15) > $server_bits;
    push @bad, 'client window'
        if exists $param{client_max_window_bits}
           && ($param{client_max_window_bits} !~ /^(?:8|9|1[0-5])\z/
               || $param{client_max_window_bits} > $client_bits);

    push @bad, 'unknown'
        if grep { !/^(?:server|client)_(?:no_context_takeover
                   |max_window_bits)\z/x } keys %param;

    my $text = join ' ', 1 .. 600;

    for (1, 2) {
        $c->send_text($text);
        my $m = $c->recv_message;

        push @bad, "message $_" if $m->{payload} ne $text;
        push @bad, "size of $m->{size}"
            if !$m->{compressed} || $m->{size} > length $text;
    }

    is "@bad", '', "$what: $answer";
}


run_tests();

__DATA__

=== TEST 1: each legal combination of parameters gets a legal answer, which is kept
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    my (@server, @client);

    push @server, ['', 15], map {; ["; server_max_window_bits=$_", $_] } 8 .. 15;
    push @client, ['', 0], ['; client_max_window_bits', 15],
        map {; ["; client_max_window_bits=$_", $_] } 8 .. 15;

    for my $uri ('/on', '/takeover') {
        for my $fresh (0 .. 3) {
            for my $server (@server) {
                for my $client (@client) {
                    my $offer = 'permessage-deflate'
                        . ($fresh & 1 ? '; server_no_context_takeover' : '')
                        . ($fresh & 2 ? '; client_no_context_takeover' : '')
                        . $server->[0] . $client->[0];

                    agreed($uri, $offer, $fresh, $server->[1], $client->[1]);
                }
            }
        }
    }



=== TEST 2: parameters in any order, with spaces and quotes
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    my @param = ('server_no_context_takeover', 'client_no_context_takeover',
                 'server_max_window_bits=12', 'client_max_window_bits=11');

    for my $i (0 .. 23) {
        my @left = @param;
        my @order = map { splice @left, int($i / $_->[0]) % $_->[1], 1 }
                    [6, 4], [2, 3], [1, 2], [1, 1];

        agreed('/takeover', join('; ', 'permessage-deflate', @order), 3, 12, 11);
    }

    agreed('/takeover', $_, 3, 10, 9) for
        'permessage-deflate;server_no_context_takeover;client_no_context_takeover'
            . ';server_max_window_bits=10;client_max_window_bits=9',
        'permessage-deflate ; server_no_context_takeover  ;'
            . "\tclient_no_context_takeover; server_max_window_bits = \"10\";"
            . ' client_max_window_bits="9"';



=== TEST 3: offers that are none are passed over
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    my @bad = (
        'foo', 'permessage-bzip2', 'x-webkit-deflate-frame',
        'permessage-deflate; foo', 'permessage-deflate; foo=1',
        'permessage-deflate; server_no_context_takeover=1',
        'permessage-deflate; client_no_context_takeover=true',
        'permessage-deflate; server_max_window_bits',
        (map {; "permessage-deflate; server_max_window_bits=$_",
               "permessage-deflate; client_max_window_bits=$_" }
         0, 7, 16, '08', '015', '9x', '-9', '+9', 1000, '9.0'),
        (map {; "permessage-deflate; $_; $_" }
         'server_no_context_takeover', 'client_no_context_takeover',
         'server_max_window_bits=10', 'client_max_window_bits',
         'client_max_window_bits=10'),
        'permessage-deflate; client_max_window_bits; client_max_window_bits=10',
    );

    for my $bad (@bad) {
        my $c = ws(uri => '/takeover', deflate => $bad);

        is $c->header('Sec-WebSocket-Extensions'), undef, $bad;
        $c->send_text('text');
        echoed($c, 'text', 'text', 'and all goes on without');

        agreed('/takeover', "$bad, permessage-deflate", 0, 15, 0);
    }



=== TEST 4: the first that will do is taken
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    agreed('/takeover', 'permessage-deflate; server_max_window_bits=9, '
                        . 'permessage-deflate', 0, 9, 0);
    agreed('/takeover', ['foo', 'permessage-deflate; server_max_window_bits=10',
                         'permessage-deflate'], 0, 10, 0);
    agreed('/takeover', ' , ,permessage-deflate; server_max_window_bits=11,,', 0,
           11, 0);



=== TEST 5: none of it without the directive
--- config
    location = /echo { ws_echo; }
--- scenario
    my $c = ws(deflate => 1);

    is $c->header('Sec-WebSocket-Extensions'), undef;
    $c->send_text('text');
    echoed($c, 'text', 'text');

    refused(WsFrame::text($c->can('deflate') ? 'x' : 'y', rsv => 4),
            '1002 client sent a frame with reserved bits set', 'RSV1',
            deflate => 1);



=== TEST 6: a header that is malformed
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    for my $bad (';', 'permessage-deflate;', 'permessage-deflate; =',
                 'permessage-deflate; server_max_window_bits=',
                 'permessage-deflate; server_max_window_bits="',
                 'permessage-deflate; server_max_window_bits="10',
                 'permessage-deflate foo', 'permessage-deflate; foo bar',
                 'permessage-deflate, ;', '"permessage-deflate"')
    {
        is ws(uri => $_, deflate => $bad, any => 1)->status, 400, "$bad, $_"
            for '/on', '/takeover';
    }

# Bad handshakes: handshake.cases, and those that are made here.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Hostile;

TestEnv::scenario(workers => 1, worker_connections => 1024);
plan tests => repeat_each() * blocks() * 2;
no_long_string();


sub shake { WsFrame::handshake(@_) }


# Each header missing, twice there, or wrong.

sub headers {
    my %want = (
        Upgrade => [426, 'Connect with a WebSocket client.', undef, '', 'h2c',
                    'websockets', 'web socket', 'websocket/13', "\"websocket\"",
                    'x,websocket2,y'],
        Connection => [426, 'Connect with a WebSocket client.', undef, '',
                       'close', 'keep-alive', 'Upgraded', 'Up grade',
                       'x;upgrade'],
        'Sec-WebSocket-Version' => [426, 'Sec-WebSocket-Version must be 13.',
            undef, '', 0, 7, 8, 12, 14, 130, '013', '1 3', '13.0', '13, 13',
            '-13', 'x'],
        'Sec-WebSocket-Key' => [400, 'Sec-WebSocket-Key must be there once, '
            . '16 bytes in base64.', undef, '', 'x', '=' x 24,
            'dGhlIHNhbXBsZSBub25jZQ', 'dGhlIHNhbXBsZSBub25jZQ=',
            'dGhlIHNhbXBsZSBub25jZQ===', 'dGhlIHNhbXBsZSBub25j',
            'dGhlIHNhbXBsZSBub25jZQAA', 'dGhlIHNhbXBsZSBub25jZ!==',
            "dGhlIHNhbXBsZSBub25jZQ=\xff", 'x' x 5000],
        'Sec-WebSocket-Extensions' => [400, 'Sec-WebSocket-Extensions is '
            . 'malformed.', ',;', 'permessage-deflate;', ';x', '"',
            'permessage-deflate; server_max_window_bits="1', 'a b',
            'permessage-deflate; =1', "x\x01", 'x; y="\\'],
        'Content-Length' => [400, 'A WebSocket handshake has no body.', 1,
                             1_000_000],
    );

    my @case;

    for my $name (sort keys %want) {
        my ($status, $text, @value) = @{ $want{$name} };

        push @case, case("$name: " . ($_ // 'none'),
                         shake('/ws', $name => $_), "$status $text")
            for @value;
    }

    # two of what there must be one of

    push @case, case("$_->[0] twice", shake('/ws', $_->[0] =>
                     "$_->[1]\r\n$_->[0]: $_->[1]"),
                     "400 $_->[0] must be there once")
        for ['Sec-WebSocket-Key', $WsFrame::KEY],
            ['Sec-WebSocket-Version', 13];

    push @case, case('a length that is none', shake('/ws',
                     'Content-Length' => $_), 400)
        for -1, '1x', '99999999999999999999', '0, 1';

    push @case, case("Transfer-Encoding $_->[0]", shake('/ws',
                     'Transfer-Encoding' => $_->[0]), $_->[1])
        for ['chunked', '400 A WebSocket handshake has no body.'],
            ['gzip', 501], ['chunked, chunked', 501];

    # pages of other origins

    push @case, case("origin $_", shake('/ws', Origin => $_), 403)
        for 'https://evil.example', 'http://localhost.evil.example',
            'http://evil.example/localhost', 'http://evil.example#localhost',
            'http://localhost@evil.example', 'http://localhost:1', 'null', '',
            'localhost', '://', 'http://', "http://local\xffhost",
            'http://localhost http://evil.example', 'x' x 5000;

    push @case, case("origins @$_", shake('/ws', Origin => $_), 403)
        for ['http://localhost', 'https://evil.example'],
            ['https://evil.example', 'http://localhost'],
            ['http://localhost', ''];

    return @case;
}


# Arguments that can't be a sender.

sub arguments {
    my %value = (
        'contains control characters' => [map({ sprintf '%%%02x', $_ }
            0, 1, 9, 10, 13, 31, 127), '%c2%80', '%c2%9f', 'a%0d%0aX:%20b'],
        'is not valid UTF-8' => ['%80', '%ff', '%c3', '%c0%af', '%ed%a0%80',
            '%f4%90%80%80', 'a%e5%bc', "\xff", "\xc3("],
        'is too long' => ['x' x 257, '%f0%9f%a6%9e' x 65, '%78' x 257],
    );

    my @case;

    for my $error (sort keys %value) {
        for my $value (@{ $value{$error} }) {
            push @case, case("$_=" . substr($value, 0, 40),
                             shake("/ws?$_=$value"), "400 \"$_\" $error.")
                for qw(senderId senderName);
        }
    }

    push @case, case("an id of nobody's, $_", shake("/ws?senderId=$_"),
                     '400 "senderId" is not for clients to choose.')
        for 'anonymous-', 'anonymous-1', 'anonymou%73-1', '%61nonymous%2d1';

    return @case;
}


# A handshake that ends at each of so many bytes.

sub halves {
    my $all = shake('/ws?senderId=bad');

    return map { case("$_ bytes of a handshake", substr($all, 0, $_),
                      'nothing') } map { 5 * $_ } 1 .. (length($all) - 1) / 5;
}


# The status and the first words of the body, as far as they are asked for.

sub answer {
    my ($c, $want) = @_;

    return 'nothing' if $want eq 'nothing' && !length $c->recv_raw(1);

    # an answer of HTTP/0.9 has no head

    if ($want =~ /^bare /) {
        1 while $c->_fill(time + $c->{timeout}, 'the end');
        return 'bare ' . $c->{in} =~ s/\n\z//r;
    }

    $c->_read_head;

    my ($status, $text) = split / /, $want, 2;

    return $c->status if !defined $text;

    $c->_read_body;
    return $c->status . ' ' . substr $c->body, 0, length $text;
}


run_tests();

__DATA__

=== TEST 1: handshakes
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    hostile('handshakes', sub {
        my ($case, $beside) = @_;

        my $c = raw_client();

        send_halves($c, $case->{send}, $beside);

        return answer($c, $case->{want});
    }, cases('handshake', "\r\n"), headers(), arguments());

    is scalar(grep { $_->{session} !~ /:good$/ } $agent->requests), 0;
    is logged(qr/\[crit\]/), '';



=== TEST 2: handshakes that do not end
--- config
    client_header_timeout 1s;
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my @half = halves();

    # all of them wait at once

    for my $case (@half) {
        $case->{client} = raw_client();
        $case->{client}->send_raw($case->{send});
    }

    hostile('half handshakes', sub {
        my ($case) = @_;

        return answer($case->{client}, 'nothing');
    }, @half);

    is $T->connect('/ws')->chat('hello')->answer->{content}, 'echo: hello';

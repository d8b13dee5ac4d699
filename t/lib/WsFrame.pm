package WsFrame;

# Copyright (C) the authors of the OpenClaw module

# WebSocket frames made and read by hand (RFC 6455), good ones and bad ones:
# the wire side of the tests.  Everything here is bytes, never characters.

use strict;
use warnings;

use Digest::SHA qw(sha1_base64);
use JSON::PP ();


our %NAME = (0 => 'cont', 1 => 'text', 2 => 'binary',
             8 => 'close', 9 => 'ping', 10 => 'pong');

our %OP = reverse %NAME;

# the example key of RFC 6455, 1.3.; its answer is known to every reader
our $KEY = 'dGhlIHNhbXBsZSBub25jZQ==';


# The upgrade request.  A header given replaces the usual one, undef omits it.

sub handshake {
    my ($uri, %header) = @_;

    my @usual = ('Host' => 'localhost', 'Upgrade' => 'websocket',
                 'Connection' => 'Upgrade', 'Sec-WebSocket-Version' => 13,
                 'Sec-WebSocket-Key' => $KEY);

    my $method = delete $header{method} // 'GET';
    my $http = delete $header{http} // '1.1';
    my %given = map { lc $_ => $header{$_} } keys %header;
    my $out = "$method $uri HTTP/$http\r\n";

    while (my ($name, $value) = splice @usual, 0, 2) {
        $value = delete $given{lc $name} if exists $given{lc $name};
        $out .= "$name: $value\r\n" if defined $value;
    }

    for my $name (sort keys %header) {
        my $value = delete $given{lc $name};
        next unless defined $value;
        $out .= "$name: $_\r\n" for ref $value ? @$value : $value;
    }

    return "$out\r\n";
}


sub accept_key {
    my ($key) = @_;

    return sha1_base64($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11') . '=';
}


# frame($op, $payload, fin => 0, rsv => 4, mask => undef, len => $lie,
#       form => 16): $op is a name or a number; rsv counts RSV1 as 4, RSV2 as
# 2, RSV3 as 1; mask is four bytes, undef for none; len is written in place
# of the true length, in the 7, 16 or 64 bit form that fits or is asked for.

sub frame {
    my ($op, $payload, %opt) = @_;

    $op = $OP{$op} // $op;
    $payload //= '';

    my $fin = $opt{fin} // 1;
    my $len = $opt{len} // length $payload;
    my $form = $opt{form} // ($len < 126 ? 7 : $len < 65536 ? 16 : 64);
    my $mask = exists $opt{mask} ? $opt{mask} : "\x37\xfa\x21\x3d";
    my $bit = defined $mask ? 0x80 : 0;

    my $head = chr(($fin ? 0x80 : 0) | (($opt{rsv} // 0) << 4) | $op);

    $head .= $form == 7  ? chr($bit | $len)
           : $form == 16 ? pack('C n', $bit | 126, $len)
           :               pack('C Q>', $bit | 127, $len);

    return $head . $payload unless defined $mask;
    return $head . $mask . mask($payload, $mask);
}


sub mask {
    my ($payload, $mask) = @_;

    return "$payload" ^ substr($mask x (length($payload) / 4 + 1), 0,
                             length $payload);
}


sub text    { my $p = shift; frame('text', $p, @_) }
sub binary  { my $p = shift; frame('binary', $p, @_) }
sub cont    { my $p = shift; frame('cont', $p, @_) }
sub ping    { my $p = shift; frame('ping', $p, @_) }
sub pong    { my $p = shift; frame('pong', $p, @_) }


sub close_frame {
    my ($code, $reason, @opt) = @_;

    return frame('close', '', @opt) unless defined $code;
    return frame('close', pack('n', $code) . ($reason // ''), @opt);
}


# A chat message, as a text frame: message('hello', messageId => 'm1').

sub message {
    my ($content, %field) = @_;

    return text(to_json({ type => 'chat.send', content => $content, %field }));
}


# Takes one frame off the front of the buffer: a hash, or undef when it has
# not come whole.

sub parse {
    my ($buf) = @_;

    return if length $$buf < 2;

    my ($first, $second) = unpack 'C2', $$buf;
    my ($len, $at) = ($second & 0x7f, 2);

    if ($len == 126) {
        return if length $$buf < 4;
        ($len, $at) = (unpack('x2 n', $$buf), 4);

    } elsif ($len == 127) {
        return if length $$buf < 10;
        ($len, $at) = (unpack('x2 Q>', $$buf), 10);
    }

    my $mask = $second & 0x80 ? substr($$buf, $at, 4) : undef;
    $at += 4 if defined $mask;
    return if length $$buf < $at + $len;

    my $payload = substr $$buf, $at, $len;
    substr($$buf, 0, $at + $len) = '';
    $payload = mask($payload, $mask) if defined $mask;

    my $op = $first & 0x0f;
    my $frame = { op => $op, name => $NAME{$op} // "op$op",
                  fin => $first >> 7, rsv => ($first >> 4) & 7,
                  masked => defined $mask ? 1 : 0, payload => $payload };

    if ($op == 8 && $len >= 2) {
        $frame->{code} = unpack 'n', $payload;
        $frame->{reason} = substr $payload, 2;
    }

    return $frame;
}


# What a server sent as lines to compare: "text {...}", "pong p", "close 1000
# bye".  Signs after the name: "+" more fragments follow, "rsvN" bits are set,
# "masked" as no server may.  A frame that came in part is "cut" and its bytes.

sub decode_frames {
    my ($buf) = @_;

    my $out = '';

    while (my $f = parse(\$buf)) {
        my @word = $f->{name} . ($f->{fin} ? '' : '+');

        push @word, "rsv$f->{rsv}" if $f->{rsv};
        push @word, 'masked' if $f->{masked};
        push @word, $f->{code} if defined $f->{code};

        my $text = defined $f->{code} ? $f->{reason} : $f->{payload};

        $text =~ s/([\x00-\x1f\x7f])/sprintf '\x%02x', ord $1/ge;
        push @word, $text if length $text;
        $out .= "@word\n";
    }

    $out .= 'cut ' . unpack('H*', $buf) . "\n" if length $buf;

    return $out;
}


# For blocks: with "--- ws" the body of the answer is decoded and 101 is the
# status expected.

sub preprocess {
    my ($block) = @_;

    return unless defined $block->ws;

    $block->set_value(response_body_filters => \&decode_frames);
    $block->set_value(error_code => 101)
        unless defined $block->error_code || defined $block->error_code_like;
}


# JSON with strings as UTF-8 bytes on both sides, as literals in a test are.

sub to_json {
    my $json = JSON::PP->new->canonical->allow_nonref->encode($_[0]);

    utf8::downgrade($json, 1) or utf8::encode($json);

    return $json;
}


sub from_json {
    return to_bytes(JSON::PP->new->utf8->allow_nonref->decode($_[0]));
}


sub to_bytes {
    my ($v) = @_;

    return { map { to_bytes($_) } %$v } if ref $v eq 'HASH';
    return [ map { to_bytes($_) } @$v ] if ref $v eq 'ARRAY';

    utf8::encode($v) if defined $v && !ref $v && utf8::is_utf8($v);

    return $v;
}


1;

package WsClient;

# Copyright (C) the authors of the OpenClaw module

# A blocking WebSocket client for tests.  It does nothing by itself but answer
# pings while it waits for a message: a client that is not read from is a slow
# reader, and several can be driven by one script.  Whatever is waited for and
# does not come ends the test with a word about what was awaited.

use strict;
use warnings;

use Carp qw(croak);
use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use IO::Select;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER SO_RCVBUF SOCK_STREAM pack_sockaddr_in
              inet_aton IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);

use WsFrame;


our @CARP_NOT = qw(TestEnv TestEnv::Scenario);


# An upper bound, not a pace.

sub timeout { 10 * ($ENV{OPENCLAW_SLOW} || 1) }


# connect($uri, headers => {...}, port =>, host =>, ssl => 1, rcvbuf =>,
#         timeout =>, deflate => 1 or an offer, name =>, any => 1)
#
# Ends the test unless the answer is 101; with "any" the refusal is returned
# as a client whose status, headers and body can be looked at.

sub connect {
    my ($class, $uri, %opt) = @_;

    my $self = bless { in => '', status => 0, uri => $uri,
                       name => $opt{name} // $uri,
                       timeout => $opt{timeout} // timeout() }, $class;

    $self->{sock} = $self->_socket(%opt);

    my %header = %{ $opt{headers} // {} };
    my $offer = $opt{deflate};

    if ($offer) {
        $offer = 'permessage-deflate' if $offer eq '1';
        $header{'Sec-WebSocket-Extensions'} //= $offer;
    }

    $self->send_raw(WsFrame::handshake($uri, %header));
    $self->_read_head;

    if ($self->{status} != 101) {
        $self->_read_body;
        croak "$self->{name}: expected 101, got $self->{status}: $self->{body}"
            unless $opt{any};
        return $self;
    }

    croak "$self->{name}: wrong Sec-WebSocket-Accept"
        if $self->header('Sec-WebSocket-Accept')
           ne WsFrame::accept_key(exists $header{'Sec-WebSocket-Key'}
                                  ? $header{'Sec-WebSocket-Key'}
                                  : $WsFrame::KEY);

    $self->_deflate_on if ($self->header('Sec-WebSocket-Extensions') // '')
                          =~ /permessage-deflate/;
    return $self;
}


sub _socket {
    my ($self, %opt) = @_;

    my $port = $opt{port} || $ENV{TEST_NGINX_SERVER_PORT}
        or croak "$self->{name}: which port?";
    my $host = $opt{host} // '127.0.0.1';
    my $deadline = time + $self->{timeout};

    while (1) {
        socket(my $sock, Socket::AF_INET, SOCK_STREAM, 0) or croak "socket: $!";
        bless $sock, 'IO::Socket::INET';

        # the window is settled by the SYN: before connect() or never
        setsockopt $sock, SOL_SOCKET, SO_RCVBUF, $opt{rcvbuf} if $opt{rcvbuf};
        setsockopt $sock, IPPROTO_TCP, TCP_NODELAY, 1;

        if (CORE::connect $sock, pack_sockaddr_in $port, inet_aton $host) {
            $sock->autoflush(1);
            $sock = $self->_tls($sock, %opt) if $opt{ssl};
            $sock->blocking(0);
            return $sock;
        }

        my $err = $!;
        croak "$self->{name}: cannot connect to $host:$port: $err"
            if time > $deadline || $opt{any};
        select undef, undef, undef, 0.02;
    }
}


sub _tls {
    my ($self, $sock, %opt) = @_;

    require IO::Socket::SSL;

    my $tls = IO::Socket::SSL->start_SSL($sock,
        SSL_verify_mode => IO::Socket::SSL::SSL_VERIFY_NONE(),
        %{ ref $opt{ssl} ? $opt{ssl} : {} });

    no warnings 'once';
    croak "$self->{name}: TLS: $IO::Socket::SSL::SSL_ERROR" unless $tls;

    return $tls;
}


sub status { $_[0]{status} }
sub body   { $_[0]{body} }
sub header { $_[0]{headers}{lc $_[1]} }
sub name   { $_[0]{name} }


# Sending.

sub send_text  { my $self = shift; $self->_send_data('text', @_) }

sub send_binary { my $self = shift; $self->_send_data('binary', @_) }

sub send_json  { $_[0]->send_text(WsFrame::to_json($_[1])) }

sub send_frame { my $self = shift; $self->send_raw(WsFrame::frame(@_)) }


# chat('hello', messageId => 'm1') says something as a user would.

sub chat {
    my ($self, $content, %field) = @_;

    return $self->send_json({ type => 'chat.send', content => $content,
                              %field });
}


sub send_raw {
    my ($self, $bytes) = @_;

    local $SIG{PIPE} = 'IGNORE';
    my $deadline = time + $self->{timeout};

    while (length $bytes) {
        my $n = syswrite $self->{sock}, $bytes;

        if ($n) {
            substr($bytes, 0, $n) = '';
            next;
        }

        next if $!{EINTR};
        croak "$self->{name}: cannot send: $!" unless $self->_again;
        $self->_wait('write', $deadline, 'room to send '
                     . length($bytes) . ' more bytes');
    }

    return $self;
}


# Sends as much as the other side takes, and keeps what comes meanwhile: two
# that both write and do not read would wait for each other.

sub send_reading {
    my ($self, $bytes) = @_;

    local $SIG{PIPE} = 'IGNORE';
    my $deadline = time + $self->{timeout};

    while (length $bytes && !$self->{eof}) {
        my $n = syswrite $self->{sock}, $bytes, 1 << 20;

        if ($n) {
            substr($bytes, 0, $n) = '';
            next;
        }

        next if $!{EINTR};
        croak "$self->{name}: cannot send: $!" unless $self->_again;

        my $set = IO::Select->new($self->{sock});
        my ($read, $write) = IO::Select->select($set, $set, undef,
                                                $deadline - time);

        croak "$self->{name}: waited in vain to send " . length($bytes)
              . ' more bytes'
            unless defined $read;
        $self->_fill($deadline) if @$read;
    }

    return $self;
}


# Receiving.  recv() is the frame as it came, recv_text() and recv_json() the
# next message: fragments are joined, pings are answered on the way.

sub recv {
    my ($self, $what) = @_;

    $what //= 'a frame';
    my $deadline = time + $self->{timeout};

    while (1) {
        my $frame = WsFrame::parse(\$self->{in});
        return $self->{last} = $frame if $frame;

        croak "$self->{name}: connection closed while waiting for $what"
              . $self->_seen
            unless $self->_fill($deadline, $what);
    }
}


# So many bytes as they came.

sub recv_raw {
    my ($self, $len) = @_;

    my $deadline = time + $self->{timeout};

    while (length $self->{in} < $len) {
        last unless $self->_fill($deadline, "$len bytes");
    }

    return substr $self->{in}, 0, $len, '';
}


sub recv_text { $_[0]->recv_message($_[1])->{payload} }


# A message whole: its name, its inflated payload, whether it was compressed,
# the count of its frames, and of the bytes in them.

sub recv_message {
    my ($self, $what) = @_;

    $what //= 'a message';
    my $message;

    while (1) {
        my $f = $self->recv($what);

        if ($f->{op} == 8) {
            $self->{closed} = $f;
            croak "$self->{name}: closed with " . ($f->{code} // 'no code')
                  . ' "' . ($f->{reason} // '') . "\" while waiting for $what";
        }

        if ($f->{op} == 9) {
            $self->send_frame('pong', $f->{payload}) unless $self->{no_pong};
            next;
        }

        next if $f->{op} == 10;

        croak "$self->{name}: frame of a message that is none: " . $self->_seen
            if $f->{masked} || $f->{rsv} && ($message || $f->{rsv} != 4)
               || !$f->{op} != !!$message;

        $message //= { name => $f->{name}, payload => '',
                       compressed => $f->{rsv} ? 1 : 0 };
        $message->{payload} .= $f->{payload};
        $message->{frames}++;
        next unless $f->{fin};

        $message->{size} = length $message->{payload};
        $message->{payload} = $self->_inflate($message->{payload})
            if $message->{compressed};

        return $message;
    }
}


sub recv_json {
    my ($self, $what) = @_;

    my $text = $self->recv_text($what);
    my $json = eval { WsFrame::from_json($text) };

    croak "$self->{name}: not JSON: $text" unless defined $json;

    return $json;
}


# recv_until(sub { $_->{type} eq 'chat.response' }): all messages up to and
# with the one that the sub says yes to.

sub recv_until {
    my ($self, $yes, $what) = @_;

    my @got;

    while (1) {
        push @got, $self->recv_json($what // 'the last of some messages');

        for ($got[-1]) {
            return @got if $yes->($_);
        }
    }
}


# The end of a turn, of the one with this messageId if one is given: the
# chat.response or chat.error, with the parts that came before joined in
# "streamed" and all the messages since the last call in "all".

sub answer {
    my ($self, $id) = @_;

    my @all = $self->recv_until(sub {
        $_->{type} =~ /^chat\.(?:response|error)$/
            && (!defined $id || ($_->{messageId} // '') eq $id);
    }, defined $id ? "the answer to $id" : 'an answer');

    my %end = %{ $all[-1] };

    $end{streamed} = join '', map { $_->{content} }
        grep { $_->{type} eq 'chat.stream'
               && ($_->{messageId} // '') eq ($end{messageId} // '') } @all;
    $end{all} = \@all;

    return \%end;
}


# Everything the server had sent before it answered a ping: nothing is left
# out and nothing is waited for.  The way to see that something did NOT come.

sub sync {
    my ($self) = @_;

    my $mark = 'sync' . ++$self->{syncs};
    my @got;

    $self->send_frame('ping', $mark);

    while (1) {
        my $f = $self->recv('the pong of a sync');
        last if $f->{op} == 10 && $f->{payload} eq $mark;
        push @got, $f;
    }

    return @got;
}


# Reads to the end of the connection, returns the frames.

sub drain {
    my ($self) = @_;

    my @got;
    my $deadline = time + $self->{timeout};

    while (1) {
        while (my $f = WsFrame::parse(\$self->{in})) {
            $self->{closed} = $f if $f->{op} == 8;
            push @got, $f;
        }

        return @got
            unless $self->_fill($deadline, 'the end of the connection');
    }
}


# The close code that the server sent; 1005 a close without a code, 1006 the
# connection ended without a close.

sub close_code {
    my ($self) = @_;

    $self->drain;

    return $self->{closed} ? $self->{closed}{code} // 1005 : 1006;
}


sub close_reason { $_[0]{closed} ? $_[0]{closed}{reason} // '' : '' }


# Leaving: close() in good order, waits for the server's close and returns
# its code; disconnect() with a FIN, reset() with an RST.

sub close {
    my ($self, $code, $reason) = @_;

    $self->send_raw(WsFrame::close_frame($code // 1000, $reason));
    my $answer = $self->close_code;
    $self->disconnect;

    return $answer;
}


sub disconnect {
    my ($self) = @_;

    CORE::close delete $self->{sock} if $self->{sock};
    return;
}


sub reset {
    my ($self) = @_;

    setsockopt $self->{sock}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    return $self->disconnect;
}


sub half_close { shutdown $_[0]{sock}, 1 }


# Whether the server's end is still open, as far as can be seen now.

sub is_open {
    my ($self) = @_;

    $self->_fill(time) while $self->{sock} && $self->_ready;

    return $self->{sock} && !$self->{eof} ? 1 : 0;
}


sub _ready {
    my ($self) = @_;

    return 0 if $self->{eof};
    return 1 if $self->{sock}->can('pending') && $self->{sock}->pending;
    return scalar IO::Select->new($self->{sock})->can_read(0);
}


# Reads once: true when bytes came, false at the end of the connection.
# Waits for them if it is said what for.

sub _fill {
    my ($self, $deadline, $what) = @_;

    return if $self->{eof};

    while (1) {
        my $n = sysread $self->{sock}, $self->{in}, 65536, length $self->{in};

        return $n if $n;
        next if !defined $n && $!{EINTR};

        if (defined $n || !$self->_again) {
            $self->{eof} = defined $n ? 'FIN' : "$!";
            return;
        }

        return 1 unless defined $what;
        $self->_wait('read', $deadline, $what);
    }
}


sub _again {
    my ($self) = @_;

    return 1 if $!{EAGAIN} || $!{EWOULDBLOCK};

    no warnings 'once';
    return 1 if $self->{sock}->isa('IO::Socket::SSL')
                && ($IO::Socket::SSL::SSL_ERROR // '')
                   =~ /SSL wants a (?:read|write)/;
    return 0;
}


sub _wait {
    my ($self, $way, $deadline, $what) = @_;

    my $left = $deadline - time;
    my $set = IO::Select->new($self->{sock});

    return 1 if $left > 0
                && ($way eq 'read' ? $set->can_read($left)
                                   : $set->can_write($left));

    croak sprintf '%s: waited %g s for %s%s', $self->{name}, $self->{timeout},
                  $what, $self->_seen;
}


sub _seen {
    my ($self) = @_;

    my $f = $self->{last} or return '';
    my $line = WsFrame::decode_frames(WsFrame::frame(
        $f->{op}, substr($f->{payload}, 0, 200), fin => $f->{fin},
        mask => undef));
    chomp $line;

    return "; the last frame was: $line";
}


sub _read_head {
    my ($self) = @_;

    my $deadline = time + $self->{timeout};

    my $end;

    while (($end = index $self->{in}, "\r\n\r\n") < 0) {
        $self->_fill($deadline, 'the answer to the handshake')
            or croak "$self->{name}: closed during the handshake";
    }

    my ($first, @line) = split /\r\n/, substr $self->{in}, 0, $end;
    substr($self->{in}, 0, $end + 4) = '';

    ($self->{status}) = $first =~ m{^HTTP/1\.[01] (\d{3})};
    croak "$self->{name}: not HTTP: $first" unless $self->{status};

    for (@line) {
        my ($name, $value) = split /:\s*/, $_, 2;
        $self->{headers}{lc $name} = $value;
    }
}


sub _read_body {
    my ($self) = @_;

    my $deadline = time + $self->{timeout};
    my $len = $self->header('Content-Length');

    until (defined $len && length $self->{in} >= $len) {
        last unless $self->_fill($deadline, 'the rest of the body');
    }

    $self->{body} = $self->{in};
    $self->{in} = '';
}


# permessage-deflate (RFC 7692), as the answer says.  Whether the server keeps
# to its window is not seen here, as zlib looks back into all that it has just
# put out: Deflate::inflater() sees it.

sub _deflate_on {
    my ($self) = @_;

    require Compress::Raw::Zlib;

    my $answer = $self->header('Sec-WebSocket-Extensions');
    my ($bits) = $answer =~ /client_max_window_bits=(\d+)/;
    my ($server_bits) = $answer =~ /server_max_window_bits=(\d+)/;

    # zlib takes 512 bytes for 256, and goes back no farther than 250

    $bits = 9 if ($bits // 15) < 9;

    $self->{fresh}{in} = $answer =~ /server_no_context_takeover/;
    $self->{fresh}{out} = $answer =~ /client_no_context_takeover/;
    $self->{new}{out} = sub { deflater(undef, $bits) };
    $self->{new}{in} = sub {
        (Compress::Raw::Zlib::Inflate->new(-AppendOutput => 1,
                                           -WindowBits => -($server_bits
                                                            // 15)))[0];
    };
}


sub deflater {
    my (undef, $bits, @opt) = @_;

    return (Compress::Raw::Zlib::Deflate->new(-AppendOutput => 1,
                                              -WindowBits => -($bits // 15),
                                              -Level => 1, @opt))[0];
}


sub _zstream {
    my ($self, $way) = @_;

    delete $self->{z}{$way} if $self->{fresh}{$way};
    return $self->{z}{$way} //= $self->{new}{$way}->();
}


# The compressed payload of the next message.

sub deflate {
    my ($self, $payload) = @_;

    my $z = $self->_zstream('out');
    my $out = '';

    $z->deflate($payload, $out);
    $z->flush($out, Compress::Raw::Zlib::Z_SYNC_FLUSH());

    # behind a flush, zlib has nothing to say of nothing

    return length $out ? substr $out, 0, -4 : "\0";
}


sub _send_data {
    my ($self, $op, $payload, %opt) = @_;

    ($payload, $opt{rsv}) = ($self->deflate($payload), 4)
        if $self->{new} && !exists $opt{rsv};

    return $self->send_frame($op, $payload, %opt);
}


sub _inflate {
    my ($self, $payload) = @_;

    croak "$self->{name}: RSV1 without permessage-deflate" unless $self->{new};

    my $out = '';
    my $in = "$payload\x00\x00\xff\xff";
    my $rc = $self->_zstream('in')->inflate($in, $out);

    croak "$self->{name}: cannot inflate a message: $rc"
        unless $rc == Compress::Raw::Zlib::Z_OK();

    return $out;
}


1;

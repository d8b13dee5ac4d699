package Hostile;

# Copyright (C) the authors of the OpenClaw module

# Bad inputs, each with what has to come of it, beside a client that behaves.
#
#     use Hostile;            after "use Test::Nginx::Socket"
#
#     hostile('frames', sub { my ($case, $beside) = @_; ... }, @cases);
#
# calls the sub for each case with { name, send, want }, and wants it to return
# what came: that is the assertion.  Cases are read from t/hostile/NAME.cases,
#
#     = what it is
#     > a line that is sent, as it is
#     >= an expression of Perl, for the bytes that are not to be written so
#     < what has to come
#
# and made: case($name, $send, $want).  $beside->() lets the client that
# behaves, on the same worker process, say something and have its answer; it
# does so before and after each case in any way.  In the end it must have had
# its answers and nothing else, the agent must have been asked what it asked,
# the worker process must be the one of the beginning, and the log must hold
# nothing but what clients did.  The count is printed.

use strict;
use warnings;

use Exporter qw(import);
use Test::More ();

use TestEnv;
use WsFrame;


our @EXPORT = qw(hostile cases case send_halves frames_of raw_client error
                 logged);


sub case { { name => $_[0], send => $_[1], want => $_[2] } }


# The cases of a file; lines that are sent end with $eol.

sub cases {
    my ($name, $eol) = @_;

    my $file = "$TestEnv::ROOT/t/hostile/$name.cases";
    my @case;

    for (split /\n/, TestEnv::Scenario::slurp($file) || die "$file: $!\n") {
        next if /^(?:#|$)/;

        if (/^= (.+)/) {
            push @case, case($1, '', '');

        } elsif (/^> ?(?!=)(.*)/) {
            $case[-1]{send} .= $1 . ($eol // '');

        } elsif (/^>= (.+)/) {
            my $bytes = eval "package Hostile::Bytes; no warnings; $1";

            die "$file: $1: $@" if $@;
            $case[-1]{send} .= $bytes;

        } elsif (/^< ?(.*)/) {
            $case[-1]{want} .= "$1\n";

        } else {
            die "$file: what is \"$_\"?\n";
        }
    }

    chomp $_->{want} for @case;

    return @case;
}


sub hostile {
    my ($what, $run, @case) = @_;

    my ($T, $agent) = ($TestEnv::T, $TestEnv::T->agent);

    $T->wait_for(sub { $T->workers == 1 }, 'the worker');

    my ($worker) = $T->workers;
    my $good = $T->connect('/ws?senderId=good', name => 'who behaves');
    my ($said, $bad) = (0, 0);

    my $beside = sub {
        my $text = 'well ' . ++$said;
        my $answer = $good->chat($text, messageId => "good $said")
                          ->answer("good $said");

        die "who behaves got " . WsFrame::to_json($answer) . "\n"
            if $answer->{content} ne "echo: $text"
               || $answer->{streamed} ne "echo: $text"
               || grep { ($_->{messageId} // "good $said") ne "good $said" }
                  @{ $answer->{all} };
    };

    for my $case (@case) {
        $beside->() if $case == $case[0];

        my $got = eval { $run->($case, $beside) } // "died: $@";

        # one line for each that is bad, and what is behind it then

        Test::More::is($got, $case->{want}, "$what: $case->{name}")
            or $bad++;
        $beside->();
    }

    Test::More::is(scalar $good->sync, 0, 'who behaves got nothing else');
    $good->close;

    my @heard = grep { ($_->{session} // '') =~ /:good$/ } $agent->requests;

    Test::More::is_deeply([map { $_->{content} } @heard],
                          [map { "well $_" } $said - $#heard .. $said],
                          'nor was anything else said in its name');
    Test::More::is_deeply([$T->workers], [$worker], 'no worker has ended');

    Test::More::diag(scalar(@case) . " bad inputs of $what, "
                     . (@case - $bad) . ' had the reply that they should');
}


# Sends the first half, lets the other client have its turn, sends the rest.

sub send_halves {
    my ($c, $bytes, $beside) = @_;

    my $half = int(length($bytes) / 2);

    $c->send_raw(substr $bytes, 0, $half);
    $beside->();

    # what has been refused by its first half may be gone

    eval { $c->send_raw(substr $bytes, $half) };
}


# All that came, decoded: to the end of the connection, or, if it is to stay
# open, to the answer of a ping.

sub frames_of {
    my ($c, $closed) = @_;

    my @frame = $closed ? $c->drain : $c->sync;
    my $text = join '', map {
        WsFrame::decode_frames(WsFrame::frame($_->{op}, $_->{payload},
            fin => $_->{fin}, rsv => $_->{rsv}, mask => undef)) } @frame;

    chomp $text;

    return $text;
}


# The lines of the log that look so.

sub logged {
    my ($pattern) = @_;

    return join "\n", grep { /$pattern/ } split /\n/, $TestEnv::T->error_log;
}


# A client that has not said anything yet.

sub raw_client {
    my $self = bless { in => '', status => 0, name => 'raw', uri => 'raw',
                       timeout => WsClient::timeout() }, 'WsClient';

    $self->{sock} = $self->_socket(port => TestEnv::call('server_port'));

    return $self;
}


# What expressions in cases may call, besides the functions of WsFrame.pm.

package Hostile::Bytes;

{
    no strict 'refs';

    *$_ = \&{ "WsFrame::$_" }
        for qw(frame text binary cont ping pong close_frame message);
}

# An answer of HTTP, of a length that is right.  It tells that its connection
# is closed: the next request might be sent over it just then.

sub answer {
    my ($status, $type, $body) = @_;

    my $len = length $body;

    return "HTTP/1.1 $status X\r\nContent-Type: $type\r\n"
           . "Connection: close\r\nContent-Length: $len\r\n\r\n$body";
}

sub json { answer(200, 'application/json', $_[0]) }

# One that is a stream, as far as it goes, with these lines of data.

sub stream { "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
             . join '', map { "data: $_\n\n" } @_ }

sub says { '{"choices":[{"delta":{"content":' . WsFrame::to_json($_[0])
           . '}}]}' }


package Hostile;

# The frame of a chat.error, decoded.

my %TEXT = (
    parse_error => 'Failed to parse message',
    invalid_message => 'Invalid message format. '
                       . "Expected: { type: 'chat.send', content: '...' }",
    bad_field => 'Failed to parse message: ',
    too_long => 'Failed to parse message: ',
);


sub error {
    my ($code, $text, $id) = @_;

    my $q = sub { WsFrame::to_json("$_[0]") };

    $text = ($TEXT{$code} // '') . ($text // '');

    return 'text {"type":"chat.error",'
           . (defined $id ? '"messageId":' . $q->($id) . ',' : '')
           . '"error":' . $q->($text) . ",\"code\":\"$code\"}";
}


1;

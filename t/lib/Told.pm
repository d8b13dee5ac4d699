package Told;

# Copyright (C) the authors of the OpenClaw module

# What the agent has to be told of a message, worked out from docs/protocol.md
# and not from the module: the headers and the body of the request, with the
# time as "T".
#
#     use Told;
#
#     is_deeply told($agent), should_be(sender => 'ann', token => 's3cret',
#                                       { content => 'hello', ... });

use strict;
use warnings;

use Exporter qw(import);

use WsFrame;


our @EXPORT = qw(told should_be session_key);

my $MARK = "\xe2\x9f\xa6openclaw:ctx\xe2\x9f\xa7";
my $BREAK = "\xe2\x80\x8b";


# The last request that has come.  The JSON of blocks is read, as the order
# and the spelling in it are nobody's concern.

sub told {
    my ($asked) = @_;

    my %json = %{ $asked->{json} };
    my @message = @{ delete $json{messages} };
    my $content = delete $message[0]{content};
    my @part = ref $content ? @$content : { type => 'text', text => $content };
    my $text = (shift @part)->{text};

    my @block;
    my $media = $text =~ s/\A((?:\[media attached[^\n]*\]\n)*)// ? $1 : '';

    while ($text =~ s/\A([A-Z][a-z ]+): $MARK\n```json\n(.*?)\n```\n\n//s) {
        my ($label, $json) = ($1, eval { WsFrame::from_json($2) } // $2);

        $json->{timestamp} =~ s/^\w{3}[ ]\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/T/x
            if ref $json && exists $json->{timestamp};
        push @block, [$label => $json];
    }

    return { request => "$asked->{method} $asked->{path}",
             headers => [sort grep { !/^Content-Length: \d+$/ }
                              @{ $asked->{raw} }],
             json => \%json, message => \@message, images => \@part,
             media => $media, blocks => \@block, text => $text };
}


sub should_be {
    my ($m, %at) = @_;

    my $id = $m->{senderId} // $at{sender};
    my $name = $m->{senderName} // '';
    my $group = ($m->{chatType} // '') eq 'group' ? $m->{groupId} : undef;
    my @media = media($m);

    my @line = grep { !defined image($_->[0]) } @media;
    my $blocks = defined $group || @line || length $name
                 || grep { length } @{$m}{grep { defined $m->{$_} }
                                          qw(replyToMessageId replyToBody)};

    $blocks ||= %{ $m->{customData} // {} };

    return {
        request => 'POST /v1/chat/completions',
        headers => [sort 'Accept: text/event-stream',
            $at{token} ? "Authorization: Bearer $at{token}" : (),
            'Content-Type: application/json',
            "Host: 127.0.0.1:$ENV{TEST_NGINX_AGENT_PORT}",
            'x-openclaw-message-channel: websocket',
            'x-openclaw-scopes: operator.write',
            'x-openclaw-session-key: ' . session_key($group, $id)],
        json => { model => 'openclaw/main', stream => JSON::PP::true(),
                  stream_options => { include_usage => JSON::PP::true() } },
        message => [{ role => 'user' }],
        images => [map { { type => 'image_url', image_url => { url => $_ } } }
                   map { image($_->[0]) // () } @media],
        media => media_lines(@line),
        blocks => $blocks ? blocks($m, $id, $name, $group) : [],
        text => content($m->{content}, $group, length $name ? $name : $id),
    };
}


sub session_key {
    my ($group, $id) = @_;

    my $kind = defined $group ? 'group' : 'direct';
    my $whose = defined $group ? $group : $id;

    $whose =~ s/([^a-z0-9._-])/sprintf '%%%02x', ord $1/ge;

    return "agent:main:websocket:$kind:$whose";
}


sub media {
    my ($m) = @_;

    my @path = @{ $m->{mediaPaths} // [] };
    my @type = @{ $m->{mediaTypes} // [] };

    return grep { length $_->[0] }
           [$m->{mediaPath} // '', $m->{mediaType} // ''],
           map { [$path[$_], $type[$_] // ''] } 0 .. $#path;
}


# The URI that the agent is given of one, if it can be an image.

sub image {
    my ($path) = @_;

    return $path =~ m{^data:image/(jpe?g|png|gif|webp|hei[cf]);base64,(.+)}is
           ? 'data:image/' . (lc $1 eq 'jpg' ? 'jpeg' : lc $1) . ";base64,$2"
           : undef;
}


sub media_lines {
    my (@media) = @_;

    my ($n, $out) = (0, '');

    $out = '[media attached: ' . @media . " files]\n" if @media > 1;

    for (@media) {
        my ($path, $type) = map { on_a_line($_) =~ tr/]/ /r } @$_;

        $out .= '[media attached' . (@media > 1 ? ' ' . ++$n . '/' . @media
                                                : '') . ": $path";
        $out .= " ($type)" if length $_->[1];
        $out .= "]\n";
    }

    return $out;
}


sub blocks {
    my ($m, $id, $name, $group) = @_;

    my %maybe = (reply_to_id => $m->{replyToMessageId});

    @maybe{qw(conversation_label group_subject)} = ($m->{groupSubject}) x 2
        if defined $group;

    my @block = ['Conversation info' => in_block({
        chat_id => 'websocket:'
                   . (defined $group ? "group:$group" : "direct:$id"),
        message_id => $m->{messageId},
        sender => { id => $id, length $name ? (name => $name) : () },
        timestamp => 'T', was_mentioned => JSON::PP::true(),
        defined $group ? (is_group_chat => JSON::PP::true()) : (),
        map({ length($maybe{$_} // '') ? ($_ => $maybe{$_}) : () }
            keys %maybe) })];

    my %reply = (message_id => $m->{replyToMessageId},
                 body => $m->{replyToBody});

    delete @reply{grep { !length($reply{$_} // '') } keys %reply};

    push @block, ['Reply target of current user message' => in_block(\%reply)]
        if %reply;

    push @block, ['Custom data' => in_block({ source => 'websocket',
        type => 'custom', payload => $m->{customData} })]
        if %{ $m->{customData} // {} };

    return \@block;
}


# Strings and names in blocks: no marker, and breaks within backticks.

sub in_block {
    my ($v) = @_;

    return { map { clean($_) => in_block($v->{$_}) } keys %$v }
        if ref $v eq 'HASH';
    return [map { in_block($_) } @$v] if ref $v eq 'ARRAY';
    return $v if ref $v || !defined $v;
    return clean($v);
}


sub clean { unmarked($_[0]) =~ s/`(?=``)/`$BREAK/gr }


# Each marker goes as soon as it is complete.

sub unmarked {
    my ($text) = @_;

    1 while $text =~ s/\A(.*?)\Q$MARK/$1/s;
    return $text;
}


sub on_a_line {
    return unmarked($_[0]) =~ s/[\x00-\x1f\x7f]/ /gr
                           =~ s/\xe2\x80[\xa8\xa9]/   /gr;
}


sub content {
    my ($text, $group, $name) = @_;

    $text = unmarked($text);
    return $text unless defined $group;

    $text =~ s/(?<=.)(?:(?<=[\n\x0b\f\r])|(?<=\xc2\x85)|(?<=\xe2\x80[\xa8\xa9]))
               (?=[^\n\x0b\f\r])/  /gsx;

    return on_a_line($name) . ": $text";
}


1;

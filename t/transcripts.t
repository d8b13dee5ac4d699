# Tests that clients of OpenClaw's WebSocket channel plugin find what they are
# used to: conversations that were recorded with it, data/transcripts.jsonl,
# are played again, to an agent that streams the same parts.
#
# With a greeting and with snapshots the frames are the same, byte by byte, but
# for what is meant to be different:
#
#   - generated ids are others
#   - the plugin says chat.typing twice
#   - it cuts long answers; here there is one chat.response, however long
#   - each chat.error has a code
#   - content of a wrong type is refused before chat.typing, and by name

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


my $UUID = qr/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
my $NIL = '00000000-0000-0000-0000-000000000000';

my $TYPING = '{"type":"chat.typing"}';
my $ERROR = '{"type":"chat.error","error":"Failed to parse message';

# what is expected instead of what was recorded

my %differs = (
    'content is a number' => [
        [$TYPING, "$ERROR\"}"],
        ["$ERROR: field \\\"content\\\" must be a string\"}"],
    ],
);


# A case as a list of steps: what is sent (nothing at first), and what is
# received then.

sub steps {
    my ($case) = @_;

    my @step = ({ got => [] });

    for my $event (@{ $case->{exchange} }) {
        push @step, { sent => $event->{sent}, got => [] }
            if defined $event->{sent};
        push @{ $step[-1]{got} }, $event->{received} // ()
            unless $event->{left_out};
        $step[-1]{left_out} = @{ $step[-1]{got} } if $event->{left_out};
    }

    for my $step (@step) {
        my ($was, $is) = @{ $differs{$case->{case}} // [[], []] };
        my @got = map { s/$UUID/$NIL/r } @{ $step->{got} };

        shift @got if @got > 1 && $got[0] eq $TYPING && $got[1] eq $TYPING;
        $step->{got} = "@got" eq "@$was" ? $is : \@got;
    }

    return @step;
}


# The parts that make the agent's answer.  A long one was not recorded as a
# whole: it has this many words.

sub parts {
    my ($step) = @_;

    return ('word', (' word') x 1199) if $step->{left_out};

    my $so_far = '';

    return map { my $part = substr $_, length $so_far; $so_far = $_; $part }
           map { $_->{content} } grep { $_->{type} eq 'chat.stream' }
           map { WsFrame::from_json($_) } @{ $step->{got} };
}


# What a client gets up to the end of the step, as it was recorded.

sub received {
    my ($c) = @_;

    my @got;

    do {
        push @got, $c->recv_text =~ s/$UUID/$NIL/r;
        $got[-1] =~ s/,"code":"\w+"\}$/}/ if $got[-1] =~ /"chat\.error"/;
    } until $got[-1] =~ /^\{"type":"chat\.(?:response|error)"/;

    return @got;
}


run_tests();

__DATA__

=== TEST 1: the same sent, the same received
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_greeting "Connected to WebSocket chat server";
        openclaw_stream snapshot;
    }
--- scenario
    for (split /\n/, TestEnv::Scenario::slurp(
                         "$TestEnv::ROOT/t/data/transcripts.jsonl"))
    {
        my $case = WsFrame::from_json($_);
        my $c = $T->connect($case->{url});

        $agent->forget;

        for my $step (grep { !$_->{left_out} } steps($case)) {
            my ($said) = ($step->{sent} // '') =~ /"content":"(.+?)"/;

            $agent->on(qr/\Q$said\E\z/, map { (say => $_) } parts($step))
                if defined $said;
            $c->send_text($step->{sent}) if defined $step->{sent};

            is_deeply [received($c)], $step->{got},
                      "$case->{case}: " . ($step->{sent} // 'the greeting');
        }
    }



=== TEST 2: a long answer, of which the beginning and the end were recorded
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_greeting "Connected to WebSocket chat server";
        openclaw_stream snapshot;
    }
--- scenario
    my ($step) = grep { $_->{left_out} } map { steps(WsFrame::from_json($_)) }
        split /\n/, TestEnv::Scenario::slurp(
                        "$TestEnv::ROOT/t/data/transcripts.jsonl");

    my $c = $T->connect('/ws?senderId=user1');
    received($c);

    $agent->otherwise(map { (say => $_) } parts($step));
    $c->send_text($step->{sent});

    my @got = received($c);
    my @was = @{ $step->{got} };
    my $whole = pop @got;
    my @cut = splice @was, -2;

    is shift @got, shift @was for 1 .. 3;

    # the rest as the record has it: a beginning and a length

    for my $was (reverse @was) {
        my ($beginning, $length) = $was =~ /^(.+)…\[(\d+) characters\]$/;
        my $got = pop @got;

        is substr($got, 0, length $beginning), $beginning;
        is length $got, $length;
    }

    # one chat.response for two, and the space between them

    my $content = WsFrame::from_json($whole)->{content};
    my $frame = length($whole) - length $content;
    my ($one, $two) = map { /…\[(\d+) characters\]$/ } @cut;

    is $content, join '', parts($step);
    is length $content, $one - $frame + 1 + $two - $frame;



=== TEST 3: the end
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my $c = $T->connect('/ws?senderId=user1');

    $c->send_frame('close', '');
    is $c->close_code, 1005, 'a close frame without a code is answered so';

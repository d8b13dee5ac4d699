# Bad messages: messages.cases, and those that are made here.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Hostile;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();


my @STRING = qw(messageId senderId groupId senderName groupSubject
                replyToMessageId mediaPath mediaType);

my %TYPE = (number => 1, true => 'true', object => '{"a":"b"}',
            array => '["a"]', string => '"a"', false => 'false');


sub message { '{"type":"chat.send","content":"x",' . "$_[0]}" }


# Each field of each wrong type, with each character that it must not have, and
# too long.

sub fields {
    my @case;

    my %want = (map({ $_ => ['string', 'must be a string'] } @STRING,
                    qw(content replyToBody)),
                chatType => ['', 'must be "direct" or "group"'],
                mediaPaths => ['', 'must be an array of strings'],
                mediaTypes => ['', 'must be an array of strings'],
                customData => ['object', 'must be an object']);

    for my $name (sort keys %want) {
        my ($good, $error) = @{ $want{$name} };

        for my $type (sort keys %TYPE) {
            next if $type eq $good || $type eq 'array' && $name =~ /s$/;

            push @case, case("$name is a $type", message(
                "\"$name\":$TYPE{$type}"), "bad_field: field \"$name\" $error");
        }
    }

    for my $name (@STRING) {
        my $id = $name eq 'messageId' ? 'messageId' : '';

        push @case, case("$name with $_", message("\"$name\":\"a$_\""),
                         "bad_field: field \"$name\" contains control "
                         . 'characters')
            for '\u0001', '\n', '\r', '\t', '\u001b', '\u007f', "\x7f",
                '\u0085', "\xc2\x9f";
    }

    for my $name (grep { $_ ne 'mediaPath' } @STRING) {
        my $max = $name eq 'messageId' ? 128 : 256;

        push @case, map { case("$name of $_->[0]", message(
            "\"$name\":\"$_->[1]\""), "too_long: field \"$name\" must be at "
                                      . "most $max bytes long") }
            ['one byte too many', 'x' x ($max + 1)],
            ['too many bytes, but few characters',
             "\xf0\x9f\xa6\x9e" x ($max / 4) . 'x'],
            ['too many escapes', '\u0041' x ($max + 1)],
            ['a megabyte', 'x' x 1_000_000];
    }

    return @case;
}


# A message that ends at each of its bytes.

sub halves {
    my $all = '{"type":"chat.send","content":"a\u00e9\n","messageId":"m1",'
              . '"mediaPaths":["a"],"customData":{"a":[1.5e3,true,null]}}';

    return map { case("$_ bytes of a message", substr($all, 0, $_),
                      'parse_error') } 1 .. length($all) - 1;
}


# The frames that stand behind the short form.

sub spelled {
    my ($want) = @_;

    return $want if $want =~ /^(?:text .*)?$| \.\.\.$/;

    my ($code, $id, $text) = $want =~ /^(\w+)(?: \((.*?)\))?(?:: (.*))?$/;

    return error($code, $text, $id);
}


sub all { map { $_->{want} = spelled($_->{want}); $_ } @_ }


run_tests();

__DATA__

=== TEST 1: messages
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
--- scenario
    my $c;

    hostile('messages', sub {
        my ($case, $beside) = @_;

        # one connection sees them all: it goes on after an error

        $c = $T->connect('/ws?senderId=bad') unless $c && $c->is_open;
        send_halves($c, WsFrame::text($case->{send}), $beside);

        my $got = frames_of($c);

        $got =~ s/^text .*"code":"(\w+)"\}$/$1 .../
            if $case->{want} =~ / \.\.\.$/;

        return $got;
    }, all(cases('messages'), fields(), halves()));

    is $c->chat('fine')->answer->{content}, 'echo: fine', 'it still speaks';
    is scalar(grep { $_->{session} =~ /:bad$/ } $agent->requests), 1,
       'the agent was not asked';
    is logged(qr/\[(?:warn|error|crit)\]/), '', 'no error of our own';

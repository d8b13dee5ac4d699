# Bad answers of an agent: agent.cases, and those that are made here.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Hostile;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# A good answer that ends at each of its bytes.

sub halves {
    my $stream = Hostile::Bytes::stream(Hostile::Bytes::says("H\xc3\xa9"),
                                        Hostile::Bytes::says('llo'));

    return map { case("$_ bytes of a stream", substr($stream, 0, $_),
                      'agent_incomplete') } 1 .. length $stream;
}


# Histories of a session in which the answer is not, whatever it looks like.

sub histories {
    my $ours = '{"role":"user","content":"bad","timestamp":9e12}';
    my $says = '{"role":"assistant","content":"no","stopReason":"stop"';

    return map { case('a history: ' . substr($_, -60) =~ tr/ -~//cdr, $_,
                      'agent_incomplete') }
        "hello\r\n\r\n", "\0" x 5000,
        "HTTP/1.1 204 X\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 302 X\r\nConnection: close\r\n"
        . "Location: file:///etc/passwd\r\n\r\n",
        map { Hostile::Bytes::json($_) }
        '', 'x', '[]', '{}', '{"messages":{}}', '{"messages":null}',
        '{"messages":[]}', '{"messages":[1,null,[],"a"]}', '[' x 100_000,
        '{"messages":' . '[' x 50_000, '{"messages":[{"role":"user"}]}',
        '{"messages":[{"role":["user"],"content":"bad"}]}',
        qq({"messages":[$ours,$says}]}),
        qq({"messages":[$ours,$says,"__openclaw":{"runId":"other"}}]}),
        qq({"messages":[$ours,$says,"__openclaw":{"runId":["a"]}}]}),
        qq({"messages":[$ours,$says,"__openclaw":"a"}]}),
        qq({"messages":[$ours,$ours,$says}]}),
        '{"messages":[{"role":"user","content":"bad","timestamp":1},'
        . "$says}]}",
        '{"messages":[{"role":"user","content":"bad","timestamp":"9e12"},'
        . "$says}]}";
}


sub shown { $_[0] =~ s/\n/\\n/gr }


# What a message has come to.

sub became {
    my ($c, $want) = @_;

    my $answer = $c->answer('bad');

    return 'says ' . shown($answer->{content})
        if $answer->{type} eq 'chat.response';
    return $want if grep { $answer->{code} eq $_ } split /\|/, $want;
    return "$answer->{code} $answer->{error}";
}


run_tests();

__DATA__

=== TEST 1: answers
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }

    # where no history is looked for

    location = /bad {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT/chat;
        openclaw_token token-of-agent;
        openclaw_retry_timeout 0;
        openclaw_answers off;
    }
--- scenario
    my $c;

    hostile('answers of an agent', sub {
        my ($case, $beside) = @_;

        # one connection sees them all: it goes on after an error

        $c = $T->connect('/bad?senderId=bad') unless $c && $c->is_open;

        $agent->forget;
        $agent->on({ path => '/chat' }, gate => 'go', raw => $case->{send},
                   'close');

        $c->chat('bad', messageId => 'bad');
        $agent->wait_for_gate('go');
        $beside->();
        $agent->release('go');

        my $became = became($c, $case->{want});

        $agent->close_gate('go');

        return $became;
    }, cases('agent'), halves());

    is logged(qr/\[(?:warn|crit)\]|token-of-agent/), '';



=== TEST 2: histories, in which the rest of an answer is looked for
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_answers off;
        openclaw_retry_timeout 0;
    }
--- scenario
    hostile('histories', sub {
        my ($case, $beside) = @_;

        my $c = $T->connect('/ws?senderId=bad');

        $agent->forget;
        $agent->on({ method => 'GET' }, raw => $case->{send}, 'close');
        $agent->on('bad', say => 'half', 'close');

        $c->chat('bad', messageId => 'bad');
        $beside->();

        my $became = became($c, $case->{want});

        $c->disconnect;

        return $became;
    }, histories());

    is logged(qr/\[crit\]/), '';

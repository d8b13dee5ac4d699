# Bad answers of the service of openclaw_auth: auth.cases, and those that are
# made here.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Hostile;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# A good answer that ends at each of its bytes: the JSON in it, and so many of
# its own.

sub halves {
    my $json = '{"success":true,"data":{"userId":"bob","username":"B\u00f6b",'
               . '"expiresAt":1e13}}';
    my $all = Hostile::Bytes::json($json);

    return map({ case("$_ bytes of JSON", Hostile::Bytes::json(
                          substr $json, 0, $_),
                      'refused service_unavailable') } 1 .. length($json) - 1),
           map({ case("$_ bytes of an answer", substr($all, 0, $_),
                      'refused service_unavailable') }
               map { 7 * $_ } 0 .. (length($all) - 1) / 7);
}


# What became of a client with the token "token-of-bad".

sub became {
    my ($c, $agent) = @_;

    my $answer = $c->chat('hello')->answer;

    return 'is ' . ($agent->requests)[-1]{session}
                   =~ s/^agent:main:websocket:direct://r
        if $answer->{type} eq 'chat.response';

    my $code = $c->close;

    return "closed with $code" if $code != 4401;
    return "not refused: $answer->{code}" if $answer->{code} ne 'auth_failed';
    return 'refused ' . $answer->{error} =~ s/^Authentication failed: //r;
}


run_tests();

__DATA__

=== TEST 1: answers
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }

    location = /auth {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_auth http://127.0.0.1:$TEST_NGINX_AGENT_PORT/auth;
    }
--- scenario
    hostile('answers of an auth service', sub {
        my ($case, $beside) = @_;

        $agent->forget;
        $agent->on({ path => '/auth' }, gate => 'go', raw => $case->{send},
                   'close');

        my $c = $T->connect('/auth?token=token-of-bad');

        $agent->wait_for_gate('go');
        $beside->();
        $agent->release('go');

        my $became = became($c, $agent);

        $agent->close_gate('go');
        $c->disconnect;

        return $became;
    }, cases('auth'), halves());

    is logged(qr/\[(?:warn|crit)\]|token-of-bad/), '';

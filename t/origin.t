# Tests for openclaw_allow_origin: which pages may connect.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

TestEnv::scenario();
plan tests => repeat_each() * (blocks() * 2 + 1);
no_long_string();


# the status of a handshake from a page at this origin

sub from {
    my ($uri, $origin, %header) = @_;

    return $TestEnv::T->connect($uri, any => 1, headers =>
                                { Host => 'example.com', Origin => $origin,
                                  %header })->status;
}


run_tests();

__DATA__

=== TEST 1: by default those of the same host
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }

    location = /same {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_allow_origin same;
    }
--- scenario
    for my $uri ('/ws', '/same') {

        # no browser, nobody's page

        is from($uri, undef), 101, 'without an origin';

        # TLS may end before nginx

        is from($uri, 'http://example.com'), 101;
        is from($uri, 'https://example.com'), 101;
        is from($uri, 'HTTP://EXAMPLE.COM'), 101;

        is from($uri, 'http://example.com:8080',
                Host => 'example.com:8080'), 101, 'with a port';

        is from($uri, 'http://evil.com'), 403;
        is from($uri, 'http://example.com.evil.com'), 403;
        is from($uri, 'http://evil.com/example.com'), 403;
        is from($uri, 'http://sub.example.com'), 403;
        is from($uri, 'http://evilexample.com'), 403;
        is from($uri, 'http://example.com:8080'), 403, 'another port';
        is from($uri, 'example.com'), 403;
        is from($uri, 'null'), 403, 'a page that hides where it is from';
        is from($uri, ''), 403;
    }



=== TEST 2: those of a list, one of which may be "same"
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_allow_origin https://a.com https://b.com:8443;
    }

    location = /same {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_allow_origin https://a.com same;
    }
--- scenario
    is from('/ws', undef), 101;
    is from('/ws', 'https://a.com'), 101;
    is from('/ws', 'https://A.com'), 101;
    is from('/ws', 'https://b.com:8443'), 101;

    is from('/ws', 'http://a.com'), 403, 'another scheme is another origin';
    is from('/ws', 'https://b.com'), 403, 'and so is another port';
    is from('/ws', 'https://a.com.evil.com'), 403;
    is from('/ws', 'https://example.com'), 403, 'the same is not in the list';

    is from('/same', 'https://a.com'), 101;
    is from('/same', 'https://example.com'), 101;
    is from('/same', 'https://evil.com'), 403;



=== TEST 3: any
--- config
    openclaw_allow_origin *;

    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }

    location = /strict {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
        openclaw_allow_origin https://a.com;
    }
--- scenario
    is from('/ws', $_), 101, $_ for 'http://evil.com', 'null', 'x';
    is from('/strict', 'http://evil.com'), 403, 'not inherited if set here';



=== TEST 4: the error log names the directive that would allow it
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- raw_request eval
WsFrame::handshake('/ws', Origin => 'http://a.com',
                   Connection => 'close, Upgrade')
--- error_code: 403
--- response_body
This origin is not allowed.
--- error_log
client sent origin "http://a.com" that "openclaw_allow_origin" does not allow



=== TEST 5: two of them
--- config
    location = /ws {
        openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT;
    }
--- scenario
    my ($good, $bad) = ('http://example.com', 'http://evil.com');

    is from('/ws', [$good, $good]), 101;
    is from('/ws', $_), 403, 'nobody knows which one is true'
        for [$good, $bad], [$bad, $good], [$good, ''];

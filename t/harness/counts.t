# How many assertions each section makes: plans depend on it.

use strict;
use warnings;

use lib 't/lib', 't/harness';
use TestEnv qw(stock);
use Test::More;
use Inner;


my $config = <<'E';
--- config
    location = /t {
        add_header X-A a;
        add_header X-B b;
        return 200 "hello\n";
    }
--- request
GET /t
E

my @case = (
    1, 'the status code', '',
    1, 'the expected status code', "--- error_code: 200\n",
    2, 'a body', "--- response_body\nhello\n",
    2, 'a body that looks like', "--- response_body_like: ^hel\n",
    2, 'a body that does not', "--- response_body_unlike: bye\n",
    3, 'two headers', "--- response_headers\nX-A: a\nX-B: b\n",
    3, 'a header, and one that is absent',
        "--- response_headers\nX-A: a\n!X-C\n",
    2, 'a header that looks like', "--- response_headers_like\nX-A: \\w\n",
    2, 'raw headers', "--- raw_response_headers_like: X-A: a\\r\\nX-B\n",
    3, 'raw headers, both ways', "--- raw_response_headers_like: X-A\n"
                                 . "--- raw_response_headers_unlike: X-Z\n",
    3, 'two log patterns as lines',
        "--- error_log\nhttp request line\nhttp header done\n",
    3, 'two log patterns as an array',
        "--- error_log eval\n[qr/http \\w+ line/, 'http header done']\n",
    3, 'two patterns that are absent', "--- no_error_log\n[error]\nnowhere\n",
    2, 'one regex', "--- no_error_log eval: qr/no(?:where|body)/\n",
    2, 'lines that are picked out of the log',
        "--- grep_error_log eval: qr/http header done/\n"
        . "--- grep_error_log_out\nhttp header done\n",
    2, 'a line in access.log', "--- access_log: GET /t\n",
    2, 'no line in access.log', "--- no_access_log: POST\n",
    1, 'a response that is ignored, and a log',
        "--- ignore_response\n--- no_error_log\n[error]\n",
    2, 'a shutdown log, after nginx has gone',
        "--- shutdown_error_log eval: qr/: exit/\n",
    2, 'no shutdown log', "--- no_shutdown_error_log\n[alert]\n",
);

my ($blocks, $all, $n) = ('', 0, 0);

for (my $i = 0; $i < @case; $i += 3) {
    $blocks .= '=== TEST ' . ++$n . ": it\n$config$case[$i + 2]\n";
    $all += $case[$i];
}

my $r = inner("plan tests => $all; run_tests();", $blocks);

ok($r->{passed}, 'the plan holds') or diag($r->{said});
$n = 0;

while (my ($count, $what) = splice @case, 0, 3) {
    is(scalar @{ $r->{'TEST ' . ++$n} }, $count, $what);
}

$r = inner('repeat_each(3); plan tests => repeat_each() * blocks() * 3; '
              . 'run_tests();', "=== TEST 1: a\n$config--- response_body\nhello\n"
              . "--- error_log\nhttp header done\n\n"
              . "=== TEST 2: b\n$config--- response_body_like: h\n"
              . "--- no_error_log\n[error]\n");
is("$r->{ok} $r->{passed}", '18 1', 'blocks times repeats') or diag($r->{said});

$r = inner('plan tests => 2; run_tests();',
           "=== TEST 1: a\n$config\n=== TEST 2: b\n$config--- SKIP\n\n"
           . "=== TEST 3: c\n$config");
is("$r->{ok} $r->{passed}", '2 1', 'SKIP takes a block out')
    or diag($r->{said});

$r = inner('plan tests => 1; run_tests();',
           "=== TEST 1: a\n$config\n=== TEST 2: b\n--- ONLY\n$config");
is("$r->{ok} $r->{passed}", '1 1', 'ONLY takes the others out')
    or diag($r->{said});

done_testing();

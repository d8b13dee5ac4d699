# What is wrong is seen: each of these must be red.

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
        return 200 "hello\n";
    }
--- request
GET /t
E

# red(what, sections, what is said of it) adds a block, see($head) runs those
# that were added and looks that each has failed.

my @block;

sub red { push @block, [@_] }

sub see {
    my ($head, %env) = @_;

    my $n = 0;
    my $r = inner("$head plan 'no_plan'; run_tests();", join('',
                  map { '=== TEST ' . ++$n . ": $_->[0]\n$_->[1]\n" } @block),
                  %env);

    $n = 0;

    for my $b (splice @block) {
        my $lines = $r->{'TEST ' . ++$n} // [];

        ok((grep { /^not ok/ } @$lines) && $r->{said} =~ $b->[2], $b->[0])
            or diag(@$lines, $r->{said});
    }
}


# sections

red('the status', "$config--- error_code: 201\n", qr/status code/);
red('the body', "$config--- response_body\nhallo\n", qr/hallo/);
red('a body that does not look like',
    "$config--- response_body_like: bye\n", qr/response_body_like/);
red('a body that does',
    "$config--- response_body_unlike: hello\n", qr/response_body_unlike/);
red('a header', "$config--- response_headers\nX-A: b\n", qr/X-A/);
red('a header that should be absent',
    "$config--- response_headers\n!X-A\n", qr/X-A/);
red('a pattern that is not in error.log',
    "$config--- error_log\nno such words\n", qr/no such words/);
red('one that is', "$config--- no_error_log\nhttp header done\n",
    qr/http header done/);
red('a literal is no pattern', "$config--- error_log\nhttp .* done\n",
    qr/not ok 2/);
red('lines picked from the log', "$config--- grep_error_log: header done\n"
    . "--- grep_error_log_out\n", qr/grep_error_log_out/);
red('access.log', "$config--- access_log: POST\n", qr/access.log/);
red('a shutdown log', "$config--- shutdown_error_log\nno such words\n",
    qr/no such words/);
red('a server that says nothing', <<'E', qr/timed out/);
--- config
    location = /t { limit_rate 1; limit_rate_after 1; return 200 hello; }
--- raw_request eval
"GET /t HTTP/1.1\r\nHost: x\r\n\r\n"
--- timeout: 100ms
E
red('must_die, and it does not', "$config--- must_die\n",
    qr/die as expected/);

see('');


# what no block may do; "do" is Perl that runs while nginx does

red('an alert in error.log', "$config--- do\n" . <<'E', qr/ exited on signal 9/);
    kill KILL => TestEnv::children(TestEnv::nginx_pid());
    TestEnv::Scenario->wait_for_log(qr/exited on signal 9/);
E

red('a report of a sanitizer', "$config--- do\n" . <<'E', qr/made up/);
    open my $log, '>>', main::server_root() . '/logs/error.log';
    print $log "x.c:1: runtime error: made up\n";
E

red('a process left behind', "$config--- do\n" . <<'E', qr/left processes/);
    my $pid = TestEnv::nginx_pid();
    kill STOP => TestEnv::children($pid);
    kill KILL => $pid;
    unlink main::server_root() . '/logs/nginx.pid';
E

my $do = 'master_on(); timeout(0.3); add_response_body_check(sub { '
         . 'eval $_[0]->do . ";1" or die });';

red('a report in a file', "$config--- do\n" . <<'E', qr/heap-use-after-free/);
    open my $report, '>', "$ENV{OPENCLAW_REPORT}-made-up.1234";
    print $report "==1234==ERROR: heap-use-after-free\n";
E

my $dir = File::Temp->newdir;

see($do, OPENCLAW_REPORTS => "$dir");


# scenarios

my $scenario = "--- config\n    location = /t { return 200; }\n--- scenario\n";

red('a check', "$scenario    is 1, 2;\n", qr/expected: '2'/);
red('a death', "$scenario    is 1, 1; die 'of it';\n", qr/not ok.*of it/);
red('a syntax error', "$scenario    my = 1;\n", qr/syntax error/);
red('an undeclared variable', "$scenario    \$x = 1;\n", qr/Global symbol/);
red('a step that is none', "$scenario    \$agent->on('a', 'sing');\n",
    qr/no such step: sing/);
red('a refused handshake', "$scenario    \$T->connect('/t');\n",
    qr/expected 101, got 200/);

# nothing of what these wait for will ever be

red('a condition', "$scenario    \$T->wait_for(sub { 0 }, 'rain');\n",
    qr/waited in vain for rain/);
red('a gate', "$scenario    \$agent->wait_for_gate('go');\n",
    qr/waited for 1 at the gate "go", there are 0/);
red('a request', "$scenario    \$agent->wait_for_requests(1);\n",
    qr/waited for 1 requests, there are 0/);

see('{ no warnings; sub WsClient::timeout { 0.2 } } TestEnv::scenario();');

done_testing();

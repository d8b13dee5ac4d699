# Tests for the formats of openclaw_status.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;
use Digest::SHA qw(sha256_base64);
use Status;
use Workers;

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# Debian's, from where .ci/install has put it, or any

sub promtool {
    my ($found) = grep { -x } "$TestEnv::ROOT/build/promtool/promtool",
                              map { "$_/promtool" } split /:/, $ENV{PATH};
    return $found;
}


# something of everything

sub use_all {
    my $c = $TestEnv::T->connect('/ws');

    $c->chat($_)->answer for 'hello', 'again';
    $c->send_text('nonsense');
    $c->recv_json;
    $c->close;
    status_is(connections => 0);
}


run_tests();

__DATA__

=== TEST 1: by the directive, and by the argument "format"
--- config
    location = /status { openclaw_status; }
    location = /json { openclaw_status json; }
    location = /metrics { openclaw_status prometheus; }
    location = /page { openclaw_status html; }
--- scenario
    my %type = (json => 'application/json',
                prometheus => 'text/plain; version=0.0.4; charset=utf-8',
                html => 'text/html; charset=utf-8');

    my %uri = ('/status' => 'json', '/json' => 'json',
               '/metrics' => 'prometheus', '/page' => 'html');

    for my $uri (sort keys %uri) {
        my $a = $T->get($uri);
        is $a->{status}, 200, $uri;
        is $a->{headers}{'content-type'}, $type{$uri{$uri}};
        is $a->{headers}{'content-length'}, length $a->{body};
        is $a->{headers}{'cache-control'}, 'no-store';

        for my $format (sort keys %type) {
            is $T->get("$uri?a=b&format=$format")->{headers}{'content-type'},
                $type{$format}, "$uri as $format";
        }
    }

    is $T->get('/status?format=xml')->{status}, 400;
    is $T->get('/status?format=xml')->{body},
        "The format is json, prometheus, or html.\n";



=== TEST 2: requests of other kinds
--- config
    location = /status { openclaw_status; }
    location = /outer {
        if ($arg_x) { set $y 1; }
        limit_except GET { deny all; }
        openclaw_status;
    }
--- scenario
    my $say = sub {
        my ($method, $uri) = @_;
        my $c = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                      PeerPort => $T->port);
        print $c "$method $uri HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi";
        local $/;
        return scalar <$c>;
    };

    like $say->('GET', '/status'), qr/^HTTP\S+ 200 .*"total"/s;
    like $say->('HEAD', '/status'), qr/^HTTP\S+ 200 .*\r\n\r\n$/s;
    like $say->('POST', '/status'), qr/^HTTP\S+ 405 /;
    like $say->('GET', '/outer'), qr/^HTTP\S+ 200 /;
    like $say->('GET', '/outer?x=1'), qr/^HTTP\S+ 200 /;
    like $say->('POST', '/outer'), qr/^HTTP\S+ 403 /;



=== TEST 3: where nothing is passed to any agent
--- config
    location = /status { openclaw_status; }
--- scenario
    my $now = status();

    is_deeply $now->{workers}, [];
    is $now->{total}{connections}, 0;
    like $T->get("/status?format=$_")->{body}, qr/connections/, $_
        for 'prometheus', 'html';



=== TEST 4: Prometheus takes it
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /status { openclaw_status; }
--- scenario
    two_workers();
    main::use_all();

    my $text = $T->get('/status?format=prometheus')->{body};
    my %type = $text =~ /^# TYPE (\S+) (\S+)$/mg;
    my %help = $text =~ /^# HELP (\S+) (.+)$/mg;

    is $type{openclaw_connections}, 'gauge';
    is $type{openclaw_messages_total}, 'counter';
    is $type{openclaw_turn_seconds}, 'histogram';
    is_deeply [sort keys %type], [sort keys %help];

    # all that is in the JSON is there, and the same

    my $now = status();
    my $samples = samples();
    my $n = 0;

    my $same = sub {
        my ($value, $name, @label) = @_;

        cmp_ok $samples->{sample($name, @label)} // -1, '==', $value,
            sample($name, @label);
        $n++;
    };

    for my $w (@{ $now->{workers} }) {
        my @at = (worker => $w->{worker});

        for my $name (grep { !/^(worker|processes)$/ } keys %$w) {
            my $value = $w->{$name};

            if (!ref $value) {
                $same->($value, $name, @at);

            } elsif (my $b = $value->{buckets}) {
                $same->($value->{$_}, "${name}_$_", @at) for 'count', 'sum';
                $same->($b->{$_}, "${name}_bucket", @at, le => $_) for keys %$b;

            } else {
                my $label = $name =~ /^(closes|errors)_/ ? 'code' : 'result';
                $same->($value->{$_}, $name, @at, $label => $_)
                    for keys %$value;
            }
        }
    }

    for my $name (keys %{ $now->{zone} }) {
        my $value = $now->{zone}{$name};

        $same->(ref $value ? $value->{$_} : $value, $name,
                ref $value ? (state => $_) : ())
            for ref $value ? keys %$value : $name;
    }

    is $n, keys %$samples, 'and nothing else';

    SKIP: {
        my $promtool = main::promtool();

        skip 'there is no promtool', 1 unless $promtool;

        open my $out, '|-', "$promtool check metrics >&2"
            or die "$promtool: $!";
        print $out $text;
        close $out;
        is $?, 0, 'promtool has nothing to say';
    }



=== TEST 5: the page
--- config
    location = /ws { openclaw_pass http://127.0.0.1:$TEST_NGINX_AGENT_PORT; }
    location = /status { openclaw_status html; }
--- scenario
    two_workers();
    main::use_all();

    my $page = $T->get('/status');
    my $body = $page->{body};
    my $policy = $page->{headers}{'content-security-policy'};

    like $policy, qr/^default-src 'none'; connect-src 'self'; /;

    my ($style) = $body =~ m{<style>(.*)</style>}s;
    my ($script) = $body =~ m{<script>(.*)</script>}s;

    like $policy, qr/style-src 'sha256-\Q${\ sha256_base64($style)}\E='/;
    like $policy, qr/script-src 'sha256-\Q${\ sha256_base64($script)}\E='/;
    unlike $body, qr/\b(?:src|href|style|on\w+)\s*=/, 'nothing from outside';
    unlike $body, qr{https?://};

    like $body, qr{<th\ title="[^"]+">messages_total</th><td>3</td><td></td>
                   <td>\d</td><td>\d</td></tr>}x;
    like $body, qr{<tr\ id="errors_total-parse_error"\ data-n="1">
                   <th\ class="part">parse_error</th><td>1</td>}x;
    unlike $body, qr/queue_full/, 'what is not there is left out';
    like $body, qr{turn_seconds</th><td>2</td><td>0\.\d+</td><td>0\.\d+</td>};
    like $body, qr{sessions idle</th><td>1</td>};

# What is refused when the configuration is read, and how it is said: each wrong
# use of each directive, with the whole message, and the file and the line.

use lib 't/lib';
use TestEnv qw(tls);
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# Where a line is put.  What is there beside it does not matter.

my %around = (
    http     => sub { "http { server { location /ws {\n}\n}\n$_[0]\n}" },
    server   => sub { "http { server { location /ws {\n}\n$_[0]\n} }" },
    location => sub { "http { server { location /ws {\n$_[0]\n} } }" },
    with     => sub { "http { server { location /ws {\n"
                      . "openclaw_pass http://127.0.0.1:1;\n$_[0]\n} } }" },
    tls      => sub { "http { server { location /ws {\n"
                      . "openclaw_pass https://127.0.0.1:1;\n$_[0]\n} } }" },
);


# "nginx -t" of a configuration with that line: "fine", or what it said; with
# "HERE" for the file and the line

sub said {
    my ($where, $line) = @_;

    my $root = TestEnv::server_root();
    my $file = "$root/conf/test.conf";

    # the real one has the same modules

    my $load = join "\n", TestEnv::Scenario::slurp("$root/conf/nginx.conf")
                          =~ /^(load_module .*)$/mg;

    my $text = "$load\nerror_log stderr;\npid $root/logs/test.pid;\n"
               . "events { }\n" . $around{$where}->($line) . "\n";
    my $at = 1 + (substr($text, 0, index $text, $line) =~ tr/\n//);

    open my $out, '>', $file or die $!;
    print $out $text;
    close $out;

    my $preload = $ENV{TEST_NGINX_LD_PRELOAD} // '';
    my $said = `LD_PRELOAD=$preload $ENV{TEST_NGINX_BINARY} -e stderr \\
                -p $root -c conf/test.conf -t 2>&1`;

    return 'fine' unless $?;

    return join ' / ', map { s/ in \Q$file\E:$at$/ HERE/r }
                       $said =~ /\[emerg\] (?:\d+#\d+: )?(.*)/g;
}


# Each wrong use is two lines or more: where it is and what, and the message,
# to which " HERE" is added unless it has that, or ends with " (nowhere)".

our %Wrong;

sub refused {
    my ($table) = @_;

    my $html = TestEnv::server_root() . '/html';

    $table =~ s/\$HTML/$html/g;

    for my $use (split /\n(?=\S)/, $table) {
        my ($head, @message) = split /\n\s+/, $use;
        my ($where, $line) = $head =~ /^(\w+)\s+(.*)$/ or die "table: $use";
        my $message = join ' ', map { s/\s+\z//r } @message;

        $message .= ' HERE' unless $message =~ s/ \(nowhere\)$//;
        main::is(said($where, $line), $message, $head);
        $Wrong{$1} = 1 while $line =~ /\b(openclaw_\w+)/g;
    }
}


sub accepted {
    my ($table) = @_;

    my $html = TestEnv::server_root() . '/html';

    $table =~ s/\$HTML/$html/g;

    for my $use (split /\n/, $table) {
        my ($where, $line) = $use =~ /^(\w+)\s+(.*)$/ or die "table: $use";
        main::is(said($where, $line), 'fine', $use);
    }
}


no_shuffle();
run_tests();

__DATA__

=== TEST 1: openclaw_pass
--- config
--- scenario
    main::accepted(<<'END');
location openclaw_pass http://127.0.0.1:18789;
location openclaw_pass http://127.0.0.1;
location openclaw_pass https://127.0.0.1:18789/v1/chat;
location openclaw_pass http://[::1]:18789;
location openclaw_pass http://localhost:18789;
location openclaw_pass unix:/run/openclaw.sock;
location openclaw_pass unix:/run/openclaw.sock:/v1/chat;
location openclaw_pass http://127.0.0.1:1 http://127.0.0.1:2/v1/chat unix:/a;
location openclaw_pass http://127.0.0.1:1 max_fails=3;
location openclaw_pass max_fails=0 http://127.0.0.1:1 fail_timeout=1m unix:/a;
END

    my $many = join ' ', map { "unix:/$_" } 1 .. 64;
    is main::said(location => "openclaw_pass $many;"), 'fine', '64 urls';
    is main::said(location => "openclaw_pass $many unix:/65;"),
       'there are more than 64 urls HERE';

    main::refused(<<'END');
location openclaw_pass 127.0.0.1:18789;
    invalid url "127.0.0.1:18789", it must start with "http://", "https://" or
    "unix:"
location openclaw_pass ftp://127.0.0.1;
    invalid url "ftp://127.0.0.1", it must start with "http://", "https://" or
    "unix:"
location openclaw_pass "";
    invalid url "", it must start with "http://", "https://" or "unix:"
location openclaw_pass http://127.0.0.1:1 weight=5;
    invalid url "weight=5", it must start with "http://", "https://" or "unix:"
location openclaw_pass http://;
    no host in url "http://"
location openclaw_pass http://127.0.0.1:0;
    invalid port in url "http://127.0.0.1:0"
location openclaw_pass http://127.0.0.1:99999;
    invalid port in url "http://127.0.0.1:99999"
location openclaw_pass http://127.0.0.1:x;
    invalid port in url "http://127.0.0.1:x"
location openclaw_pass http://a..b;
    host not found in url "http://a..b"
location openclaw_pass unix:;
    no path in the unix domain socket in url "unix:"
location openclaw_pass http://127.0.0.1?a;
    the path in url "http://127.0.0.1?a" must start with "/"
location openclaw_pass http://$host;
    invalid character "$" in url "http://$host", variables and user names are
    not supported
location openclaw_pass http://a:b@127.0.0.1;
    invalid character "@" in url "http://a:b@127.0.0.1", variables and user
    names are not supported
location openclaw_pass;
    invalid number of arguments in "openclaw_pass" directive
location openclaw_pass max_fails=1;
    "openclaw_pass" directive has no url
location openclaw_pass http://127.0.0.1:1 max_fails=x;
    invalid parameter "max_fails=x", a number is expected, with 0 none is ever
    disabled
location openclaw_pass http://127.0.0.1:1 fail_timeout=x;
    invalid parameter "fail_timeout=x", a time is expected, such as "10s"
location openclaw_pass http://A.localhost http://a.localhost:80/v1;
    host not found in url "http://A.localhost"
location openclaw_pass http://LOCALHOST https://localhost http://localhost:80/v1;
    url "http://localhost:80/v1" is of the same server as one before it,
    "http://localhost:80"
location openclaw_pass unix:/a unix:/b:/v1 unix:/a:/v1;
    url "unix:/a:/v1" is of the same server as one before it, "unix:/a"
with openclaw_pass http://127.0.0.1:2;
    "openclaw_pass" directive is duplicate
server openclaw_pass http://127.0.0.1:1;
    "openclaw_pass" directive is not allowed here
END



=== TEST 2: openclaw_zone
--- config
--- scenario
    main::accepted(<<'END');
http openclaw_zone a:1m;
http openclaw_zone a:1m inactive=1h;
http openclaw_zone a:32k;
END

    main::refused(<<'END');
http openclaw_zone a:31k;
    zone "a:31k" is too small, at least 32k are needed
http openclaw_zone a:0;
    zone "a:0" is too small, at least 32k are needed
http openclaw_zone a;
    invalid zone "a", "name:size" is expected
http openclaw_zone :1m;
    invalid zone ":1m", "name:size" is expected
http openclaw_zone a:;
    invalid size in zone "a:", "name:size" is expected, such as "a:16m"
http openclaw_zone a:x;
    invalid size in zone "a:x", "name:size" is expected, such as "a:16m"
http openclaw_zone a:1m inactive=;
    invalid time "inactive=", it must be like "inactive=1d"
http openclaw_zone a:1m inactive=0;
    invalid time "inactive=0", it must be like "inactive=1d"
http openclaw_zone a:1m inactive=x;
    invalid time "inactive=x", it must be like "inactive=1d"
http openclaw_zone a:1m active=1h;
    invalid parameter "active=1h", "inactive=time" is expected
http openclaw_zone a:1m; openclaw_zone b:1m;
    "openclaw_zone" directive is duplicate
http openclaw_zone;
    invalid number of arguments in "openclaw_zone" directive
server openclaw_zone a:1m;
    "openclaw_zone" directive is not allowed here
END



=== TEST 3: openclaw_token and openclaw_token_file
--- user_files
>>> token
s3cret
>>> empty
>>> lines
two
lines
--- config
--- scenario
    main::accepted(<<'END');
with openclaw_token_file $HTML/token;
with openclaw_token s3cret;
END

    # what is wrong with a token is said without it

    main::refused(<<'END');
with openclaw_token_file $HTML/none;
    open() "$HTML/none" failed (2: No such file or directory)
with openclaw_token_file $HTML;
    "$HTML" is not a file of 1 to 65536 bytes
with openclaw_token_file $HTML/empty;
    "$HTML/empty" is not a file of 1 to 65536 bytes
with openclaw_token "s3 cret";
    the token has a character that no HTTP header can carry
with openclaw_token "s3crét";
    the token has a character that no HTTP header can carry
with openclaw_token_file $HTML/lines;
    the token has a character that no HTTP header can carry
with openclaw_token "";
    the token is empty
with openclaw_token a; openclaw_token_file $HTML/token;
    "openclaw_token_file" directive is incompatible with "openclaw_token"
with openclaw_token_file $HTML/token; openclaw_token a;
    "openclaw_token" directive is duplicate
with openclaw_token;
    invalid number of arguments in "openclaw_token" directive
with openclaw_token_file;
    invalid number of arguments in "openclaw_token_file" directive
END



=== TEST 4: openclaw_set_header
--- config
--- scenario
    main::accepted('with openclaw_set_header X-A b; '
                   . 'openclaw_set_header Host a;');

    for my $own (qw(Authorization authorization Connection Content-Length
                    Content-Type Expect TE Trailer Transfer-Encoding Upgrade
                    X-OpenClaw-Session-Key))
    {
        main::refused("with openclaw_set_header $own x;\n"
                      . "  header \"$own\" can't be set, it is the module's "
                      . 'own');
    }

    for my $name ('X A', 'X:', '', "X\tA", 'Xé') {
        main::refused("with openclaw_set_header \"$name\" x;\n"
                      . "  invalid header name \"$name\", it must have "
                      . 'letters, without spaces and ":"');
    }

    # nginx itself finds out later

    main::refused(<<'END');
with openclaw_set_header X-A $no_such_variable;
    unknown "no_such_variable" variable (nowhere)
with openclaw_set_header X-A "a\nb";
    the value of header "X-A" has a control character
with openclaw_set_header X-A;
    invalid number of arguments in "openclaw_set_header" directive
END



=== TEST 5: openclaw_agent, openclaw_sender_id, openclaw_sender_name
--- config
--- scenario
    main::accepted(<<'END');
with openclaw_agent Work_1-a; openclaw_sender_id ann; openclaw_sender_name Ann;
with openclaw_agent $arg_a; openclaw_sender_id $arg_b; openclaw_sender_name "";
END

    main::refused(<<'END');
with openclaw_agent "my agent";
    invalid agent "my agent", it must have 1 to 64 letters, digits, "_" and "-"
with openclaw_agent "";
    invalid agent "", it must have 1 to 64 letters, digits, "_" and "-"
with openclaw_agent a:b;
    invalid agent "a:b", it must have 1 to 64 letters, digits, "_" and "-"
with openclaw_agent a b;
    invalid number of arguments in "openclaw_agent" directive
with openclaw_agent a; openclaw_agent b;
    "openclaw_agent" directive is duplicate
with openclaw_agent $no_such_variable;
    unknown "no_such_variable" variable (nowhere)
with openclaw_sender_id;
    invalid number of arguments in "openclaw_sender_id" directive
with openclaw_sender_id a; openclaw_sender_id b;
    "openclaw_sender_id" directive is duplicate
with openclaw_sender_id $no_such_variable;
    unknown "no_such_variable" variable (nowhere)
with openclaw_sender_name;
    invalid number of arguments in "openclaw_sender_name" directive
with openclaw_sender_name a; openclaw_sender_name b;
    "openclaw_sender_name" directive is duplicate
END

    my $id = 'a' x 65;
    main::refused("with openclaw_agent $id;\n  invalid agent \"$id\", it must "
                  . 'have 1 to 64 letters, digits, "_" and "-"');



=== TEST 6: openclaw_allow_origin
--- config
--- scenario
    main::accepted("with openclaw_allow_origin $_;")
        for '*', 'same', 'https://a.com', 'https://a.com:8443 http://b.com',
            'same https://a.com', 'app://obsidian.md';

    for my $origin ('a.com', 'https://', 'https://a.com/', '//a.com',
                    'https://a.com/path', 'Same', '')
    {
        main::refused("with openclaw_allow_origin https://b.com \"$origin\";\n"
                      . "  invalid origin \"$origin\", it must be \"*\", "
                      . '"same" or like "https://example.com"');
    }

    main::refused(<<'END');
with openclaw_allow_origin *; openclaw_allow_origin same;
    "openclaw_allow_origin" directive is duplicate
with openclaw_allow_origin;
    invalid number of arguments in "openclaw_allow_origin" directive
END



=== TEST 7: sizes
--- config
--- scenario
    for my $name (qw(openclaw_max_message_size openclaw_send_buffer)) {
        main::accepted("with $name 1k;");

        main::refused("with $name $_;\n"
                      . "  invalid value \"$_\" in \"$name\" directive, "
                      . 'it must be a size like "64k" or "1m"')
            for 'x', '-1', '1kb';

        main::refused(<<"END");
with $name 0;
    "$name" directive must be positive
with $name;
    invalid number of arguments in "$name" directive
with $name 1k; $name 1k;
    "$name" directive is duplicate
END
    }



=== TEST 8: times
--- config
--- scenario
    my %off = map { $_ => 1 } qw(ping_interval detach retry_timeout);

    for my $name (qw(send_timeout ping_timeout connect_timeout read_timeout
                     message_timeout
                     turn_timeout auth_timeout ping_interval detach
                     retry_timeout))
    {
        my $directive = "openclaw_$name";

        main::accepted("with $directive 1ms;");

        main::refused("with $directive $_;\n"
                      . "  invalid value \"$_\" in \"$directive\" directive, "
                      . 'it must be a time like "500ms", "30s" or "10m"')
            for 'x', '-1', '1sec', 'off';

        main::refused(<<"END");
with $directive;
    invalid number of arguments in "$directive" directive
with $directive 1s; $directive 1s;
    "$directive" directive is duplicate
END

        if ($off{$name}) {
            main::accepted("with $directive 0;");
            next;
        }

        main::refused(<<"END");
with $directive 0;
    "$directive" directive must be positive
with $directive 25d;
    "$directive" directive must be at most 24 days
END
    }



=== TEST 9: numbers
--- config
--- scenario
    main::accepted("with openclaw_queue $_;") for 0, 16;
    main::accepted("with openclaw_$_;")
        for 'turns 0', 'turns 100', 'connections 0', 'connections 3';
    main::accepted("with openclaw_message_rate $_;")
        for 'off', 'rate=1r/s', 'rate=1r/m burst=1', 'rate=1000000r/s dry_run',
            'burst=1000000 dry_run rate=30r/m';

    for my $name (qw(openclaw_turns openclaw_connections)) {
        main::refused(<<"END");
with $name -1;
    invalid value "-1" in "$name" directive, it must be a number, 0 or more
with $name;
    invalid number of arguments in "$name" directive
with $name 1; $name 1;
    "$name" directive is duplicate
END
    }

    main::refused("with openclaw_message_rate rate=$_;\n"
                  . "  invalid rate \"rate=$_\", it must be like \"rate=1r/s\" "
                  . 'or "rate=10r/m"')
        for '1', '1r', 'r/s', '0r/s', '-1r/s', '1r/h', '1000001r/s', '1.5r/s';
    main::refused("with openclaw_message_rate rate=1r/s burst=$_;\n"
                  . "  invalid burst \"burst=$_\", it must be like \"burst=5\"")
        for '0', '-1', 'x', '1000001';

    main::refused(<<'END');
with openclaw_message_rate burst=5;
    there is no "rate=" in "openclaw_message_rate"
with openclaw_message_rate rate=1r/s nodelay;
    invalid parameter "nodelay", "rate=", "burst=" or "dry_run" is expected
with openclaw_message_rate;
    invalid number of arguments in "openclaw_message_rate" directive
with openclaw_message_rate off; openclaw_message_rate off;
    "openclaw_message_rate" directive is duplicate
END
    main::accepted("with openclaw_answers $_;") for 'off', '1 1', '1000 1m';

    main::refused(<<'END');
with openclaw_queue -1;
    invalid value "-1" in "openclaw_queue" directive, it must be a number, 0 or
    more
with openclaw_queue off;
    invalid value "off" in "openclaw_queue" directive, it must be a number, 0
    or more
with openclaw_queue;
    invalid number of arguments in "openclaw_queue" directive
with openclaw_queue 1; openclaw_queue 1;
    "openclaw_queue" directive is duplicate
with openclaw_answers on;
    invalid value "on", it must be "off" or a number and a size
with openclaw_answers 8;
    invalid value "8", it must be "off" or a number and a size
with openclaw_answers 0 1k;
    invalid number "0" of answers, it must be 1 or more
with openclaw_answers off 1k;
    invalid number "off" of answers, it must be 1 or more
with openclaw_answers 8 0;
    invalid size "0" of an answer, it must be like "64k"
with openclaw_answers 8 x;
    invalid size "x" of an answer, it must be like "64k"
with openclaw_answers;
    invalid number of arguments in "openclaw_answers" directive
with openclaw_answers off; openclaw_answers off;
    "openclaw_answers" directive is duplicate
END



=== TEST 10: words
--- config
--- scenario
    main::accepted("with openclaw_stream $_;") for qw(delta snapshot off);
    main::accepted("with openclaw_deflate $_;") for qw(on off takeover);
    main::accepted("with openclaw_log_level $_;")
        for qw(info notice warn error);
    main::accepted("with openclaw_lean $_;") for qw(on off);
    main::accepted("with openclaw_greeting $_;") for 'hello', '""';
    main::accepted("with openclaw_ssl_protocols $_;")
        for 'TLSv1.2', 'TLSv1 TLSv1.1 TLSv1.2 TLSv1.3';

    main::refused(<<"END");
with openclaw_stream on;
    invalid value "on" in "openclaw_stream" directive, it must be "delta",
    "snapshot" or "off"
with openclaw_stream;
    invalid number of arguments in "openclaw_stream" directive
with openclaw_stream off; openclaw_stream off;
    "openclaw_stream" directive is duplicate
with openclaw_deflate yes;
    invalid value "yes" in "openclaw_deflate" directive, it must be "off", "on"
    or "takeover"
with openclaw_deflate;
    invalid number of arguments in "openclaw_deflate" directive
with openclaw_deflate on; openclaw_deflate off;
    "openclaw_deflate" directive is duplicate
with openclaw_log_level debug;
    invalid value "debug" in "openclaw_log_level" directive, it must be "info",
    "notice", "warn" or "error"
with openclaw_log_level;
    invalid number of arguments in "openclaw_log_level" directive
with openclaw_log_level info; openclaw_log_level warn;
    "openclaw_log_level" directive is duplicate
with openclaw_lean yes;
    invalid value "yes" in "openclaw_lean" directive, it must be "on" or "off"
with openclaw_lean;
    invalid number of arguments in "openclaw_lean" directive
with openclaw_lean on; openclaw_lean off;
    "openclaw_lean" directive is duplicate
with openclaw_greeting "\xff";
    "openclaw_greeting" directive is not valid UTF-8
with openclaw_greeting;
    invalid number of arguments in "openclaw_greeting" directive
with openclaw_greeting a; openclaw_greeting b;
    "openclaw_greeting" directive is duplicate
with openclaw_ssl_verify x;
    invalid value "x" in "openclaw_ssl_verify" directive, it must be "on" or
    "off"
with openclaw_ssl_verify;
    invalid number of arguments in "openclaw_ssl_verify" directive
with openclaw_ssl_verify on; openclaw_ssl_verify on;
    "openclaw_ssl_verify" directive is duplicate
with openclaw_ssl_protocols TLSv1.2 SSLv2;
    invalid value "SSLv2" in "openclaw_ssl_protocols" directive, it must be
    "TLSv1", "TLSv1.1", "TLSv1.2" or "TLSv1.3"
with openclaw_ssl_protocols;
    invalid number of arguments in "openclaw_ssl_protocols" directive
END

    # nginx warns of a word that is there twice

    main::accepted('with openclaw_ssl_protocols TLSv1.2 TLSv1.2;');



=== TEST 11: TLS to the agent
--- config
--- scenario
    main::accepted(<<'END');
with openclaw_ssl_certificate /none/a;
with openclaw_ssl_trusted_certificate /none/a; openclaw_ssl_crl /none/a;
END

    is main::said(tls => "openclaw_ssl_trusted_certificate $_;"), 'fine', $_
        for $ENV{TEST_NGINX_CERT}, '""';

    is main::said(tls => "openclaw_ssl_certificate $ENV{TEST_NGINX_CERT}; "
                         . 'openclaw_ssl_certificate_key '
                         . "$ENV{TEST_NGINX_CERT_KEY};"), 'fine';

    main::refused(<<"END");
tls openclaw_ssl_certificate a;
    no "openclaw_ssl_certificate_key" is defined for certificate "a"
tls openclaw_ssl_certificate_key a;
    no "openclaw_ssl_certificate" is defined for certificate key "a"
tls openclaw_ssl_certificate /none/a; openclaw_ssl_certificate_key /none/b;
    open() "/none/a" failed (2: No such file or directory)
tls openclaw_ssl_certificate $ENV{TEST_NGINX_CERT}; openclaw_ssl_certificate_key /none/b;
    open() "/none/b" failed (2: No such file or directory)
tls openclaw_ssl_trusted_certificate /none/ca;
    access() "/none/ca" failed (2: No such file or directory)
tls openclaw_ssl_crl /none/crl;
    access() "/none/crl" failed (2: No such file or directory)
server openclaw_ssl_crl /none/c; location /a { openclaw_pass unix:/a https://127.0.0.1:1; }
    access() "/none/c" failed (2: No such file or directory)
http openclaw_ssl_certificate b; server { location /a { openclaw_pass https://127.0.0.1:1; } }
    no "openclaw_ssl_certificate_key" is defined for certificate "b"
END

    for my $name (qw(ssl_name ssl_trusted_certificate ssl_crl ssl_certificate
                     ssl_certificate_key ssl_ciphers))
    {
        my $directive = "openclaw_$name";

        main::refused(<<"END");
with $directive;
    invalid number of arguments in "$directive" directive
with $directive a; $directive b;
    "$directive" directive is duplicate
END
    }



=== TEST 12: the line is that of the directive, not of what needs it
--- config
--- scenario
    my $said = main::said(tls => "\n\nopenclaw_ssl_crl /none/crl;\n\n\n");
    my ($line) = $said =~ /test\.conf:(\d+)$/;
    my @text = split /\n/, TestEnv::Scenario::slurp(
                               TestEnv::server_root() . '/conf/test.conf');

    like $text[$line - 1], qr/^openclaw_ssl_crl/;



=== TEST 13: the auth service
--- config
--- scenario
    my $auth = 'openclaw_auth http://127.0.0.1:1';

    main::accepted("with $_;")
        for $auth, "$auth/verify", 'openclaw_auth off',
            'openclaw_auth https://localhost:3000/api?a=b',
            'openclaw_auth unix:/run/auth.sock:/verify',
            'openclaw_auth_token $arg_token', 'openclaw_auth_token $http_x',
            'openclaw_auth_token $arg_a$arg_b', 'openclaw_auth_required off',
            'openclaw_sender_id a; openclaw_auth off';

    main::refused(<<"END");
with openclaw_auth 127.0.0.1;
    invalid url "127.0.0.1", it must start with "http://", "https://" or
    "unix:"
with openclaw_auth http://\$host;
    invalid character "\$" in url "http://\$host", variables and user names are
    not supported
with openclaw_auth;
    invalid number of arguments in "openclaw_auth" directive
with $auth http://127.0.0.1:2;
    invalid number of arguments in "openclaw_auth" directive
with $auth; $auth;
    "openclaw_auth" directive is duplicate
with openclaw_auth off; $auth;
    "openclaw_auth" directive is duplicate
with $auth; openclaw_sender_id \$remote_user;
    "openclaw_auth" and "openclaw_sender_id" both say who the client is
server $auth; location /a { openclaw_sender_id a; openclaw_pass unix:/a; }
    "openclaw_auth" and "openclaw_sender_id" both say who the client is
with openclaw_auth_token s3cret;
    "openclaw_auth_token" directive has no variable, all clients would have the
    same token
with openclaw_auth_token "";
    "openclaw_auth_token" directive has no variable, all clients would have the
    same token
with openclaw_auth_token;
    invalid number of arguments in "openclaw_auth_token" directive
with openclaw_auth_token \$arg_a; openclaw_auth_token \$arg_b;
    "openclaw_auth_token" directive is duplicate
with openclaw_auth_token \$no_such_variable;
    unknown "no_such_variable" variable (nowhere)
with openclaw_auth_required maybe;
    invalid value "maybe" in "openclaw_auth_required" directive, it must be
    "on" or "off"
with openclaw_auth_required;
    invalid number of arguments in "openclaw_auth_required" directive
END



=== TEST 14: openclaw_status
--- config
--- scenario
    main::accepted(<<'END');
location openclaw_status;
location openclaw_status json;
location openclaw_status prometheus;
location openclaw_status html;
END

    main::refused(<<'END');
location openclaw_status xml;
    invalid value "xml" in "openclaw_status" directive, it must be "json",
    "prometheus" or "html"
location openclaw_status; openclaw_status html;
    "openclaw_status" directive is duplicate
location openclaw_status json html;
    invalid number of arguments in "openclaw_status" directive
server openclaw_status;
    "openclaw_status" directive is not allowed here
with openclaw_status;
    "openclaw_status" directive can't be in one location with "openclaw_pass"
location openclaw_status; openclaw_pass http://127.0.0.1:1;
    "openclaw_pass" directive can't be in one location with "openclaw_status"
END



=== TEST 15: no directive was left out
--- config
--- scenario
    my $table = TestEnv::Scenario::slurp(
                             "$TestEnv::ROOT/src/ngx_http_openclaw_module.c");

    for my $name ($table =~ /^    \{ ngx_string\("(openclaw_\w+)"\),$/mg) {
        ok $main::Wrong{$name}, $name;
    }

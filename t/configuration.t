# Tests for what is refused when the configuration is read, and how it is said.

use lib 't/lib';
use TestEnv;
use Test::Nginx::Socket;

use File::Basename qw(dirname);

TestEnv::scenario();
plan tests => repeat_each() * blocks() * 2;
no_long_string();


# "nginx -t" of a configuration with these lines: where they are, and its last
# words

sub refused {
    my %lines = @_;

    my $root = TestEnv::server_root();
    my $http = $lines{http} // '';
    my $server = $lines{server} // '';
    my $location = $lines{location} // '';

    # the real one has the same modules

    my $load = join "\n", TestEnv::Scenario::slurp("$root/conf/nginx.conf")
                          =~ /^(load_module .*)$/mg;

    open my $out, '>', "$root/conf/test.conf" or die $!;
    print $out "$load\nerror_log stderr;\npid $root/logs/test.pid;\n"
               . "events { }\nhttp {\n$http\nserver {\n$server\n"
               . "location /ws {\n$location\n} } }\n";
    close $out;

    my $preload = $ENV{TEST_NGINX_LD_PRELOAD} // '';
    my $said = `LD_PRELOAD=$preload $ENV{TEST_NGINX_BINARY} -e stderr \\
                -p $root -c conf/test.conf -t 2>&1`;

    return $? ? join ' ', $said =~ /\[emerg\] (?:\d+#\d+: )?(.*)/g : 'fine';
}


# an openclaw_pass, with more lines in its location

sub with {
    return refused(location => "openclaw_pass http://127.0.0.1:1; @_");
}


run_tests();

__DATA__

=== TEST 1: openclaw_pass
--- config
--- scenario
    my %url = (
        'http://127.0.0.1:18789' => qr/^fine$/,
        'http://127.0.0.1' => qr/^fine$/,
        'https://127.0.0.1:18789/v1/chat' => qr/^fine$/,
        'http://[::1]:18789' => qr/^fine$/,
        'http://localhost:18789' => qr/^fine$/,
        'unix:/run/openclaw.sock' => qr/^fine$/,
        'unix:/run/openclaw.sock:/v1/chat' => qr/^fine$/,

        '127.0.0.1:18789' =>
            qr/^invalid url "127.0.0.1:18789", it must start with "http:/,
        'ftp://127.0.0.1' => qr/^invalid url "ftp:/,
        '""' => qr/^invalid url ""/,
        'http://' => qr/^no host in url "http:\/\/"/,
        'http://127.0.0.1:0' => qr/^invalid port in url/,
        'http://127.0.0.1:99999' => qr/^invalid port in url/,
        'http://127.0.0.1:x' => qr/^invalid port in url/,
        'http://a..b' => qr/^host not found in url "http:\/\/a\.\.b"/,
        'unix:' => qr/^no path in the unix domain socket in url "unix:"/,

        # it is settled before there is a request
        'http://$host' => qr/^invalid character "\$" in url "http:\/\/\$host"/,
        'http://a:b@127.0.0.1' => qr/^invalid character "@" in url/,
    );

    for my $url (sort keys %url) {
        like refused(location => "openclaw_pass $url;"), $url{$url}, $url;
    }

    like with('openclaw_pass http://127.0.0.1:2;'),
         qr/^"openclaw_pass" directive is duplicate in/;
    like refused(server => 'openclaw_pass http://127.0.0.1:1;'),
         qr/^"openclaw_pass" directive is not allowed here in/;



=== TEST 2: openclaw_zone
--- config
--- scenario
    my %zone = (
        'a:1m' => qr/^fine$/,
        'a:1m inactive=1h' => qr/^fine$/,
        'a:32k' => qr/^fine$/,

        'a:31k' => qr/^zone "a:31k" is too small, at least 32k are needed/,
        'a:0' => qr/is too small/,
        'a' => qr/^invalid zone "a", "name:size" is expected/,
        ':1m' => qr/^invalid zone ":1m"/,
        'a:' => qr/^invalid zone size "a:"/,
        'a:x' => qr/^invalid zone size "a:x"/,
        'a:1m inactive=' => qr/^invalid time "inactive="/,
        'a:1m inactive=0' => qr/^invalid time "inactive=0"/,
        'a:1m inactive=x' => qr/^invalid time "inactive=x"/,
        'a:1m active=1h' => qr/^invalid parameter "active=1h"/,
        'a:1m; openclaw_zone b:1m' =>
            qr/^"openclaw_zone" directive is duplicate/,
    );

    for my $zone (sort keys %zone) {
        like refused(http => "openclaw_zone $zone;"), $zone{$zone}, $zone;
    }

    like refused(server => 'openclaw_zone a:1m;'),
         qr/^"openclaw_zone" directive is not allowed here/;



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
    my $html = TestEnv::server_root() . '/html';

    is with("openclaw_token_file $html/token;"), 'fine';
    is with('openclaw_token s3cret;'), 'fine';

    like with("openclaw_token_file $html/none;"),
         qr/^open\(\) "\Q$html\E\/none" failed \(2: No such file/;
    like with("openclaw_token_file $html;"),
         qr/^"\Q$html\E" is not a file of 1 to 65536 bytes/;
    like with("openclaw_token_file $html/empty;"),
         qr/^"\Q$html\E\/empty" is not a file of 1 to 65536 bytes/;

    # what is wrong with a token is said without it

    for my $lines ('openclaw_token "s3 cret";', 'openclaw_token "s3crét";',
                   "openclaw_token_file $html/lines;")
    {
        my $said = with($lines);
        like $said, qr/^the token has a character that no HTTP header can/;
        unlike $said, qr/s3|lines"/;
    }

    like with('openclaw_token "";'), qr/^the token is empty/;

    for my $lines ("openclaw_token a; openclaw_token_file $html/token;",
                   "openclaw_token_file $html/token; openclaw_token a;")
    {
        like with($lines), qr/duplicate|incompatible/;
    }



=== TEST 4: openclaw_set_header
--- config
--- scenario
    is with('openclaw_set_header X-A b; openclaw_set_header Host a;'), 'fine';

    for my $own (qw(Authorization authorization Connection Content-Length
                    Content-Type Expect TE Trailer Transfer-Encoding Upgrade
                    X-OpenClaw-Session-Key))
    {
        like with("openclaw_set_header $own x;"),
             qr/^header "$own" can't be set, it is the module's own/, $own;
    }

    for my $name ('"X A"', 'X:', '""', "\"X\tA\"", 'Xé') {
        like with("openclaw_set_header $name x;"), qr/^invalid header name/,
             $name;
    }

    like with('openclaw_set_header X-A $no_such_variable;'),
         qr/^unknown "no_such_variable" variable/;



=== TEST 5: openclaw_allow_origin
--- config
--- scenario
    is with("openclaw_allow_origin $_;"), 'fine', $_
        for '*', 'same', 'https://a.com', 'https://a.com:8443 http://b.com',
            'same https://a.com', 'app://obsidian.md';

    for my $origin ('a.com', 'https://', 'https://a.com/', '//a.com',
                    'https://a.com/path', 'Same', '""')
    {
        like with("openclaw_allow_origin https://b.com $origin;"),
             qr/^invalid origin "${\ ($origin =~ tr-"--dr) }", it must be "\*"/,
             $origin;
    }

    like with('openclaw_allow_origin *; openclaw_allow_origin same;'),
         qr/^"openclaw_allow_origin" directive is duplicate/;



=== TEST 6: sizes, times and numbers
--- config
--- scenario
    for my $name (qw(max_message_size send_buffer)) {
        is with("openclaw_$name 1k;"), 'fine';
        like with("openclaw_$name 0;"),
             qr/^"openclaw_$name" directive must be positive/;
        like with("openclaw_$name x;"),
             qr/^"openclaw_$name" directive invalid value/;
    }

    for my $name (qw(send_timeout ping_timeout connect_timeout read_timeout
                     turn_timeout auth_timeout))
    {
        is with("openclaw_$name 1ms;"), 'fine';
        like with("openclaw_$name 0;"),
             qr/^"openclaw_$name" directive must be positive/;
        like with("openclaw_$name x;"),
             qr/^"openclaw_$name" directive invalid value/;
    }

    # these can be turned off

    is with("openclaw_$_ 0;"), 'fine', $_ for qw(ping_interval detach queue);
    like with('openclaw_queue -1;'),
         qr/^"openclaw_queue" directive invalid number|^invalid number/;

    is with("openclaw_answers $_;"), 'fine' for 'off', '1 1', '1000 1m';
    like with('openclaw_answers on;'), qr/^invalid value "on", it must be "off"/;
    like with('openclaw_answers 8;'), qr/^invalid value "8", it must be "off"/;
    like with("openclaw_answers $_ 1k;"), qr/^invalid number "$_"/
        for '0', '-1', 'x', 'off';
    like with("openclaw_answers 8 $_;"), qr/^invalid size "$_"/
        for '0', '-1', 'x';



=== TEST 7: words
--- config
--- scenario
    is with("openclaw_stream $_;"), 'fine', $_ for qw(delta snapshot off);
    like with('openclaw_stream on;'), qr/^invalid value "on" in/;
    like with('openclaw_ssl_verify x;'), qr/^invalid value "x" in/;
    like with('openclaw_ssl_protocols SSLv2;'), qr/^invalid value "SSLv2" in/;



=== TEST 8: twice, and without a value
--- config
--- scenario
    my @one = qw(agent sender_id sender_name greeting stream queue
                 answers max_message_size send_buffer send_timeout ping_interval
                 ping_timeout connect_timeout read_timeout turn_timeout detach
                 ssl_verify ssl_name ssl_trusted_certificate ssl_crl
                 ssl_certificate ssl_certificate_key ssl_ciphers);

    my %value = (stream => 'off', ssl_verify => 'on', answers => 'off');

    for my $name (@one) {
        my $line = "openclaw_$name " . ($value{$name} // 1) . ';';

        like with("$line $line"), qr/^"openclaw_$name" directive is duplicate/;
        like with("openclaw_$name;"),
             qr/^invalid number of arguments in "openclaw_$name"/;
    }



=== TEST 9: files for TLS to the agent
--- config
--- scenario
    my $ssl = sub {
        refused(location => "openclaw_pass https://127.0.0.1:1; @_");
    };

    like $ssl->('openclaw_ssl_certificate a;'),
         qr/"openclaw_ssl_certificate_key" are needed both/;
    like $ssl->('openclaw_ssl_certificate_key a;'),
         qr/"openclaw_ssl_certificate_key" are needed both/;
    like $ssl->('openclaw_ssl_certificate /none/a;',
                'openclaw_ssl_certificate_key /none/b;'),
         qr{^open\(\) "/none/a" failed};
    is with('openclaw_ssl_certificate /none/a;'), 'fine',
       'they do not matter without TLS';



=== TEST 10: file and line are said
--- config
--- scenario
    like with("\n\nopenclaw_stream on;"), qr{/conf/test\.conf:\d+$};
    like refused(location => "\n\nopenclaw_pass x;"),
         qr{/conf/test\.conf:\d+$};



=== TEST 11: openclaw_auth
--- config
--- scenario
    my $auth = 'openclaw_auth http://127.0.0.1:1';

    is with("$_;"), 'fine', $_
        for $auth, "$auth/verify", 'openclaw_auth off',
            'openclaw_auth https://localhost:3000/api?a=b',
            'openclaw_auth unix:/run/auth.sock:/verify',
            'openclaw_auth_token $arg_token', 'openclaw_auth_token $http_x',
            'openclaw_auth_token $arg_a$arg_b', 'openclaw_auth_required off';

    like with('openclaw_auth 127.0.0.1;'),
         qr/^invalid url "127.0.0.1", it must start with "http:.*:\d+$/;
    like with('openclaw_auth http://$host;'), qr/^invalid character "\$"/;
    like with("$auth; $auth;"), qr/^"openclaw_auth" directive is duplicate/;
    like with("openclaw_auth off; $auth;"),
         qr/^"openclaw_auth" directive is duplicate/;
    like with('openclaw_auth;'), qr/^invalid number of arguments/;

    like with("openclaw_auth_token $_;"),
         qr/^"openclaw_auth_token" directive has no variable/, $_
        for 's3cret', '""';
    like with('openclaw_auth_token $no_such_variable;'),
         qr/^unknown "no_such_variable" variable/;
    like with('openclaw_auth_token $arg_a; openclaw_auth_token $arg_b;'),
         qr/^"openclaw_auth_token" directive is duplicate/;
    like with('openclaw_auth_required maybe;'), qr/^invalid value "maybe"/;

    # two that say who it is

    my $both = qr/^"openclaw_auth" and "openclaw_sender_id" both say .*:\d+$/;

    like with("$auth; openclaw_sender_id \$remote_user;"), $both;
    like refused(server => "$auth;", location => 'openclaw_sender_id $arg_a;'
                           . 'openclaw_pass http://127.0.0.1:1;'), $both;
    is refused(server => "$auth;", location => 'openclaw_sender_id $arg_a;'
               . 'openclaw_pass http://127.0.0.1:1; openclaw_auth off;'),
       'fine';

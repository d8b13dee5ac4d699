# Tests for windows of each size, with context takeover and without (RFC 7692,
# 7.1.1. and 7.1.2.).

use lib 't/lib';
use TestEnv qw(echo);
use Echo;
use Test::Nginx::Socket;

TestEnv::scenario(workers => 1);
plan tests => repeat_each() * blocks() * 2;
no_long_string();


use Deflate;

# text that repeats itself far back and near, and what can't be compressed

our $WORDS = join ' ', map { ($_ * 7919) % 10_007 } 1 .. 40_000;

srand 7;
our $NOISE = pack 'N*', map { rand 0xffffffff } 1 .. 40_000;


run_tests();

__DATA__

=== TEST 1: messages of 16 to 131072 bytes, by each window of the server and the client
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    my @size = map { 1 << $_ } 4, 6, 8, 10, 12, 13, 14, 15, 16, 17;

    for my $uri ('/on', '/takeover') {
        for my $server (9 .. 15) {
            for my $client (9, 12, 15) {
                my $c = ws(uri => $uri, timeout => 60, deflate =>
                           "permessage-deflate; server_max_window_bits=$server; "
                           . "client_max_window_bits=$client");
                my $bad = 0;

                for my $size (@size) {

                    # the longest by some of them

                    next if $size > 16_384 && $client != 15 && $server != 9;

                    for my $op (qw(text binary)) {
                        my $payload = $op eq 'text' ? substr $main::WORDS, 0, $size
                                                    : substr $main::NOISE, 0, $size;
                        my $send = "send_$op";

                        for (1, 2) {
                            $c->$send($payload);
                            my $m = $c->recv_message;
                            $bad++ if $m->{payload} ne $payload
                                      || $m->{name} ne $op;
                        }
                    }
                }

                is $bad, 0, "$uri, $server, $client";
                is $c->close, 1000;
            }
        }
    }



=== TEST 2: the server looks back no farther than it may
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    for my $uri ('/on', '/takeover') {
        for my $bits (9 .. 15) {
            my $c = ws(uri => $uri, deflate => "permessage-deflate; "
                                               . "server_max_window_bits=$bits");
            my $inflate;

            # twice the same, a little too far away, and nearer

            for my $apart ((1 << $bits) + 1, 1 << $bits, (1 << $bits) - 500, 64) {
                my $part = substr $main::NOISE, 0, $apart;
                my $payload = substr $part x 300, 0, $apart + 300;

                $c->send_binary($payload);

                my ($got, $rsv) = ('');

                while (my $f = $c->recv) {
                    $rsv //= $f->{rsv};
                    $got .= $f->{payload};
                    last if $f->{fin};
                }

                $inflate = Deflate::inflater($bits)
                    if !$inflate || $uri eq '/on';

                ok(($rsv ? $inflate->($got) : $got) eq $payload,
                   "$uri, $bits bits, $apart bytes apart");
            }
        }
    }



=== TEST 3: a client without a context, a server with one, and the other way round
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    for my $param ('server_no_context_takeover', 'client_no_context_takeover',
                   'server_no_context_takeover; client_no_context_takeover')
    {
        for my $bits (9, 15) {
            my $c = ws(uri => '/takeover', timeout => 60, deflate =>
                       "permessage-deflate; $param; server_max_window_bits=$bits; "
                       . "client_max_window_bits=$bits");

            for my $size (16, 64, 256, 1024, 8192, 32_768, 131_072) {
                for my $text (substr($main::WORDS, 0, $size),
                              substr($main::WORDS, -$size))
                {
                    $c->send_text($text);
                    came_back($c, 'text', $text, "$param, $bits: $size");
                }
            }
        }
    }



=== TEST 4: what was said is not said again, if the context is taken over
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    my $text = unpack 'H*', substr $main::NOISE, 0, 1000;
    my %size;

    for my $case (['/on', ''], ['/takeover', ''],
                  ['/takeover', '; server_no_context_takeover'])
    {
        my ($uri, $param) = @$case;
        my $c = ws(uri => $uri, deflate => "permessage-deflate$param");

        for (1, 2) {
            $c->send_text($text);
            push @{ $size{"$uri$param"} }, came_back($c, 'text', $text)->{size};
        }
    }

    cmp_ok $size{'/takeover'}[1], '<', 50, 'it is';
    is $size{'/on'}[1], $size{'/on'}[0], 'it is not, for all';
    is $_->[1], $_->[0], 'it is not, for this client'
        for $size{'/takeover; server_no_context_takeover'};



=== TEST 5: another may not look back
--- config
    location = /echo     { ws_echo; }
    location = /on       { ws_echo; ws_echo_deflate on; }
    location = /takeover { ws_echo; ws_echo_deflate takeover; }
--- scenario
    # what this one deflates goes back to the message before

    my $z = ws(uri => '/takeover', deflate => 1);
    my $text = unpack 'H*', substr $main::NOISE, 0, 500;
    my @two = map { WsFrame::text($z->deflate($text), rsv => 4) } 1, 2;

    is answered(join('', @two, WsFrame::close_frame(1000)), uri => '/takeover',
                deflate => 1) =~ /close (\d+)/ ? $1 : 0, 1000;

    for my $case (['/on', ''], ['/takeover', '; client_no_context_takeover']) {
        my $c = ws(uri => $case->[0], deflate => "permessage-deflate$case->[1]");

        $c->send_raw($two[0]);
        came_back($c, 'text', $text);
        $c->send_raw($two[1]);
        is $c->close_code . ' ' . $c->close_reason,
           "1007 client sent a compressed message that can't be inflated";
    }

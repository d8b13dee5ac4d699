package Status;

# Copyright (C) the authors of the OpenClaw module

# What openclaw_status tells, at /status.

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP ();

use TestEnv;


our @EXPORT = qw(status status_is samples sample);


# The JSON, decoded.

sub status {
    my $answer = $TestEnv::T->get('/status?format=json');

    die "no status: $answer->{status}\n" if $answer->{status} != 200;

    return JSON::PP::decode_json($answer->{body});
}


# Waits until the total of these is that: what ends a connection or a turn may
# be counted a moment after the client has seen it.  A name such as
# "errors_total.queue_full" leads to a part.

sub status_is {
    my (%want) = @_;

    my $total;
    my $fits = sub {
        $total = status()->{total};
        return !grep { _part($total, $_) != $want{$_} } keys %want;
    };

    eval { $TestEnv::T->wait_for($fits, 'these numbers') };

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::is(_part($total, $_), $want{$_}, $_) for sort keys %want;
}


sub _part {
    my ($value, $name) = @_;

    $value = ref $value eq 'HASH' ? $value->{$_} // die "no $name\n" : $value
        for split /\./, $name;

    return $value;
}


# Prometheus' samples, whose names sample('turns_total', worker => 0, result =>
# 'ok') makes.

sub samples {
    my $body = $TestEnv::T->get('/status?format=prometheus')->{body};

    return { map { /^([^#].*) (\S+)$/ ? ($1 => $2) : () } split /\n/, $body };
}


sub sample {
    my ($name, @label) = @_;

    my @part;

    while (my ($label, $value) = splice @label, 0, 2) {
        push @part, qq($label="$value");
    }

    return @part ? "openclaw_$name\{" . join(',', @part) . '}'
                 : "openclaw_$name";
}


1;

package Test::Nginx::Block;

# Copyright (C) the authors of the OpenClaw module

# Blocks of a test file, as Test::Base reads them: "=== name", then sections,
# "--- name filters" with lines, or "--- name filters: value".

use strict;
use warnings;

use Test::More ();


sub _parse {
    my ($spec) = @_;

    my @block;

    for my $hunk (split /^(?====)/m, $spec // '') {
        next unless $hunk =~ s/\A===[ \t]*(.*)\s+//;

        my $block = bless { name => [$1], order => [] }, __PACKAGE__;
        my (undef, @part) = split /^--- +\(?(\w+)\)? *(.*)\n?/m, $hunk;

        while (my ($section, $filters, $value) = splice @part, 0, 3) {
            if ($filters =~ /:(?:\s|\z)/) {
                ($filters, $value) = split /\s*:(?:\s+|\z)/, $filters, 2;
                $value =~ s/^\s+|\s+\z//g;
            }

            push @{ $block->{order} }, [$section, split ' ', $filters];
            $block->set_value($section, $value // '');
        }

        if ($block->{ONLY}) {
            Test::More::diag('I found ONLY: maybe you are debugging?');
            return [$block];
        }

        push @block, $block unless $block->{SKIP};
    }

    return \@block;
}


# A section's value: nothing for one that is not there, in a list the list
# that its filters returned.

our $AUTOLOAD;

sub AUTOLOAD {
    my ($self) = @_;

    my $name = $AUTOLOAD =~ s/.*:://r;
    my $value = $self->{$name} // [];

    return wantarray ? @$value : $value->[0];
}


sub DESTROY { }


sub set_value {
    my ($self, $name, @value) = @_;

    $self->{$name} = [@value];
}


my %FILTER = (
    norm => sub { map { s/\r\n?/\n/gr } @_ },
    trim => sub { map { s/\A(?:[ \t]*\n)+//r =~ s/(?<=\n)\s*\z//r } @_ },
    chomp => sub { my @v = @_; chomp @v; @v },
    chop => sub { my @v = @_; chop for @v; @v },
    unchomp => sub { map { "$_\n" } @_ },
    lines => sub { $_[0] =~ /^(.*\n?)/gm },
    array => sub { [@_] },
    eval => sub { Test::Nginx::Block::Eval::run($_[0]) },
);


sub run_filters {
    my ($self) = @_;

    for (@{ $self->{order} }) {
        my ($section, @filter) = @$_;
        my %off = map { /^-(.*)/ ? ($1 => 1) : () } @filter;

        for my $f (grep { !/^-/ && !$off{$_} } 'norm', 'trim', @filter) {
            my $sub = main->can($f) // $FILTER{$f}
                      // die "no such filter: $f\n";
            $self->set_value($section, $sub->(@{ $self->{$section} }));
        }
    }
}


# Apart, so that the code sees no variable of this file.

package Test::Nginx::Block::Eval;

no strict;
no warnings;

sub run {
    my @value = eval $_[0];

    return $@ ? $@ : @value;
}


1;

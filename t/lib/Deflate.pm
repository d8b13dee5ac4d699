package Deflate;

# Copyright (C) the authors of the OpenClaw module

# Compressed payloads made by hand (RFC 7692), good ones and bad ones, for
# clients that are connected with "deflate" and send them by send_frame().

use strict;
use warnings;

use Compress::Raw::Zlib;


# A payload by itself: deflated($bytes, bits => 9, level => 9), or with the
# flush that ends it, "final" for a last block.

sub deflated {
    my ($bytes, %opt) = @_;

    my ($z) = Compress::Raw::Zlib::Deflate->new(
        -AppendOutput => 1, -WindowBits => -($opt{bits} // 15),
        -Level => $opt{level} // 6, -Strategy => $opt{strategy} // 0);
    my $out = '';

    $z->deflate($bytes, $out);

    if ($opt{final}) {
        $z->flush($out, Z_FINISH);
        return $out;
    }

    $z->flush($out, Z_SYNC_FLUSH);

    return substr $out, 0, -4;
}


# Zeros, or what $bytes are, so many megabytes of them.

sub bomb {
    my ($megabytes, $bytes) = @_;

    my ($z) = Compress::Raw::Zlib::Deflate->new(-AppendOutput => 1,
                                                -WindowBits => -15);
    my $piece = ($bytes // "\0") x (1 << 20);
    my $out = '';

    $z->deflate($piece, $out) for 1 .. $megabytes;
    $z->flush($out, Z_SYNC_FLUSH);

    return substr $out, 0, -4;
}


# What inflates the payloads that the server sends one after another, with a
# window of just so many bits, and refuses what needs a larger one.

sub inflater {
    my ($bits) = @_;

    my ($z) = Compress::Raw::Zlib::Inflate->new(
        -AppendOutput => 0, -LimitOutput => 1, -Bufsize => 64,
        -WindowBits => -($bits // 15));

    return sub {
        my $in = "$_[0]\x00\x00\xff\xff";
        my ($all, $piece) = ('', '');

        # by small pieces, so that nothing but the window is there

        while (1) {
            my $rc = $z->inflate($in, $piece);

            $all .= $piece;
            return $all if $rc == Z_OK && !length $in;
            return $all if $rc == Z_BUF_ERROR && !length($in)
                           && !length $piece;
            return "error: $rc" if $rc != Z_OK && $rc != Z_BUF_ERROR;
        }
    };
}


1;

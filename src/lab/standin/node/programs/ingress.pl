#!/usr/bin/perl
# An ingress controller, as far as seed 003 needs one: takes HTTP requests, gives each to the next backend pod in turn, and
# when one does not take the connection within 5 s (ingress-nginx' proxy-connect-timeout) or refuses it, to the one after it
# (proxy_next_upstream). $BACKEND is "name:port", a headless Service that --zone has: the controller knows the pods.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my ($name, $zone_file, @tcp) = ('', '');
while (@ARGV) {
    my $key = shift @ARGV;
    if    ($key eq '--name') { $name = shift @ARGV }
    elsif ($key eq '--zone') { $zone_file = shift @ARGV }
    elsif ($key eq '--tcp')  { push @tcp, shift @ARGV }
    else                     { die "ingress.pl: unknown argument $key\n" }
}
my ($host, $port) = split /:/, $ENV{BACKEND} // die "ingress.pl: BACKEND is not set\n";
my ($connect_timeout, $read_timeout) = (5, 60);
$SIG{PIPE} = $SIG{CHLD} = 'IGNORE';
$SIG{TERM} = $SIG{INT} = sub { exit 0 };
$| = 1;

my $select = IO::Select->new(
    map {
        IO::Socket::INET->new(LocalPort => $_, ReuseAddr => 1, Listen => 64)
            or die "ingress.pl: cannot listen on $_: $!\n"
    } @tcp
);
print "$name is listening\n";

sub backends {
    open my $file, '<', $zone_file or return;
    while (<$file>) {
        my ($known, @addresses) = split;
        return @addresses if defined $known && lc $known eq lc $host;
    }
    return;
}

my $turn = 0;
while (1) {
    for my $listener ($select->can_read) {
        my $client = $listener->accept or next;
        my $first = $turn++;
        my $child = fork // next;
        if ($child == 0) {
            $SIG{CHLD} = 'DEFAULT';
            serve($client, $first);
            exit 0;
        }
        close $client;
    }
}

# The head of a request; a body is not passed on: whoever practises asks for pages.
sub head_of {
    my ($client) = @_;
    my ($text, $readable) = ('', IO::Select->new($client));
    while ($text !~ /\r?\n\r?\n/ and $readable->can_read(5)) {
        sysread $client, $text, 4096, length $text or last;
    }
    return $text;
}

sub serve {
    my ($client, $first) = @_;
    my $head = head_of($client);
    my ($line) = $head =~ /^([^\r\n]+)/ or return;
    my @backends = backends();
    my $begun = time;
    my @tried;
    for my $try (0 .. $#backends) {
        my $address = $backends[ ($first + $try) % @backends ];
        my $upstream = IO::Socket::INET->new(PeerHost => $address, PeerPort => $port, Timeout => $connect_timeout);
        push @tried, sprintf '%s:%d=%s', $address, $port, $upstream ? 'ok' : "$!";
        next unless $upstream;
        syswrite $upstream, $head;
        my $readable = IO::Select->new($upstream);
        while ($readable->can_read($read_timeout)) {
            sysread $upstream, my $bytes, 65536 or last;
            syswrite $client, $bytes;
        }
        return done($line, 200, $begun, @tried);
    }
    my $status = @backends ? '504 Gateway Time-out' : '503 Service Temporarily Unavailable';
    syswrite $client, "HTTP/1.1 $status\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    done($line, $status, $begun, @tried);
}

sub done {
    my ($line, $status, $begun, @tried) = @_;
    printf "\"%s\" %s after %d s, upstream %s\n", $line =~ s/[^ -~]/?/gr, $status, time - $begun, "@tried";
}

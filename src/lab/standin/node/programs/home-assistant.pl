#!/usr/bin/perl
# What Home Assistant is to a network (seed 001): it listens, it has joined the multicast groups of mDNS and SSDP and keeps
# their ports open, and it opens new connections to everything that it talks to, all the time.
# $CONNECT_TO: "host:port ..." with names that --zone has. What changes is told on stdout, as its log would.
use strict;
use warnings;
use Errno qw(EINPROGRESS);
use File::Basename qw(dirname);
use IO::Select;
use Socket;

my ($name, $zone_file, @tcp) = ('', '');
while (@ARGV) {
    my $key = shift @ARGV;
    if    ($key eq '--name') { $name = shift @ARGV }
    elsif ($key eq '--zone') { $zone_file = shift @ARGV }
    elsif ($key eq '--tcp')  { push @tcp, shift @ARGV }
    else                     { die "home-assistant.pl: unknown argument $key\n" }
}
my ($every, $patience) = (0.25, 3);
$| = 1;

# Its listeners are another process of the same pod.
my $listener = fork // die "cannot fork: $!\n";
if ($listener == 0) {
    exec $^X, dirname($0) . '/serve.pl', '--name', $name, map { ('--tcp', $_) } @tcp or die "cannot start serve.pl: $!\n";
}
$SIG{TERM} = $SIG{INT} = sub { kill 'TERM', $listener; exit 0 };

# IP_ADD_MEMBERSHIP is 35 on Linux; its argument is the group and the interface, 0.0.0.0 for the one that routes say.
my @multicast = map { join_group(@$_) } ['224.0.0.251', 5353], ['239.255.255.250', 1900];
sub join_group {
    my ($group, $port) = @_;
    socket my $socket, PF_INET, SOCK_DGRAM, 0 or die "cannot make a socket: $!\n";
    setsockopt $socket, SOL_SOCKET, SO_REUSEADDR, 1;
    bind $socket, pack_sockaddr_in($port, INADDR_ANY) or warn "cannot bind $port/udp: $!\n";
    setsockopt $socket, 0, 35, inet_aton($group) . INADDR_ANY or warn "cannot join $group: $!\n";
    return $socket;
}

sub zone {
    my %zone;
    open my $file, '<', $zone_file or return \%zone;
    while (<$file>) { my ($host, @addresses) = split; $zone{ lc $host } = $addresses[0] if @addresses }
    return \%zone;
}

my %outcome;
sub note {
    my ($target, $how) = @_;
    return if ($outcome{$target} // '') eq $how;
    $outcome{$target} = $how;
    print scalar localtime, " $target: $how\n";
}

my @targets = split ' ', $ENV{CONNECT_TO} // '';
while (1) {
    my ($zone, $select, %target) = (zone(), IO::Select->new);
    for my $target (@targets) {
        my ($host, $port) = split /:/, $target;
        my $address = $zone->{ lc $host } // $host;
        $address =~ /^[\d.]+$/ or note($target, 'DNS lookup failed'), next;
        socket my $socket, PF_INET, SOCK_STREAM, 0 or next;
        # Closed with a reset: nothing of a connection stays behind, at four a second and target.
        setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
        $socket->blocking(0);
        if (!connect $socket, pack_sockaddr_in($port, inet_aton($address)) and $! != EINPROGRESS) {
            note($target, "$!");
            next;
        }
        $target{ fileno $socket } = $target;
        $select->add($socket);
    }
    while ($select->count and my @done = $select->can_write($patience)) {
        for my $socket (@done) {
            local $! = unpack 'i', getsockopt $socket, SOL_SOCKET, SO_ERROR;
            note($target{ fileno $socket }, $! ? "$!" : 'ok');
            $select->remove($socket);
            close $socket;
        }
    }
    note($target{ fileno $_ }, 'timed out') for $select->handles;
    select undef, undef, undef, $every;
}

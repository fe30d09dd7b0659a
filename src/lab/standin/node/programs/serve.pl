#!/usr/bin/perl
# A pod of the practice cluster: answers every TCP connection with its name and the source address it saw, and, with
# --dns, questions for A records from a zone file of "NAME ADDRESS..." lines. Perl because a node has it and 20 of them
# must fit into a small machine.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Socket;

my ($name, $zone_file, @tcp) = ('', '');
while (@ARGV) {
    my $key = shift @ARGV;
    if    ($key eq '--name') { $name = shift @ARGV }
    elsif ($key eq '--tcp')  { push @tcp, shift @ARGV }
    elsif ($key eq '--dns')  { $zone_file = shift @ARGV }
    else                     { die "serve.pl: unknown argument $key\n" }
}
$SIG{PIPE} = 'IGNORE';
$SIG{TERM} = $SIG{INT} = sub { exit 0 };
$| = 1;

my $select = IO::Select->new;
my (%kind, %born);
sub listen_on {
    my ($proto, $port) = @_;
    my $socket = IO::Socket::INET->new(
        Proto => $proto, LocalPort => $port, ReuseAddr => 1, ($proto eq 'tcp' ? (Listen => 64) : ()),
    ) or die "serve.pl: cannot listen on $port/$proto: $!\n";
    $select->add($socket);
    return $socket;
}
if ($zone_file) {
    $kind{ fileno(listen_on('udp', 53)) } = 'dns-udp';
    $kind{ fileno(listen_on('tcp', 53)) } = 'dns-tcp';
}
for my $port (@tcp) {
    next if $zone_file && $port == 53;
    $kind{ fileno(listen_on('tcp', $port)) } = 'line';
}
print "$name is listening\n";

my (%zone, $zone_time);
sub zone {
    my $time = (stat $zone_file)[9] // 0;
    if (!defined $zone_time || $time != $zone_time || $time >= time - 1) {
        $zone_time = $time;
        %zone = ();
        if (open my $file, '<', $zone_file) {
            while (<$file>) { my ($host, @addresses) = split; $zone{ lc $host } = \@addresses if defined $host }
        }
    }
    return \%zone;
}

# RFC 1035, one question: A is answered, other types of a known name are empty, an unknown name is NXDOMAIN.
sub answer {
    my ($query) = @_;
    return if length $query < 12;
    my ($id, $flags, $questions) = unpack 'n3', $query;
    return if $questions != 1;
    my ($at, @labels) = (12);
    while ($at < length $query and my $length = ord substr $query, $at, 1) {
        push @labels, substr $query, $at + 1, $length;
        $at += 1 + $length;
    }
    return if $at + 5 > length $query;
    my $question = substr $query, 12, $at - 12 + 5;
    my $type = unpack 'n', substr $query, $at + 1, 2;
    my $known = zone()->{ lc join '.', @labels };
    my @addresses = $known && $type == 1 ? @$known : ();
    my $reply = pack 'n6', $id, 0x8400 | ($flags & 0x0100) | ($known ? 0 : 3), 1, scalar @addresses, 0, 0;
    $reply .= $question;
    $reply .= pack('n3Nn', 0xc00c, 1, 1, 5, 4) . inet_aton($_) for @addresses;
    return $reply;
}

while (1) {
    for my $socket ($select->can_read(1)) {
        my $kind = $kind{ fileno $socket };
        if ($kind eq 'dns-udp') {
            my $peer = recv $socket, my $query, 512, 0;
            my $reply = defined $peer ? answer($query) : undef;
            send $socket, $reply, 0, $peer if defined $reply;
        }
        elsif ($kind eq 'line' or $kind eq 'dns-tcp') {
            my $client = $socket->accept or next;
            $client->blocking(0);
            $select->add($client);
            $born{ fileno $client } = time;
            if ($kind eq 'dns-tcp') { $kind{ fileno $client } = 'dns-client'; next }
            my $line = $name . ' ' . ($client->peerhost // '-') . "\n";
            syswrite $client, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " . length($line) . "\r\n\r\n$line";
            # Not closed yet: closing with a request unread would send a RST that can overtake the answer.
            shutdown $client, 1;
            $kind{ fileno $client } = 'drain';
        }
        else {
            my $read = sysread $socket, my $bytes, 4096;
            if ($read and $kind eq 'dns-client' and $read > 2) {
                my $reply = answer(substr $bytes, 2);
                syswrite $socket, pack('n', length $reply) . $reply if defined $reply;
                next;
            }
            finish($socket) unless $read;
        }
    }
    for my $socket ($select->handles) {
        my $since = $born{ fileno $socket };
        finish($socket) if defined $since && time - $since > 5;
    }
}

sub finish {
    my ($socket) = @_;
    my $number = fileno $socket;
    delete $kind{$number};
    delete $born{$number};
    $select->remove($socket);
    close $socket;
}

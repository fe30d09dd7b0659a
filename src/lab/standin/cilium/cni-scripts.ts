/**
 * The plugins that the `install-cni-binaries` container puts on a node. They run on the host for every sandbox, so they are
 * small, and need no more than perl-base: cilium-cni hands its whole call to the agent's socket and prints what comes back.
 */
export const agentSocket = '/var/run/cilium/cilium.sock'

/** A real plugin gives up after 30 s; practice goes on after 5. The message is the real one's, figure included. */
const giveUpAfterSeconds = 5

export const ciliumCni = `#!/usr/bin/perl
# Stand-in of cilium-cni: asks the agent on ${agentSocket}.
use strict; use warnings; use Socket;
my $command = $ENV{CNI_COMMAND} // '';
if ($command eq 'VERSION') {
  print '{"cniVersion":"1.0.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0"]}'; exit 0;
}
my $conf = do { local $/; <STDIN> } // '';
my $deadline = time + ${giveUpAfterSeconds};
my $agent; my $reason = '';
while (1) {
  socket($agent, PF_UNIX, SOCK_STREAM, 0) or die "socket: $!";
  last if connect($agent, sockaddr_un('${agentSocket}'));
  $reason = lc "$!"; $agent = undef;
  last if time > $deadline;
  select undef, undef, undef, 0.2;
}
if (!$agent) {
  print '{"code":100,"msg":"unable to connect to Cilium agent: failed to create cilium agent client after 30.000000 '
    . 'seconds timeout: Get \\"http://localhost/v1/config\\": dial unix ${agentSocket}: connect: ' . $reason
    . '\\nIs the agent running?"}';
  exit 1;
}
my $call = join '', map { "$_=" . ($ENV{$_} // '') . "\\n" } qw(CNI_COMMAND CNI_CONTAINERID CNI_NETNS CNI_IFNAME CNI_ARGS);
syswrite $agent, "$call\\n$conf"; shutdown($agent, 1);
my $answer = do { local $/; <$agent> } // '';
if ($answer !~ s/^([01])\\n//) { print '{"code":100,"msg":"the Cilium agent went away during the call"}'; exit 1 }
my $code = $1; print $answer; exit $code;
`

export const loopback = `#!/bin/sh
# Stand-in of the loopback plugin.
case "$CNI_COMMAND" in
VERSION) echo '{"cniVersion":"1.0.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0"]}' ;;
ADD)
  nsenter --net="$CNI_NETNS" ip link set lo up || exit 1
  echo '{"cniVersion":"0.3.1","interfaces":[{"name":"lo","mac":"00:00:00:00:00:00","sandbox":"'"$CNI_NETNS"'"}],"ips":[{"version":"4","interface":0,"address":"127.0.0.1/8"}],"dns":{}}'
  ;;
esac
`

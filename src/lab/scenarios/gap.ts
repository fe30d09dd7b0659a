import type { Fault } from '../faults.ts'
import type { OwnFile } from '../node.ts'

/**
 * kube-router leaves the policies' chains linked and empty for so many seconds at each sync. The report (seed 000) saw chains
 * missing for a second and more; a real K3s 1.21 with 61 policies took up to 2.1 s for a sync (measured.md 14), in which it
 * replaces the table at one stroke. So the moment is put on by a fault of the stand-in's; that a sync is caused by every
 * change of a pod anywhere, takes effect on all nodes, and that only selected pods are refused, is kube-router's own way.
 */
export const gapOf = (seconds: number): Fault => ({ name: 'reject-gap', value: String(seconds) })

/**
 * A kernel tells an address of one refusal a second, after a few at once (net.ipv4.icmp_ratelimit); a pod that is refused more
 * often sees time-outs (measured.md 12). In the report none were, at 59 refusals a second: there, nothing was held back.
 *
 * "At once" is one second here, and may be so elsewhere: on a way without any delay the answer comes back while connect()
 * still holds the socket, and the kernel only makes a note of it (tcp_v4_err); what is refused again is the SYN that is
 * repeated after 1 s. Who waits no longer than that sees a time-out.
 */
export const refusalsAreHeard: OwnFile = {
  path: '/etc/sysctl.d/60-all-icmp-errors.conf',
  content: 'net.ipv4.icmp_ratelimit = 0\n',
  mode: 0o644,
}

import type { Verdict } from './rules.ts'
import type { Frontend } from './services.ts'

export interface PodTable {
  verdict: Verdict
  services: readonly Frontend[]
  /** Ranges and addresses that have an identity in the cluster: pods' and nodes'. */
  cluster: readonly string[]
  /** Frames of the node itself come from this address; the node is always let in. */
  hostMac: string
}

const block = (head: string, lines: readonly string[]): string =>
  [`  ${head} {`, ...lines.map((line) => `    ${line}`), '  }'].join('\n')

const front = ({ address, protocol, port }: Frontend) => `${address} . ${protocol} . ${port}`

/**
 * Input of `nft -f -` inside the pod's own network namespace: there it is out of sight of the node's rule sets, as BPF is,
 * stays when the agent goes, and disappears with the pod. Refused packets are dropped without an answer.
 */
export function renderTable({ verdict, services, cluster, hostMac }: PodTable): string {
  const served = services.filter(({ backends }) => backends.length > 0)
  const idle = services.filter(({ backends }) => backends.length === 0)
  const always = ['meta nfproto ipv6 accept', 'ct state established,related accept']
  const enforced = (lines: string[] | null) => (lines === null ? [] : [...lines, 'drop'])
  const sets = cluster.length === 0 ? [] : [`elements = { ${cluster.join(', ')} }`]
  const idleElements = idle.length === 0 ? [] : [`elements = { ${idle.map(front).join(', ')} }`]
  return `${[
    'table inet standin_cilium',
    'delete table inet standin_cilium',
    'table inet standin_cilium {',
    block('set cluster', ['type ipv4_addr', 'flags interval', 'auto-merge', ...sets]),
    block('set idle', ['type ipv4_addr . inet_proto . inet_service', ...idleElements]),
    ...served.map(({ protocol, backends }, index) =>
      block(`chain service-${index}`, [
        `meta l4proto ${protocol} dnat ip to numgen random mod ${backends.length} map { ${backends
          .map(({ address, port }, number) => `${number} : ${address} . ${port}`)
          .join(', ')} }`,
      ]),
    ),
    block('chain services', [
      'type nat hook output priority -100; policy accept;',
      ...(served.length === 0
        ? []
        : [
            `ip daddr . meta l4proto . th dport vmap { ${served
              .map((one, index) => `${front(one)} : goto service-${index}`)
              .join(', ')} }`,
          ]),
    ]),
    block('chain ingress', [
      'type filter hook input priority 0; policy accept;',
      'iifname "lo" accept',
      ...always,
      `ether saddr ${hostMac} accept`,
      ...enforced(verdict.ingress),
    ]),
    block('chain egress', [
      'type filter hook output priority 0; policy accept;',
      'oifname "lo" accept',
      ...always,
      // A socket that is just connecting takes a reset at once, and an ICMP error only at its second try.
      'meta l4proto tcp ip daddr . meta l4proto . th dport @idle reject with tcp reset',
      'ip daddr . meta l4proto . th dport @idle reject',
      ...enforced(verdict.egress),
    ]),
    '}',
  ].join('\n')}\n`
}

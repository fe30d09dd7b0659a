import ipaddr from 'ipaddr.js'
import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { FirewallFacts } from '../../facts/firewall.ts'
import type { Inventory } from '../../inventory/schema.ts'
import { about, onEachNode } from './finding.ts'

type Ufw = NonNullable<FirewallFacts['ufw']>

/** Whether a network or address holds another; `Anywhere` holds all of its family. */
function holds(outer: string, inner: string): boolean {
  const bare = outer.replace(/ on \S+$/, '').replace(/ \(v6\)$/, '')
  if (bare === 'Anywhere') return inner.includes(':') === outer.includes('(v6)')
  if (!ipaddr.isValid(bare) && !ipaddr.isValidCIDR(bare)) return false
  const [network, bits] = ipaddr.isValidCIDR(bare)
    ? ipaddr.parseCIDR(bare)
    : ipaddr.parseCIDR(`${bare}/${bare.includes(':') ? 128 : 32}`)
  const [address, innerBits] = ipaddr.isValidCIDR(inner) ? ipaddr.parseCIDR(inner) : [ipaddr.process(inner), 128]
  return network.kind() === address.kind() && innerBits >= bits && address.match(network, bits)
}

/** `8472/udp`, `2379:2380/tcp`, `22`, `Anywhere`, each perhaps with an address before or an interface behind. */
function isFor(to: string, port: number, protocol: string): boolean {
  const bare = to.replace(/ on \S+$/, '').replace(/ \(v6\)$/, '')
  if (bare === 'Anywhere') return true
  const [, ports, ofProtocol] = /^(?:[0-9a-f.:/]+ )?([\d:,]+)(?:\/(tcp|udp))?$/.exec(bare) ?? []
  if (ports === undefined || (ofProtocol !== undefined && ofProtocol !== protocol)) return false
  return ports.split(',').some((range) => {
    const [from = 0, until] = range.split(':').map(Number)
    return port >= from && port <= (until ?? from)
  })
}

/** The first rule that is about it decides; otherwise the default. A rule for one interface is not taken for all. */
function byUfw({ incoming, rules }: Ufw, source: string, port: number, protocol: string): 'open' | 'closed' {
  const rule = rules.find(({ to, from }) => isFor(to, port, protocol) && holds(from, source) && !/ on \S+$/.test(to))
  const action = rule?.action ?? incoming
  return /^(allow|limit)/i.test(action) ? 'open' : 'closed'
}

type Zone = NonNullable<FirewallFacts['firewalld']>[number]

/** A zone by its source wins over one by its interface (firewalld.zones(5)). */
function byFirewalld(
  zones: readonly Zone[],
  source: string,
  uplink: string | undefined,
  port: number,
  protocol: string,
) {
  const zone =
    zones.find(({ sources }) => sources.some((one) => holds(one, source))) ??
    zones.find(({ interfaces }) => uplink !== undefined && interfaces.includes(uplink))
  if (!zone) return 'unknown'
  if (zone.target === 'ACCEPT') return 'open'
  const listed = zone.ports.some((one) => isFor(one.replace('-', ':'), port, protocol))
  return listed ? 'open' : zone.richRules.length > 0 ? 'unknown' : 'closed'
}

/** What a node's firewall front ends say of packets to a port of it, from another node. unknown: there are rules that are not understood. */
export function firewallVerdict(
  facts: Facts,
  node: string,
  source: string,
  port: number,
  protocol: string,
): 'open' | 'closed' | 'unknown' {
  const firewall = facts.nodes[node]?.firewall
  if (!firewall || firewall.silent.length > 0) return 'unknown'
  if (firewall.firewalld !== null)
    return byFirewalld(firewall.firewalld, source, facts.nodes[node]?.host.uplink?.name, port, protocol)
  if (firewall.ufw !== null) return byUfw(firewall.ufw, source, port, protocol)
  // Without a front end there may still be rules of somebody's own.
  return facts.nodes[node]?.host.services.nftables === 'active' ? 'unknown' : 'open'
}

/**
 * A firewall that lets flannel's pods in lets Cilium's in as well: K3s' pages have 10.42.0.0/16 trusted, and the new range is
 * another one. What is between the nodes is tried (paths-open.ts).
 */
export function firewallOpen(facts: Facts, { cilium }: Inventory): Finding[] {
  const title = 'the firewall lets the new pods in'
  return onEachNode(facts, 'firewall', title, ({ ufw, firewalld, silent }, here, { name }) => {
    if (silent.length > 0)
      return here.unknown(`${silent.join(' and ')} is active and did not say its rules`, 'look at them by hand')
    const active = [...(ufw ? ['ufw'] : []), ...(firewalld ? ['firewalld'] : [])]
    if (active.length === 0) return here.fine('neither ufw nor firewalld is active')
    const cluster = clusterCidr(facts).split(',')[0] ?? ''
    const trusted = (cidr: string) =>
      (ufw === null || byUfw(ufw, cidr, 10250, 'tcp') === 'open') &&
      (firewalld === null || byFirewalld(firewalld, cidr, undefined, 10250, 'tcp') === 'open')
    const command =
      ufw === null
        ? `firewall-cmd --permanent --zone=trusted --add-source=${cilium.podCidr} && firewall-cmd --reload`
        : `ufw allow from ${cilium.podCidr}`
    const reload = about('no firewall is reloaded meanwhile', name).warns(
      `${active.join(' and ')} is active: a reload flushes or reorders the rules of Cilium and kube-proxy (cilium.md §7.10)`,
      'change its rules now, and do not touch it until the move is done',
    )
    if (trusted(cilium.podCidr)) return [here.fine(`${active.join(' and ')} lets ${cilium.podCidr} in`), reload]
    return [
      trusted(cluster)
        ? here.blocks(`${active.join(' and ')} lets ${cluster} in and not ${cilium.podCidr}`, command)
        : here.warns(
            `${active.join(' and ')} has no rule that lets ${cilium.podCidr} in: pods may not reach the API and the kubelet of their node`,
            command,
          ),
      reload,
    ]
  })
}

const clusterCidr = (facts: Facts): string =>
  Object.values(facts.nodes).find((node) => node.unit.role === 'server')?.k3s.flags['cluster-cidr']?.value ?? ''

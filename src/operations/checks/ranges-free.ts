import ipaddr from 'ipaddr.js'
import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { Inventory } from '../../inventory/schema.ts'

const overlap = (a: string, b: string): boolean => {
  const [left, right] = [ipaddr.parseCIDR(a), ipaddr.parseCIDR(b)]
  if (left[0].kind() !== right[0].kind()) return false
  const bits = Math.min(left[1], right[1])
  return left[0].match(right[0], bits)
}

const isDefault = (cidr: string) => cidr.endsWith('/0')

/** A route's destination as a network; null for what is none. `local`, `broadcast` and the like name addresses of this host. */
function destination(route: string): string | null {
  const word = route.split(/\s+/).find((part) => ipaddr.isValidCIDR(part) || ipaddr.isValid(part))
  if (!word || route.startsWith('default')) return null
  return ipaddr.isValidCIDR(word) ? word : `${word}/${ipaddr.parse(word).kind() === 'ipv4' ? 32 : 128}`
}

/**
 * Cilium's pod range touches nothing that is routed already, and its tunnel's port is free on every node.
 * @param beside Cilium comes while flannel is there: then flannel's own port is taken too
 */
export function rangesFree(facts: Facts, inventory: Inventory, beside: boolean): Finding[] {
  const findings: Finding[] = []
  const { podCidr, tunnelPort } = inventory.cilium
  for (const node of Object.values(facts.nodes)) {
    const taken = [
      ...['cluster-cidr', 'service-cidr'].map((key) => ({
        what: `K3s' ${key}`,
        cidrs: (node.k3s.flags[key]?.value ?? '').split(','),
      })),
      ...node.network.routes
        .filter((route) => !route.includes(' dev cilium_') && !/ dev lxc/.test(route))
        .map((route) => ({ what: `the route "${route}"`, cidrs: [destination(route) ?? ''] })),
    ]
    for (const { what, cidrs } of taken)
      for (const cidr of cidrs)
        if (ipaddr.isValidCIDR(cidr) && !isDefault(cidr) && overlap(cidr, podCidr))
          findings.push({
            level: 'blocks',
            title: `the pod range ${podCidr} is free`,
            target: node.name,
            detail: `it overlaps ${what} (${cidr})`,
            fix: 'choose another cilium.podCidr in the inventory; it cannot be changed later',
          })
    const holds = (name: string) =>
      node.network.links.some((link) => link.name === name && link.vxlanPort === tunnelPort)
    const isFlannels = holds('flannel.1')
    if (holds('cilium_vxlan') || !node.network.udpPorts.includes(tunnelPort) || (isFlannels && !beside)) continue
    findings.push({
      level: 'blocks',
      title: `UDP port ${tunnelPort} is free`,
      target: node.name,
      detail: `${isFlannels ? 'flannel has' : 'something listens on'} it; the tunnel would stay DOWN, in silence (measured.md)`,
      fix: `choose another cilium.tunnelPort in the inventory${isFlannels ? ', or --order seed' : ''}`,
    })
  }
  return findings.length > 0
    ? findings
    : [{ level: 'fine', title: 'pod range and tunnel port are free', detail: `${podCidr}, UDP ${tunnelPort}` }]
}

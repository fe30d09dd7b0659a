import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { inNetwork } from '../../facts/in-network.ts'
import { about, orFine } from './finding.ts'

/**
 * Every node reaches every other's address without a gateway: autoDirectNodeRoutes makes routes by these addresses, and the kernel
 * takes none whose next hop is behind another (cilium.md §4.4; "must be directly reachable", cilium#7853).
 */
export function oneSegment(facts: Facts): Finding[] {
  const title = 'all nodes are in one segment'
  const found = Object.values(facts.nodes).flatMap(({ name, network }) => {
    const own = network.links
      .filter((link) => !/^(cilium_|lxc|cni|flannel)/.test(link.name))
      .flatMap((link) => link.addresses)
    const far = facts.kube.nodes.filter(
      (other) => other.name !== name && !own.some((address) => inNetwork(other.internalIp, address)),
    )
    return far.length === 0
      ? []
      : [
          about(title, name).blocks(
            `no network of its own has ${far.map((other) => `${other.name} (${other.internalIp})`).join(', ')}: it cannot be the next hop of a route`,
            'stay with the tunnel; or route natively by other means (BGP), which this runbook does not set up',
          ),
        ]
  })
  return orFine(found, title, 'each is in a network of every other')
}

import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { inNetwork } from '../../facts/in-network.ts'
import { about, orFine } from './finding.ts'

/** Packets to addresses outside ipv4NativeRoutingCIDR get the node's address for their source: pods must all be inside. */
export function podsInRange(facts: Facts, podCidr: string): Finding[] {
  const title = "the inventory's pod range is Cilium's"
  const found = facts.kube.cilium.nodes.flatMap(({ name, podCidrs }) =>
    podCidrs
      .filter((range) => !inNetwork(range.split('/')[0] ?? null, podCidr))
      .map((range) =>
        about(title, name).blocks(
          `Cilium gave it ${range}, which is not in ${podCidr}`,
          'set cilium.podCidr in the inventory to the range that the release has',
        ),
      ),
  )
  return orFine(found, title, podCidr)
}

import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { Inventory } from '../../inventory/schema.ts'
import { about } from './finding.ts'

/** Each node gets a /24 of the range, and the range cannot be changed later. */
const nodeBits = 24

export function rangeLargeEnough(facts: Facts, { cilium }: Inventory): Finding[] {
  const here = about('the pod range is large enough')
  const bits = Number(cilium.podCidr.split('/')[1])
  const nodes = Object.keys(facts.nodes).length
  const room = 2 ** Math.max(0, nodeBits - bits)
  const fix = 'choose a larger cilium.podCidr: it cannot be changed later'
  if (bits > nodeBits || room < nodes)
    return [
      here.blocks(
        `${cilium.podCidr} is enough for ${bits > nodeBits ? 0 : room} of ${nodes} nodes, a /${nodeBits} each`,
        fix,
      ),
    ]
  return [
    room < nodes * 2
      ? here.warns(`${cilium.podCidr} is enough for ${room} nodes, and there are ${nodes}`, fix)
      : here.fine(`${nodes} of ${room} nodes`),
  ]
}

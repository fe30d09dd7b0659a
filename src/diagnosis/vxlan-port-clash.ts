import type { NodeFacts } from '../facts/facts.ts'
import { confidenceOf, point } from './confidence.ts'
import { type Rule, silent } from './diagnosis.ts'

const title = 'two tunnels want one UDP port'

interface Clash {
  node: string
  port: number
  /** The tunnel that came too late. */
  down: string
  /** Who has the port. */
  holder: string | null
}

/** A tunnel that is down, and the one beside it on its port, if it is there. Both up on one port is not possible. */
function clashOf({ name, network }: NodeFacts): Clash | null {
  const tunnels = network.links.filter((link) => link.kind === 'vxlan' && link.vxlanPort !== null)
  if (!tunnels.some((link) => link.name === 'cilium_vxlan')) return null
  for (const down of tunnels.filter((link) => !link.up)) {
    const holder = tunnels.find((link) => link.up && link.vxlanPort === down.vxlanPort)
    if (down.vxlanPort !== null && (holder || down.name === 'cilium_vxlan'))
      return { node: name, port: down.vxlanPort, down: down.name, holder: holder?.name ?? null }
  }
  return null
}

/** Measured: the agent says OK and every pod is ready while cilium_vxlan is DOWN; the other way round K3s crash-loops. */
export const vxlanPortClash: Rule = {
  id: 'vxlan-port-clash',
  title,
  judge({ facts }) {
    const found = Object.values(facts.nodes).flatMap((node) => clashOf(node) ?? [])
    const [first] = found
    if (first === undefined) return silent
    const holders = found.flatMap(({ holder }) => holder ?? [])
    const points = [
      point('a tunnel is DOWN', true, found.map(({ node, down }) => `${node}: ${down}`).join(', ')),
      point(
        'another one has its port',
        holders.length === found.length,
        holders.length === 0 ? 'none that is up: it may be gone by now' : `${holders.join(', ')} on UDP ${first.port}`,
      ),
    ]
    return {
      diagnosis: {
        rule: 'vxlan-port-clash',
        title,
        what: `Only one tunnel can have UDP port ${first.port} on a node. The one that came second stays DOWN without a word: pods and agent look healthy, and nothing crosses between nodes.`,
        where: found.map(({ node, down }) => `node ${node}: ${down}`),
        sinceMs: null,
        confidence: confidenceOf(points, true) ?? 'possible',
        figures: [{ what: `nodes whose tunnel on UDP ${first.port} is DOWN`, value: found.length, unit: 'count' }],
        points,
        disproof: '`ip -d link show type vxlan`: each tunnel UP, and on a port of its own',
        advice: [
          {
            text: "Give Cilium's tunnel another port: cilium.tunnelPort in the inventory (8473 is what its guide uses).",
          },
          {
            text: "Once flannel's link is gone the other stays DOWN: set it up, or restart the agent.",
            command: 'ip link set cilium_vxlan up',
          },
        ],
        source: 'cilium#2925, #8990; measured with Cilium 1.13 beside flannel',
      },
      notMeasured: [],
    }
  },
}

import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { missingOfTunnel } from '../cilium-installed.ts'
import { missingOfPods } from '../pods-recreated.ts'
import { missingOfRouting } from '../routing-in-force.ts'

/** Per pod: its sandbox on Cilium's network, its endpoint with its address; per node: the tunnel UP, or the native routes. */
export function podsCarried(
  facts: Facts,
  podCidr: string,
  tunnelPort: number,
  names: readonly string[] = Object.keys(facts.nodes),
): Finding[] {
  const isNative = facts.kube.cilium.config?.['routing-mode'] === 'native'
  const missing = isNative ? missingOfRouting(facts, 'native', tunnelPort) : missingOfTunnel(facts, tunnelPort)
  const title = isNative ? 'every node has routes to all others' : "Cilium's tunnel is up on every node"
  const perNode = names.map((name): Finding => {
    const missing = missingOfPods(facts, name, 'cilium', podCidr, [])
    return missing === null
      ? { level: 'fine', title: 'every pod is carried by Cilium', target: name, detail: 'yes' }
      : {
          level: 'blocks',
          title: 'every pod is carried by Cilium',
          target: name,
          detail: missing,
          fix: 'look at its events',
        }
  })
  return [
    ...perNode,
    missing === null
      ? { level: 'fine', title, detail: isNative ? 'native routing' : `UDP ${tunnelPort}` }
      : {
          level: 'blocks',
          title,
          detail: missing,
          fix: isNative ? "look at the agent's log there" : 'delete the dead link and restart the agent there',
        },
  ]
}

import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { missingOfTunnel } from '../cilium-installed.ts'
import { missingOfPods } from '../pods-recreated.ts'

/** Per pod: its sandbox on Cilium's network, its endpoint with its address; per node: the tunnel UP. */
export function podsCarried(
  facts: Facts,
  podCidr: string,
  tunnelPort: number,
  names: readonly string[] = Object.keys(facts.nodes),
): Finding[] {
  const tunnel = missingOfTunnel(facts, tunnelPort)
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
    tunnel === null
      ? { level: 'fine', title: "Cilium's tunnel is up on every node", detail: `UDP ${tunnelPort}` }
      : {
          level: 'blocks',
          title: "Cilium's tunnel is up on every node",
          detail: tunnel,
          fix: 'delete the dead link and restart the agent there',
        },
  ]
}

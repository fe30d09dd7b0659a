import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { missingOfCilium, missingOfTunnel, nodesOfAgents } from '../cilium-installed.ts'

/** Cilium's agents are ready where they are to run by now, and their tunnels are up. */
export function agentsHealthy(facts: Facts, tunnelPort: number): Finding[] {
  const title = 'Cilium is healthy where it runs'
  const values = facts.kube.cilium.chart?.values ?? ''
  const names = nodesOfAgents(facts, values)
  const missing = missingOfCilium(facts, values) ?? missingOfTunnel(facts, tunnelPort, names)
  return [
    missing === null
      ? { level: 'fine', title, detail: names.join(', ') }
      : {
          level: 'blocks',
          title,
          detail: missing,
          fix: 'look at the log of the agent: k3s kubectl -n kube-system logs ds/cilium',
        },
  ]
}

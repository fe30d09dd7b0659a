import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about } from './finding.ts'

/** In the modes pod and cluster K3s finds a pod's node by the node's own range, which Cilium does not use (cilium.md §2.2). */
export function egressSelector(facts: Facts): Finding[] {
  const here = about('the API server reaches pods whatever their range')
  const server = Object.values(facts.nodes).find((node) => node.unit.role === 'server')
  const mode = server?.k3s.flags['egress-selector-mode']
  if (mode === undefined) return [here.unknown('no server says its egress-selector-mode', 'look at its flags')]
  return ['pod', 'cluster'].includes(mode.value)
    ? [
        here.blocks(
          `egress-selector-mode is ${mode.value} (${mode.from}): webhooks and aggregated APIs would not be reached`,
          'set it to agent (the default) on all servers and restart K3s',
        ),
      ]
    : [here.fine(`egress-selector-mode is ${mode.value}`)]
}

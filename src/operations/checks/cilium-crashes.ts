import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import { about } from './finding.ts'

/** A Cilium that is well is not taken away in haste. Where the API is away, or a node is silent, nobody can say so. */
export function ciliumCrashes({ silent = {}, kube }: Facts): Finding[] {
  const here = about('Cilium is in trouble')
  const { daemonSet } = kube.cilium
  const isWell = daemonSet !== null && daemonSet.desired > 0 && daemonSet.ready === daemonSet.desired
  return kube.reachable && Object.keys(silent).length === 0 && isWell
    ? [
        here.blocks(
          `every node answers, and all ${daemonSet.ready} agents are ready`,
          'the planned way from a Cilium that works is the runbook cilium-to-flannel',
        ),
      ]
    : [here.fine('not every agent is ready, or nobody can say')]
}

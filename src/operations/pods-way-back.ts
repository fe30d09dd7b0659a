import { mustRun, script } from '../nodes/run.ts'
import { forgetContainersScript, goneContainers } from './cni-leaks.ts'
import { ciliumNetworks } from './cni-seeded.ts'
import { purge } from './netfilter-purged.ts'
import { readyPods, returnPods } from './pods-recreated.ts'
import { wayBack } from './way-back.ts'

/** CNI deletes by the configuration of the moment, which is flannel's again: it does not know the other network's results. */
const forgetResults = 'for network in "$@"; do rm -f -- /var/lib/cni/results/"$network"-*; done'

/** Registered before K3s is stopped: undone after K3s runs with flannel again, which is when pods can go back to it. */
export const podsWayBack = wayBack({
  name: 'pods.way-back',
  reads: ['kube'],
  note: (facts, target) => ({ ready: readyPods(facts, target) }),
  how: 'recreate on flannel every pod that Cilium carries, DNS first; remove host ports, leases and caches of pods that are gone',
  async run(world, target, note, task) {
    const before = (await world.look(['cni'], [target])).nodes[target]?.cni
    await returnPods(world, target, note.ready, task)
    await purge(world, target, 'gone-pods-host-ports', task)
    const { sandboxes = null } = (await world.look(['sandboxes'], [target])).nodes[target] ?? {}
    const gone = before ? goneContainers(before, sandboxes) : []
    for (const command of [
      script('forget-results', forgetResults, ciliumNetworks),
      script('forget-containers', forgetContainersScript, gone),
    ])
      await mustRun(world.nodes.get(target), { ...command, mode: 'write', timeoutMs: task.remainingMs() })
  },
})

import { forgetGonePods, lookBefore } from './gone-pods.ts'
import { readyPods, returnPods } from './pods-recreated.ts'
import { wayBack } from './way-back.ts'

/** Registered before K3s is stopped: undone after K3s runs with flannel again, which is when pods can go back to it. */
export const podsWayBack = wayBack({
  name: 'pods.way-back',
  reads: ['kube'],
  note: (facts, target) => ({ ready: readyPods(facts, target) }),
  how: 'recreate on flannel every pod that Cilium carries, DNS first; remove host ports, leases and caches of pods that are gone',
  async run(world, target, note, task) {
    const before = await lookBefore(world, target)
    await returnPods(world, target, note.ready, task)
    await forgetGonePods(world, target, before, task)
  },
})

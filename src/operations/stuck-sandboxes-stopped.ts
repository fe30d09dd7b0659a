import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { stopSandboxes } from './pods-recreated.ts'
import { describePod, stuckPods, wayOf } from './stuck.ts'
import type { World } from './world.ts'

interface StuckSandboxes {
  /** `namespace/name` of the pod, and the sandboxes that it hangs on. */
  pods: { pod: string; ids: string[]; about: string }[]
}

const idsOf = (change: StuckSandboxes) => change.pods.flatMap(({ ids }) => ids)

/** Pods that do not begin although a sandbox of theirs is there, which another network made: it is stopped, and they get a new one. */
export const stuckSandboxesStopped: Operation<Facts, World, undefined, StuckSandboxes> = {
  name: 'pods.stuck-sandboxes-stopped',
  reads: ['stuck', 'kube', 'sandboxes', 'containers'],
  diff(facts, target) {
    const pods = stuckPods(facts).flatMap(({ pod, why }) => {
      const way = wayOf(facts, pod)
      if (pod.node !== target || way.do !== 'stop-sandboxes') return []
      return [{ pod: `${pod.namespace}/${pod.name}`, ids: [...way.ids], about: describePod(facts, pod, why) }]
    })
    return pods.length === 0 ? null : { pods }
  },
  predict(facts, target, change) {
    const node = facts.nodes[target]
    if (!node?.sandboxes || !facts.stuck) return facts
    const stopped = new Set(idsOf(change))
    const uids = new Set(node.sandboxes.filter(({ id }) => stopped.has(id)).map(({ uid }) => uid))
    return {
      ...facts,
      nodes: { ...facts.nodes, [target]: { ...node, sandboxes: node.sandboxes.filter(({ id }) => !stopped.has(id)) } },
      stuck: { ...facts.stuck, pods: facts.stuck.pods.filter(({ uid }) => !uids.has(uid)) },
    }
  },
  fingerprint: (change) => idsOf(change).sort(),
  render: (change) => ({
    summary: `stop the sandboxes that ${change.pods.length} ${change.pods.length === 1 ? 'pod hangs' : 'pods hang'} on`,
    notes: change.pods.map(({ about }) => about),
  }),
  apply: (world, target, change, task) => stopSandboxes(world, target, idsOf(change), task),
  async verify(world, target, change) {
    const { sandboxes } = (await world.look(['sandboxes'], [target])).nodes[target] ?? {}
    if (!sandboxes) throw new FailedError(`containerd on ${target} does not answer`, { host: target })
    const ids = new Set(idsOf(change))
    const left = sandboxes.filter(({ id, ready }) => ready && ids.has(id))
    if (left.length > 0)
      throw new FailedError(
        `sandboxes still there: ${left.map(({ namespace, name }) => `${namespace}/${name}`).join(', ')}`,
        {
          host: target,
        },
      )
  },
  undo: { notNeeded: 'nothing ran in them, and the kubelet makes each pod another' },
}

import { restartedK3s, restartK3s } from './k3s-restarted.ts'
import { runsFlannel } from './k3s-unit.ts'
import { wayBack } from './way-back.ts'

/** Registered before the servers' flags are set: undone after the former flags are back, which is when K3s has to read them. */
export const k3sRestartWayBack = wayBack({
  name: 'k3s.restart-way-back',
  reads: ['unit', 'k3s'],
  note: (facts, target) => {
    const node = facts.nodes[target]
    return { flannel: node !== undefined && runsFlannel(node) }
  },
  how: 'restart K3s with its former flags, when every etcd member votes; wait until all of the cluster is whole again',
  async run(world, target, { flannel }, task) {
    const unit = (await world.look(['unit'], [target])).nodes[target]?.unit
    const restart = { unit: unit?.name ?? 'k3s', mainPid: unit?.mainPid ?? 0, flannel }
    await restartK3s(world, target, restart, task)
    await restartedK3s(world, target, restart, task)
  },
})

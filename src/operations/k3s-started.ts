import type { Operation } from '../engine/model.ts'
import type { Facts } from '../facts/facts.ts'
import { mustRun } from '../nodes/run.ts'
import type { UnitChange } from './k3s-stopped.ts'
import { isActive, isStopped, runsFlannel, withFlannel, withUnitState } from './k3s-unit.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

interface StartChange extends UnitChange {
  /** Whether it is to run with flannel; absent in journals of an older version: no. */
  flannel?: boolean
}

/**
 * K3s started without blocking: after a full stop a server is not ready before a second one is up, and a blocking start
 * would wait for ever (k3s-kube-router.md §6.4). Verified when systemd says active; a unit that fails meanwhile is told.
 *
 * One that came up by itself meanwhile, because its node was switched off and on, may run with its former flags: "restart"
 * starts what is stopped, and has what is not read its flags anew.
 */
export const k3sStarted: Operation<Facts, World, { flannel: boolean }, StartChange> = {
  name: 'k3s.started',
  reads: ['unit', 'k3s'],
  diff(facts, target, { flannel }) {
    const node = facts.nodes[target]
    if (!node || (isActive(node.unit) && runsFlannel(node) === flannel)) return null
    return { unit: node.unit.name, role: node.unit.role, flannel }
  },
  predict: (facts, target, { flannel = false }) =>
    withFlannel(withUnitState(facts, target, 'active', 1), target, flannel),
  fingerprint: (change) => ({ unit: change.unit }),
  render: (change) => ({ summary: `systemctl restart --no-block ${change.unit}` }),
  async apply(world, target, change) {
    const argv = ['systemctl', 'restart', '--no-block', change.unit] as const
    await mustRun(world.nodes.get(target), { argv, mode: 'write', timeoutMs: 30_000 })
  },
  async verify(world, target, { flannel = false, ...change }, task) {
    await until(world, task, `${change.unit} to be active`, async () => {
      const facts = await world.look(['unit', 'etcd'], [target])
      const node = facts.nodes[target]
      if (!node) return 'the node does not answer'
      const { activeState, subState, result } = node.unit
      if (activeState === 'active') {
        const started = (await world.look(['k3s'], [target])).nodes[target]
        if (!started || runsFlannel(started) === flannel) return null
        return flannel ? 'it still runs without flannel' : 'it still runs with flannel'
      }
      const etcd =
        change.role === 'server' ? (node.etcd?.hasLeader ? ', etcd has a leader' : ', etcd has no leader yet') : ''
      return `${activeState} (${subState}${result === 'success' ? '' : `, last result ${result}`})${etcd}`
    })
  },
  undo: {
    how: 'stop the unit again',
    async run(world, target, change, task) {
      const argv = ['systemctl', 'stop', change.unit] as const
      await mustRun(world.nodes.get(target), { argv, mode: 'write', timeoutMs: task.remainingMs() })
      await until(world, task, `${change.unit} to stop`, async () => {
        const unit = (await world.look(['unit'], [target])).nodes[target]?.unit
        return unit && isStopped(unit) ? null : `it is ${unit?.activeState ?? 'gone'}`
      })
    },
  },
}

import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { mustRun } from '../nodes/run.ts'
import { isStopped, withUnitState } from './k3s-unit.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

export interface UnitChange {
  unit: string
  role: 'server' | 'agent'
}

/**
 * K3s stopped, pods, links and rules left running (KillMode=process). The unit then says `failed`, not `inactive`: flannel
 * ends K3s with an error (measured.md 1). Both are "stopped" here; what counts is that nothing of it runs, or will run again:
 * a server that lost its quorum has ended too, and systemd starts it anew 5 s later.
 */
export const k3sStopped: Operation<Facts, World, undefined, UnitChange> = {
  name: 'k3s.stopped',
  reads: ['unit'],
  diff(facts, target) {
    const unit = facts.nodes[target]?.unit
    if (!unit || isStopped(unit)) return null
    return { unit: unit.name, role: unit.role }
  },
  predict: (facts, target) => withUnitState(facts, target, 'failed', 0),
  fingerprint: (change) => ({ unit: change.unit }),
  render: (change) => ({ summary: `systemctl stop ${change.unit}`, notes: ['pods keep running and go on talking'] }),
  async apply(world, target, change, task) {
    const argv = ['systemctl', 'stop', change.unit] as const
    await mustRun(world.nodes.get(target), { argv, mode: 'write', timeoutMs: task.remainingMs() })
  },
  async verify(world, target, change, task) {
    await until(world, task, `${change.unit} to stop`, async () => {
      const unit = (await world.look(['unit'], [target])).nodes[target]?.unit
      if (!unit) throw new FailedError(`${target}: the unit ${change.unit} is gone`, { host: target })
      return isStopped(unit) ? null : `it is ${unit.activeState} (process ${unit.mainPid})`
    })
  },
  undo: {
    how: 'start the unit again, without waiting for it: servers wait for each other',
    async run(world, target, change) {
      // Also one that runs: it came up by itself, because its node was switched off and on, and may have read its flags when
      // only some of them were as they are now. Which of them are in force nothing on the node tells.
      const argv = ['systemctl', 'restart', '--no-block', change.unit] as const
      await mustRun(world.nodes.get(target), { argv, mode: 'write', timeoutMs: 30_000 })
    },
  },
}

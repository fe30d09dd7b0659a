import type { Operation } from '../engine/model.ts'
import { MigrateError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import type { World } from './world.ts'

type MeasureChange = { running: boolean }

/**
 * The connection probing of the run, started before anything is interrupted and collected at the end. It changes nothing but
 * a transient unit and its folder on each node, and takes both away again.
 */
export const measuring: Operation<Facts, World, { running: boolean }, MeasureChange> = {
  name: 'probe.measuring',
  reads: ['kube', 'sandboxes'],
  diff: (_facts, _target, wanted) => ({ running: wanted.running }),
  predict: (facts) => facts,
  fingerprint: (change) => change.running,
  render: (change) => ({
    summary: change.running
      ? 'probe chosen pairs of pods twice a second, from the nodes, until the end of the run'
      : 'stop probing and keep what was seen',
  }),
  async apply(world, _target, change, task) {
    if (change.running) await world.probe.start(task.runId, await world.look(['kube', 'sandboxes']))
    else await world.probe.stop(task.runId)
  },
  verify: async () => {},
  undo: {
    how: 'what was started is stopped and removed from the nodes; what was stopped is started again, to measure the way back',
    async run(world, _target, change, task) {
      if (change.running) return await world.probe.stop(task.runId)
      try {
        await world.probe.start(task.runId, await world.look(['kube', 'sandboxes']))
      } catch (error) {
        if (!(error instanceof MigrateError)) throw error
        // Nobody who wants to go back is to be kept from it by this.
        task.say(`the way back is not measured: ${error.message}`)
      }
    },
  },
}

import { CLUSTER, type Operation } from '../engine/model.ts'
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
    how: 'stop probing, and remove it from the nodes',
    async run(world, target, change, task) {
      if (change.running && target === CLUSTER) await world.probe.stop(task.runId)
    },
  },
}

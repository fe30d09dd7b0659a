import { mustRun } from '../nodes/run.ts'
import { isStopped } from './k3s-unit.ts'
import { missingOfCluster } from './settled.ts'
import { until } from './until.ts'
import { wayBack } from './way-back.ts'

/**
 * Registered just before K3s is stopped: on the way back, waits until the started cluster is whole. A K3s that had ended by
 * itself before it was to be stopped (the last server, without a quorum) has no stop to undo: it is started here.
 */
export const clusterWayBack = wayBack({
  name: 'cluster.way-back',
  reads: [],
  note: () => null,
  how: 'start K3s wherever it still stands still; wait until every etcd member votes, the API answers and every node is heard of',
  async run(world, _target, _note, task) {
    const { nodes } = await world.look(['unit'])
    for (const { name, unit } of Object.values(nodes)) {
      if (!isStopped(unit)) continue
      const argv = ['systemctl', 'start', '--no-block', unit.name] as const
      await mustRun(world.nodes.get(name), { argv, mode: 'write', timeoutMs: 30_000 })
    }
    await until(world, task, 'the cluster', async () =>
      missingOfCluster(await world.look(['unit', 'etcd', 'kube']), world.clock.nowMs()),
    )
  },
})

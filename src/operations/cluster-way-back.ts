import { missingOfCluster } from './settled.ts'
import { until } from './until.ts'
import { wayBack } from './way-back.ts'

/** Registered just before K3s is stopped: on the way back, waits until the started cluster is whole. */
export const clusterWayBack = wayBack({
  name: 'cluster.way-back',
  reads: [],
  note: () => null,
  how: 'wait until every etcd member votes, the API answers and every node is heard of',
  run: (world, _target, _note, task) =>
    until(world, task, 'the cluster', async () =>
      missingOfCluster(await world.look(['k3s', 'etcd', 'kube']), world.clock.nowMs()),
    ),
})

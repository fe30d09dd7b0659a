import { bind } from '../../src/engine/model.ts'
import type { Inventory } from '../../src/inventory/schema.ts'
import { clusterWhole } from '../../src/operations/checks/cluster-whole.ts'
import { podsCarried } from '../../src/operations/checks/pods-carried.ts'
import { podsRecreated } from '../../src/operations/pods-recreated.ts'
import { podsWayBack } from '../../src/operations/pods-way-back.ts'
import { flannelRuns } from './flannel-flags.ts'
import { all, type Change, type Gate, minutes } from './step.ts'

export const podsBackOn = (targets: Change['targets']): Change => ({
  kind: 'change',
  id: 'pods-way-back',
  title: 'Way back: pods to flannel',
  why: 'A pod keeps the network its sandbox was made with.',
  operation: bind(podsWayBack, () => undefined),
  targets,
  order: 'serial',
  risk: 'none: nothing happens now',
  timeoutMs: minutes(5),
  when: flannelRuns,
})
export const podsBack = podsBackOn(all)

/** Pods brought to Cilium, and the proof of it. */
export function podSteps({ cilium: { podCidr, tunnelPort } }: Inventory) {
  const recreate = (expectedMs: number): Change => ({
    kind: 'change',
    id: 'pods',
    title: 'Recreate every pod in place, node by node, DNS first',
    why: 'A pod keeps the network its sandbox was made with; a restart of K3s moves none.',
    operation: bind(podsRecreated, () => ({ podCidr })),
    targets: all,
    order: 'serial',
    risk: "every container restarts once, keeping its name and its node; only pods' own links change, none that a node is reached by",
    timeoutMs: minutes(10),
    takesMs: 7_000,
    outage: { what: 'each pod, while it restarts', expectedMs },
  })
  const carried: Gate = {
    kind: 'gate',
    id: 'pods-carried',
    title: 'Every pod is carried by Cilium, every tunnel is up, the cluster is whole',
    why: 'Joined per pod: its sandbox, its address, its endpoint.',
    reads: ['kube', 'sandboxes', 'network', 'etcd'],
    check: (facts) => [...podsCarried(facts, podCidr, tunnelPort), ...clusterWhole(facts)],
    timeoutMs: minutes(5),
  }
  return { recreate, carried }
}

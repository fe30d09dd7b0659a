import { bind, CLUSTER } from '../../src/engine/model.ts'
import { clusterWhole } from '../../src/operations/checks/cluster-whole.ts'
import { podsOnFlannel as onFlannel } from '../../src/operations/checks/pods-on-flannel.ts'
import { ciliumAbsent } from '../../src/operations/cilium-absent.ts'
import { ciliumUninstalled } from '../../src/operations/cilium-uninstalled.ts'
import { podsOnFlannel } from '../../src/operations/pods-on-flannel.ts'
import { guardedLeftovers } from './guards.ts'
import { all, type Change, type Gate, minutes } from './step.ts'

export const uninstall: Change = {
  kind: 'change',
  id: 'cilium-uninstalled',
  title: 'Uninstall Cilium',
  why: 'Its agents would make anew what is removed, and hold what flannel needs.',
  operation: bind(ciliumUninstalled, () => undefined),
  targets: () => [CLUSTER],
  order: 'serial',
  risk: 'pods go on talking, but none can start until flannel runs; from here on there is no way back, only on',
  timeoutMs: minutes(10),
  outage: { what: 'new pods, until flannel runs', expectedMs: 120_000 },
}

export const clean = guardedLeftovers({
  kind: 'change',
  id: 'cilium-leftovers',
  title: "Remove Cilium's links, rules, programs and files",
  why: 'They outlive its uninstallation; its tunnel keeps flannel from starting.',
  operation: bind(ciliumAbsent, () => undefined),
  targets: all,
  order: 'parallel',
  risk: 'pods that Cilium carried lose their network until they are recreated',
  timeoutMs: minutes(2),
  outage: { what: 'every connection of pods, until each is recreated', expectedMs: 90_000 },
})

export const recreate: Change = {
  kind: 'change',
  id: 'pods',
  title: 'Recreate every pod in place on flannel, node by node, DNS first',
  why: 'A pod keeps the network its sandbox was made with; a restart of K3s moves none.',
  operation: bind(podsOnFlannel, () => undefined),
  targets: all,
  order: 'serial',
  risk: 'every container restarts once, keeping its name and its node',
  timeoutMs: minutes(10),
}

export const there: Gate = {
  kind: 'gate',
  id: 'pods-on-flannel',
  title: 'Every pod is on flannel, nothing of Cilium is left, the cluster is whole',
  why: 'Proved by listing, not assumed.',
  reads: ['kube', 'sandboxes', 'cni', 'network', 'netfilter', 'k3s', 'etcd'],
  check: (facts) => [...onFlannel(facts), ...clusterWhole(facts)],
  timeoutMs: minutes(5),
}

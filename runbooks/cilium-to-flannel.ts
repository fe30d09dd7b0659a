/**
 * The whole way back on its own: a cluster that runs Cilium, whoever brought it there, to flannel and kube-router. What this
 * tool did itself is undone better by `migrate rollback`, which has the files as they were.
 *
 * All of it with K3s stopped in between: flannel cannot start while Cilium's tunnel holds its port (measured.md, second part 1),
 * and programs that Cilium left would go on translating services for pods that are no more.
 */
import { CLUSTER, type Runbook } from '../src/engine/model.ts'
import type { Facts } from '../src/facts/facts.ts'
import type { Inventory } from '../src/inventory/schema.ts'
import { agentFlags } from '../src/operations/checks/agent-flags.ts'
import { budgetsAllow } from '../src/operations/checks/budgets-allow.ts'
import { ciliumRemovable } from '../src/operations/checks/cilium-removable.ts'
import { clusterWhole } from '../src/operations/checks/cluster-whole.ts'
import { containerdOwn } from '../src/operations/checks/containerd-own.ts'
import { dataDirDefault } from '../src/operations/checks/data-dir-default.ts'
import { datastoreEtcd } from '../src/operations/checks/datastore-etcd.ts'
import { etcdSteady } from '../src/operations/checks/etcd-steady.ts'
import { flagsInForce } from '../src/operations/checks/flags-in-force.ts'
import { routedByTunnel } from '../src/operations/checks/routed-by-tunnel.ts'
import { serverFlagsAgree } from '../src/operations/checks/server-flags-agree.ts'
import { volumesSafe } from '../src/operations/checks/volumes-safe.ts'
import { webhooksReachable } from '../src/operations/checks/webhooks-reachable.ts'
import type { World } from '../src/operations/world.ts'
import { after, before, measure, measured, nothingLost } from './steps/evidence.ts'
import { flannelOn } from './steps/flannel-flags.ts'
import { inventoryAgrees, nobodyInterferes, rulesUnderstood } from './steps/gates.ts'
import { k3sSteps } from './steps/k3s.ts'
import { type NoParams, noParams } from './steps/no-params.ts'
import { silence, unquiet } from './steps/quiet.ts'
import { backup, snapshot } from './steps/safety.ts'
import { all, type Gate, preflightGate as gate, phase } from './steps/step.ts'
import { clean, recreate, there, uninstall } from './steps/to-flannel.ts'

function checks(inventory: Inventory): Gate[] {
  return [
    inventoryAgrees(inventory, 'A node left out would keep Cilium.'),
    gate(
      'control-plane-whole',
      'The control plane is whole, and every node is heard of',
      'Servers are stopped and started. Nodes need not be Ready: Cilium may be what is wrong with them.',
      ['etcd', 'kube'],
      (facts) => [...clusterWhole(facts, false), ...etcdSteady(facts)],
    ),
    gate(
      'k3s-as-expected',
      'K3s is set up as this runbook expects',
      'Which file wins for each flag decides what is edited.',
      ['unit', 'k3s', 'etcd', 'kube'],
      (facts) => [
        ...datastoreEtcd(facts),
        ...dataDirDefault(facts),
        ...serverFlagsAgree(facts),
        ...flagsInForce(facts),
        ...agentFlags(facts),
        ...containerdOwn(facts),
      ],
    ),
    gate(
      'cilium-removable',
      'Cilium can be uninstalled',
      'By what installed it, and by nobody else.',
      ['kube', 'operator', 'k3s'],
      (facts) => [
        ...ciliumRemovable(facts, inventory.cilium.install),
        ...routedByTunnel(facts, "the routes to other nodes that it leaves can be told from nobody else's"),
      ],
    ),
    rulesUnderstood,
    nobodyInterferes,
    gate(
      'pods-can-move',
      'Pods can be recreated',
      'All of a node at once, in place.',
      ['obstacles', 'kube', 'host'],
      (facts) => [...budgetsAllow(facts), ...webhooksReachable(facts), ...volumesSafe(facts, inventory)],
    ),
  ]
}

export function ciliumToFlannel(inventory: Inventory): Runbook<Facts, World, NoParams> {
  const { stop, setFlags, start } = k3sSteps(inventory, flannelOn)
  return {
    name: 'cilium-to-flannel',
    description: 'The whole cluster from Cilium to flannel and kube-router, whoever brought Cilium there',
    parseParams: noParams('cilium-to-flannel'),
    finished: (facts) =>
      !flannelOn.when(facts) &&
      uninstall.operation.diff(facts, CLUSTER) === null &&
      all(facts).every((node) => [clean, recreate].every((step) => step.operation.diff(facts, node) === null)),
    phases: () => [
      phase('checks', 'Checks', checks(inventory)),
      phase('evidence', 'Evidence before', [before]),
      phase('safety', 'Safety', [backup, snapshot(inventory), measure]),
      phase('quiet', 'Quiet', [silence]),
      phase('uninstall', 'Uninstall Cilium', [uninstall]),
      phase('stop', 'Stop K3s', stop),
      phase('flags', 'Flags', [setFlags]),
      phase('clean', 'Clean', [clean]),
      phase('start', 'Start K3s', start(true)),
      phase('pods', 'Move the pods', [recreate]),
      phase('validate', 'Validate', [there, unquiet, measured, after, nothingLost]),
    ],
  }
}

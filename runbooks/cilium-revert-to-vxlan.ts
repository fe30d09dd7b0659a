/**
 * An emergency: a rolling change of Cilium's routing left some nodes native and some with a tunnel, or somebody patched
 * cilium-config by hand, and pods of different nodes do not reach each other. Brings release, ConfigMap and all agents to a tunnel
 * of vxlan, all at once. Whether pods reach each other is not asked beforehand; the API and the nodes have to answer.
 *
 * The field's way is to patch two keys of the ConfigMap and to delete the agents. Three things are otherwise here. With
 * auto-direct-node-routes left in the ConfigMap an agent with a tunnel exits. The next upgrade of the release would undo the
 * patch. And kube-proxy-replacement is not always set to "false": where K3s runs with disable-kube-proxy, nobody would serve
 * Services then, so Cilium takes kube-proxy's place exactly where K3s has none.
 */
import type { Runbook } from '../src/engine/model.ts'
import type { Facts } from '../src/facts/facts.ts'
import type { Inventory } from '../src/inventory/schema.ts'
import { clusterWhole } from '../src/operations/checks/cluster-whole.ts'
import { flagsInForce } from '../src/operations/checks/flags-in-force.ts'
import { serverFlagsAgree } from '../src/operations/checks/server-flags-agree.ts'
import type { RoutingWanted } from '../src/operations/routing-values.ts'
import type { World } from '../src/operations/world.ts'
import { after, before, measure, measured, nothingLost } from './steps/evidence.ts'
import { inventoryAgrees, nobodyInterferes } from './steps/gates.ts'
import { type NoParams, noParams } from './steps/no-params.ts'
import { silence, unquiet } from './steps/quiet.ts'
import { isRoutedSo, releaseFits, routingPhases } from './steps/routing.ts'
import { backup, snapshot } from './steps/safety.ts'
import { type Gate, preflightGate as gate, phase } from './steps/step.ts'

const checks = (inventory: Inventory): Gate[] => [
  inventoryAgrees(inventory, 'A node left out would stay in the other mode, and alone.'),
  gate(
    'control-plane-whole',
    'The control plane is whole, and every node is heard of',
    'Nothing else is asked of the cluster: what this mends is broken.',
    ['etcd', 'kube'],
    (facts) => clusterWhole(facts, false),
  ),
  gate(
    'flags-known',
    'Whether K3s runs kube-proxy is known',
    'Cilium takes its place where K3s has none, and nowhere else.',
    ['k3s', 'kube'],
    (facts) => [...serverFlagsAgree(facts), ...flagsInForce(facts)],
  ),
  releaseFits(inventory, 'tunnel'),
  nobodyInterferes,
]

/** Agents have no such flag: they take it from the servers. */
const withoutKubeProxy = (facts: Facts): boolean =>
  Object.values(facts.nodes).some(({ k3s }) => k3s.flags['disable-kube-proxy']?.value === 'true')

export function ciliumRevertToVxlan(inventory: Inventory): Runbook<Facts, World, NoParams> {
  const wanted = (facts: Facts): RoutingWanted => ({
    mode: 'tunnel',
    podCidr: inventory.cilium.podCidr,
    kubeProxyReplacement: withoutKubeProxy(facts),
  })
  return {
    name: 'cilium-revert-to-vxlan',
    description: 'Emergency: nodes with different routing, or a patched ConfigMap, to a tunnel of vxlan, all at once',
    parseParams: noParams('cilium-revert-to-vxlan'),
    finished: (facts) => isRoutedSo(inventory, facts, wanted(facts)),
    phases: (_params, facts) => [
      phase('checks', 'Checks', checks(inventory)),
      phase('evidence', 'Evidence before', [before]),
      phase('safety', 'Safety', [backup, snapshot(inventory), measure]),
      phase('quiet', 'Quiet', [silence]),
      ...routingPhases(inventory, facts, wanted(facts)),
      phase('validate', 'Validate', [unquiet, measured, after, nothingLost]),
    ],
  }
}

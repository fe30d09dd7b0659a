import { bind, CLUSTER } from '../../src/engine/model.ts'
import type { Facts } from '../../src/facts/facts.ts'
import type { Inventory } from '../../src/inventory/schema.ts'
import { agentsEverywhere } from '../../src/operations/checks/agents-everywhere.ts'
import { releaseChangeable } from '../../src/operations/checks/release-changeable.ts'
import { routingInForce } from '../../src/operations/checks/routing-in-force.ts'
import { routingValuesSafe } from '../../src/operations/checks/routing-values-safe.ts'
import { ciliumAgentsRestarted } from '../../src/operations/cilium-agents-restarted.ts'
import { ciliumAgentsWayBack } from '../../src/operations/cilium-agents-way-back.ts'
import { ciliumValuesSet, type ReleaseRef } from '../../src/operations/cilium-values-set.ts'
import {
  heldBack,
  missingOfConfig,
  type RoutingMode,
  type RoutingWanted,
  routingOf,
  sameValues,
  withRouting,
} from '../../src/operations/routing-values.ts'
import { guardedAgents } from './guards.ts'
import { type Change, type Gate, minutes, phase, preflightGate } from './step.ts'

/** The release as it is, and as it is to be. */
function releaseOf({ cilium }: Inventory, facts: Facts, wanted: RoutingWanted) {
  const { chart } = facts.kube.cilium
  const release: ReleaseRef = {
    install: cilium.install,
    chart: cilium.chart,
    version: chart?.version ?? cilium.version,
  }
  const before = chart?.values ?? ''
  return { release, before, after: withRouting(before, wanted) }
}

export const releaseFits = ({ cilium }: Inventory, mode: RoutingMode): Gate =>
  preflightGate(
    'release-fits',
    "Cilium's release can be changed, and its values go with the new mode",
    'An agent that cannot start with them would not come back, on no node.',
    ['kube', 'operator', 'k3s'],
    (facts) => [...releaseChangeable(facts, cilium), ...agentsEverywhere(facts), ...routingValuesSafe(facts, mode)],
  )

/** Whether release, ConfigMap, agents and nodes are all in this mode. */
export function isRoutedSo(inventory: Inventory, facts: Facts, wanted: RoutingWanted): boolean {
  const { before, after } = releaseOf(inventory, facts, wanted)
  return (
    facts.kube.cilium.chart !== null &&
    sameValues(before, after) &&
    missingOfConfig(facts.kube.cilium.config, after) === null &&
    ciliumAgentsRestarted.diff(facts, CLUSTER, { ...routingOf(after), outdated: [] }) === null
  )
}

/**
 * The release's values changed with nobody started anew, then all agents at once. A rolling change is not to be had: while it
 * lasts, nodes of different modes exchange no packets of pods, and one that stops half-way leaves it so (cilium#9680).
 * @param facts as they were when it was planned
 */
export function routingPhases(inventory: Inventory, facts: Facts, wanted: RoutingWanted) {
  const { release, before, after } = releaseOf(inventory, facts, wanted)
  const whole = { targets: () => [CLUSTER], order: 'serial' as const }
  const wayBack: Change = {
    ...whole,
    kind: 'change',
    id: 'agents-way-back',
    title: 'Way back: the agents on their former mode',
    why: 'They take it only when they start, so the former values have to be there first.',
    operation: bind(ciliumAgentsWayBack(release, before), () => undefined),
    risk: 'none: nothing happens now',
    timeoutMs: minutes(10),
  }
  const values: Change = {
    ...whole,
    kind: 'change',
    id: 'routing-values',
    title: "Change the release's values, and keep its agents from being rolled",
    why: 'One node after the other would cut the pods of those that are through off from all others.',
    operation: bind(ciliumValuesSet, () => ({ ...release, values: heldBack(after), back: heldBack(before) })),
    risk: 'an agent that starts by itself from here on, after a crash or a boot, is alone in the new mode until the next step',
    timeoutMs: minutes(5),
  }
  const outdated = facts.kube.cilium.agents.map(({ name }) => name)
  const restart: Change = guardedAgents({
    ...whole,
    kind: 'change',
    id: 'agents',
    title: 'End all agents at once, and wait until every node routes in the new mode',
    why: 'Tunnelling and natively routing nodes exchange no packets of pods, so all of them change together.',
    operation: bind(ciliumAgentsRestarted, () => ({ ...routingOf(after), outdated })),
    risk: 'an agent that does not come back leaves the pods of its node alone',
    timeoutMs: minutes(10),
    outage: { what: 'pods on different nodes', expectedMs: 30_000 },
  })
  const strategy: Change = {
    ...whole,
    kind: 'change',
    id: 'strategy',
    title: "Put the former strategy of the agents' DaemonSet back",
    why: 'Later upgrades of Cilium are rolled out as before. Every agent is as the DaemonSet wants it, so none is now.',
    operation: bind(ciliumValuesSet, () => ({ ...release, values: after, back: heldBack(after) })),
    risk: 'none',
    timeoutMs: minutes(5),
  }
  const there: Gate = {
    kind: 'gate',
    id: 'routing-in-force',
    title: 'Every node routes in the new mode, and the release says so too',
    why: "Read from each node's links and routes, not concluded from values.",
    reads: ['kube', 'network'],
    check: (now) => routingInForce(now, routingOf(after), after),
    timeoutMs: minutes(2),
  }
  return [
    phase('routing', 'Change the routing', [wayBack, values, restart, strategy]),
    phase('proof', 'Proof', [there]),
  ]
}

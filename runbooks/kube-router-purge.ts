/**
 * Only what kube-router left behind, for clusters where K3s' policy controller was switched off before: K3s leaves its rules
 * frozen, and they refuse every pod with an address that is newer than they are (k3s#7244). K3s, pods and links stay as they
 * are. The way back puts the rules to where they stood.
 */
import { bind, type Runbook } from '../src/engine/model.ts'
import type { Facts } from '../src/facts/facts.ts'
import type { Inventory } from '../src/inventory/schema.ts'
import { clusterWhole } from '../src/operations/checks/cluster-whole.ts'
import { controllerOff } from '../src/operations/checks/controller-off.ts'
import { flagsInForce } from '../src/operations/checks/flags-in-force.ts'
import { kubeRouterGone } from '../src/operations/checks/kube-router-gone.ts'
import { frozenRulesPurged } from '../src/operations/frozen-rules-purged.ts'
import type { World } from '../src/operations/world.ts'
import { after, before, measure, measured, nothingLost } from './steps/evidence.ts'
import { inventoryAgrees, rulesUnderstood } from './steps/gates.ts'
import { guardedRules } from './steps/guards.ts'
import { type NoParams, noParams } from './steps/no-params.ts'
import { backup, snapshot } from './steps/safety.ts'
import { all, type Gate, preflightGate as gate, minutes, phase } from './steps/step.ts'

const purge = guardedRules({
  kind: 'change',
  id: 'frozen-rules',
  title: "Remove kube-router's frozen rules and sets",
  why: 'They refuse every address that is newer than they are, and nobody will write them again.',
  operation: bind(frozenRulesPurged, () => undefined),
  targets: all,
  order: 'serial',
  risk: 'what they happened to refuse is open then: nothing enforces NetworkPolicies on this cluster but another controller',
  timeoutMs: minutes(2),
})

const gone: Gate = {
  kind: 'gate',
  id: 'frozen-rules-gone',
  title: 'Nothing of kube-router is left, and nothing writes it again',
  why: 'Proved by listing, not assumed.',
  reads: ['netfilter', 'sandboxes', 'k3s'],
  check: kubeRouterGone,
  timeoutMs: minutes(1),
}

function checks(inventory: Inventory): Gate[] {
  return [
    inventoryAgrees(inventory, 'A node left out keeps its rules.'),
    gate(
      'cluster-whole',
      'The cluster is whole',
      'What is broken before is blamed on this afterwards.',
      ['etcd', 'kube'],
      (facts) => clusterWhole(facts),
    ),
    gate(
      'controller-off',
      "Nobody writes kube-router's rules",
      'Rules that are in use enforce policies.',
      ['k3s', 'kube'],
      (facts) => [...controllerOff(facts), ...flagsInForce(facts)],
    ),
    rulesUnderstood,
  ]
}

export function kubeRouterPurge(inventory: Inventory): Runbook<Facts, World, NoParams> {
  return {
    name: 'kube-router-purge',
    description: 'Only what kube-router left behind when it was switched off',
    parseParams: noParams('kube-router-purge'),
    finished: (facts) => all(facts).every((node) => purge.operation.diff(facts, node) === null),
    phases: () => [
      phase('checks', 'Checks', checks(inventory)),
      phase('evidence', 'Evidence before', [before]),
      phase('safety', 'Safety', [backup, snapshot(inventory), measure]),
      phase('clean', 'Clean', [purge]),
      phase('validate', 'Validate', [gone, measured, after, nothingLost]),
    ],
  }
}

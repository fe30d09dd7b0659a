/**
 * Out of the incident in which Cilium's agents crash-loop and take their nodes off the network, two of three servers perhaps,
 * so that etcd has no quorum and the API answers for moments only. From the one server that is left the agents are removed as
 * soon as the API answers; nodes that come back, by a guard or by their power switch, are freed of what Cilium left.
 *
 * The plan is made while nodes are silent. Nothing is known of them then, so what they need is found out once they answer,
 * before they are touched (Runbook.unsettled); what the whole cluster has to be like is looked at only from there on.
 *
 * Where flannel still runs, only pods that lost their network are recreated. Where it was switched off, the way on is that of
 * cilium-to-flannel.
 */
import { bind, CLUSTER, type Runbook } from '../src/engine/model.ts'
import type { Facts } from '../src/facts/facts.ts'
import type { Inventory } from '../src/inventory/schema.ts'
import { agentFlags } from '../src/operations/checks/agent-flags.ts'
import { ciliumCrashes } from '../src/operations/checks/cilium-crashes.ts'
import { clusterWhole } from '../src/operations/checks/cluster-whole.ts'
import { dataDirDefault } from '../src/operations/checks/data-dir-default.ts'
import { datastoreEtcd } from '../src/operations/checks/datastore-etcd.ts'
import { dnsReached } from '../src/operations/checks/dns-reached.ts'
import { about } from '../src/operations/checks/finding.ts'
import { k3sRunning } from '../src/operations/checks/k3s-running.ts'
import { lifeboatAnswers } from '../src/operations/checks/lifeboat-answers.ts'
import { nodesAnswer, silenceBorne } from '../src/operations/checks/nodes-answer.ts'
import { serverFlagsAgree } from '../src/operations/checks/server-flags-agree.ts'
import { ciliumAgentsRemoved } from '../src/operations/cilium-agents-removed.ts'
import { ciliumReleaseDeleted } from '../src/operations/cilium-release-deleted.ts'
import { formerGuardsEnded } from '../src/operations/former-guards-ended.ts'
import type { World } from '../src/operations/world.ts'
import { flannelOn } from './steps/flannel-flags.ts'
import { inventoryAgrees, rulesUnderstood } from './steps/gates.ts'
import { k3sSteps } from './steps/k3s.ts'
import { type NoParams, noParams } from './steps/no-params.ts'
import { silence, unquiet } from './steps/quiet.ts'
import { backup, snapshot } from './steps/safety.ts'
import { all, type Change, type Gate, minutes, phase, preflightGate } from './steps/step.ts'
import { clean, recreate, there } from './steps/to-flannel.ts'

/** For somebody to walk to a power switch, or to be let into the room. */
const patienceMinutes = 60

const agents: Change = {
  kind: 'change',
  id: 'cilium-agents',
  title: "Remove Cilium's agents as soon as the API answers",
  why: 'Every node that comes back would be taken off the network again.',
  operation: bind(ciliumAgentsRemoved, () => ({ limitMinutes: patienceMinutes })),
  targets: () => [CLUSTER],
  order: 'serial',
  risk: 'pods that Cilium carries keep their network, but none can start; from here on there is no way back, only on',
  timeoutMs: minutes(patienceMinutes),
}

const back: Gate = {
  kind: 'gate',
  id: 'nodes-back',
  title: `Every node answers (at most ${patienceMinutes} min); one that stays silent needs its power switch`,
  why: 'A node that is not freed of Cilium would stay cut off, or come back with it.',
  reads: ['unit'],
  targets: 'answering',
  check: nodesAnswer,
  timeoutMs: minutes(patienceMinutes),
}

const whole: Gate = {
  kind: 'gate',
  id: 'control-plane-back',
  title: 'etcd, the control plane and every node are heard of again',
  why: 'From here on something is changed on all of them. They need not be Ready.',
  reads: ['unit', 'etcd', 'kube'],
  check: (facts) => [...k3sRunning(facts), ...clusterWhole(facts, false)],
  timeoutMs: minutes(15),
}

const release: Change = {
  kind: 'change',
  id: 'cilium-release',
  title: 'Delete what is left of Cilium in the API',
  why: 'An upgrade or a failed installation that is tried again would bring the agents back.',
  operation: bind(ciliumReleaseDeleted, () => undefined),
  targets: () => [CLUSTER],
  order: 'serial',
  risk: 'none: nothing of it runs any more',
  timeoutMs: minutes(10),
}

const guards: Change = {
  kind: 'change',
  id: 'former-guards',
  title: 'End guards that an earlier run has left',
  why: 'They would put back what is cleaned now, and hold down the agents of a later run.',
  operation: bind(formerGuardsEnded, () => undefined),
  targets: all,
  order: 'parallel',
  risk: 'none: Cilium is no more',
  timeoutMs: minutes(5),
}

const dns: Gate = {
  kind: 'gate',
  id: 'dns-answers',
  title: "The cluster's DNS answers to pods",
  why: 'Tried from inside pods.',
  reads: ['kube', 'sandboxes', 'reachability'],
  check: dnsReached,
  timeoutMs: minutes(5),
}

const cause: Gate = {
  kind: 'gate',
  id: 'what-next',
  title: 'What to do next',
  why: 'The cluster is back on flannel; what made the agents crash is still there.',
  reads: [],
  check: () => [
    about('why the agents crashed').warns(
      'it is not known yet. Most often they could not reach the API at the address they were given, or their tunnel port was taken',
      'migrate preflight says what it finds; migrate plan then leads to Cilium with a guard on every node',
    ),
  ],
  timeoutMs: minutes(1),
}

/** Once every node answers; before that nothing stands in the way of removing the agents. */
const later = (gate: Gate): Gate => ({ ...gate, preflight: false })

function expected(inventory: Inventory): Gate[] {
  return [
    inventoryAgrees(inventory, 'A node left out would keep what Cilium left there.'),
    preflightGate(
      'k3s-as-expected',
      'K3s is set up as this runbook expects',
      'Which file wins for each flag decides what is edited.',
      ['unit', 'k3s', 'etcd'],
      (facts) => [...datastoreEtcd(facts), ...dataDirDefault(facts), ...serverFlagsAgree(facts), ...agentFlags(facts)],
    ),
    rulesUnderstood,
  ].map(later)
}

export function ciliumCrashloopRecovery(inventory: Inventory): Runbook<Facts, World, NoParams> {
  const { stop, setFlags, start } = k3sSteps(inventory, flannelOn)
  const everywhere = (step: Change): Change => ({ ...step, targets: () => inventory.nodes.map(({ name }) => name) })
  const checks = preflightGate(
    'lifeboat-answers',
    'There is a server to begin from, and Cilium is in trouble',
    "Whatever else the incident has broken stands in nobody's way.",
    [],
    (facts) => [
      ...lifeboatAnswers(facts, inventory),
      ...silenceBorne(facts),
      ...ciliumCrashes(facts),
      ...k3sRunning(facts).map((one) => (one.level === 'blocks' ? { ...one, level: 'warns' as const } : one)),
    ],
  )
  const silent = (facts: Facts) => [...Object.keys(facts.silent ?? {}), ...(facts.kube.reachable ? [] : [CLUSTER])]
  // As long as agents may start somewhere no node stays as it was read.
  const unsettled = (facts: Facts) =>
    agents.operation.diff(facts, CLUSTER) === null
      ? silent(facts)
      : [...inventory.nodes.map(({ name }) => name), ...silent(facts)]
  return {
    name: 'cilium-crashloop-recovery',
    description: 'Out of an incident: agents of Cilium crash and take their nodes off the network',
    parseParams: noParams('cilium-crashloop-recovery'),
    unsettled,
    finished: (facts) =>
      silent(facts).length === 0 &&
      !flannelOn.when(facts) &&
      [agents, release].every((step) => step.operation.diff(facts, CLUSTER) === null) &&
      all(facts).every((node) => [guards, clean, recreate].every((step) => step.operation.diff(facts, node) === null)),
    phases: (_params, facts) => {
      const isOff = flannelOn.when(facts)
      return [
        phase('checks', 'Checks', [checks]),
        phase('agents', 'Remove the agents', [agents]),
        phase('nodes', 'Wait for the nodes', [back, whole, ...expected(inventory)]),
        phase('safety', 'Safety', [everywhere(backup), snapshot(inventory)]),
        phase('quiet', 'Quiet', [silence]),
        phase('release', 'Remove the release', [release, everywhere(guards)]),
        ...(isOff ? [phase('stop', 'Stop K3s', stop), phase('flags', 'Flags', [setFlags])] : []),
        phase('clean', 'Clean', [everywhere(clean)]),
        ...(isOff ? [phase('start', 'Start K3s', start(true))] : []),
        phase('pods', 'Pods back on flannel', [everywhere(recreate)]),
        phase('validate', 'Validate', [there, unquiet, dns, cause]),
      ]
    },
  }
}

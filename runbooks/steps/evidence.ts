import { bind, CLUSTER } from '../../src/engine/model.ts'
import { connectivityKept } from '../../src/operations/checks/connectivity-kept.ts'
import { measuring } from '../../src/operations/measuring.ts'
import { type Change, type Gate, minutes, type Recording } from './step.ts'

export const before: Recording = {
  kind: 'record',
  id: 'evidence-before',
  title: 'Record who can reach whom, REJECT counters and all rule sets',
  why: 'The end is compared with it.',
  reads: ['kube', 'sandboxes', 'reachability', 'netfilter', 'network', 'cni'],
  saveAs: 'before',
}

export const after: Recording = {
  ...before,
  id: 'evidence-after',
  title: 'Record who can reach whom now',
  saveAs: 'after',
}

export const kept: Gate = {
  kind: 'gate',
  id: 'connectivity-kept',
  title: 'Who could talk before can talk now, who could not still cannot',
  why: 'New connections both ways, from inside the pods.',
  reads: ['kube', 'sandboxes', 'reachability'],
  check: (facts, records) => connectivityKept(records.before ?? null, facts),
  timeoutMs: minutes(2),
}

/** Where nothing is to be forbidden that was not before: what can talk now and could not is told, and stands in nobody's way. */
export const nothingLost: Gate = {
  ...kept,
  title: 'Who could talk before can talk now',
  check: (facts, records) => connectivityKept(records.before ?? null, facts, 'warns'),
}

export const measure: Change = {
  kind: 'change',
  id: 'measure',
  title: 'Probe chosen pairs of pods twice a second until the end',
  why: 'The outage is measured per pod, not guessed.',
  operation: bind(measuring, () => ({ running: true })),
  targets: () => [CLUSTER],
  order: 'serial',
  risk: 'a few new connections a second between pods',
  timeoutMs: minutes(1),
  skippable: 'nothing depends on it; the outage is then not measured',
}

export const measured: Change = {
  ...measure,
  id: 'measured',
  title: 'Stop probing and keep what was seen',
  why: 'For the comparison of expected and measured outage.',
  operation: bind(measuring, () => ({ running: false })),
  risk: 'none',
}

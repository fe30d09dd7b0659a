import { describe, expect, test } from 'vitest'
import { ruleConflict } from '../../src/diagnosis/rule-conflict.ts'
import type { NodeSignals } from '../../src/probes/evidence.ts'
import { ruleConflict as conflict } from './support/causes.ts'
import { fromMs, healthy, signals } from './support/evidence.ts'

const on = (more: Partial<NodeSignals>) => {
  const evidence = healthy()
  evidence.signals.s1 = signals(more)
  return ruleConflict.judge(evidence).diagnosis
}
const kubeProxy = (more: Partial<NonNullable<NodeSignals['kubeProxy']>>): Partial<NodeSignals> => ({
  kubeProxy: { mode: 'iptables', syncP99Ms: 90, syncs: 9, lastSyncAgeMs: 5_000, pendingChanges: [], ...more },
})
const lock = (perMinute: number): Partial<NodeSignals> => ({
  xtablesLock: { messages: Math.round(perMinute), perMinute, examples: [] },
})
const bare = { malformedRules: ['-A KUBE-FIREWALL -j DROP'] }

describe('thresholds: at them is no sign, beyond them is', () => {
  test.each([
    ['lock messages', lock(1), lock(1.1), 'likely'],
    ['rules without a match', {}, bare, 'likely'],
    ['conntrack', { conntrack: { count: 75, max: 100 } }, { conntrack: { count: 76, max: 100 } }, 'possible'],
    [
      'a slow sync that is stale as well',
      kubeProxy({ syncP99Ms: 5_001, lastSyncAgeMs: 60_000 }),
      kubeProxy({ syncP99Ms: 5_001, lastSyncAgeMs: 60_001 }),
      'possible',
    ],
    [
      'a slow sync with many rules',
      { ...kubeProxy({ syncP99Ms: 5_000 }), ruleCounts: { 'ip-nft nat': 10_001 } },
      { ...kubeProxy({ syncP99Ms: 5_001 }), ruleCounts: { 'ip-nft nat': 10_001 } },
      'possible',
    ],
    [
      'endpoint changes that wait',
      kubeProxy({
        pendingChanges: [
          [fromMs, 3],
          [fromMs + 119_000, 9],
        ],
      }),
      kubeProxy({
        pendingChanges: [
          [fromMs, 3],
          [fromMs + 120_000, 9],
        ],
      }),
      'possible',
    ],
    [
      'pods without a sandbox',
      { stuckSandboxes: [{ pod: 'a/b', waitingMs: 300_000, reason: 'no sandbox yet' }] },
      { stuckSandboxes: [{ pod: 'a/b', waitingMs: 300_001, reason: 'no sandbox yet' }] },
      'possible',
    ],
  ] as const)('%s', (_, below, beyond, confidence) => {
    expect(on(below as Partial<NodeSignals>)).toBeNull()
    expect(on(beyond as Partial<NodeSignals>)?.confidence).toBe(confidence)
  })

  test('pending changes that shrink are being written', () => {
    expect(
      on(
        kubeProxy({
          pendingChanges: [
            [fromMs, 9],
            [fromMs + 130_000, 3],
          ],
        }),
      ),
    ).toBeNull()
  })

  test('many rules by themselves, a slow sync by itself, a restarted CNI by itself, a pod that waits for a volume: no', () => {
    expect(on({ ruleCounts: { 'ip-nft nat': 30_000 } })).toBeNull()
    expect(on(kubeProxy({ syncP99Ms: 9_000 }))).toBeNull()
    expect(on({ cniRestarts: [{ pod: 'kube-system/cilium-1', restarts: 3, startedMs: fromMs }] })).toBeNull()
    expect(on({ stuckSandboxes: [{ pod: 'a/b', waitingMs: 900_000, reason: 'ContainerCreating' }] })).toBeNull()
  })
})

describe('the decision flow', () => {
  test.each([
    ['lock messages: contention', lock(5), 'lsof /run/xtables.lock'],
    ['no lock, rules without a match: corruption', bare, 'kubectl cordon s1'],
    [
      'no lock, rules whole, stale: the watch',
      kubeProxy({ syncP99Ms: 9_000, lastSyncAgeMs: 90_000 }),
      'journalctl -u k3s -u k3s-agent --since -15min',
    ],
    ['conntrack', { conntrack: { count: 99, max: 100 } }, 'sysctl -w net.netfilter.nf_conntrack_max=200'],
  ] as const)('%s', (_, more, command) => {
    expect(on(more as Partial<NodeSignals>)?.advice.flatMap((one) => one.command ?? [])).toContain(command)
  })

  test('two that are seen directly make it certain, and what to do against both is said once', () => {
    const diagnosis = on({ ...lock(5), ...bare })
    expect(diagnosis?.confidence).toBe('certain')
    const texts = diagnosis?.advice.map(({ text }) => text) ?? []
    expect(new Set(texts).size).toBe(texts.length)
    expect(diagnosis?.advice.some(({ warning }) => warning?.includes('unreachable'))).toBe(true)
  })

  test('local to a node, or in the whole cluster', () => {
    expect(on(lock(5))?.what).toContain('local')
    const evidence = healthy()
    for (const name of Object.keys(evidence.signals)) evidence.signals[name] = signals(lock(5))
    expect(ruleConflict.judge(evidence).diagnosis?.what).toContain('All nodes')
  })
})

test('all eight signals are shown, with the node where each is worst', () => {
  const points = ruleConflict.judge(conflict()).diagnosis?.points ?? []
  expect(points).toHaveLength(9)
  expect(points[0]).toEqual({
    claim: 'kube-proxy takes longer than 5 s for a sync (p99)',
    holds: 'true',
    figure: 's2: 11.0 s',
  })
})

test('what could not be read is unknown, never fine, and is said', () => {
  const evidence = healthy()
  evidence.signals.s1 = signals({ ...lock(5), kubeProxy: null, conntrack: null, problems: ['no metrics on 10249'] })
  for (const name of ['s2', 's3', 'a1']) delete evidence.signals[name]
  const { diagnosis, notMeasured } = ruleConflict.judge(evidence)
  expect(notMeasured).toEqual(['s1: no metrics on 10249'])
  expect(diagnosis?.points.filter(({ holds }) => holds === 'unknown')).toHaveLength(4)
})

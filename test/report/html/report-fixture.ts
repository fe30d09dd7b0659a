import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { planSchema } from '../../../src/engine/plan-schema.ts'
import { envelopeSchema, type JournalEntry } from '../../../src/engine/records.ts'
import type { Facts } from '../../../src/facts/facts.ts'
import { reachabilitySchema } from '../../../src/facts/reachability.ts'
import { comparePeriods } from '../../../src/probes/compare-periods.ts'
import type { Evidence } from '../../../src/probes/evidence.ts'
import type { PairOutages } from '../../../src/probes/outage.ts'
import type { ReportData } from '../../../src/report/html/report-data.ts'
import { someFacts } from '../../operations/some-facts.ts'

const folder = new URL('../../fixtures/report/', import.meta.url)
const record = z.object({ readAt: z.string(), reachability: reachabilitySchema })
const runSchema = z.object({
  runId: z.string(),
  plan: planSchema,
  records: z.object({ before: record, after: record }),
  pairs: z.array(z.custom<PairOutages>()),
})

const run = runSchema.parse(JSON.parse(readFileSync(new URL('run.json', folder), 'utf8')))
const journal = readFileSync(new URL('journal.jsonl', folder), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => envelopeSchema.parse(JSON.parse(line)) as JournalEntry)

const facts = ({ readAt, reachability }: z.infer<typeof record>): Facts => ({
  ...someFacts(),
  ...{ cluster: run.plan.cluster, readAt, reachability },
})

/** A run of the practice cluster whose operator was killed while pods were moved, and who resumed. */
export const recordedRun: ReportData = {
  toolVersion: '0.1.0',
  madeAt: '2026-11-21T13:05:00.000Z',
  runId: run.runId,
  runDir: `/home/op/.migrate/${run.plan.cluster}/runs/${run.runId}`,
  plan: run.plan,
  journal,
  before: facts(run.records.before),
  after: facts(run.records.after),
  pairs: run.pairs,
  beforehand: [],
  baseline: null,
  verification: null,
  comparison: null,
}

/** Ten minutes of evidence: every `gapEveryMs` kube-router writes its rules and refuses some packets; 0: it is gone. */
export function someEvidence(fromMs: number, gapEveryMs: number): Evidence {
  const untilMs = fromMs + 600_000
  const reconcilesMs = gapEveryMs === 0 ? [] : everyMs(fromMs + 20_000, untilMs, gapEveryMs)
  const increments = reconcilesMs.map((ms, index): [number, number] => [ms + 400, 3 + ((index * 7) % 11)])
  const failing = (atMs: number) => reconcilesMs.some((ms) => atMs >= ms && atMs < ms + 1_500)
  return {
    ...{ format: 1, cluster: run.plan.cluster, clusterId: 'c0ffee', fromMs, untilMs, facts: facts(run.records.before) },
    series: run.records.before.reachability.map(({ from, to, address, port, outcome }) => ({
      ...{ id: `${from}>${to}:${port}`, from, fromNode: 's1', to, toNode: null, address, port },
      ...{ kind: 'tcp', sort: 'cross-node', fromSelected: true, toSelected: false, allowed: outcome === 'ok' },
      attempts: everyMs(fromMs, untilMs, 2_000).map((atMs) => [
        atMs,
        3,
        outcome === 'ok' && failing(atMs) && from.startsWith('edge/') ? 'refused' : outcome,
        null,
      ]),
    })),
    rejects: ['s1', 's2'].map((node) => ({
      ...{ node, samplesMs: everyMs(fromMs, untilMs, 1_000), cpuShare: 0.006, reconcilesMs, gaps: [], problem: null },
      rejects: increments.length === 0 ? [] : [{ namespace: 'edge', pod: `probe-${node}`, increments }],
    })),
    ...{
      churn: [],
      signals: {},
      podNetworks: [],
      notMeasured: ['conntrack of a1: /proc/sys/net/netfilter is not there'],
    },
  }
}

function everyMs(fromMs: number, untilMs: number, stepMs: number): number[] {
  return Array.from({ length: Math.floor((untilMs - fromMs) / stepMs) }, (_, index) => fromMs + index * stepMs)
}

/** The same run between a baseline in which kube-router had gaps, and ten minutes in which nothing was refused. */
const [evidenceBefore, evidenceAfter] = [
  someEvidence(Date.parse('2026-11-21T12:20:00Z'), 25_000),
  someEvidence(Date.parse('2026-11-21T13:10:00Z'), 0),
]
export const measuredRun: ReportData = {
  ...recordedRun,
  comparison: comparePeriods(evidenceBefore, evidenceAfter),
  baseline: {
    file: '/home/op/.migrate/ev-report/baselines/20261121-122000.json',
    evidence: evidenceBefore,
    diagnoses: [
      {
        rule: 'reject-gap',
        title: 'kube-router refuses packets while it writes its rules',
        what: 'Each time a policy or a pod changes, kube-router restores its whole table; until the chains of a pod are filled again, everything it sends is refused.',
        where: ['edge/probe-s1 on s1', 'edge/probe-s2 on s2'],
        sinceMs: Date.parse('2026-11-21T12:20:20Z'),
        confidence: 'certain',
        figures: [
          { what: 'packets refused', value: 2112, unit: '/h', interval: [1830, 2400], threshold: 0 },
          {
            what: 'of failures within 2 s of a reconcile',
            value: 100,
            unit: '%',
            interval: [92.1, 100],
            threshold: 50,
          },
        ],
        points: [
          { claim: 'failures come in clusters', holds: 'true', figure: '23 bursts; chance would give 3' },
          { claim: 'failures follow reconciles', holds: 'true', figure: '23 of 23' },
          { claim: 'variant B of the egress test fails less', holds: 'unknown', figure: 'the test was not made' },
          { claim: 'conntrack is full', holds: 'false', figure: '812 of 262144' },
        ],
        disproof: 'failures go on while the CronJobs that churn are suspended',
        advice: [
          {
            text: 'Suspend the CronJobs that churn for five minutes and compare.',
            warning: 'their jobs do not run meanwhile',
            manifest: 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: variant-b\n',
          },
        ],
        source: 'cloudnativelabs/kube-router#873',
      },
    ],
    notMeasured: [],
  },
  verification: {
    file: '/home/op/.migrate/ev-report/baselines/20261121-131000.json',
    evidence: evidenceAfter,
    diagnoses: [],
    notMeasured: ['conntrack of a1: /proc/sys/net/netfilter is not there'],
  },
}

import { createColors } from 'picocolors'
import { z } from 'zod'
import { cronJobShares, reconcileCauses } from '../diagnosis/churn-seen.ts'
import type { TestResult, TestStage } from '../operations/controlled-test.ts'
import { type Compared, comparePeriods } from '../probes/compare-periods.ts'
import type { Evidence } from '../probes/evidence.ts'
import { printedJson, visible } from '../visible.ts'
import { table, wrap } from './table.ts'

const rateSchema = z.object({
  before: z.number(),
  beforeInterval: z.tuple([z.number(), z.number()]),
  during: z.number(),
  duringInterval: z.tuple([z.number(), z.number()]),
  /** Probability of so different figures if the CronJobs had nothing to do with it, two-sided. */
  p: z.number(),
  change: z.enum(['fixed', 'better', 'same', 'worse']),
})
type Rate = z.infer<typeof rateSchema>

/** What `migrate diagnose --suspend-cronjobs --json` prints. Published as schema/controlled-test.json. */
export const controlledTestSchema = z.object({
  kind: z.literal('controlled-test'),
  cluster: z.string(),
  cronJobs: z.array(z.string()),
  beforeMs: z.tuple([z.number(), z.number()]),
  duringMs: z.tuple([z.number(), z.number()]),
  /** Share of attempts that failed and should not, in percent; null: not measured both times. */
  failures: rateSchema.nullable(),
  /** Packets that kube-router refused, per hour. */
  rejects: rateSchema.nullable(),
  /** Per minute, on the node that had most; changes that make kube-router reconcile. */
  reconciles: z.object({ before: z.number(), during: z.number() }),
  changes: z.object({ before: z.number(), during: z.number() }),
  notMeasured: z.array(z.string()),
})
type Report = z.infer<typeof controlledTestSchema>

const tenths = (value: number) => Math.round(value * 10) / 10
const both = (interval: readonly [number, number], scale: number): [number, number] => [
  tenths(scale * interval[0]),
  tenths(scale * interval[1]),
]

function rateOf<T extends { interval: readonly [number, number] }>(
  compared: Compared<T> | null,
  figure: (one: T) => number,
  scale = 1,
): Rate | null {
  if (compared === null) return null
  const { before, after, p, change } = compared
  return {
    before: tenths(scale * figure(before)),
    beforeInterval: both(before.interval, scale),
    during: tenths(scale * figure(after)),
    duringInterval: both(after.interval, scale),
    p,
    change,
  }
}

const perMinute = (count: number, { fromMs, untilMs }: Evidence) =>
  tenths((60_000 * count) / Math.max(1, untilMs - fromMs))
const reconciles = (evidence: Evidence) =>
  perMinute(Math.max(0, ...evidence.rejects.map(({ reconcilesMs }) => reconcilesMs.length)), evidence)
const changes = (evidence: Evidence) => perMinute(reconcileCauses(evidence).length, evidence)

function reportOf({ cronJobs, before, during }: TestResult): Report {
  const { failures, rejects, notMeasured } = comparePeriods(before, during)
  return {
    kind: 'controlled-test',
    cluster: before.cluster,
    cronJobs,
    beforeMs: [before.fromMs, before.untilMs],
    duringMs: [during.fromMs, during.untilMs],
    failures: rateOf(failures, ({ share }) => share, 100),
    rejects: rateOf(rejects, ({ perHour }) => perHour),
    reconciles: { before: reconciles(before), during: reconciles(during) },
    changes: { before: changes(before), during: changes(during) },
    notMeasured,
  }
}

export const controlledTestJson = (result: TestResult): string => printedJson(reportOf(result))

/** How far a test is, for the operator who waits. */
export function stageText({ stage, names }: TestStage): string {
  const list = visible(names.join(', '))
  switch (stage) {
    case 'found-left':
      return `A test before had left these suspended. Resumed: ${list}`
    case 'watching':
      return `Watching as it is: ${list} run as usual.`
    case 'suspended':
      return `Suspended: ${list}`
    case 'waiting':
      return `Waiting for what they have begun: ${list}`
    case 'not-waited-for':
      return `Still under way, and watched with the rest: ${list}`
    case 'resumed':
      return names.length === 0 ? 'Nothing was suspended by a test.' : `Resumed: ${list}`
  }
}

/** What came of the test, in numbers and one sentence. */
export function controlledTestText(result: TestResult, options: { colour: boolean; width: number }): string[] {
  const { bold } = createColors(options.colour)
  const { failures, rejects, ...report } = reportOf(result)
  const figure = (value: number, [low, high]: readonly [number, number], unit: string) =>
    `${value.toLocaleString('en')}${unit} (${low.toLocaleString('en')} to ${high.toLocaleString('en')})`
  const row = (what: string, rate: Rate | null, unit: string) =>
    rate === null
      ? [what, 'not measured', '', '']
      : [
          what,
          figure(rate.before, rate.beforeInterval, unit),
          figure(rate.during, rate.duringInterval, unit),
          `${rate.change}, p ${rate.p < 0.001 ? '< 0.001' : rate.p.toFixed(3)}`,
        ]
  const share = cronJobShares(result.before)
    .filter(({ name }) => result.cronJobs.includes(name))
    .reduce((sum, one) => sum + one.share, 0)
  return [
    ...wrap(bold(visible(`Controlled test: ${result.cronJobs.join(', ')}`)), options.width),
    ...table(
      [
        ['', 'before', 'while suspended', ''],
        row('attempts that failed', failures, ' %'),
        row('packets refused an hour', rejects, ''),
        ['reconciles a minute, busiest node', String(report.reconciles.before), String(report.reconciles.during), ''],
        ['changes a minute', String(report.changes.before), String(report.changes.during), ''],
      ].map((cells) => cells.map(visible)),
      options.width - 2,
    ).map((line) => `  ${line}`),
    '',
    ...wrap(visible(verdict(failures, Math.round(100 * share))), options.width),
  ]
}

function verdict(failures: Rate | null, sharePercent: number): string {
  const churn = `They made ${sharePercent} % of the pods that came and went before.`
  if (failures === null) return `Nothing can be said: failures were not measured both times. ${churn}`
  switch (failures.change) {
    case 'fixed':
      return `Hardly any attempt failed while they were suspended: their churn is what brings the failures about. ${churn}`
    case 'better':
      return `Fewer attempts failed while they were suspended: their churn is a part of it, not all. ${churn}`
    case 'worse':
      return `More attempts failed while they were suspended: their churn is not what brings the failures about. ${churn}`
    default:
      return `The difference is no more than chance may make: watch for longer, or look for another cause. ${churn}`
  }
}

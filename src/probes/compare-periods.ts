import {
  isBad,
  judgeTogether,
  level,
  type PairCompared,
  type PairVerdict,
  pairUp,
  pairVerdicts,
} from './compare-series.ts'
import type { Evidence } from './evidence.ts'
import type { Block } from './statistics/blocks.ts'
import { sum } from './statistics/blocks.ts'
import { compareCounts, sumsOf } from './statistics/compare-counts.ts'
import { type Rate, rateOfParts } from './statistics/poisson-rate.ts'
import { bothProportions, type Proportion } from './statistics/proportion.ts'

export type Change = 'fixed' | 'better' | 'same' | 'worse'

/** One figure of the whole cluster in two periods. `fixed`: at most one in a hundred is left, and the intervals do not overlap. */
export interface Compared<T> {
  before: T
  after: T
  /** Corrected for all comparisons of these periods. */
  p: number
  overlap: boolean
  change: Change
}

/** So much of what was is nothing any more: a pod that restarts, a busy node. */
const hardlyAny = 0.01

type Found<T> = Pick<Compared<T>, 'before' | 'after' | 'p'>

export interface PeriodsCompared {
  pairs: PairCompared[]
  verdicts: Record<PairVerdict, number>
  /** Attempts that failed or were late, of all pairs that policies do not forbid; null: none were tried both times. */
  failures: Compared<Proportion> | null
  /** Packets that kube-router refused, per hour; null: not counted both times. */
  rejects: Compared<Rate> | null
  notMeasured: string[]
}

/** Packets and attempts are counted in parts of this length: shorter than bursts, longer than a round of the prober. */
const partMs = 1000

export function comparePeriods(before: Evidence, after: Evidence): PeriodsCompared {
  const paired = pairUp(before, after)
  const failures = compareFailures(before, after, paired)
  const rejects = compareRejects(before, after)
  const { pairs, others } = judgeTogether(
    paired,
    [failures, rejects].flatMap((one) => one?.p ?? []),
  )
  const corrected = others.values()
  const of = (verdict: PairVerdict) => pairs.filter((one) => one.verdict === verdict).length
  return {
    pairs,
    verdicts: Object.fromEntries(pairVerdicts.map((verdict) => [verdict, of(verdict)])) as Record<PairVerdict, number>,
    failures: failures && judged(failures, corrected.next().value ?? 1, ({ share }) => share),
    rejects: rejects && judged(rejects, corrected.next().value ?? 1, ({ perHour }) => perHour),
    notMeasured: [
      ...before.notMeasured.map((what) => `before: ${what}`),
      ...after.notMeasured.map((what) => `now: ${what}`),
    ],
  }
}

/** Whether the comparison of two periods found anything worse than before. */
export const isWorse = ({ verdicts, failures, rejects }: PeriodsCompared): boolean =>
  verdicts.worse > 0 || failures?.change === 'worse' || rejects?.change === 'worse'

/** What breaks one pair breaks others at the same moment: all of them are taken together, second by second. */
function compareFailures(before: Evidence, after: Evidence, pairs: readonly PairCompared[]): Found<Proportion> | null {
  const open = new Set(pairs.filter(({ allowed, p }) => allowed !== false && p !== null).map(({ id }) => id))
  const [was, is] = [before, after].map((evidence) => failuresBySecond(evidence, open))
  if (!was || !is || was.length === 0 || is.length === 0) return null
  const hits = (parts: readonly Block[]) => parts.map((part) => part.hits)
  const { p, length } = compareCounts(hits(was), hits(is))
  const [first, second] = bothProportions(merged(was, length), merged(is, length))
  return { before: first, after: second, p }
}

function failuresBySecond(evidence: Evidence, ids: ReadonlySet<string>): Block[] {
  const parts = Array.from({ length: partsOf(evidence) }, () => ({ hits: 0, tries: 0 }))
  const bad = isBad(true)
  for (const { id, attempts } of evidence.series) {
    if (!ids.has(id)) continue
    for (const attempt of attempts) {
      const part = parts[Math.floor((attempt[0] - evidence.fromMs) / partMs)]
      if (!part || attempt[2] === 'no-netns' || attempt[2] === 'other') continue
      part.tries++
      if (bad(attempt)) part.hits++
    }
  }
  return parts.filter(({ tries }) => tries > 0)
}

const partsOf = ({ fromMs, untilMs }: Evidence) => Math.max(0, Math.floor((untilMs - fromMs) / partMs))

/** So many blocks each as one; what is left at the end goes to the last. */
function merged(parts: readonly Block[], length: number): Block[] {
  const count = Math.max(1, Math.floor(parts.length / length))
  return Array.from({ length: count }, (_, index) => {
    const some = parts.slice(index * length, index === count - 1 ? undefined : (index + 1) * length)
    return { hits: sum(some.map(({ hits }) => hits)), tries: sum(some.map(({ tries }) => tries)) }
  })
}

function compareRejects(before: Evidence, after: Evidence): Found<Rate> | null {
  const [was, is] = [rejectsBySecond(before), rejectsBySecond(after)]
  if (!was || !is) return null
  const { p, length } = compareCounts(was, is)
  const rate = (parts: readonly number[], least = 1) => rateOfParts(sumsOf(parts, length), length * partMs, least)
  const first = rate(was)
  return { before: first, after: rate(is, first.dispersion), p }
}

/** null: no node was sampled. */
function rejectsBySecond(evidence: Evidence): number[] | null {
  const sampled = evidence.rejects.filter(({ samplesMs }) => samplesMs.length > 1)
  const parts = new Array<number>(partsOf(evidence)).fill(0)
  if (sampled.length === 0 || parts.length === 0) return null
  for (const [atMs, packets] of sampled.flatMap(({ rejects }) => rejects.flatMap(({ increments }) => increments))) {
    const part = Math.min(parts.length - 1, Math.max(0, Math.floor((atMs - evidence.fromMs) / partMs)))
    parts[part] = (parts[part] ?? 0) + packets
  }
  return parts
}

function judged<T extends { interval: readonly [number, number] }>(
  { before, after }: Found<T>,
  p: number,
  figureOf: (one: T) => number,
): Compared<T> {
  const overlap = before.interval[0] <= after.interval[1] && after.interval[0] <= before.interval[1]
  const [was, is] = [figureOf(before), figureOf(after)]
  const isGone = is <= hardlyAny * was && !overlap
  const change: Change = p >= level ? 'same' : is > was ? 'worse' : isGone ? 'fixed' : 'better'
  return { before, after, p, overlap, change }
}

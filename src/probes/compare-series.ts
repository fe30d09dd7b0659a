import { isDeepStrictEqual } from 'node:util'
import type { AttemptClass } from './attempts.ts'
import type { Evidence, Series } from './evidence.ts'
import { type BurstSummary, burstsOf, type SeriesAttempt, summarizeBursts } from './statistics/bursts.ts'
import { clustering } from './statistics/clustering.ts'
import { compareShares } from './statistics/compare-shares.ts'
import { type LatencyMode, latencyModes } from './statistics/latency-modes.ts'
import { holm } from './statistics/many.ts'
import type { Proportion } from './statistics/proportion.ts'

/** `changed-kind`: blocked as before, but otherwise (REJECT became DROP). `not-comparable`: `note` says why. */
export const pairVerdicts = ['worse', 'fixed', 'changed-kind', 'same', 'not-comparable'] as const
export type PairVerdict = (typeof pairVerdicts)[number]

/** How a pair's attempts ended in one of the two periods. */
export interface PairSide {
  attempts: number
  /** Attempts that ended as they should not: see isBad. */
  bad: Proportion
  /** How most of the attempts that did not connect ended; null: all connected. */
  usualFailure: AttemptClass | null
  bursts: BurstSummary | null
  /** Probability that chance would put the bad attempts so close together; null: there are none, or only those. */
  clusteredP: number | null
  /** Of the attempts that connected. */
  modes: LatencyMode[]
}

export interface PairCompared {
  id: string
  from: string
  to: string
  port: number
  sort: Series['sort']
  /** By the policies as they were before; null: they cannot be asked. */
  allowed: boolean | null
  before: PairSide | null
  after: PairSide | null
  verdict: PairVerdict
  /** Of the comparison of shares, as it is and corrected for the number of pairs; null: none was made. */
  p: number | null
  correctedP: number | null
  note: string
}

/** Of what would be by chance alone, one family of comparisons in twenty has a false alarm. */
export const level = 0.05
/** A connection that takes a second lost its first SYN at least (RFC 6298: first retransmission after 1 s). */
const lateMs = 1000

/** An attempt that cannot have been made says nothing of the network. */
const isMeasured = ([, , outcome]: SeriesAttempt) => outcome !== 'no-netns' && outcome !== 'other'

/** Where policies forbid the pair, a connection; everywhere else a failure, or a connection that took a second or more. */
export const isBad =
  (allowed: boolean | null) =>
  ([, durationMs, outcome]: SeriesAttempt): boolean =>
    allowed === false ? outcome === 'ok' : outcome !== 'ok' || durationMs >= lateMs

/** The same pairs in two periods, by name: addresses may have changed. Worst first. */
export const compareSeries = (before: Evidence, after: Evidence): PairCompared[] =>
  judgeTogether(pairUp(before, after), []).pairs

/**
 * So much of the level is kept for what is compared of the whole cluster, which is asked first: corrected along with some forty
 * pairs, a cluster that lost every fifth connection for eight minutes, and none in the next eight, was told to be the same.
 */
const shareOfWhole = 1 / 3

/**
 * Judges pairs, worst first, together with what was compared of the whole cluster: whatever is said, at most one time in twenty
 * anything of it is false. Two families, each corrected by Holm; where all of the whole's are told, their share of the level goes
 * to the pairs as well (parallel gatekeeping: Dmitrienko, Offen, Westfall, Statistics in Medicine 22, 2003).
 * @param others p-values of comparisons of the whole: they come back corrected
 */
export function judgeTogether(
  paired: readonly PairCompared[],
  others: readonly number[],
): { pairs: PairCompared[]; others: number[] } {
  const tested = paired.flatMap(({ p }) => (p === null ? [] : [p]))
  const bounded = (pValues: readonly number[], share: number) => holm(pValues).map((p) => Math.min(1, p / share))
  const whole = bounded(others, tested.length === 0 ? 1 : shareOfWhole)
  const isWholeTold = whole.every((p) => p < level)
  const corrected = bounded(tested, isWholeTold ? 1 : 1 - shareOfWhole).values()
  const pairs = paired
    .map((one) => ({ ...one, ...judge(one, one.p === null ? null : (corrected.next().value ?? null)) }))
    .toSorted((a, b) => pairVerdicts.indexOf(a.verdict) - pairVerdicts.indexOf(b.verdict))
  return { pairs, others: whole }
}

/** Each pair with its p-value, and without a verdict that rests on it. */
export function pairUp(before: Evidence, after: Evidence): PairCompared[] {
  const was = new Map(before.series.map((one) => [one.id, one]))
  const is = new Map(after.series.map((one) => [one.id, one]))
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((id) => {
    const [one, other] = [was.get(id), is.get(id)]
    const named = one ?? other
    if (!named) return []
    return [comparePair(named, one, other, one && other ? hindrance(one, other, before, after) : null)]
  })
}

/** Why two series of a pair cannot be compared, or null. */
function hindrance(one: Series, other: Series, before: Evidence, after: Evidence): string | null {
  const said = (allowed: boolean | null) => (allowed === null ? 'cannot be asked' : allowed ? 'allow it' : 'forbid it')
  // Cilium may read the same policies otherwise than kube-router (cilium.md §6.1): that is a change to be told.
  if (one.allowed !== other.allowed && !isDeepStrictEqual(policiesAt(one, before), policiesAt(other, after)))
    return `the policies were changed meanwhile: they said before that they ${said(one.allowed)}, now that they ${said(other.allowed)}`
  if (!one.attempts.some(isMeasured)) return 'it could not be tried before'
  return other.attempts.some(isMeasured) ? null : 'it can not be tried any more'
}

/** The policies of both ends' namespaces. */
function policiesAt({ from, to }: Series, { facts }: Evidence) {
  const namespaces = [from, to.replace(/^\w+:/, '')].map((end) => end.split('/')[0])
  return facts.kube.policies
    .filter(({ namespace }) => namespaces.includes(namespace))
    .toSorted((a, b) => `${a.namespace}/${a.name}`.localeCompare(`${b.namespace}/${b.name}`))
}

function comparePair(
  { id, from, to, port, sort, allowed }: Series,
  one: Series | undefined,
  other: Series | undefined,
  hindered: string | null,
): PairCompared {
  const named = { id, from, to, port, sort, allowed }
  const none = { verdict: 'not-comparable' as const, p: null, correctedP: null }
  if (!one || !other) {
    const note = one ? 'was not tried again: an end of it is gone' : 'was not tried before'
    return { ...named, ...none, before: one ? alone(one) : null, after: other ? alone(other) : null, note }
  }
  const [was, is] = [one, other].map(({ attempts }) => attempts.filter(isMeasured))
  const bad = (attempts: readonly SeriesAttempt[] = []) => attempts.map(isBad(allowed))
  const { before, after, p } = compareShares(bad(was), bad(is))
  const sides = { before: sideOf(was ?? [], before, allowed), after: sideOf(is ?? [], after, allowed) }
  if (hindered !== null) return { ...named, ...none, ...sides, note: hindered }
  return { ...named, ...sides, verdict: 'same', p, correctedP: null, note: '' }
}

function alone(series: Series): PairSide {
  const attempts = series.attempts.filter(isMeasured)
  return sideOf(attempts, compareShares(attempts.map(isBad(series.allowed)), []).before, series.allowed)
}

function sideOf(attempts: readonly SeriesAttempt[], bad: Proportion, allowed: boolean | null): PairSide {
  const failures = Map.groupBy(
    attempts.map(([, , outcome]) => outcome).filter((outcome) => outcome !== 'ok'),
    (outcome) => outcome,
  )
  const [usual] = [...failures].toSorted(([, a], [, b]) => b.length - a.length)
  return {
    attempts: attempts.length,
    bad,
    usualFailure: usual?.[0] ?? null,
    bursts: summarizeBursts(burstsOf(attempts, isBad(allowed))),
    clusteredP: clustering(attempts.map(isBad(allowed)))?.p ?? null,
    modes: latencyModes(attempts.flatMap(([, durationMs, outcome]) => (outcome === 'ok' ? [durationMs] : []))),
  }
}

type Judged = Pick<PairCompared, 'verdict' | 'correctedP' | 'note'>

function judge(one: PairCompared, correctedP: number | null): Judged {
  const { before, after, allowed, p } = one
  if (!before || !after || p === null) return { verdict: one.verdict, correctedP: null, note: one.note }
  const [was, is] = [before.bad.share, after.bad.share]
  if (correctedP !== null && correctedP < level) {
    return { verdict: is > was ? 'worse' : 'fixed', correctedP, note: changeOf(allowed, is > was, after) }
  }
  const kind = changeOfKind(before, after, allowed)
  if (kind !== null) return { verdict: 'changed-kind', correctedP, note: kind }
  const chance = was === is ? '' : `${is > was ? 'more' : 'fewer'} than before, which may be chance`
  return { verdict: 'same', correctedP, note: chance }
}

function changeOf(allowed: boolean | null, worse: boolean, after: PairSide): string {
  if (allowed === false) {
    return worse
      ? 'the policies forbid it, and it connects now: make sure that they are enforced'
      : 'the policies forbid it, and now it is forbidden'
  }
  if (!worse) return after.bad.hits === 0 ? 'every attempt connects at once now' : 'fewer attempts fail'
  if (after.bad.hits < after.bad.tries) return 'more attempts fail'
  return after.usualFailure === null ? 'every attempt takes a second or more now' : 'no attempt connects any more'
}

/** An answer that says no, and silence. */
const kindOf = (outcome: AttemptClass | null) =>
  outcome === 'timeout' ? 'silence' : outcome === null || outcome === 'dns-failed' ? null : 'refusal'

/** What never connects, and says so in another way than before; null: nothing of that. */
function changeOfKind(before: PairSide, after: PairSide, allowed: boolean | null): string | null {
  const never = ({ attempts, bad }: PairSide) => bad.share === (allowed === false ? 0 : 1) && attempts > 0
  const [was, is] = [kindOf(before.usualFailure), kindOf(after.usualFailure)]
  if (!never(before) || !never(after) || was === null || is === null || was === is) return null
  const words = `${before.usualFailure} before, ${after.usualFailure} now`
  return was === 'refusal' && allowed === false
    ? `${words}: what kube-router rejects, Cilium drops without a word (expected)`
    : words
}

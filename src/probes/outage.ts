import type { Attempt, AttemptClass } from './attempts.ts'

/** So many attempts, five seconds, tell whether a pair works at all: nothing is interrupted that early. */
const firstAttempts = 10

/** Attempts are half a second apart; further apart than this means that nobody looked. */
const gapMs = 2_500

/** A time in which a pair that had worked did not. */
export interface Outage {
  /** First attempt that failed. */
  startMs: number
  /** First attempt that worked again; null: none did until the end. */
  endMs: number | null
  /** From startMs to endMs, or to the last attempt. */
  lengthMs: number
  /** From the last attempt that worked before to the first one after: it cannot have been longer. null: not over. */
  atMostMs: number | null
  failedAttempts: number
  outcomes: AttemptClass[]
}

/** A time in which a pair was not measured: its source was not there, or the node was off. */
export interface Unmeasured {
  startMs: number
  endMs: number
}

export interface PairOutages {
  id: string
  attempts: number
  /** False: a policy denies it. That it works while policies are off, and no longer when they are on again, is no outage. */
  workedAtFirst: boolean
  outages: Outage[]
  longestMs: number
  totalMs: number
  unmeasured: Unmeasured[]
}

/** What of a series of attempts, in any order, was an outage of each pair. */
export function outagesOf(attempts: readonly Attempt[]): PairOutages[] {
  const byPair = Map.groupBy(attempts, (attempt) => attempt.id)
  return [...byPair]
    .map(([id, list]) =>
      ofPair(
        id,
        list.toSorted((a, b) => a.atMs - b.atMs),
      ),
    )
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

function ofPair(id: string, all: readonly Attempt[]): PairOutages {
  // Without the source's namespace nothing was tried: the pod is being made anew and we do not know its new one yet.
  const list = all.filter((attempt) => attempt.outcome !== 'no-netns')
  const workedAtFirst = list.slice(0, firstAttempts).some((attempt) => attempt.outcome === 'ok')
  const outages = workedAtFirst ? outagesIn(list) : []
  return {
    id,
    attempts: list.length,
    workedAtFirst,
    outages,
    longestMs: Math.max(0, ...outages.map((outage) => outage.lengthMs)),
    totalMs: outages.reduce((sum, outage) => sum + outage.lengthMs, 0),
    unmeasured: gaps(list, all.at(-1)?.atMs ?? 0),
  }
}

function outagesIn(list: readonly Attempt[]): Outage[] {
  const outages: Outage[] = []
  let lastGood: Attempt | undefined
  let failed: Attempt[] = []
  for (const attempt of list) {
    if (attempt.outcome !== 'ok') {
      // Before it first worked it was not there yet: that is no interruption.
      if (lastGood) failed.push(attempt)
      continue
    }
    if (lastGood && failed.length > 0) outages.push(outage(lastGood, failed, attempt))
    lastGood = attempt
    failed = []
  }
  if (lastGood && failed.length > 0) outages.push(outage(lastGood, failed, undefined))
  return outages
}

function outage(before: Attempt, failed: readonly Attempt[], after: Attempt | undefined): Outage {
  const startMs = failed[0]?.atMs ?? before.atMs
  const last = failed.at(-1)
  const untilMs = after?.atMs ?? (last ? last.atMs + last.durationMs : startMs)
  return {
    startMs,
    endMs: after?.atMs ?? null,
    lengthMs: untilMs - startMs,
    atMostMs: after ? after.atMs - before.atMs : null,
    failedAttempts: failed.length,
    outcomes: [...new Set(failed.map((attempt) => attempt.outcome))],
  }
}

function gaps(list: readonly Attempt[], untilMs: number): Unmeasured[] {
  const times = [...list.map((attempt) => attempt.atMs), untilMs]
  return times.flatMap((atMs, index) => {
    const before = times[index - 1]
    return before !== undefined && atMs - before > gapMs ? [{ startMs: before, endMs: atMs }] : []
  })
}

export interface OutageSummary {
  pairs: number
  /** Pairs that worked at first. */
  working: number
  interrupted: number
  /** Of one pair: the longest single outage and the most in sum. */
  longestMs: number
  mostTotalMs: number
  /** Pairs that did not work at the end although they had before. */
  notBack: string[]
  /** By source: the longest of its pairs. */
  bySource: { source: string; longestMs: number; totalMs: number; pairs: number }[]
}

/** The figures over all pairs; `id` is `source>destination:port` (pairs.ts). */
export function summarize(pairs: readonly PairOutages[]): OutageSummary {
  const working = pairs.filter((pair) => pair.workedAtFirst)
  const most = (numbers: readonly number[]) => Math.max(0, ...numbers)
  const bySource = Map.groupBy(working, (pair) => pair.id.split('>')[0] ?? '')
  return {
    pairs: pairs.length,
    working: working.length,
    interrupted: working.filter((pair) => pair.outages.length > 0).length,
    longestMs: most(working.map((pair) => pair.longestMs)),
    mostTotalMs: most(working.map((pair) => pair.totalMs)),
    notBack: working.filter((pair) => pair.outages.at(-1)?.endMs === null).map((pair) => pair.id),
    bySource: [...bySource].map(([source, list]) => ({
      source,
      longestMs: most(list.map((pair) => pair.longestMs)),
      totalMs: most(list.map((pair) => pair.totalMs)),
      pairs: list.length,
    })),
  }
}

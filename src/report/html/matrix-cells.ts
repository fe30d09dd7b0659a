import type { ReachabilityFacts } from '../../facts/reachability.ts'
import type { AttemptClass } from '../../probes/attempts.ts'
import type { PairCompared } from '../../probes/compare-series.ts'
import type { Series } from '../../probes/evidence.ts'

/** How a pair looked at one time. `mixed`: some attempts worked and some did not. */
export type Look = 'works' | 'mixed' | 'refused' | 'timeout' | 'dns-failed' | 'unknown'

/** A pair at one time. */
export interface Seen {
  look: Look
  /** In numbers: `600 of 600 attempts`, `refused`. */
  text: string
}

/** A pair before and after; null: not tried then. */
export interface Cell {
  from: string
  /** With its port. */
  to: string
  before: Seen | null
  after: Seen | null
  change: 'none' | 'better' | 'worse'
  /** What is to be said of the change; empty: nothing. */
  note: string
}

export type Tried = ReadonlyMap<string, { from: string; to: string; seen: Seen }>

export function fromRecord(attempts: ReachabilityFacts): Tried {
  return new Map(
    attempts.map(({ from, to, port, outcome }) => [
      `${from} ${to}:${port}`,
      { from, to: `${to}:${port}`, seen: { look: lookOf(outcome), text: outcome } },
    ]),
  )
}

export function fromSeries(series: readonly Series[]): Tried {
  return new Map(
    series.map(({ from, to, port, attempts }) => [
      `${from} ${to}:${port}`,
      { from, to: `${to}:${port}`, seen: seenOf(attempts.map(([, , outcome]) => outcome)) },
    ]),
  )
}

function seenOf(outcomes: readonly AttemptClass[]): Seen {
  // Without the source's namespace nothing was tried.
  const tried = outcomes.filter((outcome) => outcome !== 'no-netns' && outcome !== 'other')
  const worked = tried.filter((outcome) => outcome === 'ok').length
  const counts = [...Map.groupBy(tried, (outcome) => outcome)].toSorted(([, a], [, b]) => b.length - a.length)
  const failed = counts.filter(([outcome]) => outcome !== 'ok')
  const text = `${worked} of ${tried.length} attempts worked${failed.map(([outcome, list]) => `, ${list.length} ${outcome}`).join('')}`
  if (tried.length === 0) return { look: 'unknown', text: 'not tried' }
  if (worked === tried.length) return { look: 'works', text }
  if (worked > 0) return { look: 'mixed', text }
  return { look: lookOf(failed[0]?.[0] ?? 'other'), text }
}

function lookOf(outcome: AttemptClass): Look {
  switch (outcome) {
    case 'ok':
      return 'works'
    case 'refused':
    case 'unreachable':
    case 'reset':
      return 'refused'
    case 'timeout':
    case 'dns-failed':
      return outcome
    default:
      return 'unknown'
  }
}

const rank: Readonly<Record<Look, number | null>> = {
  works: 2,
  mixed: 1,
  refused: 0,
  timeout: 0,
  'dns-failed': 0,
  unknown: null,
}

/** Every pair that was tried at either time, in the order of `before`. Which way of failing it was is no change. */
export function cellsOf(before: Tried, after: Tried): Cell[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key): Cell[] => {
    const [then, now] = [before.get(key), after.get(key)]
    const pair = then ?? now
    if (pair === undefined) return []
    const [was, is] = [then && rank[then.seen.look], now && rank[now.seen.look]]
    const comparable = was !== undefined && was !== null && is !== undefined && is !== null
    const change = !comparable || was === is ? 'none' : is > was ? 'better' : 'worse'
    return [{ from: pair.from, to: pair.to, before: then?.seen ?? null, after: now?.seen ?? null, change, note: '' }]
  })
}

/** With the verdicts of the statistics instead: a pair that fails now and then has to get better by more than chance. */
export function judgedCells(before: Tried, after: Tried, pairs: readonly PairCompared[]): Cell[] {
  const verdicts = new Map(pairs.map((pair) => [`${pair.from} ${pair.to}:${pair.port}`, pair]))
  return cellsOf(before, after).map((cell) => {
    const pair = verdicts.get(`${cell.from} ${cell.to}`)
    if (pair === undefined) return cell
    const change = pair.verdict === 'worse' ? 'worse' : pair.verdict === 'fixed' ? 'better' : 'none'
    const p = pair.correctedP === null ? '' : ` (p ${pair.correctedP < 0.001 ? '< 0.001' : pair.correctedP.toFixed(3)})`
    return { ...cell, change, note: `${pair.note}${p}` }
  })
}

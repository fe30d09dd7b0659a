import { expectedPairs, isIntermittent } from '../diagnosis/seen-pairs.ts'
import type { Facts } from '../facts/facts.ts'
import type { Evidence } from '../probes/evidence.ts'
import { pair } from '../probes/pairs.ts'

/**
 * Pairs that did not connect every time before a run, by what was seen then: a baseline in which they worked by turns, or the
 * run's own record, in which those did not connect that did when probing began.
 */
export function interruptedBeforehand(
  before: Pick<Facts, 'reachability'> | null,
  baseline: Evidence | null,
): readonly string[] {
  const recorded = (before?.reachability ?? []).filter(({ outcome }) => outcome !== 'ok')
  const watched = baseline === null ? [] : expectedPairs(baseline).filter(isIntermittent)
  return [
    ...new Set([
      ...recorded.map(({ from, to, port }) => pair(from, to, port).id),
      ...watched.map(({ series }) => series.id),
    ]),
  ]
}

import { blockPermutation, mostBlocks } from './block-permutation.ts'
import { blockLength, blocksOf, equalBlocks, longestRun } from './blocks.ts'
import { fisher } from './fisher.ts'
import { bothProportions, type Proportion } from './proportion.ts'

export interface SharesCompared {
  before: Proportion
  after: Proportion
  /** Probability of so different shares if nothing had changed, two-sided. */
  p: number
  /** `exact`: Fisher's, on attempts that do not depend on each other; `blocks`: hits come in bursts. */
  test: 'exact' | 'blocks'
}

/** A series that hits throughout is a state, not one long burst, if no burst of the other one lasted a third of it. */
const stateOverRun = 3

/**
 * Whether a share of hits changed between two series of tries. Tries half a second apart are not independent: what
 * breaks one breaks the next. As soon as two hits in a row are seen, blocks are compared that are longer than the bursts.
 */
export function compareShares(before: readonly boolean[], after: readonly boolean[]): SharesCompared {
  const all = before.length + after.length
  const independent = stateLength(before, after) ?? stateLength(after, before) ?? blockLength([before, after])
  const length = independent === 1 ? 1 : Math.max(independent, Math.ceil(all / mostBlocks))
  const [was, is] = bothProportions(blocksOf(before, length), blocksOf(after, length))
  const shares = { before: was, after: is }
  if (length === 1) {
    return { ...shares, p: fisher(was.hits, was.tries, is.hits, is.tries), test: 'exact' }
  }
  // The shorter series is used up as well as it can be: it decides how little can be shown.
  const shorter = Math.min(before.length, after.length)
  if (shorter === 0) return { ...shares, p: 1, test: 'blocks' }
  const equal = Math.floor(shorter / Math.max(1, Math.floor(shorter / length)))
  // Of hits and misses the rarer are dealt out: the same test, quicker.
  const rareHits = 2 * (was.hits + is.hits) <= all
  const counts = (series: readonly boolean[]) =>
    equalBlocks(series, equal).map(({ hits, tries }) => (rareHits ? hits : tries - hits))
  return { ...shares, p: blockPermutation(counts(before), counts(after)), test: 'blocks' }
}

/** The longest burst of the other series, if this one is a state; null: it is none. */
function stateLength(series: readonly boolean[], other: readonly boolean[]): number | null {
  if (series.length === 0 || !series.every(Boolean)) return null
  const longest = longestRun(other)
  return longest * stateOverRun <= series.length ? Math.max(1, longest) : null
}

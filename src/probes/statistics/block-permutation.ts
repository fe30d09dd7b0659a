import { sum } from './blocks.ts'

/** As many blocks as can be dealt out quickly: more tries than that are taken together, which costs little. */
export const mostBlocks = 200
/** Counts are rounded so that their sum is about this. The test stays exact: of rounded counts. */
const largestSum = 1500

/**
 * Exact two-sided permutation test of two series of counts: how probable it is that, dealt out by chance, `before.length`
 * and `after.length` of all these counts would differ as much. Valid for counts that depend on each other inside of a
 * block and hardly between blocks; attempts in bursts are counted by blocks for it (blocks.ts).
 */
export function blockPermutation(before: readonly number[], after: readonly number[]): number {
  const size = after.length
  if (before.length === 0 || size === 0) return 1
  const scale = Math.max(1, (sum(before) + sum(after)) / largestSum)
  const counts = [...after, ...before].map((count) => Math.round(count / scale))
  const seen = sum(counts.slice(0, size))
  const distribution = sumOfChosen(counts, size)
  const atMost = total(distribution.subarray(0, seen + 1))
  const atLeast = total(distribution.subarray(seen))
  return Math.min(1, 2 * Math.min(atMost, atLeast))
}

const total = (probabilities: Float64Array) => probabilities.reduce((all, one) => all + one, 0)

/** Probability of each sum when `size` of the counts are drawn without replacement. */
function sumOfChosen(counts: readonly number[], size: number): Float64Array {
  const width = sum(counts) + 1
  // Row by row, so many chosen of the counts so far: the probability of each total. Rows are rewritten from the last one on,
  // because each needs the one before it as it was.
  const rows = Array.from({ length: size + 1 }, () => new Float64Array(width))
  rows[0]?.fill(1, 0, 1)
  let reached = 0
  for (const [index, count] of counts.entries()) {
    const left = counts.length - index
    reached += count
    for (let chosen = Math.min(index + 1, size); chosen >= 0; chosen--) {
      const [row, fewer] = [rows[chosen], rows[chosen - 1]]
      if (!row) continue
      const [stay, take] = [1 - (size - chosen) / left, (size - chosen + 1) / left]
      for (let at = reached; at >= 0; at--) {
        const taken = fewer && at >= count ? (fewer[at - count] ?? 0) * take : 0
        row[at] = (row[at] ?? 0) * stay + taken
      }
    }
  }
  return rows[size] ?? new Float64Array(width)
}

import { sum } from './blocks.ts'

/**
 * Exact two-sided permutation test of two series of counts: how probable it is that, dealt out by chance, `before.length`
 * and `after.length` of all these counts would differ as much. Valid for counts that depend on each other inside of a
 * block and hardly between blocks; attempts in bursts are counted by blocks for it (blocks.ts).
 */
export function blockPermutation(before: readonly number[], after: readonly number[]): number {
  const counts = [...before, ...after]
  const size = after.length
  if (before.length === 0 || size === 0) return 1
  const seen = sum(after)
  const distribution = sumOfChosen(counts, size)
  const atMost = sum(distribution.slice(0, seen + 1))
  const atLeast = sum(distribution.slice(seen))
  return Math.min(1, 2 * Math.min(atMost, atLeast))
}

/** Probability of each sum when `size` of the counts are drawn without replacement. */
function sumOfChosen(counts: readonly number[], size: number): number[] {
  const width = sum(counts) + 1
  // probabilities[chosen * width + total]: after the counts so far, so many chosen, with this total.
  let probabilities = new Float64Array((size + 1) * width)
  probabilities[0] = 1
  let reached = 0
  for (const [index, count] of counts.entries()) {
    const next = new Float64Array(probabilities.length)
    const left = counts.length - index
    for (let chosen = 0; chosen <= Math.min(index, size); chosen++) {
      const take = (size - chosen) / left
      for (let total = 0; total <= reached; total++) {
        const here = probabilities[chosen * width + total] ?? 0
        if (here === 0) continue
        const stay = chosen * width + total
        next[stay] = (next[stay] ?? 0) + here * (1 - take)
        if (take <= 0) continue
        const go = (chosen + 1) * width + total + count
        next[go] = (next[go] ?? 0) + here * take
      }
    }
    probabilities = next
    reached += count
  }
  return Array.from(probabilities.subarray(size * width, (size + 1) * width))
}

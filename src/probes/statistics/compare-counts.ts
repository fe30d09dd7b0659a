import { blockPermutation, mostBlocks } from './block-permutation.ts'
import { blockLength, sum } from './blocks.ts'

export interface CountsCompared {
  /** How many parts were taken together, because what is counted comes in bursts. */
  length: number
  /** Probability of so different counts if nothing had changed, two-sided. */
  p: number
}

/**
 * Whether what is counted in equal parts of time changed between two periods: by blocks longer than the bursts
 * (parts that hold more than the mean).
 */
export function compareCounts(before: readonly number[], after: readonly number[]): CountsCompared {
  if (before.length === 0 || after.length === 0) return { length: 1, p: 1 }
  const hits = [before, after].map((counts) => counts.map((count) => count > sum(counts) / counts.length))
  const shorter = Math.min(before.length, after.length)
  const least = Math.max(blockLength(hits), Math.ceil((before.length + after.length) / mostBlocks))
  const length = Math.max(1, Math.floor(shorter / Math.max(1, Math.floor(shorter / least))))
  return { length, p: blockPermutation(sumsOf(before, length), sumsOf(after, length)) }
}

/** Sums of so many parts each; what is left at the end, less than that, is in none. */
export function sumsOf(counts: readonly number[], length: number): number[] {
  return Array.from({ length: Math.floor(counts.length / length) }, (_, index) =>
    sum(counts.slice(index * length, (index + 1) * length)),
  )
}

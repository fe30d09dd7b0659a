/** Consecutive tries taken together: `hits` of `tries`. */
export interface Block {
  hits: number
  tries: number
}

export const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)

function runsOfHits(hits: readonly boolean[]): number[] {
  const lengths: number[] = []
  for (const [at, hit] of hits.entries()) {
    if (!hit) continue
    if (at > 0 && hits[at - 1]) lengths[lengths.length - 1] = (lengths.at(-1) ?? 0) + 1
    else lengths.push(1)
  }
  return lengths
}

export const longestRun = (hits: readonly boolean[]): number => Math.max(0, ...runsOfHits(hits))

/** How often a run's mean length a block must be, so that two neighbours tell little of each other. */
const runsInABlock = 6

/**
 * How many tries must be taken together so that the blocks are nearly independent although hits come in bursts: 1 when no
 * two hits in a row were seen. A series that hit throughout says nothing of bursts: it is a state.
 */
export function blockLength(series: readonly (readonly boolean[])[]): number {
  const runs = series.flatMap((hits) => runsOfHits(hits).filter((length) => length < hits.length))
  if (runs.every((length) => length === 1)) return 1
  return Math.ceil((runsInABlock * sum(runs.map((length) => length ** 2))) / sum(runs))
}

/** Cuts a series into blocks of about this many tries, of nearly equal size; at least one. All tries are in one. */
export function blocksOf(hits: readonly boolean[], length: number): Block[] {
  if (hits.length === 0) return []
  const count = Math.max(1, Math.floor(hits.length / length))
  return Array.from({ length: count }, (_, index) =>
    block(hits, Math.round((index * hits.length) / count), Math.round(((index + 1) * hits.length) / count)),
  )
}

/** Blocks of exactly this many tries; what is left at the end, less than a block, is in none. */
export function equalBlocks(hits: readonly boolean[], length: number): Block[] {
  const count = Math.floor(hits.length / length)
  return Array.from({ length: count }, (_, index) => block(hits, index * length, (index + 1) * length))
}

const block = (hits: readonly boolean[], from: number, until: number): Block => ({
  hits: hits.slice(from, until).filter(Boolean).length,
  tries: until - from,
})

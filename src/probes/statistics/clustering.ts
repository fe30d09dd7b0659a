import jstat from 'jstat'

const { combinationln } = jstat.jStat

export interface Clustering {
  /** Stretches of equal outcomes, and how many there would be by chance. */
  runs: number
  expectedRuns: number
  /** Probability of so few runs or fewer if the order were chance. */
  p: number
}

/**
 * Whether hits stand together more than chance would put them: Wald and Wolfowitz' runs test, one-sided, exact for any
 * count. null: there are only hits, or none.
 */
export function clustering(hits: readonly boolean[]): Clustering | null {
  const some = hits.filter(Boolean).length
  const others = hits.length - some
  if (some === 0 || others === 0) return null
  const runs = hits.filter((hit, at) => at === 0 || hit !== hits[at - 1]).length
  let p = 0
  for (let count = 2; count <= runs; count++) p += probabilityOfRuns(count, some, others)
  return { runs, expectedRuns: 1 + (2 * some * others) / hits.length, p: Math.min(1, p) }
}

/** Of exactly so many runs in a chance order of `a` and `b` things. */
function probabilityOfRuns(runs: number, a: number, b: number): number {
  const half = Math.floor(runs / 2)
  const all = choose(a + b, a)
  const orders = (ofA: number, ofB: number) => Math.exp(choose(a - 1, ofA - 1) + choose(b - 1, ofB - 1) - all)
  return runs % 2 === 0 ? 2 * orders(half, half) : orders(half, half + 1) + orders(half + 1, half)
}

/** ln C(n, k); none: -Infinity. */
const choose = (n: number, k: number) => (k < 0 || k > n ? Number.NEGATIVE_INFINITY : combinationln(n, k))

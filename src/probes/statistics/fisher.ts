import jstat from 'jstat'

const { combinationln } = jstat.jStat

/** Probabilities this close are the same one, computed in another order. As R's fisher.test has it. */
const tolerance = 1e-7

/**
 * Fisher's exact test, two-sided: how probable a table is that is no more probable than `a of n` beside `b of m`, if both
 * had the same share. For tries that do not depend on each other.
 */
export function fisher(a: number, n: number, b: number, m: number): number {
  const hits = a + b
  const all = combinationln(n + m, hits)
  const probability = (x: number) => Math.exp(combinationln(n, x) + combinationln(m, hits - x) - all)
  const seen = probability(a) * (1 + tolerance)
  let p = 0
  for (let x = Math.max(0, hits - m); x <= Math.min(n, hits); x++) {
    const one = probability(x)
    if (one <= seen) p += one
  }
  return Math.min(1, p)
}

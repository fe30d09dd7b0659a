/**
 * Holm's correction of many p-values (Scand. J. Statist. 6, 1979), in the order given: what is below 0.05 afterwards is
 * false, for any of them, in at most 5 % of such families, however they depend on each other.
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((p, index) => ({ p, index })).sort((a, b) => a.p - b.p)
  const corrected = new Array<number>(pValues.length)
  let largest = 0
  for (const [rank, { p, index }] of order.entries()) {
    largest = Math.max(largest, Math.min(1, p * (order.length - rank)))
    corrected[index] = largest
  }
  return corrected
}

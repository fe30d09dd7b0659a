export const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** Chooses one by one whichever shares the fewest traits with those chosen before; among equals the first by name. */
export function varied<T extends { id: string; traits: readonly string[] }>(list: readonly T[], count: number): T[] {
  const left = list.toSorted((a, b) => compare(a.id, b.id))
  const seen = new Map<string, number>()
  const chosen: T[] = []
  while (chosen.length < count && left.length > 0) {
    let best = 0
    let bestCost = Number.POSITIVE_INFINITY
    for (const [index, one] of left.entries()) {
      const cost = one.traits.reduce((sum, trait) => sum + (seen.get(trait) ?? 0), 0)
      if (cost < bestCost) {
        best = index
        bestCost = cost
      }
    }
    const [one] = left.splice(best, 1)
    if (!one) break
    for (const trait of one.traits) seen.set(trait, (seen.get(trait) ?? 0) + 1)
    chosen.push(one)
  }
  return chosen
}

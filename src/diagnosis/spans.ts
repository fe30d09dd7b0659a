/** Stretches of time, from and until, that neither overlap nor touch, in their order. */
export type Spans = readonly (readonly [fromMs: number, untilMs: number])[]

/** Overlapping ones joined, cut to what was watched. */
export function joined(spans: Spans, watched: { fromMs: number; untilMs: number }): Spans {
  const result: [number, number][] = []
  const cut = spans.map(([from, until]) => [Math.max(from, watched.fromMs), Math.min(until, watched.untilMs)] as const)
  for (const [from, until] of cut.toSorted(([a], [b]) => a - b)) {
    if (until < from) continue
    const last = result.at(-1)
    if (last && from <= last[1]) last[1] = Math.max(last[1], until)
    else result.push([from, until])
  }
  return result
}

export const lengthMs = (spans: Spans): number => spans.reduce((sum, [from, until]) => sum + until - from, 0)

/** Whether something that began and ended then lies in one of them, if only in part. By halves: a night has many of both. */
export function touches(spans: Spans, fromMs: number, untilMs = fromMs): boolean {
  let [low, high] = [0, spans.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((spans[middle]?.[1] ?? 0) < fromMs) low = middle + 1
    else high = middle
  }
  const first = spans[low]
  return first !== undefined && first[0] <= untilMs
}

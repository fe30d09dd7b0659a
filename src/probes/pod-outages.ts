import type { PairOutages } from './outage.ts'

/** How long a pod was not reached, by whoever tried. */
export interface PodOutage {
  /** `namespace/pod` */
  pod: string
  /** Time in which at least one pair that leads to it was interrupted. */
  totalMs: number
  longestMs: number
  failedAttempts: number
  /** It was reached again by everybody. */
  isBack: boolean
}

/** `source>namespace/pod:port`; Services, DNS and the like are no pods. */
const toPod = />([^/:]+\/[^/:]+):\d+$/

/** The pods that pairs lead to, the longest away first; those that were never away too. */
export function podOutages(pairs: readonly PairOutages[]): PodOutage[] {
  const byPod = Map.groupBy(pairs, ({ id }) => toPod.exec(id)?.[1] ?? null)
  byPod.delete(null)
  return [...byPod]
    .flatMap(([pod, list]) =>
      pod !== null && list.some(({ workedAtFirst }) => workedAtFirst) ? [ofPod(pod, list)] : [],
    )
    .toSorted((a, b) => b.totalMs - a.totalMs || (a.pod < b.pod ? -1 : 1))
}

function ofPod(pod: string, pairs: readonly PairOutages[]): PodOutage {
  const outages = pairs.flatMap((pair) => pair.outages)
  const lengths = merged(outages.map(({ startMs, lengthMs }) => [startMs, startMs + lengthMs] as const))
  return {
    pod,
    totalMs: lengths.reduce((sum, length) => sum + length, 0),
    longestMs: Math.max(0, ...lengths),
    failedAttempts: outages.reduce((sum, outage) => sum + outage.failedAttempts, 0),
    isBack: outages.every(({ endMs }) => endMs !== null),
  }
}

/** The lengths of intervals, those that overlap taken for one. */
function merged(intervals: readonly (readonly [number, number])[]): number[] {
  const found: [number, number][] = []
  for (const [from, to] of intervals.toSorted(([a], [b]) => a - b)) {
    const last = found.at(-1)
    if (last && from <= last[1]) last[1] = Math.max(last[1], to)
    else found.push([from, to])
  }
  return found.map(([from, to]) => to - from)
}

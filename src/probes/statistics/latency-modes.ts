import { median } from './bursts.ts'
import { type Proportion, proportion } from './proportion.ts'

/** Durations that stand apart from all others. */
export interface LatencyMode {
  medianMs: number
  fromMs: number
  untilMs: number
  share: Proportion
}

/** A gap parts two modes when it is as wide as this, and the upper one begins at twice where the lower one ends. */
const gapMs = 100
const gapFactor = 2
/** Fewer than this are strays: they do not make a mode of their own. */
const leastCount = 3

/**
 * The modes of durations, fastest first: one for a healthy path, two for "fast or 5 s", more when SYNs are sent again after
 * 1 s, 3 s, 7 s. Split at every wide gap; strays belong to no mode, and the shares are of all durations.
 */
export function latencyModes(durationsMs: readonly number[]): LatencyMode[] {
  const groups: number[][] = []
  let last: number | undefined
  for (const duration of durationsMs.toSorted((a, b) => a - b)) {
    const apart = last === undefined || (duration - last >= gapMs && duration >= gapFactor * last)
    if (apart) groups.push([duration])
    else groups.at(-1)?.push(duration)
    last = duration
  }
  return groups
    .filter((group) => group.length >= leastCount)
    .map((group) => ({
      medianMs: median(group),
      fromMs: group[0] ?? Number.NaN,
      untilMs: group.at(-1) ?? Number.NaN,
      share: proportion(group.length, durationsMs.length),
    }))
}

import type { Evidence, Series } from '../probes/evidence.ts'

/** One attempt that did not come through. */
export interface Failure {
  atMs: number
  durationMs: number
  outcome: Series['attempts'][number][2]
}

/** A pair as it was seen over the time watched. */
export interface SeenPair {
  series: Series
  tried: number
  failures: readonly Failure[]
}

/** A local REJECT is answered within microseconds; a machine that is busy may take a while to say so. */
const atOnceMs = 500

export function seen(series: Series): SeenPair {
  // Without a network namespace to stand in, nothing was tried.
  const attempts = series.attempts.filter(([, , outcome]) => outcome !== 'no-netns')
  const failures = attempts
    .filter(([, , outcome]) => outcome !== 'ok')
    .map(([atMs, durationMs, outcome]) => ({ atMs, durationMs, outcome }))
  return { series, tried: attempts.length, failures }
}

/** What should work: what policies deny fails rightly, and tells nothing of a fault. */
export const expectedPairs = ({ series }: Evidence): SeenPair[] =>
  series
    .filter(({ allowed }) => allowed !== false)
    .map(seen)
    .filter(({ tried }) => tried > 0)

export const deniedPairs = ({ series }: Evidence): SeenPair[] =>
  series.filter(({ allowed }) => allowed === false).map(seen)

/** A pair that never worked has another cause than one that works and fails by turns: nobody listens, nothing is routed. */
export const isIntermittent = ({ tried, failures }: SeenPair): boolean => failures.length > 0 && failures.length < tried

/** Answered with an error, at once or when the SYN was sent again: the kernel sends but one ICMP error a second. */
export const isAnswered = ({ outcome }: Failure): boolean => outcome === 'refused' || outcome === 'unreachable'

export const isAtOnce = (failure: Failure): boolean => isAnswered(failure) && failure.durationMs < atOnceMs

export interface Tally {
  tried: number
  failed: number
}

export const tally = (pairs: readonly SeenPair[]): Tally => ({
  tried: pairs.reduce((sum, { tried }) => sum + tried, 0),
  failed: pairs.reduce((sum, { failures }) => sum + failures.length, 0),
})

/** `namespace/pod`; not a node, a Service, a name, an address outside. */
export const isPod = (end: string): boolean => !end.includes(':')

/** By address: no name had to be found first. */
export const isRaw = ({ series }: SeenPair): boolean => series.kind !== 'dns' && series.sort !== 'dns'

/** Both ends are of this cluster's network: what is outside, and the API's servers, fail in ways of their own. */
export const isInside = ({ series }: SeenPair): boolean => series.sort !== 'api' && series.sort !== 'external'

/** The pods of a pair that a policy selects in the pair's direction. */
export const selectedPods = ({ series }: SeenPair): string[] => [
  ...(series.fromSelected && isPod(series.from) ? [series.from] : []),
  ...(series.toSelected && isPod(series.to) ? [series.to] : []),
]

export const isSelected = ({ series }: SeenPair): boolean => series.fromSelected || series.toSelected

/** The nodes whose rules judge a pair. */
export const selectedNodes = ({ series }: SeenPair): string[] => [
  ...(series.fromSelected ? [series.fromNode] : []),
  ...(series.toSelected && series.toNode !== null ? [series.toNode] : []),
]

/**
 * When failing began; null: before it was watched. It did begin meanwhile when it was quiet at first for longer than twice the
 * longest pause since: a pause between two bursts is no beginning.
 */
export function beganMs(
  pairs: readonly SeenPair[],
  { fromMs, untilMs }: Pick<Evidence, 'fromMs' | 'untilMs'>,
): number | null {
  const times = pairs.flatMap(({ failures }) => failures.map(({ atMs }) => atMs)).toSorted((a, b) => a - b)
  const [first] = times
  if (first === undefined) return null
  const pauses = times.map((at, index) => (times[index + 1] ?? untilMs) - at)
  const longest = pauses.reduce((most, pause) => Math.max(most, pause), 0)
  return first - fromMs > 2 * longest ? first : null
}

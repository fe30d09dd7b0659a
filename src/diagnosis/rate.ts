import { blockLength, blocksOf } from '../probes/statistics/blocks.ts'
import { type Proportion, proportion, proportionOfBlocks } from '../probes/statistics/proportion.ts'
import type { Figure } from './diagnosis.ts'
import type { SeenPair, Tally } from './seen-pairs.ts'

const tenths = (value: number) => Math.round(value * 10) / 10

/** Whether each attempt failed, all pairs together in the order of time. */
const failedInOrder = (pairs: readonly SeenPair[]): boolean[] =>
  pairs
    .flatMap(({ series }) => series.attempts)
    .filter(([, , outcome]) => outcome !== 'no-netns')
    .toSorted(([a], [b]) => a - b)
    .map(([, , outcome]) => outcome !== 'ok')

/** Failures come in bursts, and attempts half a second apart share them: the interval is as wide as that makes it. */
export function failureShare(pairs: readonly SeenPair[]): Proportion {
  const failed = failedInOrder(pairs)
  const length = blockLength([failed])
  return length === 1
    ? proportion(failed.filter(Boolean).length, failed.length)
    : proportionOfBlocks(blocksOf(failed, length))
}

/** Of fewer independent stretches of time an interval says nothing: from none to all. */
const fewestForInterval = 3

/** Share of attempts that failed, in percent; with its interval where there was time enough for one. */
export function failureRate(what: string, pairs: readonly SeenPair[]): Figure {
  const { share, interval, tries, effectiveTries } = failureShare(pairs)
  if (tries === 0) return { what, value: 0, unit: '%' }
  if (effectiveTries < fewestForInterval) return { what, value: tenths(100 * share), unit: '%' }
  return {
    what,
    value: tenths(100 * share),
    unit: '%',
    interval: [tenths(100 * interval[0]), tenths(100 * interval[1])],
  }
}

/** `47 of 120 (39.2 %)` */
export const shareText = ({ failed, tried }: Tally): string =>
  `${failed} of ${tried}${tried === 0 ? '' : ` (${tenths((100 * failed) / tried)} %)`}`

/** Events of a stretch of time as a rate. */
export const perMinute = (what: string, count: number, watchedMs: number): Figure => ({
  what,
  value: tenths((60_000 * count) / Math.max(1, watchedMs)),
  unit: '/min',
})
export const perHour = (what: string, count: number, watchedMs: number): Figure => ({
  what,
  value: tenths((3_600_000 * count) / Math.max(1, watchedMs)),
  unit: '/h',
})

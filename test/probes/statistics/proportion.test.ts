import { expect, test } from 'vitest'
import { blockLength, blocksOf } from '../../../src/probes/statistics/blocks.ts'
import { proportion, proportionOfBlocks } from '../../../src/probes/statistics/proportion.ts'
import { bursty, seeded } from './simulated.ts'

// scipy.stats.binomtest(h, n).proportion_ci(method='exact'), SciPy 1.17.1; binom.test in R gives the same.
test.each([
  [0, 10, 0, 0.308_497_107_8],
  [3, 10, 0.066_739_511_2, 0.652_452_850_1],
  [10, 10, 0.691_502_892_2, 1],
  [1, 120, 0.000_210_959_5, 0.045_555_513_2],
  [12, 1200, 0.005_177_519_9, 0.017_402_773_3],
  [1190, 1200, 0.984_728_258_3, 0.995_996_818_3],
])('%i of %i: Clopper and Pearson', (hits, tries, low, high) => {
  const { interval } = proportion(hits, tries)
  expect(interval[0]).toBeCloseTo(low, 8)
  expect(interval[1]).toBeCloseTo(high, 8)
})

test('nothing tried: anything may be true', () => {
  expect(proportion(0, 0).interval).toEqual([0, 1])
  expect(proportionOfBlocks([]).interval).toEqual([0, 1])
})

test('bursts: fewer tries are worth it, and the interval is wider', () => {
  const alternating = Array.from({ length: 600 }, (_, at) => at % 10 === 0)
  const burst = Array.from({ length: 600 }, (_, at) => at % 200 < 20)
  const even = proportionOfBlocks(blocksOf(alternating, 20))
  const inBursts = proportionOfBlocks(blocksOf(burst, 20))
  expect([even.hits, inBursts.hits]).toEqual([60, 60])
  expect(even.effectiveTries).toBeGreaterThan(500)
  expect(inBursts.effectiveTries).toBeLessThan(60)
  expect(inBursts.interval[1] - inBursts.interval[0]).toBeGreaterThan(2 * (even.interval[1] - even.interval[0]))
})

test('the interval holds the true share in at least 95 of 100 series of independent tries', () => {
  const random = seeded(1)
  const held = [0.02, 0.1, 0.5].flatMap((share) =>
    Array.from({ length: 500 }, () => {
      const { interval } = proportion(bursty(random, 120, share, 1).filter(Boolean).length, 120)
      return interval[0] <= share && share <= interval[1]
    }),
  )
  expect(held.filter(Boolean).length / held.length).toBeGreaterThanOrEqual(0.95)
})

test('so it does when hits come in bursts, where counting each try for itself fails', () => {
  const random = seeded(2)
  const outcomes = [
    [0.05, 4],
    [0.2, 4],
    [0.2, 10],
    [0.5, 10],
  ].flatMap(([share = 0, mean = 0]) =>
    Array.from({ length: 250 }, () => {
      const series = bursty(random, 1200, share, mean)
      const holds = ({ interval }: { interval: readonly [number, number] }) =>
        interval[0] <= share && share <= interval[1]
      return {
        blocks: holds(proportionOfBlocks(blocksOf(series, blockLength([series])))),
        tries: holds(proportion(series.filter(Boolean).length, series.length)),
      }
    }),
  )
  const coverage = (of: 'blocks' | 'tries') => outcomes.filter((one) => one[of]).length / outcomes.length
  // 1,000 series: the standard error of 0.95 is 0.007. How long bursts are is itself only estimated.
  expect(coverage('blocks')).toBeGreaterThanOrEqual(0.93)
  expect(coverage('tries')).toBeLessThan(0.6)
})

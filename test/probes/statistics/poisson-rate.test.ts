import { expect, test } from 'vitest'
import { rateOfParts } from '../../../src/probes/statistics/poisson-rate.ts'
import { poisson, seeded } from './simulated.ts'

const hourMs = 3_600_000

// scipy.stats.chi2.ppf(.025, 2 c) / 2 and chi2.ppf(.975, 2 c + 2) / 2; Garwood's table has 5: 1.62, 11.67.
test.each([
  [0, 0, 3.688_879_454_1],
  [1, 0.025_317_808, 5.571_643_390_9],
  [5, 1.623_486_390_1, 11.668_332_079_3],
  [100, 81.363_991_251_3, 121.626_793_792],
])('%i events: Garwood', (count, low, high) => {
  const { interval, dispersion } = rateOfParts([count], hourMs)
  expect(interval[0]).toBeCloseTo(low, 6)
  expect(interval[1]).toBeCloseTo(high, 6)
  expect(dispersion).toBe(1)
})

test('a rate is per hour', () => {
  expect(rateOfParts([5], 60_000)).toMatchObject({ perHour: 300, count: 5 })
  expect(rateOfParts([5], 60_000).interval[1]).toBeCloseTo(11.668_332 * 60, 3)
})

test('events in bursts: overdispersion is said, and none at all borrows what is known of it', () => {
  const parts = Array.from({ length: 60 }, (_, at) => (at % 10 === 0 ? 50 : 0))
  const bursts = rateOfParts(parts, 1000)
  expect(bursts.dispersion).toBeGreaterThan(40)
  const even = rateOfParts(new Array(60).fill(5), 1000)
  expect(even).toMatchObject({ count: 300, dispersion: 1 })
  expect(bursts.interval[1] - bursts.interval[0]).toBeGreaterThan(5 * (even.interval[1] - even.interval[0]))
  const none = rateOfParts(new Array(60).fill(0), 1000, bursts.dispersion)
  expect(none.interval[0]).toBe(0)
  expect(none.interval[1]).toBeCloseTo(3.688_879 * bursts.dispersion * 60, 0)
})

test('the interval holds the true rate: independent events, and bursts of 20 packets', () => {
  const random = seeded(3)
  const coverage = (perBurst: number) => {
    const held = Array.from({ length: 1000 }, () => {
      const counts = Array.from({ length: 60 }, () => poisson(random, 0.3) * perBurst)
      const { interval } = rateOfParts(counts, 1000)
      const perHour = 0.3 * perBurst * 3600
      return interval[0] <= perHour && perHour <= interval[1]
    })
    return held.filter(Boolean).length / held.length
  }
  expect(coverage(1)).toBeGreaterThanOrEqual(0.95)
  expect(coverage(20)).toBeGreaterThanOrEqual(0.94)
})

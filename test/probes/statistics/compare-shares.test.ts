import { expect, test } from 'vitest'
import { compareShares } from '../../../src/probes/statistics/compare-shares.ts'
import { fisher } from '../../../src/probes/statistics/fisher.ts'
import { bursty, seeded } from './simulated.ts'

const always = (tries: number) => new Array<boolean>(tries).fill(true)
const never = (tries: number) => new Array<boolean>(tries).fill(false)

test('single failures: the exact test, on attempts', () => {
  const before = Array.from({ length: 120 }, (_, at) => at % 10 === 0)
  const { p, test: by, before: share } = compareShares(before, never(120))
  expect(by).toBe('exact')
  expect(p).toBe(fisher(12, 120, 0, 120))
  expect(share.effectiveTries).toBe(120)
})

test('a pair that worked and never does any more is told, by a minute of each, also where it had failed in bursts', () => {
  expect(compareShares(never(120), always(120)).p).toBeLessThan(1e-30)
  const gaps = Array.from({ length: 120 }, (_, at) => at % 30 < 5)
  expect(compareShares(gaps, always(120)).p).toBeLessThan(1e-6)
})

test('a state of ten attempts is told; five are not enough for sixty pairs', () => {
  expect(compareShares(never(120), always(10)).p).toBeLessThan(0.05 / 60)
  expect(compareShares(never(5), always(5)).p).toBeGreaterThan(0.05 / 60)
})

test('nothing to compare with: no difference was seen', () => {
  for (const series of [never(10), [true, true, false, false, true, true]]) {
    expect(compareShares(series, []).p).toBe(1)
    expect(compareShares([], series).p).toBe(1)
  }
})

test('one burst at the end is no proof', () => {
  const after = Array.from({ length: 120 }, (_, at) => at >= 90)
  expect(compareShares(never(120), after).p).toBeGreaterThan(0.05)
})

const shapes = [
  { tries: [120, 120], share: 0.1, mean: 1 },
  { tries: [120, 120], share: 0.1, mean: 4 },
  { tries: [600, 120], share: 0.05, mean: 4 },
  { tries: [600, 120], share: 0.2, mean: 8 },
  { tries: [300, 300], share: 0.2, mean: 4 },
] as const

test.each(shapes)('false alarms per 1,000 null comparisons: %j', ({ tries: [n, m], share, mean }) => {
  const random = seeded(6)
  let alarms = 0
  let naive = 0
  for (let round = 0; round < 1000; round++) {
    const [a, b] = [bursty(random, n, share, mean), bursty(random, m, share, mean)]
    if (compareShares(a, b).p < 0.05) alarms++
    if (fisher(a.filter(Boolean).length, n, b.filter(Boolean).length, m) < 0.05) naive++
  }
  // 50, and twice the standard error of 1,000 rounds.
  expect(alarms).toBeLessThanOrEqual(64)
  // What attempts taken for independent would cost.
  if (mean >= 4) expect(naive).toBeGreaterThan(150)
})

test('power: bursts of a tenth of the time that are gone afterwards are seen in ten minutes of each', () => {
  const random = seeded(7)
  const found = Array.from({ length: 100 }, () => compareShares(bursty(random, 1200, 0.1, 4), never(1200)).p < 0.001)
  expect(found.filter(Boolean).length).toBeGreaterThan(95)
})

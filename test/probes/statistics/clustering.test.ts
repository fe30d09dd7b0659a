import { expect, test } from 'vitest'
import { clustering } from '../../../src/probes/statistics/clustering.ts'
import { bursty, seeded } from './simulated.ts'

const series = (text: string) => [...text].map((one) => one === 'x')

test('the probabilities of Swed and Eisenhart (1943): 5 and 5 in up to 2, 3, 4 runs', () => {
  // 2, 10 and 42 of the 252 orders.
  expect(clustering(series('xxxxxooooo'))?.p).toBeCloseTo(2 / 252, 9)
  expect(clustering(series('xxoooooxxx'))?.p).toBeCloseTo(10 / 252, 9)
  expect(clustering(series('xxoooxxxoo'))?.p).toBeCloseTo(42 / 252, 9)
})

test('as many runs as chance gives say nothing; alternation is not clustered at all', () => {
  expect(clustering(series('xoxoxoxoxo'))).toMatchObject({ runs: 10, expectedRuns: 6 })
  expect(clustering(series('xoxoxoxoxo'))?.p).toBeCloseTo(1, 9)
})

test('only hits, or none: nothing can be said', () => {
  expect(clustering(series('xxx'))).toBeNull()
  expect(clustering(series('ooo'))).toBeNull()
  expect(clustering([])).toBeNull()
})

test('false alarms of 1,000 chance orders: at most one in twenty; bursts are found', () => {
  const random = seeded(4)
  const found = (mean: number) =>
    Array.from({ length: 1000 }, () => clustering(bursty(random, 240, 0.1, mean))).filter(
      (one) => one !== null && one.p < 0.05,
    ).length
  expect(found(1)).toBeLessThanOrEqual(60)
  expect(found(4)).toBeGreaterThan(900)
})

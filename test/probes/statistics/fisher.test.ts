import { expect, test } from 'vitest'
import { fisher } from '../../../src/probes/statistics/fisher.ts'

// scipy.stats.fisher_exact, SciPy 1.17.1; the first is Fisher's lady tasting tea.
test.each([
  [3, 4, 1, 4, 0.485_714_285_7],
  [0, 10, 5, 10, 0.032_507_739_9],
  [2, 120, 12, 120, 0.010_546_847_4],
  [0, 1200, 6, 120, 5.028_637_758e-7],
  [10, 1200, 0, 120, 0.612_872_001_4],
])('%i of %i beside %i of %i', (a, n, b, m, p) => {
  expect(fisher(a, n, b, m) / p).toBeCloseTo(1, 7)
  expect(fisher(b, m, a, n) / p).toBeCloseTo(1, 7)
})

test('nothing tried, or no difference: 1', () => {
  expect(fisher(0, 0, 3, 5)).toBeCloseTo(1, 9)
  expect(fisher(0, 50, 0, 70)).toBeCloseTo(1, 9)
})

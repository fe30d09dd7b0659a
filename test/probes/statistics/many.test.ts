import fc from 'fast-check'
import { expect, test } from 'vitest'
import { holm } from '../../../src/probes/statistics/many.ts'

test("Holm's procedure, in the order given", () => {
  // p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") in R.
  const expected = [0.03, 0.06, 0.06, 0.02]
  for (const [index, p] of holm([0.01, 0.04, 0.03, 0.005]).entries()) expect(p).toBeCloseTo(expected[index] ?? 0, 12)
  expect(holm([])).toEqual([])
  expect(holm([0.5, 0.9])).toEqual([1, 1])
})

test('never smaller than the p-value, never larger than Bonferroni, and in the same order', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 60 }), (ps) => {
      const corrected = holm(ps)
      for (const [index, p] of ps.entries()) {
        const one = corrected[index] ?? Number.NaN
        expect(one).toBeGreaterThanOrEqual(p)
        expect(one).toBeLessThanOrEqual(Math.min(1, p * ps.length))
        for (const [other, q] of ps.entries())
          if (p < q) expect(one).toBeLessThanOrEqual(corrected[other] ?? Number.NaN)
      }
    }),
  )
})

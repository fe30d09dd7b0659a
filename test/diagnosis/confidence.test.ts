import fc from 'fast-check'
import { expect, test } from 'vitest'
import { confidenceOf } from '../../src/diagnosis/confidence.ts'
import { confidences, type Point } from '../../src/diagnosis/diagnosis.ts'

const points = (...holds: Point['holds'][]): Point[] => holds.map((one) => ({ claim: '', holds: one, figure: '' }))

test.each([
  [points('true', 'true', 'true'), true, 'certain'],
  [points('true', 'true', 'true'), false, 'likely'],
  [points('true', 'true', 'unknown'), true, 'likely'],
  [points('true', 'true', 'false'), true, 'likely'],
  [points('true', 'unknown'), true, 'possible'],
  [points('true', 'false', 'unknown'), true, null],
  [points('unknown', 'unknown'), true, null],
  [points(), true, null],
] as const)('%j measured: %s: %s', (given, measured, expected) => {
  expect(confidenceOf(given, measured)).toBe(expected)
})

test('what is unknown never makes surer: learning that it holds does not make less sure, that it does not hold not more', () => {
  const rank = (one: (typeof confidences)[number] | null) =>
    one === null ? confidences.length : confidences.indexOf(one)
  const holds = fc.constantFrom('true' as const, 'false' as const, 'unknown' as const)
  fc.assert(
    fc.property(fc.array(holds, { minLength: 1, maxLength: 9 }), fc.boolean(), (given, measured) => {
      const at = given.indexOf('unknown')
      fc.pre(at >= 0)
      const now = rank(confidenceOf(points(...given), measured))
      expect(rank(confidenceOf(points(...given.with(at, 'true')), measured))).toBeLessThanOrEqual(now)
      expect(rank(confidenceOf(points(...given.with(at, 'false')), measured))).toBeGreaterThanOrEqual(now)
    }),
  )
})

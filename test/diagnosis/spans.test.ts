import fc from 'fast-check'
import { expect, test } from 'vitest'
import { joined, lengthMs, touches } from '../../src/diagnosis/spans.ts'

const watched = { fromMs: 0, untilMs: 1_000 }
const span = fc
  .tuple(fc.integer({ min: -200, max: 1_200 }), fc.nat(300))
  .map(([from, length]) => [from, from + length] as const)

test('joined spans hold the same moments, apart from each other and in order; touches finds them', () => {
  fc.assert(
    fc.property(
      fc.array(span, { maxLength: 20 }),
      fc.integer({ min: 0, max: 1_000 }),
      fc.nat(100),
      (spans, at, length) => {
        const whole = joined(spans, watched)
        for (const [index, [from, until]] of whole.entries()) {
          expect(from).toBeLessThanOrEqual(until)
          if (index > 0) expect(from).toBeGreaterThan(whole[index - 1]?.[1] ?? 0)
        }
        const until = Math.min(1_000, at + length)
        expect(touches(whole, at, until)).toBe(spans.some(([from, end]) => from <= until && end >= at))
      },
    ),
  )
})

test('length of what is covered, once', () => {
  expect(
    lengthMs(
      joined(
        [
          [0, 10],
          [5, 20],
          [900, 2_000],
        ],
        watched,
      ),
    ),
  ).toBe(120)
})

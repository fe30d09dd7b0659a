import fc from 'fast-check'
import { expect, test } from 'vitest'
import { timeAxis } from '../../../src/report/html/time-axis.ts'

const at22 = Date.UTC(2026, 10, 21, 22)
const minutes = (count: number) => count * 60_000

test('a night between two evenings of work is cut short, and the clock goes on under it', () => {
  const night = { fromMs: at22 + minutes(20), untilMs: at22 + minutes(620) }
  const axis = timeAxis({ fromMs: at22, untilMs: at22 + minutes(640) }, [night], 8)
  expect(axis.at(night.fromMs)).toBe(minutes(20))
  expect(axis.at(night.untilMs)).toBe(minutes(20 + 40 * 0.04))
  expect(axis.length).toBe(minutes(40 * 1.04))
  expect(axis.ticks.map(({ label }) => label)).toEqual(['22:00', '22:10', '22:20', '08:30', '08:40'])
})

test('a short pause is drawn as long as it was', () => {
  const pause = { fromMs: at22 + 50_000, untilMs: at22 + 54_000 }
  const axis = timeAxis({ fromMs: at22, untilMs: at22 + 98_000 }, [pause], 8)
  expect(axis.length).toBe(98_000)
  expect(axis.ticks.map(({ label }) => label)).toEqual([
    '22:00:00',
    '22:00:15',
    '22:00:30',
    '22:00:45',
    '22:01:00',
    '22:01:15',
    '22:01:30',
  ])
})

test('later is never further left, and every tick lies on the axis', () => {
  const parts = fc.array(fc.integer({ min: 1, max: minutes(3000) }), { minLength: 1, maxLength: 9 })
  fc.assert(
    fc.property(parts, fc.array(fc.double({ min: -0.5, max: 1.5, noNaN: true })), (lengths, shares) => {
      const edges = [at22]
      for (const length of lengths) edges.push((edges.at(-1) ?? at22) + length)
      const pauses = edges.flatMap((fromMs, index) => {
        const untilMs = edges[index + 1]
        return index % 2 === 1 && untilMs !== undefined ? [{ fromMs, untilMs }] : []
      })
      const whole = { fromMs: at22, untilMs: edges.at(-1) ?? at22 }
      const axis = timeAxis(whole, pauses, 8)
      const times = shares.map((share) => at22 + share * (whole.untilMs - at22)).toSorted((a, b) => a - b)
      const places = times.map((ms) => axis.at(ms))
      for (const [index, place] of places.entries()) {
        expect(place).toBeGreaterThanOrEqual(Math.max(0, (places[index - 1] ?? 0) - 1e-6))
        expect(place).toBeLessThanOrEqual(axis.length + 1e-6)
      }
      for (const tick of axis.ticks) expect(tick.at).toBeLessThanOrEqual(axis.length + 1e-6)
      expect(axis.ticks.length).toBeLessThanOrEqual(17)
    }),
  )
})

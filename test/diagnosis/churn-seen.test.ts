import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cronJobShares, together } from '../../src/diagnosis/churn-seen.ts'
import { cronChurn, fromMs, healthy } from './support/evidence.ts'

const evidence = healthy()
const failures = (...seconds: number[]) =>
  seconds.map((second) => ({ atMs: fromMs + second * 1000, durationMs: 1, outcome: 'refused' as const }))
const one = (some: ReturnType<typeof failures>, eventsMs: number[], seenAfterMs = 1_000) =>
  together([{ failures: some, eventsMs, seenAfterMs }], evidence)
const at = (...seconds: number[]) => seconds.map((second) => fromMs + second * 1000)

test('failures around events, against the share of time that is around one', () => {
  const { failures: share, time, holds } = one(failures(10, 11, 12, 30, 31, 50), at(10, 30))
  expect(share).toBeCloseTo(5 / 6)
  // From 1.5 s before until 3 s after, twice, of a minute.
  expect(time).toBeCloseTo(9 / 60)
  expect(holds).toBe(true)
})

test('failures elsewhere are not together', () => {
  expect(one(failures(20, 21, 22, 23, 24), at(10, 30)).holds).toBe(false)
})

test('each pair by the events of its own nodes', () => {
  const apart = together(
    [
      { failures: failures(10, 11, 12), eventsMs: at(10), seenAfterMs: 0 },
      { failures: failures(40, 41), eventsMs: at(10), seenAfterMs: 0 },
    ],
    evidence,
  )
  expect(apart.failures).toBeCloseTo(3 / 5)
})

test('an event that is seen late may have come first', () => {
  expect(one(failures(5, 6, 7, 8, 9), at(10), 1_000).failures).toBeCloseTo(1 / 5)
  expect(one(failures(5, 6, 7, 8, 9), at(10), 5_000).failures).toBe(1)
})

test('too few failures, or events all the time: it cannot be told', () => {
  expect(one(failures(10, 11, 12, 13), at(10)).holds).toBeUndefined()
  const always = Array.from({ length: 30 }, (_, index) => 2 * index)
  expect(one(failures(1, 2, 3, 4, 5, 6), at(...always)).holds).toBeUndefined()
})

test('failures that are spread evenly over the time are never together with anything', () => {
  const even = failures(...Array.from({ length: 120 }, (_, index) => index / 2))
  fc.assert(
    fc.property(fc.array(fc.nat(60_000), { maxLength: 30 }), (events) => {
      const eventsMs = events.map((after) => fromMs + after)
      expect(one(even, eventsMs).holds).not.toBe(true)
    }),
  )
})

test('shares of the pods that came and went; modified ones and those of no CronJob are not theirs', () => {
  const churn = [
    ...cronChurn('a', 'often', 10),
    ...cronChurn('a', 'seldom', 30),
    { ...(cronChurn('x', 'y', 60)[0] ?? ({} as never)), owner: 'ReplicaSet/web' },
    { ...(cronChurn('a', 'often', 60)[0] ?? ({} as never)), verb: 'modified' as const },
  ]
  const shares = cronJobShares({ ...evidence, churn })
  expect(shares.map(({ name, changes }) => [name, changes])).toEqual([
    ['a/often', 12],
    ['a/seldom', 4],
  ])
  expect(shares[0]?.share).toBeCloseTo(12 / 17)
})

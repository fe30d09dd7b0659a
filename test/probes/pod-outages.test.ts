import { expect, test } from 'vitest'
import { outagesOf } from '../../src/probes/outage.ts'
import { podOutages } from '../../src/probes/pod-outages.ts'

/** One attempt each half second for 30 s; the pair is cut off from `from` to `to`, in seconds. */
const attempts = (id: string, from: number, to: number) =>
  Array.from({ length: 60 }, (_, n) => ({
    ...{ id, atMs: n * 500, durationMs: 5, said: null, firstByteMs: null },
    outcome: n * 0.5 >= from && n * 0.5 < to ? ('timeout' as const) : ('ok' as const),
  }))

test('interruptions that overlap count once, others add up; whoever is not a pod does not count', () => {
  const pairs = outagesOf([
    ...attempts('shop/a>shop/b:80', 10, 12),
    ...attempts('node:s1>shop/b:80', 11, 14),
    ...attempts('shop/c>shop/b:81', 20, 21),
    ...attempts('shop/a>service:shop/b:80', 10, 20),
    ...attempts('shop/a>shop/c:80', 40, 40),
    ...attempts('shop/b>shop/gone:80', 25, 40),
    // A policy forbids it.
    ...attempts('shop/b>shop/shut:80', 0, 40),
  ])
  expect(podOutages(pairs)).toEqual([
    { pod: 'shop/b', totalMs: 5_000, longestMs: 4_000, failedAttempts: 12, isBack: true },
    { pod: 'shop/gone', totalMs: 4_505, longestMs: 4_505, failedAttempts: 10, isBack: false },
    { pod: 'shop/c', totalMs: 0, longestMs: 0, failedAttempts: 0, isBack: true },
  ])
})

import { expect, test } from 'vitest'
import { burstsOf, type SeriesAttempt, summarizeBursts } from '../../../src/probes/statistics/bursts.ts'

/** Every half second; `x` is refused after 3 ms, `t` times out after 400 ms. */
const series = (text: string): SeriesAttempt[] =>
  [...text].map((one, at): SeriesAttempt => {
    const atMs = at * 500
    return one === 'x' ? [atMs, 3, 'refused', null] : one === 't' ? [atMs, 400, 'timeout', null] : [atMs, 1, 'ok', null]
  })
const isBad = ([, , outcome]: SeriesAttempt) => outcome !== 'ok'

test('a burst lasts until the next good attempt begins', () => {
  expect(burstsOf(series('ooxxxooto'), isBad)).toEqual([
    { startMs: 1000, lengthMs: 1500, attempts: 3, cut: false },
    { startMs: 3500, lengthMs: 500, attempts: 1, cut: false },
  ])
})

test('one at either end was longer than was seen', () => {
  expect(burstsOf(series('xoott'), isBad)).toEqual([
    { startMs: 0, lengthMs: 500, attempts: 1, cut: true },
    { startMs: 1500, lengthMs: 900, attempts: 2, cut: true },
  ])
})

test('lengths and the gaps between', () => {
  const summary = summarizeBursts(burstsOf(series('oxoooxxxoooooxo'), isBad))
  expect(summary).toEqual({ bursts: 3, longestMs: 1500, medianMs: 500, medianGapMs: 1500 })
  expect(summarizeBursts(burstsOf(series('ooo'), isBad))).toBeNull()
  expect(summarizeBursts(burstsOf(series('oxo'), isBad))?.medianGapMs).toBeNull()
})

import { expect, test } from 'vitest'
import {
  beganMs,
  deniedPairs,
  expectedPairs,
  isAnswered,
  isAtOnce,
  isIntermittent,
  seen,
} from '../../src/diagnosis/seen-pairs.ts'
import { type Behaviour, fromMs, healthy, inBursts, refused, series, untilMs, works } from './support/evidence.ts'

const pairOf = (behaviour: Behaviour) =>
  seen(series({ from: 'a/x', fromNode: 's1', to: 'b/y', toNode: 's2' }, behaviour))

test('what policies deny is not expected to work; what cannot be asked is', () => {
  const evidence = healthy()
  const [first] = evidence.series
  if (first) evidence.series.push({ ...first, id: 'asked', allowed: null })
  expect(expectedPairs(evidence).some(({ series: { id } }) => id === 'asked')).toBe(true)
  expect(deniedPairs(evidence)).toHaveLength(2)
  expect(expectedPairs(evidence)).toHaveLength(evidence.series.length - 2)
})

test('works, never works, works by turns', () => {
  expect([works, refused, inBursts(10_000, 1_000)].map((one) => isIntermittent(pairOf(one)))).toEqual([
    false,
    false,
    true,
  ])
})

test('without its network namespace nothing was tried', () => {
  const pair = pairOf((after) => (after < 30_000 ? [0, 'no-netns'] : [2, 'ok']))
  expect(pair).toMatchObject({ tried: 60, failures: [] })
})

test.each([
  [{ atMs: 0, durationMs: 1, outcome: 'refused' }, true, true],
  [{ atMs: 0, durationMs: 1_020, outcome: 'unreachable' }, true, false],
  [{ atMs: 0, durationMs: 1, outcome: 'timeout' }, false, false],
  [{ atMs: 0, durationMs: 1, outcome: 'reset' }, false, false],
] as const)('%j: with an error %s, at once %s', (failure, answered, atOnce) => {
  expect([isAnswered(failure), isAtOnce(failure)]).toEqual([answered, atOnce])
})

test('failing began when it was quiet at first for longer than ever since', () => {
  const evidence = { fromMs, untilMs }
  expect(beganMs([pairOf(inBursts(15_000, 7_000))], evidence)).toBeNull()
  expect(
    beganMs([pairOf((after) => (after >= 40_000 && after % 4_000 < 2_000 ? [1, 'refused'] : [2, 'ok']))], evidence),
  ).toBe(fromMs + 40_000)
  // Once, and never again: whether it will come back is not known.
  expect(beganMs([pairOf((after) => (after === 20_000 ? [1, 'refused'] : [2, 'ok']))], evidence)).toBeNull()
  expect(beganMs([], evidence)).toBeNull()
})

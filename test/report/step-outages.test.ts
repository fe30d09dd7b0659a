import { expect, test } from 'vitest'
import type { JournalEntry } from '../../src/engine/records.ts'
import { outagesOf } from '../../src/probes/outage.ts'
import { stepOutages } from '../../src/report/step-outages.ts'
import { planFixture } from './plan-fixture.ts'

const t0 = Date.UTC(2026, 10, 21, 22)
const started = (stepId: string, second: number): JournalEntry => ({
  ...{ seq: 0, prev: '0'.repeat(64), kind: 'step-started' },
  time: new Date(t0 + second * 1000).toISOString(),
  stepId,
})
const undoing = (stepId: string, second: number): JournalEntry => ({
  ...{ seq: 0, prev: '0'.repeat(64), kind: 'undo-intent', taskId: 't', target: 's1', intent: 0 },
  time: new Date(t0 + second * 1000).toISOString(),
  stepId,
})
const journal = [started('stop-servers', 0), started('set-flags', 10), started('recreate-pods', 20)]

/** One attempt each half second for 30 s; the pair is cut off from `from` to `to`, in seconds. */
function attempts(id: string, from: number, to: number) {
  return Array.from({ length: 60 }, (_, n) => ({
    ...{ id, atMs: t0 + n * 500, durationMs: 5, said: null, firstByteMs: null },
    outcome: n * 0.5 >= from && n * 0.5 < to ? ('timeout' as const) : ('ok' as const),
  }))
}

test('an interruption belongs to the step in which it began, announced or not; that the pair was interrupted before the run too is told', () => {
  const pairs = outagesOf([...attempts('a>b:80', 21, 26), ...attempts('a>c:80', 12, 13), ...attempts('c>b:80', 25, 25)])
  const rows = stepOutages(planFixture, journal, pairs, ['a>b:80'])
  expect(rows.map(({ stepId, expectedMs, pairs }) => [stepId, expectedMs, pairs])).toEqual([
    ['stop-servers', 40_000, []],
    ['set-flags', 0, [{ pair: 'a>c:80', ms: 1000, beforehand: false }]],
    ['purge-kube-router', 75_000, []],
    ['recreate-pods', 7000, [{ pair: 'a>b:80', ms: 5000, beforehand: true }]],
  ])
})

test('an interruption that began while a step was undone stands behind the steps', () => {
  const pairs = outagesOf([...attempts('a>b:80', 12, 13), ...attempts('a>c:80', 21, 23)])
  const back = [...journal.slice(0, 2), undoing('set-flags', 20), undoing('stop-servers', 25)]
  const rows = stepOutages(planFixture, back, pairs, []).filter((row) => row.pairs?.length)
  expect(rows.map(({ stepId, pairs: own }) => [stepId, own])).toEqual([
    ['set-flags', [{ pair: 'a>b:80', ms: 1000, beforehand: false }]],
    ['undoing set-flags', [{ pair: 'a>c:80', ms: 2000, beforehand: false }]],
  ])
})

test('what was not measured is not said to be none', () => {
  expect(stepOutages(planFixture, journal, [], []).map((row) => row.pairs)).toEqual([null, null, null])
})

test('the API that is away by announcement is no surprise of the step in which a pair notices it', () => {
  const lasts = { targets: 1, until: 'settled', wayBack: { from: 'start', until: 'whole' } }
  const steps = planFixture.steps.map((step) =>
    step.stepId === 'stop-servers' ? { ...step, outage: { what: 'the API', expectedMs: 40_000, lasts } } : step,
  )
  const intent: JournalEntry = {
    ...{
      seq: 1,
      prev: '0'.repeat(64),
      kind: 'intent',
      taskId: 't',
      stepId: 'stop-servers',
      target: 's1',
      change: null,
    },
    ...{ undo: { how: 'so' }, time: new Date(t0 + 5_000).toISOString() },
  }
  const pairs = outagesOf([
    ...attempts('a>service:default/kubernetes:443', 12, 14),
    ...attempts('a>service:default/web:80', 12, 14),
  ])
  const rows = stepOutages({ ...planFixture, steps }, [intent, ...journal.slice(1)], pairs, []).filter(
    ({ pairs: own }) => own?.length,
  )
  expect(rows.map(({ stepId, pairs: own }) => [stepId, own])).toEqual([
    ['stop-servers', [{ pair: 'a>service:default/kubernetes:443', ms: 2000, beforehand: false }]],
    ['set-flags', [{ pair: 'a>service:default/web:80', ms: 2000, beforehand: false }]],
  ])
})

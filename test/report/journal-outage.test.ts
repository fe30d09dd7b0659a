import { expect, test } from 'vitest'
import type { JournalEntry, JournalRecord } from '../../src/engine/records.ts'
import { interruptions } from '../../src/report/journal-outage.ts'

const span = { targets: 2, until: 'settled', wayBack: { from: 'start', until: 'whole' } }

/** One record a second. */
const journal = (...records: JournalRecord[]): JournalEntry[] =>
  records.map((record, seq) => ({ seq, time: new Date(seq * 1000).toISOString(), prev: '0'.repeat(64), ...record }))
const intent = (stepId: string, target: string): JournalRecord => ({
  ...{ kind: 'intent', taskId: `${stepId}_${target}`, stepId, target },
  ...{ change: null, undo: { how: 'so' } },
})
const done = (stepId: string, target: string, of: number): JournalRecord => ({
  ...{ kind: 'done', taskId: `${stepId}_${target}`, stepId, target, intent: of },
})
const undoing = (stepId: string, target: string, of: number): JournalRecord => ({
  ...{ kind: 'undo-intent', taskId: 'u', stepId, target, intent: of },
})
const undone = (stepId: string, target: string, of: number): JournalRecord => ({
  ...{ kind: 'undone', taskId: 'u', stepId, target, intent: of },
})
const passed: JournalRecord = { kind: 'gate-passed', stepId: 'settled', findings: [] }
const seen = (...records: JournalRecord[]) =>
  interruptions('stop', span, journal(...records)).map(({ startMs, endMs, wayBack }) => [startMs, endMs, wayBack])

test('from the intent for the second target to the gate', () => {
  const forward = [intent('stop', 'a'), done('stop', 'a', 0), intent('stop', 'b'), done('stop', 'b', 2)]
  expect(seen(...forward)).toEqual([[2000, null, false]])
  expect(seen(...forward, intent('stop', 'c'), intent('start', 'a'), passed)).toEqual([[2000, 6000, false]])
})

test('a first target that was tried twice is one target', () => {
  expect(seen(intent('stop', 'a'), intent('stop', 'a'), passed)).toEqual([])
})

test('killed in between and resumed: the time in which nobody was there counts', () => {
  expect(
    seen(intent('stop', 'a'), intent('stop', 'b'), { kind: 'resumed', operator: 'o' }, intent('stop', 'b'), passed),
  ).toEqual([[1000, 4000, false]])
})

test('going back from the end: from undoing the start for two to all of it undone', () => {
  expect(
    seen(
      ...[intent('whole', 'cluster'), intent('stop', 'a'), intent('stop', 'b'), passed],
      ...[undoing('start', 'a', 9), undoing('start', 'b', 9), undone('start', 'a', 9)],
      ...[undoing('whole', 'cluster', 0), undone('whole', 'cluster', 0)],
    ),
  ).toEqual([
    [2000, 3000, false],
    [5000, 8000, true],
  ])
})

test('going back from the middle of it: one interruption, begun on the way forward', () => {
  expect(
    seen(
      ...[intent('whole', 'cluster'), intent('stop', 'a'), intent('stop', 'b'), undoing('start', 'a', 9)],
      ...[undoing('start', 'b', 9), undone('stop', 'b', 2), undone('whole', 'cluster', 0)],
    ),
  ).toEqual([[2000, 6000, false]])
})

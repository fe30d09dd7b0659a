import { expect, test } from 'vitest'
import type { JournalEntry, JournalRecord } from '../../src/engine/records.ts'
import { activeMs, runStory } from '../../src/report/run-story.ts'
import { planFixture } from './plan-fixture.ts'

/** One record a second. */
const journal = (...records: JournalRecord[]): JournalEntry[] =>
  records.map((record, seq) => ({
    ...{ seq, prev: '0'.repeat(64), time: new Date(seq * 1000).toISOString() },
    ...record,
  }))
const about = (stepId: string, target: string) => ({ taskId: `${stepId}_${target}`, stepId, target })
const intent = (stepId: string, target: string): JournalRecord => ({
  ...{ kind: 'intent', ...about(stepId, target), change: null, undo: { how: 'so' } },
})
const ended = (kind: 'done' | 'undone' | 'undo-intent', stepId: string, target: string, of = 0): JournalRecord => ({
  ...{ kind, ...about(stepId, target), intent: of },
})
const failed = (inDoubt: boolean): JournalRecord => ({
  ...{ kind: 'failed', ...about('stop-servers', 's1'), intent: 0, error: 'no answer', inDoubt },
})
const resumed: JournalRecord = { kind: 'resumed', operator: 'op@desk' }
const tasks = (...records: JournalRecord[]) =>
  runStory(planFixture, journal(...records)).tasks.map(({ target, end, startMs, endMs }) => [
    target,
    end,
    startMs,
    endMs,
  ])

test('tasks of several targets at a time, each from its intent to its outcome', () => {
  expect(tasks(intent('a', 's1'), intent('a', 's2'), ended('done', 'a', 's2'), ended('done', 'a', 's1'))).toEqual([
    ['s1', 'done', 0, 3000],
    ['s2', 'done', 1000, 2000],
  ])
})

test('a task of which nothing more was heard is in doubt until it was looked at, tried again, or the end', () => {
  const found: JournalRecord = { kind: 'found-done', stepId: 'a', target: 's1', intent: 0 }
  expect(tasks(intent('a', 's1'), resumed, found)).toEqual([['s1', 'in-doubt', 0, 2000]])
  expect(tasks(intent('a', 's1'), resumed, intent('a', 's1'), ended('done', 'a', 's1', 2))).toEqual([
    ['s1', 'in-doubt', 0, 2000],
    ['s1', 'done', 2000, 3000],
  ])
  expect(tasks(intent('a', 's1'), resumed)).toEqual([['s1', 'in-doubt', 0, 1000]])
})

test('failures keep their error, and undoing is told beside doing', () => {
  const story = runStory(
    planFixture,
    journal(
      intent('stop-servers', 's1'),
      failed(false),
      ended('undo-intent', 'stop-servers', 's1'),
      ended('undone', 'stop-servers', 's1'),
    ),
  )
  expect(story.tasks.map(({ end, error }) => [end, error])).toEqual([
    ['failed', 'no answer'],
    ['undone', null],
  ])
  expect(tasks(intent('stop-servers', 's1'), failed(true))).toEqual([['s1', 'in-doubt', 0, 1000]])
})

test('a step lasts to its checkpoint; begun again after a resume it is another try; skipped it lasts no time', () => {
  const started = (stepId: string): JournalRecord => ({ kind: 'step-started', stepId })
  const { steps } = runStory(
    planFixture,
    journal(
      ...[started('stop-servers'), intent('stop-servers', 's1'), resumed, started('stop-servers')],
      ...([
        { kind: 'checkpoint', stepId: 'stop-servers' },
        { kind: 'skipped', stepId: 'set-flags', by: 'op' },
      ] as const),
    ),
  )
  expect(steps.map(({ stepId, end, startMs, endMs }) => [stepId, end, startMs, endMs])).toEqual([
    ['stop-servers', 'open', 0, 1000],
    ['stop-servers', 'done', 3000, 4000],
    ['set-flags', 'skipped', 5000, 5000],
  ])
  expect(steps[0]?.phaseId).toBe(planFixture.steps.find(({ stepId }) => stepId === 'stop-servers')?.phaseId)
})

test('a pause says why it was, and that it was killed when it said nothing', () => {
  const story = runStory(
    planFixture,
    journal(
      intent('a', 's1'),
      resumed,
      { kind: 'stopped', reason: 'stopped before: b' },
      resumed,
      { kind: 'run-finished' },
      resumed,
    ),
  )
  expect(activeMs(story)).toBe(2000)
  expect(story.pauses).toEqual([
    { fromMs: 0, untilMs: 1000, reason: null },
    { fromMs: 2000, untilMs: 3000, reason: 'stopped before: b' },
    { fromMs: 4000, untilMs: 5000, reason: 'the run was finished' },
  ])
})

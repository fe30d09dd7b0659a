import { expect, test } from 'vitest'
import { foldState } from '../../src/engine/fold.ts'
import type { JournalEntry, JournalRecord } from '../../src/engine/records.ts'
import { rollbackSteps } from '../../src/engine/rollback.ts'
import { lockName } from '../../src/operations/controlled-test.ts'
import { rollbackText, statusText } from '../../src/report/status-text.ts'
import { planFixture } from './plan-fixture.ts'

function stateOf(records: readonly JournalRecord[]) {
  const entries = records.map((record, seq): JournalEntry => {
    return { seq, time: '2026-11-21T22:00:00.000Z', prev: '0'.repeat(64), ...record }
  })
  return foldState(entries)
}

const undo = { how: 'K3s is started again' }
const begun: JournalRecord = {
  kind: 'run-started',
  runId: 'r2',
  planId: planFixture.id,
  planDigest: 'a'.repeat(64),
  runbook: planFixture.runbook,
  params: {},
  operator: 'alice@laptop',
}
const half = stateOf([
  begun,
  { kind: 'checkpoint', stepId: 'check-etcd' },
  { kind: 'step-started', stepId: 'stop-agents' },
  { kind: 'intent', taskId: 't1', stepId: 'stop-agents', target: 'a1', change: {}, undo },
  { kind: 'stopped', reason: 'the connection to a1 was lost' },
])
const noted = stateOf([
  begun,
  { kind: 'intent', taskId: 't1', stepId: 'stop-agents', target: 'a1', change: {}, undo },
  { kind: 'noted', stepId: 'stop-agents', target: 'a1', key: 'a1 7', message: 'a1: its guard fired \u001b[2J' },
])
const finished = stateOf([{ ...begun, runId: 'r1' }, { kind: 'run-finished' }])

const lock = {
  ...{ nonce: 'n-1', runId: 'r2', cluster: 'home', user: 'alice', host: 'laptop', pid: 7, bootId: 'b' },
  since: '2026-11-21T22:00:00.000Z',
}

test('status: each run, where it stands, what can be done, which checkpoints, who holds the lock', () => {
  const runs = [
    { runId: 'r2', dir: '/r2', state: half },
    { runId: 'r1', dir: '/r1', state: finished },
  ]
  const text = statusText('home', runs, lock, 160)
  expect(text).toMatch(/r2 .*unfinished, 1 of its tasks in doubt .*migrate resume, migrate rollback/)
  expect(text).toMatch(/r1 .*finished/)
  expect(text).toContain('  check-etcd\n')
  expect(text).toContain('Locked by alice@laptop (process 7)')
  expect(text).toContain('nonce n-1')
})

test('status: the lock that a controlled test has left, and what ends it, before there is a run too', () => {
  const text = statusText('home', [], { ...lock, runId: lockName }, 160)
  expect(text).toContain('No run of home yet')
  expect(text).toMatch(/Locked by alice@laptop .*migrate diagnose --restore/)
})

test('status: what happened besides in the run that can be gone on with', () => {
  const text = statusText('home', [{ runId: 'r2', dir: '/r2', state: noted }], null, 160)
  expect(text).toContain('  2026-11-21T22:00:00.000Z a1: its guard fired \\x1b[2J\n')
})

test('rollback: what is undone, where and how, before it is done', () => {
  const steps = rollbackSteps(planFixture, half, null)
  expect(rollbackText('r2', planFixture, steps, null)).toBe(
    'Rolling back run r2 wholly undoes, in this order:\n  stop-agents on a1: K3s is started again\n',
  )
  expect(rollbackText('r2', planFixture, [], 'check-etcd')).toContain('nothing is left to undo')
})

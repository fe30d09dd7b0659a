import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import type { EngineEvent } from '../../src/engine/events.ts'
import { eventLineSchema, jsonRenderer } from '../../src/report/json-renderer.ts'
import { liveRenderer } from '../../src/report/live-renderer.ts'
import { outageTable } from '../../src/report/outage-table.ts'
import { plainRenderer } from '../../src/report/plain-renderer.ts'
import { planFixture } from './plan-fixture.ts'

const [gate, record, , servers] = planFixture.steps
if (!gate || !record || !servers) throw new Error('fixture')
const stepId = servers.stepId

/** A run that meets everything a run can meet. Each event stands for one moment of the clock, 4 s apart. */
const story: EngineEvent[] = [
  { kind: 'run-started', runId: 'r1', plan: planFixture, resumed: true },
  { kind: 'lock-taken', places: ['lock', 'node s1'], unasked: ['lease'], tookOver: true },
  { kind: 'journal-mended', line: 12, asideName: 'journal.torn-1' },
  { kind: 'step-started', step: gate },
  ...Array.from({ length: 6 }, (_, n): EngineEvent => {
    const findings = [{ level: 'blocks' as const, title: 'etcd', target: 's2', detail: 'does not vote' }]
    return { kind: 'gate-waiting', stepId: gate.stepId, remainingMs: 60_000 - n * 4000, findings }
  }),
  { kind: 'gate-passed', stepId: gate.stepId, findings: [{ level: 'warns', title: 'Disk', detail: 'slow' }] },
  { kind: 'checkpoint', stepId: gate.stepId },
  { kind: 'step-started', step: record },
  { kind: 'recorded', stepId: record.stepId, name: 'before', file: 'records/before.json' },
  { kind: 'checkpoint', stepId: record.stepId },
  { kind: 'step-asked', step: servers },
  { kind: 'step-answered', stepId, answer: 'go' },
  { kind: 'step-started', step: servers },
  { kind: 'task-in-doubt', stepId, target: 's1' },
  { kind: 'task-started', stepId, target: 's1', taskId: 't1', summary: 'stop k3s.service', timeoutMs: 120_000 },
  { kind: 'task-said', stepId, target: 's1', message: 'deactivating \u001b[2J' },
  { kind: 'task-done', stepId, target: 's1', durationMs: 7240 },
  { kind: 'task-found-done', stepId, target: 's2' },
  { kind: 'drift', stepId, target: 's3', moved: [{ path: '$.unit', before: 'k3s', now: undefined }] },
  { kind: 'stop-requested' },
  { kind: 'task-started', stepId, target: 's3', taskId: 't3', summary: 'stop k3s.service', timeoutMs: 120_000 },
  { kind: 'task-failed', stepId, target: 's3', error: 'connection lost', inDoubt: true },
  { kind: 'stopped', reason: 'stopped before: Stop K3s on the servers' },
  { kind: 'rollback-started', runId: 'r1', to: null, steps: [{ stepId, targets: ['s3', 's1'] }] },
  { kind: 'undo-started', stepId, target: 's3', taskId: 'u3', how: 'K3s is started', timeoutMs: 60_000 },
  { kind: 'undo-done', stepId, target: 's3', durationMs: 900 },
  { kind: 'undo-started', stepId, target: 's1', taskId: 'u1', how: 'K3s is started', timeoutMs: 60_000 },
  { kind: 'undo-failed', stepId, target: 's1', error: 'exit 1', inDoubt: false },
  { kind: 'rollback-finished', to: null },
  { kind: 'step-skipped', stepId: 'recreate-pods' },
  { kind: 'run-finished' },
]

function clock() {
  let ms = Date.UTC(2026, 10, 21, 22, 0, 0) - 4000
  return { tick: () => (ms += 4000), now: () => ms }
}

test('plain: one timestamped line for each thing; a wait says for what and how long, and is repeated seldom', async () => {
  const { tick, now } = clock()
  let text = ''
  const renderer = plainRenderer((part) => (text += part), now)
  for (const event of story) {
    tick()
    renderer.handle(event)
  }
  await expect(text).toMatchFileSnapshot('golden/run-plain.txt')
  expect(text.split('\n').every((line) => line === '' || /^\d\d:\d\d:\d\d {2}/.test(line))).toBe(true)
  expect(text.match(/waiting: /g)).toHaveLength(2)
  expect(text).not.toContain('\u001b')
})

test('json: one event a line, each by its schema; diffs are left to the plan', () => {
  const lines: string[] = []
  const { tick, now } = clock()
  const renderer = jsonRenderer((line) => lines.push(line), now)
  for (const event of story) {
    tick()
    renderer.handle(event)
  }
  expect(lines).toHaveLength(story.length)
  expect(lines.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true)
  const kinds = lines.map((line) => JSON.parse(line).kind)
  expect(kinds).toEqual(story.map(({ kind }) => kind))
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ runId: 'r1', planId: planFixture.id, steps: expect.any(Array) })
  expect(lines.join('')).not.toContain('KUBE-POD-FW')
})

test('json: the story has every kind of event, and what is not by the schema is refused', () => {
  const told = new Set(story.map(({ kind }) => kind))
  for (const kind of told) {
    expect(() => eventLineSchema(kind).parse({ kind, time: '2026-11-21T22:00:00.000Z', surplus: 1 })).toThrow()
  }
  expect(told.size).toBe(26)
})

test('live: each step ends as a list of how its targets ended, and the cursor is given back', async () => {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 120, rows: 40 })
  let text = ''
  stream.on('data', (part: Buffer) => {
    text += part.toString()
  })
  const renderer = liveRenderer(stream as unknown as NodeJS.WriteStream, Date.now)
  for (const event of story) renderer.handle(event)
  await renderer.close()
  const shown = stripVTControlCharacters(text)
  for (const line of ['✔ s1: done after 7.2 s', '✔ s2: already so', '✖ s3: NOT KNOWN how it ended: connection lost']) {
    expect(shown).toContain(line)
  }
  expect(shown).toContain('✔ before kept in records/before.json')
  expect(shown).toContain('✖ s1: undoing FAILED: exit 1')
  expect(shown.trimEnd().endsWith('the run is finished')).toBe(true)
  expect(text).not.toContain('\u001b[2J')
  expect(text.lastIndexOf('\u001b[?25h')).toBeGreaterThan(text.lastIndexOf('\u001b[?25l'))
})

test('the outage table: expected beside measured, the longest pairs, what was not measured', () => {
  const pairs = Array.from({ length: 7 }, (_, n) => ({
    pair: `a/p${n} -> b/q`,
    ms: 1000 * (n + 1),
    beforehand: n === 5,
  }))
  expect(
    outageTable(
      [
        {
          ...{ stepId: 'stop-servers', what: 'control plane', expectedMs: 40_000, pairs: null },
          lasted: [
            { startMs: 1000, endMs: 22_000, wayBack: false },
            { startMs: 90_000, endMs: 140_000, wayBack: true },
          ],
        },
        { stepId: 'recreate-pods', what: 'pod to pod', expectedMs: 6000, lasted: null, pairs },
        { stepId: 'purge', what: 'policies', expectedMs: 1000, lasted: null, pairs: [] },
      ],
      150,
      2,
    ),
  ).toEqual([
    'step           announced      expected  lasted                                   between pods                              pair',
    'stop-servers   control plane  40 s      21 s                                     not measured',
    '                                        50 s (longer than expected), going back',
    'recreate-pods  pod to pod     6 s                                                7 s (longer than expected)                a/p6 -> b/q',
    '                                                                                 6 s (was interrupted before the run too)  a/p5 -> b/q',
    '                                                                                 and 5 more, none longer',
    'purge          policies       1 s                                                none seen',
  ])
})

test('the outage table: pods that were cut off where none was expected to be are marked', () => {
  const lasted = [{ startMs: 0, endMs: null, wayBack: false }]
  const pairs = [{ pair: 'a -> b', ms: 900, beforehand: false }]
  expect(outageTable([{ stepId: 'stop', what: 'API', expectedMs: 60_000, lasted, pairs }], 120)[1]).toBe(
    'stop  API        1 min     not over  900 ms (longer than expected)  a -> b',
  )
})

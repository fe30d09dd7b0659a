import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { migrate } from '../../src/cli/program.ts'
import type { Json } from '../../src/engine/model.ts'
import { openRunStore } from '../../src/engine/run-store.ts'
import { type EvidenceKind, openBaselines } from '../../src/probes/baselines.ts'
import { ToyMachine } from '../engine/toy/machine.ts'
import { someEvidence } from '../report/html/report-fixture.ts'

const lab = new URL('../../inventory/lab.yaml', import.meta.url).pathname
let dir = ''
let said = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'report-'))
  said = ''
  const hear = (text: unknown) => {
    said += String(text)
    return true
  }
  vi.spyOn(process.stdout, 'write').mockImplementation(hear)
  vi.spyOn(process.stderr, 'write').mockImplementation(hear)
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(dir, { recursive: true })
})

const report = (...args: string[]) => migrate(['report', '-i', lab, '--state-dir', dir, ...args])

async function finishedRun(runId: string, notBeforeMs = 0): Promise<ToyMachine> {
  const machine = new ToyMachine()
  await machine.clock.sleep(Math.max(0, notBeforeMs - machine.clock.nowMs()))
  const store = await openRunStore(dir, 'lab')
  const run = await store.createRun(runId, { plan: machine.plan, facts: machine.initial as Json })
  await machine.run({ runId, locks: machine.owner(runId), journal: run.journal, records: run.records })
  return machine
}

const keepEvidence = (fromMs: number, kind: EvidenceKind = 'baseline') =>
  openBaselines(dir, 'lab').save({ ...someEvidence(fromMs, 25_000), cluster: 'lab' }, kind)

test("the newest run's report stands in its folder, readable by the operator alone", async () => {
  await finishedRun('r1')
  expect(await report()).toBe(0)
  const file = join(dir, 'lab/runs/r1/report.html')
  expect(said).toContain(`The report of run r1 is in ${file}\n`)
  // The toy's facts are none of ours.
  expect(said).toContain('records/before.json is left out: it cannot be read as facts of this version')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  const page = await readFile(file, 'utf8')
  expect(page).toMatch(/^<!doctype html>/)
  expect(page).toContain('Finished')
  expect(page).toContain('migrate baseline --duration 10m')
})

test('--run and -o choose the run and the file, and a run is needed', async () => {
  expect(await report()).toBe(2)
  expect(said).toContain('migrate plan, then migrate run')
  await finishedRun('r1')
  const file = join(dir, 'mine.html')
  expect(await report('--run', 'r1', '-o', file, '--json')).toBe(0)
  expect(said).toContain(`${JSON.stringify({ kind: 'report', runId: 'r1', file })}\n`)
  expect(await report('-o', join(dir, 'none/mine.html'))).toBe(2)
  expect(said).toContain('none/mine.html cannot be written: ENOENT')
  expect(await report('--run', 'r2')).toBe(2)
  expect(said).toContain('runs there are: r1')
})

test('a run that was made and never begun has nothing to report', async () => {
  const machine = new ToyMachine()
  const store = await openRunStore(dir, 'lab')
  await store.createRun('never', { plan: machine.plan, facts: machine.initial as Json })
  expect(await report('--run', 'never')).toBe(2)
  expect(said).toContain('run never was never begun')
})

test('the evidence of before is of before the run, and that of after of after it; what is broken is told', async () => {
  const { clock } = await finishedRun('r1')
  const untilMs = clock.nowMs()
  await keepEvidence(untilMs - 86_400_000)
  const before = await keepEvidence(untilMs - 7_200_000)
  await keepEvidence(untilMs - 3_600_000, 'after')
  await keepEvidence(untilMs + 30_000)
  const after = await keepEvidence(untilMs + 60_000, 'after')
  const broken = await keepEvidence(untilMs + 7_200_000)
  await writeFile(broken, '{"format":')
  expect(await report()).toBe(0)
  expect(said).toContain(`${broken} is left out`)
  const page = await readFile(join(dir, 'lab/runs/r1/report.html'), 'utf8')
  expect(page).toContain(`<dt>Before</dt> <dd><code>${before}</code></dd>`)
  expect(page).toContain(`<dt>After</dt> <dd><code>${after}</code></dd>`)
})

test('what was gathered after another run began tells nothing of this one', async () => {
  const { clock } = await finishedRun('r1')
  const untilMs = clock.nowMs()
  const own = await keepEvidence(untilMs + 60_000)
  await finishedRun('r2', untilMs + 3_600_000)
  await keepEvidence(untilMs + 86_400_000)
  expect(await report('--run', 'r1')).toBe(0)
  const page = await readFile(join(dir, 'lab/runs/r1/report.html'), 'utf8')
  expect(page).toContain(`<dt>After</dt> <dd><code>${own}</code></dd>`)
})

import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readJournal } from '../../src/engine/journal.ts'
import type { Json } from '../../src/engine/model.ts'
import { openRunStore } from '../../src/engine/run-store.ts'
import { InputError } from '../../src/errors.ts'
import { openBaselines, readBaseline } from '../../src/probes/baselines.ts'
import { healthy } from '../diagnosis/support/evidence.ts'
import { ToyMachine } from '../engine/toy/machine.ts'

const evidence = healthy()
const { cluster } = evidence
const stateDir = mkdtempSync(join(tmpdir(), 'state-'))
const root = join(stateDir, cluster)
afterAll(() => rmSync(stateDir, { recursive: true }))

beforeAll(async () => {
  const machine = new ToyMachine()
  await machine.run()
  const store = await openRunStore(stateDir, cluster)
  const run = await store.createRun('r1', { plan: machine.plan, facts: machine.initial as Json })
  await run.journal.read()
  await run.journal.append(machine.journal.bytes)
  await openBaselines(stateDir, cluster).save(evidence, 'baseline')
})

/** Everything that a command reads of the folder before it acts on it. */
async function readAll(): Promise<void> {
  const store = await openRunStore(stateDir, cluster)
  const run = await store.openRun('r1')
  await readJournal(run.journal)
  await run.plan()
  const baselines = openBaselines(stateDir, cluster)
  for (const { file } of await baselines.all()) await readBaseline(file, { cluster })
}

test('as it was written, nothing of it is for others', async () => {
  await readAll()
  const modes = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => {
    const info = statSync(join(root, name))
    return [name, info.isDirectory() ? 0o700 : 0o600, info.mode & 0o777] as const
  })
  expect(modes.length).toBeGreaterThan(8)
  expect(modes.filter(([, wanted, mode]) => mode !== wanted)).toEqual([])
})

test.each(
  [
    '.',
    cluster,
    'runs',
    'plans',
    'baselines',
    'runs/r1',
    'runs/r1/backups',
    'runs/r1/log',
    'runs/r1/records',
    'runs/r1/journal.jsonl',
    'runs/r1/plan.json',
    'a baseline',
  ].flatMap((name) => [0o020, 0o002].map((bit) => [name, bit] as const)),
)('%s, when others can write it (mode +%i), is refused with the command that mends it', async (name, bit) => {
  const [baseline = ''] = readdirSync(join(root, 'baselines'))
  const known: Record<string, string> = {
    '.': stateDir,
    [cluster]: root,
    'a baseline': join(root, 'baselines', baseline),
  }
  const path = known[name] ?? join(root, name)
  const { mode } = statSync(path)
  chmodSync(path, mode | bit)
  const refusal: unknown = await readAll().catch((error: unknown) => error)
  expect(refusal, relative(stateDir, path)).toBeInstanceOf(InputError)
  const { message, context } = refusal as InputError
  expect(message).toContain(`${path} can be written by others`)
  const command = /then: (chmod go-w (\S+))$/.exec(context.next ?? '')
  expect(command?.[2]).toBe(path)
  expect(spawnSync('chmod', ['go-w', command?.[2] ?? '']).status).toBe(0)
  expect(statSync(path).mode).toBe(mode)
  await readAll()
})

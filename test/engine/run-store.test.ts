import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Json } from '../../src/engine/model.ts'
import { openRunStore } from '../../src/engine/run-store.ts'
import { ToyMachine } from './toy/machine.ts'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'runs-'))
})
afterEach(() => rm(dir, { recursive: true }))

const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)

test('a run on disk, from plan to end: every folder 0700, every file 0600, and it can be found again', async () => {
  const machine = new ToyMachine()
  const content = { plan: machine.plan, facts: machine.initial as Json }
  const store = await openRunStore(join(dir, '.migrate'), 'home')
  expect(await store.savePlan(content)).toBe(join(dir, '.migrate/home/plans/p.json'))
  const run = await store.createRun('r', content)
  machine.operator.answers.set('start', 'stop')
  await expect(machine.run({ journal: run.journal, records: run.records })).rejects.toMatchObject({ exitCode: 4 })

  const later = await openRunStore(join(dir, '.migrate'), 'home')
  expect(await later.newestUnfinished()).toMatchObject({ runId: 'r', state: { stopped: expect.any(String) } })
  const again = await later.openRun('r')
  const { plan, facts } = await again.plan()
  machine.operator.answers.clear()
  const initialFacts = facts as typeof machine.initial
  expect(await machine.resume({ plan, initialFacts, journal: again.journal, records: again.records })).toBe('finished')
  expect(await later.newestUnfinished()).toBeNull()
  expect(await later.runs()).toMatchObject([{ runId: 'r', state: { finished: 'done' } }])

  for (const name of await readdir(dir, { recursive: true })) {
    const path = join(dir, name)
    expect(await modeOf(path), name).toBe((await stat(path)).isDirectory() ? '700' : '600')
  }
})

test('the newest run comes first; one that was made and never begun is none', async () => {
  const store = await openRunStore(dir, 'home')
  for (const id of ['old', 'new']) {
    const machine = new ToyMachine()
    if (id === 'new') await machine.clock.sleep(1000)
    const run = await store.createRun(id, { plan: machine.plan, facts: machine.initial as Json })
    await machine.run({ runId: id, locks: machine.owner(id), journal: run.journal, records: run.records })
  }
  const machine = new ToyMachine()
  await store.createRun('never', { plan: machine.plan, facts: machine.initial as Json })
  expect((await store.runs()).map(({ runId }) => runId)).toEqual(['new', 'old'])
})

test('runs and names that are not there, or are there already, are refused by name', async () => {
  const store = await openRunStore(dir, 'home')
  const machine = new ToyMachine()
  const content = { plan: machine.plan, facts: machine.initial as Json }
  await expect(store.openRun('r1')).rejects.toMatchObject({
    exitCode: 2,
    context: { next: expect.stringContaining('migrate run') },
  })
  await store.createRun('r1', content)
  await expect(store.createRun('r1', content)).rejects.toThrow(/there already/)
  await expect(store.openRun('r2')).rejects.toMatchObject({ context: { next: 'runs there are: r1' } })
  for (const name of ['..', '../x', 'a/b', '', '-x', 'a\nb']) {
    await expect(store.openRun(name)).rejects.toThrow(/expected letters/)
    await expect(openRunStore(dir, name)).rejects.toThrow(/expected letters/)
  }
})

test('a state folder that others can write is refused; one that they can only read is closed', async () => {
  await openRunStore(dir, 'home')
  const root = join(dir, 'home')
  await chmod(root, 0o755)
  await openRunStore(dir, 'home')
  expect(await modeOf(root)).toBe('700')
  await chmod(root, 0o770)
  await expect(openRunStore(dir, 'home')).rejects.toMatchObject({
    exitCode: 2,
    context: { next: expect.stringContaining(`chmod go-w ${root}`) },
  })
})

test('a record that was changed after it was saved is refused', async () => {
  const store = await openRunStore(dir, 'home')
  const machine = new ToyMachine()
  const { records, dir: runDir } = await store.createRun('r', { plan: machine.plan, facts: machine.initial as Json })
  const saved = await records.save('before', { x: 1 })
  expect(await records.load(saved.file, saved.sha256)).toEqual({ x: 1 })
  await writeFile(join(runDir, saved.file), '{"x":2}\n')
  await expect(records.load(saved.file, saved.sha256)).rejects.toThrow(/before\.json was changed/)
  await rm(join(runDir, saved.file))
  await expect(records.load(saved.file, saved.sha256)).rejects.toThrow(/cannot be read/)
  await expect(records.save('../x', null)).rejects.toThrow(/expected letters/)
})

test('a run whose lock a later one has broken is over: it is neither resumed nor rolled back', async () => {
  const store = await openRunStore(dir, 'home')
  const machine = new ToyMachine()
  const begin = async (runId: string, breakNonce?: string) => {
    const { journal, records } = await store.createRun(runId, { plan: machine.plan, facts: machine.initial as Json })
    return machine.run({ runId, locks: machine.owner(runId, breakNonce), journal, records })
  }
  machine.operator.answers.set('start', 'stop')
  await expect(begin('old')).rejects.toMatchObject({ exitCode: 4 })
  expect((await store.newestUnfinished())?.runId).toBe('old')
  machine.operator.answers.clear()
  await machine.clock.sleep(1000)
  expect(await begin('new', machine.locks[0]?.holder?.nonce)).toBe('finished')
  expect(await store.newestUnfinished()).toBeNull()
  expect((await store.runs()).map(({ runId, state }) => [runId, state.next])).toEqual([
    ['new', ['rollback']],
    ['old', []],
  ])
})

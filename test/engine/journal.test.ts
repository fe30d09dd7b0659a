import { expect, test } from 'vitest'
import { foldState } from '../../src/engine/fold.ts'
import { openJournal } from '../../src/engine/journal.ts'
import { JournalFailure } from '../../src/engine/journal-failure.ts'
import { MemoryJournal } from '../../src/engine/memory-store.ts'
import { ToyClock } from './toy/clock.ts'
import { ToyMachine } from './toy/machine.ts'
import { parseRecords } from './toy/records.ts'

const clock = new ToyClock()

function stored(bytes: Uint8Array): MemoryJournal {
  const store = new MemoryJournal()
  store.bytes = bytes
  return store
}

async function someRun(): Promise<{ machine: ToyMachine; bytes: Uint8Array }> {
  const machine = new ToyMachine()
  await machine.run()
  return { machine, bytes: machine.journal.bytes }
}

test('what is appended is read back: numbered, timed, each line chained to the one before', async () => {
  const { bytes } = await someRun()
  const { journal, torn } = await openJournal(stored(bytes), clock)
  expect(torn).toBeNull()
  expect(journal.entries).toEqual(parseRecords(bytes))
  expect(journal.entries.map(({ seq }) => seq)).toEqual(journal.entries.map((_, index) => index))
  expect(foldState(journal.entries).finished).toBe('done')
})

test('cut at every byte: the torn last line is cut off, kept aside and reported, and the run carries on from there', async () => {
  const { machine: whole, bytes } = await someRun()
  const text = new TextDecoder().decode(bytes)
  const lastRecords = text.slice(0, -1).split('\n').slice(-4).join('\n').length + 1
  for (let length = bytes.length - lastRecords; length < bytes.length; length += 1) {
    const machine = new ToyMachine()
    // The nodes are as far as the run came; only the tail of what was written about it is lost.
    for (const [target, values] of whole.world.values) machine.world.values.set(target, new Map(values))
    machine.journal.bytes = bytes.slice(0, length)
    machine.records.files.set('before', whole.records.files.get('before') ?? '')
    expect(await machine.resume({ plan: whole.plan, initialFacts: whole.initial }), `cut at ${length}`).toBe('finished')
    const goodBytes = bytes.slice(0, length).lastIndexOf(10) + 1
    expect([...machine.journal.aside.values()]).toEqual(goodBytes === length ? [] : [bytes.slice(goodBytes, length)])
    const mended = machine.events.filter(({ kind }) => kind === 'journal-mended')
    expect(mended).toHaveLength(goodBytes === length ? 0 : 1)
    expect(machine.world.snapshot()).toEqual(whole.world.snapshot())
  }
})

test('a last line of garbage with its end is torn too (a block of zeros after a power cut)', async () => {
  const { bytes } = await someRun()
  const store = stored(Buffer.concat([bytes, new Uint8Array(64), Buffer.from('\n')]))
  const { torn } = await openJournal(store, clock)
  expect(torn).toMatchObject({ bytes: 65, line: parseRecords(bytes).length + 1 })
  expect(store.bytes).toEqual(bytes)
})

test('anything wrong earlier is an error that names the line; nothing is mended', async () => {
  const { bytes } = await someRun()
  const lines = new TextDecoder().decode(bytes).slice(0, -1).split('\n')
  const refused = async (changed: string[], line: number) => {
    const store = stored(new TextEncoder().encode(`${changed.join('\n')}\n`))
    await expect(openJournal(store, clock)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(new RegExp(`^journal in memory:${line}: `)),
    })
    expect(store.aside.size).toBe(0)
  }
  for (let index = 0; index < lines.length - 1; index += 1) {
    const line = lines[index] ?? ''
    await refused(lines.toSpliced(index, 1), index + 1)
    await refused(lines.toSpliced(index, 0, line), index + 2)
    await refused(lines.with(index, line.slice(1)), index + 1)
    await refused(lines.with(index, '{}'), index + 1)
    // A change that leaves the line well-formed is found by the chain, at the next line.
    await refused(lines.with(index, line.replace('"time":"2026', '"time":"2025')), index + 2)
  }
  await refused(lines.with(-1, (lines.at(-1) ?? '').replace(/"seq":\d+/, '"seq":7')), lines.length)
  await refused(lines.with(-1, (lines.at(-1) ?? '').replace('run-finished', 'all-is-well')), lines.length)
})

test('a record about an intent that is none is an error of the input', () => {
  const entry = {
    seq: 0,
    time: '2026-11-21T22:00:00.000Z',
    prev: '0'.repeat(64),
    stepId: 's',
    target: 'n',
    taskId: 't',
  }
  expect(() => foldState([{ ...entry, kind: 'done', intent: 6 }])).toThrow(
    expect.objectContaining({
      message: 'line 1 of the journal is about an intent in its line 7, which is none',
      exitCode: 2,
    }),
  )
})

test('after one failed append every later one fails, without touching the store', async () => {
  const store = new MemoryJournal()
  const { journal } = await openJournal(store, clock)
  await journal.append({ kind: 'stop-requested' })
  const append = store.append.bind(store)
  store.append = () => Promise.reject(new Error('EIO'))
  const both = [journal.append({ kind: 'run-finished' }), journal.append({ kind: 'stop-requested' })]
  for (const end of await Promise.allSettled(both)) expect(end).toMatchObject({ reason: expect.any(JournalFailure) })
  expect(journal.failure.aborted).toBe(true)
  store.append = append
  const before = store.bytes
  await expect(journal.append({ kind: 'stop-requested' })).rejects.toThrow(/EIO/)
  expect(store.bytes).toBe(before)
})

test('appends from parallel tasks are chained one after the other', async () => {
  const store = new MemoryJournal()
  const append = store.append.bind(store)
  store.append = async (line) => {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 3))
    await append(line)
  }
  const { journal } = await openJournal(store, clock)
  await Promise.all(Array.from({ length: 20 }, () => journal.append({ kind: 'stop-requested' })))
  expect((await openJournal(store, clock)).journal.entries).toHaveLength(20)
})

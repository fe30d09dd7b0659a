import { chmod, type FileHandle, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openJournal } from '../../src/engine/journal.ts'
import { journalFile } from '../../src/engine/journal-file.ts'
import { ToyClock } from './toy/clock.ts'

const clock = new ToyClock()

let dir = ''
let path = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'journal-'))
  path = join(dir, 'journal.jsonl')
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(dir, { recursive: true })
})

const openFile = async () => (await openJournal(journalFile(path), clock)).journal

/** The class behind every open file, to listen in on it. */
async function fileHandles(): Promise<FileHandle> {
  await using handle = await open(dir)
  return Object.getPrototypeOf(handle) as FileHandle
}

test('a record is one write and one fdatasync before append resolves; the folder is synced once, at the start', async () => {
  const handles = await fileHandles()
  const calls: string[] = []
  for (const name of ['write', 'datasync', 'sync'] as const) {
    const original = handles[name] as (...args: unknown[]) => Promise<unknown>
    vi.spyOn(handles, name).mockImplementation(async function (this: FileHandle, ...args: unknown[]) {
      const result = await original.apply(this, args)
      calls.push(name)
      return result as never
    })
  }
  const journal = await openFile()
  for (const expected of [
    ['write', 'datasync', 'sync'],
    ['write', 'datasync'],
  ]) {
    calls.length = 0
    await journal.append({ kind: 'stop-requested' })
    expect(calls).toEqual(expected)
  }
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('a failed fsync is not tried again, and nothing is written after it', async () => {
  const journal = await openFile()
  await journal.append({ kind: 'stop-requested' })
  const datasync = vi.spyOn(await fileHandles(), 'datasync').mockRejectedValueOnce(new Error('EIO: input/output error'))
  await expect(journal.append({ kind: 'run-finished' })).rejects.toThrow(/journal\.jsonl could not be written: EIO/)
  const length = (await readFile(path)).length
  await expect(journal.append({ kind: 'run-finished' })).rejects.toThrow(/EIO/)
  expect(datasync).toHaveBeenCalledTimes(1)
  expect((await readFile(path)).length).toBe(length)
})

test('a write that was cut short is a failure', async () => {
  const journal = await openFile()
  vi.spyOn(await fileHandles(), 'write').mockResolvedValueOnce({ bytesWritten: 3, buffer: Buffer.alloc(0) } as never)
  await expect(journal.append({ kind: 'run-finished' })).rejects.toThrow(/only 3 of \d+ bytes/)
})

test('two writers: the second is stopped before it forks the chain', async () => {
  const first = await openFile()
  const second = await openFile()
  await first.append({ kind: 'stop-requested' })
  await expect(second.append({ kind: 'run-finished' })).rejects.toThrow(/somebody else wrote to it/)
  await first.append({ kind: 'run-finished' })
  expect((await openFile()).entries).toHaveLength(2)
})

test('a torn line is cut off and kept beside the journal', async () => {
  const journal = await openFile()
  await journal.append({ kind: 'stop-requested' })
  const good = await readFile(path)
  await writeFile(path, Buffer.concat([good, Buffer.from('{"seq":1,"ti')]))
  const { journal: mended, torn } = await openJournal(journalFile(path), clock)
  expect(torn?.asideName).toMatch(/^journal\.torn-\d{4}-/)
  expect(await readFile(path)).toEqual(good)
  expect(await readFile(join(dir, torn?.asideName ?? ''), 'utf8')).toBe('{"seq":1,"ti')
  await mended.append({ kind: 'run-finished' })
  expect((await readdir(dir)).length).toBe(2)
})

test('a journal that others can write is refused, with the command that mends it', async () => {
  await writeFile(path, '', { mode: 0o600 })
  await chmod(path, 0o666)
  await expect(openFile()).rejects.toMatchObject({
    exitCode: 2,
    context: { next: expect.stringContaining(`chmod go-w ${path}`) },
  })
})

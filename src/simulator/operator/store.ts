import { sha256 } from '../../engine/digest.ts'
import { notWritten } from '../../engine/durable-file.ts'
import type { JournalStore } from '../../engine/journal.ts'
import type { LockOwner, LockPlace } from '../../engine/lock.ts'
import type { Json } from '../../engine/model.ts'
import type { JournalEntry } from '../../engine/records.ts'
import type { RecordFiles } from '../../engine/run-context.ts'
import { InputError } from '../../errors.ts'
import { readFile } from '../../nodes/files.ts'
import type { Backups } from '../../operations/world.ts'
import { cutJournal, type Disk, journalBytes } from './disk.ts'
import type { OperatorProcess } from './process.ts'

const noSpace = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })

/** A write to the disk, which may be full; then an fsync. The process may die before, between and after the two. */
async function writeAndSync(process: OperatorProcess, write: () => void, sync: () => void): Promise<void> {
  await process.act(write)
  await process.act(sync)
}

/** The journal on a simulated disk. */
export const simulatedJournal = (process: OperatorProcess, disk: Disk): JournalStore => ({
  name: 'journal.jsonl',
  read: () => process.act(() => journalBytes(disk)),
  async append(bytes) {
    const line = Buffer.from(bytes).toString('utf8')
    await writeAndSync(
      process,
      () => {
        if (disk.full) throw noSpace()
        disk.journal.lines.push(line)
      },
      () => {
        disk.journal.synced = disk.journal.lines.length
        const record = JSON.parse(line) as JournalEntry
        process.simulation.trace.push({ kind: 'synced', process: process.id, record })
      },
    )
  },
  cut: (length, asideName) => process.act(() => cutJournal(disk, length, asideName)),
})

/** As writeDurably. */
async function writeFile(process: OperatorProcess, disk: Disk, path: string, text: string): Promise<void> {
  await writeAndSync(
    process,
    () => {
      if (disk.full) throw notWritten(path, noSpace())
      // The old file stays until the new one is renamed onto it.
      disk.files[`${path}.new`] = { text, synced: false }
    },
    () => {
      delete disk.files[`${path}.new`]
      disk.files[path] = { text, synced: true }
      process.simulation.trace.push({ kind: 'file', process: process.id, path })
    },
  )
}

/** Facts kept by a run. */
export const simulatedRecords = (process: OperatorProcess, disk: Disk): RecordFiles => ({
  async save(name, content) {
    const text = JSON.stringify(content)
    const file = `records/${name}.json`
    await writeFile(process, disk, file, text)
    return { file, sha256: sha256(text) }
  },
  async load(file, digest): Promise<Json> {
    const text = disk.files[file]?.text
    if (text === undefined || sha256(text) !== digest) throw new InputError(`${file} was changed after it was written`)
    return JSON.parse(text) as Json
  },
})

/** Copies off the nodes. A simulated file is small: it is fetched whole. */
export const simulatedBackups = (process: OperatorProcess, disk: Disk): Backups => {
  const place = (target: string, name: string) => `backups/${target}/${name}`
  const put: Backups['put'] = (target, name, bytes) =>
    writeFile(process, disk, place(target, name), Buffer.from(bytes).toString('utf8'))
  return {
    put,
    async fetch(target, name, node, path) {
      const file = await readFile(node, path)
      if (file === null) throw new InputError(`${path} is not there`)
      await put(target, name, file.bytes)
      return { sha256: file.sha256, sizeBytes: file.bytes.length }
    },
    async get(target, name) {
      const text = disk.files[place(target, name)]?.text
      return text === undefined ? null : Buffer.from(text)
    },
  }
}

/** The lock file on the operator's own disk. */
export const simulatedLock = (process: OperatorProcess, disk: Disk): LockPlace => ({
  name: 'lock',
  acquire: (owner) =>
    process.act((): 'taken' | LockOwner => {
      if (disk.lock !== null) return disk.lock
      if (disk.full) throw noSpace()
      disk.lock = owner
      return 'taken'
    }),
  release: (nonce) =>
    process.act(() => {
      if (disk.lock?.nonce === nonce) disk.lock = null
    }),
  inspect: () => process.act(() => disk.lock),
})

/** Where a place's locks are told to the trace. */
export const traced = (process: OperatorProcess, place: LockPlace): LockPlace => {
  const tell = (event: 'taken' | 'released') =>
    process.simulation.trace.push({ kind: 'lock', process: process.id, place: place.name, event })
  return {
    ...place,
    async acquire(owner) {
      const result = await place.acquire(owner)
      if (result === 'taken') tell('taken')
      return result
    },
    async release(nonce) {
      await place.release(nonce)
      tell('released')
    },
  }
}

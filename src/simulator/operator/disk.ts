import type { LockOwner } from '../../engine/lock.ts'
import { between, type RandomState } from '../random.ts'

/** An operator's disk, as plain data. What was written and not fsynced is lost when the power fails, or half of it is. */
export interface Disk {
  /** In the order written; of those from `synced` on nobody knows whether they would survive. */
  journal: { lines: string[]; synced: number }
  /** Backups, records and the probe's notes, by path: each is replaced in one step. */
  files: Record<string, { text: string; synced: boolean }>
  lock: LockOwner | null
  full: boolean
}

export const emptyDisk = (): Disk => ({ journal: { lines: [], synced: 0 }, files: {}, lock: null, full: false })

export const journalBytes = (disk: Disk): Uint8Array => Buffer.from(disk.journal.lines.join(''))

/** The power fails on the operator's side: of what was not fsynced a first part may be there. */
export function losePower(disk: Disk, random: RandomState): void {
  const { lines, synced } = disk.journal
  const [torn] = lines.slice(synced)
  const kept = torn === undefined ? '' : torn.slice(0, between(random, 0, torn.length))
  disk.journal.lines = [...lines.slice(0, synced), ...(kept === '' ? [] : [kept])]
  disk.journal.synced = disk.journal.lines.length
  for (const [path, file] of Object.entries(disk.files)) if (!file.synced) delete disk.files[path]
}

/** Keeps the first `length` bytes of the journal. */
export function cutJournal(disk: Disk, length: number, asideName: string): void {
  const bytes = journalBytes(disk)
  disk.files[asideName] = { text: Buffer.from(bytes.subarray(length)).toString('utf8'), synced: true }
  const kept = Buffer.from(bytes.subarray(0, length)).toString('utf8')
  disk.journal.lines = kept.split(/(?<=\n)/).filter((line) => line !== '')
  disk.journal.synced = disk.journal.lines.length
}

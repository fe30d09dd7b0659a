import { constants } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { refuseWritableByOthers, syncFolder, writeDurably, writeOnce } from './durable-file.ts'
import type { JournalStore } from './journal.ts'

/** A journal in a file, 0600. The folder must be there. */
export function journalFile(path: string): JournalStore {
  // What the file must be long before the next line: a second writer (of a broken lock) is found out before it forks the chain.
  let length: number | null = null
  return {
    name: path,
    async read() {
      await refuseWritableByOthers(path)
      const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return new Uint8Array()
        throw error
      })
      length = bytes.length
      return bytes
    },
    async append(line) {
      if (length === null) throw new Error('the journal was not read before it was written')
      const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants
      await using file = await open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600)
      const { size } = await file.stat()
      if (size !== length) throw new Error(`somebody else wrote to it (${size} bytes, expected ${length})`)
      await writeOnce(file, line)
      await file.datasync()
      if (length === 0) await syncFolder(dirname(path))
      length += line.length
    },
    async cut(keep, asideName) {
      const bytes = await readFile(path)
      await writeDurably(join(dirname(path), asideName), bytes.subarray(keep))
      await using file = await open(path, 'r+')
      await file.truncate(keep)
      await file.sync()
      length = keep
    },
  }
}

import { InputError } from '../errors.ts'
import { sha256 } from './digest.ts'
import type { JournalStore } from './journal.ts'
import type { Json } from './model.ts'
import type { RecordFiles } from './run-context.ts'

/** A journal in memory, for simulated runs. `bytes` is what a disk would hold after a power cut. */
export class MemoryJournal implements JournalStore {
  readonly name = 'journal in memory'
  bytes: Uint8Array = new Uint8Array()
  readonly aside = new Map<string, Uint8Array>()

  async read(): Promise<Uint8Array> {
    return this.bytes
  }

  async append(line: Uint8Array): Promise<void> {
    this.bytes = Buffer.concat([this.bytes, line])
  }

  async cut(length: number, asideName: string): Promise<void> {
    this.aside.set(asideName, this.bytes.slice(length))
    this.bytes = this.bytes.slice(0, length)
  }
}

/** Kept facts in memory, for simulated runs. */
export class MemoryRecords implements RecordFiles {
  readonly files = new Map<string, string>()

  async save(name: string, content: Json): Promise<{ file: string; sha256: string }> {
    const text = JSON.stringify(content)
    this.files.set(name, text)
    return { file: name, sha256: sha256(text) }
  }

  async load(file: string, digest: string): Promise<Json> {
    const text = this.files.get(file)
    if (text === undefined || sha256(text) !== digest) throw new InputError(`record ${file} is not what was saved`)
    return JSON.parse(text) as Json
  }
}

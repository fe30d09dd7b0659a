import type { JournalEntry } from '../../../src/engine/records.ts'

/** The lines of a journal, unchecked. */
export function parseRecords(bytes: Uint8Array): JournalEntry[] {
  const lines = new TextDecoder()
    .decode(bytes)
    .split('\n')
    .filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as JournalEntry)
}

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect } from 'vitest'
import { sha256 } from '../../src/engine/digest.ts'
import { foldState } from '../../src/engine/fold.ts'
import { readJournal } from '../../src/engine/journal.ts'
import { MemoryJournal } from '../../src/engine/memory-store.ts'
import { standing, statusText } from '../../src/report/status-text.ts'
import { hostile } from './support/cases.ts'
import { mutated, withNesting } from './support/mutations.ts'
import { cameOf, expectPrintable } from './support/oracle.ts'

const bytes = readFileSync(new URL('../fixtures/report/journal.jsonl', import.meta.url))
const lines = bytes.toString('utf8').trimEnd().split('\n')
const entries = lines.map((line) => JSON.parse(line))

async function read(input: Uint8Array) {
  const store = new MemoryJournal()
  store.bytes = input
  return await cameOf(() => readJournal(store))
}
const joined = (list: readonly string[]) => Buffer.from(list.map((line) => `${line}\n`).join(''))

const last = lines.length - 1
const lastStarts = bytes.lastIndexOf(10, bytes.length - 2) + 1
const at = fc.oneof(fc.nat(bytes.length - 1), fc.integer({ min: lastStarts - 2000, max: bytes.length - 1 }))
const line = fc.oneof(fc.nat(last), fc.integer({ min: last - 3, max: last }))

/** A run of which another one's journal might have such a line: the same records, chained to other ones. */
const otherRun = rechained(entries.map((entry) => ({ ...entry, time: '2026-11-20T00:00:00.000Z' })))

function rechained(list: readonly object[]): string[] {
  const done: string[] = []
  for (const [seq, entry] of list.entries()) {
    const before = done.at(-1)
    done.push(JSON.stringify({ ...entry, seq, prev: before === undefined ? '0'.repeat(64) : sha256(before) }))
  }
  return done
}

const damaged = fc.oneof(
  at.map((length) => bytes.subarray(0, length)),
  // Before the last line: that one, nothing stands behind to vouch for.
  fc
    .tuple(fc.nat(lastStarts - 1), fc.integer({ min: 1, max: 255 }))
    .map(([where, by]) => bytes.with(where, (bytes[where] ?? 0) ^ by)),
  line.map((one) => joined(lines.toSpliced(one, 0, lines[one] ?? ''))),
  fc.tuple(line, line).map(([a, b]) => joined(lines.with(a, lines[b] ?? '').with(b, lines[a] ?? ''))),
  fc.tuple(line, fc.integer({ min: 1, max: 3 })).map(([one, count]) => joined(lines.toSpliced(one, count))),
  line.map((one) => joined(lines.with(one, otherRun[one] ?? ''))),
  line.map((one) => joined([...lines, ...otherRun.slice(one)])),
  fc.uint8Array({ maxLength: 40 }).map((more) => Buffer.concat([bytes, more])),
)

/** What was written is what is read, or less of its end, or an error: never another story. */
hostile('journals: bytes', damaged, async (input) => {
  const read1 = await read(input)
  if (read1 !== null) expect(read1).toEqual(entries.slice(0, read1.length))
})

/** By somebody who chained it anew. */
const forged = fc
  .tuple(fc.nat(last), fc.nat(last))
  .chain(([from, one]) =>
    mutated(entries[one]).map((entry) =>
      rechained([...entries.slice(0, from), ...(typeof entry === 'object' && entry !== null ? [entry] : [])]),
    ),
  )
hostile('journals: records', forged, async (list) => {
  const journal = await read(Buffer.from(withNesting(list.map((one) => `${one}\n`).join(''))))
  if (journal === null) return
  const state = await cameOf(() => foldState(journal))
  if (state === null) return
  expectPrintable(statusText('home', [{ runId: 'r', dir: '/r', state }], null, 100))
  expect(standing(state)).not.toBe('')
})

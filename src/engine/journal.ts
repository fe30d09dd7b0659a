import { InputError } from '../errors.ts'
import { parseJson } from '../nesting.ts'
import { sha256 } from './digest.ts'
import { faultPoint } from './fault-point.ts'
import { JournalFailure } from './journal-failure.ts'
import type { Clock } from './model.ts'
import { envelopeSchema, type JournalEntry, type JournalRecord, recordSchema } from './records.ts'

/** Where the bytes of one journal lie (journal-file.ts; memory in tests and the simulator). */
export interface JournalStore {
  /** As the operator knows it; for messages. */
  readonly name: string
  read(): Promise<Uint8Array>
  /** One write and one fdatasync: durable when it resolves. */
  append(line: Uint8Array): Promise<void>
  /** Keeps the first `length` bytes; what is cut off is kept aside under `asideName`. Durable when it resolves. */
  cut(length: number, asideName: string): Promise<void>
}

export interface Journal {
  readonly name: string
  readonly entries: readonly JournalEntry[]
  /** Resolves when the record is durable. After one failure every call throws: nothing may be done without a record. */
  append(record: JournalRecord): Promise<JournalEntry>
  /** Aborted by the first failure, so that work in flight is let go as well. */
  readonly failure: AbortSignal
}

export interface TornLine {
  /** From 1. */
  line: number
  bytes: number
  /** Where what was cut off is kept, beside the journal. */
  asideName: string
}

const chainStart = '0'.repeat(64)

/**
 * Reads and checks the whole chain. A last line without its end, or that is no JSON, was being written when the machine
 * stopped: nothing was done on its account, so it is cut off and reported. Anything else wrong is an InputError.
 */
export async function openJournal(
  store: JournalStore,
  clock: Clock,
): Promise<{ journal: Journal; torn: TornLine | null }> {
  const bytes = await store.read()
  const { entries, head, goodBytes } = readEntries(store.name, bytes)
  let torn: TornLine | null = null
  if (goodBytes < bytes.length) {
    const asideName = `journal.torn-${new Date(clock.nowMs()).toISOString().replaceAll(':', '')}`
    await store.cut(goodBytes, asideName)
    torn = { line: entries.length + 1, bytes: bytes.length - goodBytes, asideName }
  }
  return { journal: new ChainedJournal(store, clock, entries, head), torn }
}

/** The entries without opening for writing or mending anything: for `status` and the report. */
export async function readJournal(store: JournalStore): Promise<readonly JournalEntry[]> {
  return readEntries(store.name, await store.read()).entries
}

interface Chain {
  entries: JournalEntry[]
  /** Digest of the last line. */
  head: string
  goodBytes: number
}

function readEntries(name: string, bytes: Uint8Array): Chain {
  const chain: Chain = { entries: [], head: chainStart, goodBytes: 0 }
  while (chain.goodBytes < bytes.length) {
    const newline = bytes.indexOf(10, chain.goodBytes)
    if (newline === -1) break
    const isLast = newline === bytes.length - 1
    const line = bytes.subarray(chain.goodBytes, newline)
    const value = parseLine(line)
    if (value === undefined && isLast) break
    chain.entries.push(checkLine(name, chain, value))
    chain.head = sha256(line)
    chain.goodBytes = newline + 1
  }
  return chain
}

function parseLine(line: Uint8Array): unknown {
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(line))
  } catch {
    return undefined
  }
}

function checkLine(name: string, chain: Chain, value: unknown): JournalEntry {
  const line = chain.entries.length + 1
  const refuse = (problem: string): never => {
    throw new InputError(`${name}:${line}: ${problem}`, {
      next: 'the journal was changed after it was written: restore it from a copy',
    })
  }
  if (value === undefined) return refuse('is not JSON, and lines follow it')
  const envelope = envelopeSchema.safeParse(value)
  if (!envelope.success) return refuse(firstProblem(envelope.error.issues))
  const { seq, time, prev, ...rest } = envelope.data as JournalEntry
  if (seq !== chain.entries.length)
    refuse(`seq is ${seq}, expected ${chain.entries.length}: a line is missing or too many`)
  if (prev !== chain.head) refuse('prev is not the digest of the line before: one of the two was changed')
  const record = recordSchema.safeParse(rest)
  if (!record.success) return refuse(firstProblem(record.error.issues))
  return { seq, time, prev, ...record.data }
}

function firstProblem(issues: readonly { path: readonly PropertyKey[]; message: string }[]): string {
  const issue = issues[0]
  return issue === undefined ? 'not understood' : `${issue.path.map(String).join('.') || 'the line'}: ${issue.message}`
}

class ChainedJournal implements Journal {
  readonly #store: JournalStore
  readonly #clock: Clock
  readonly #entries: JournalEntry[]
  readonly #failure = new AbortController()
  #head: string
  /** Appends one after the other: parallel tasks write to one chain. */
  #queue: Promise<unknown> = Promise.resolve()

  constructor(store: JournalStore, clock: Clock, entries: JournalEntry[], head: string) {
    this.#store = store
    this.#clock = clock
    this.#entries = entries
    this.#head = head
  }

  get name(): string {
    return this.#store.name
  }

  get entries(): readonly JournalEntry[] {
    return this.#entries
  }

  get failure(): AbortSignal {
    return this.#failure.signal
  }

  append(record: JournalRecord): Promise<JournalEntry> {
    const appended = this.#queue.then(() => this.#write(record))
    // A refused append must not refuse the queue's later members for another reason than the poison.
    this.#queue = appended.catch(() => undefined)
    return appended
  }

  async #write(record: JournalRecord): Promise<JournalEntry> {
    this.#failure.signal.throwIfAborted()
    const time = new Date(this.#clock.nowMs()).toISOString()
    const entry: JournalEntry = { seq: this.#entries.length, time, prev: this.#head, ...record }
    const line = JSON.stringify(entry)
    faultPoint('journal.beforeAppend', record.kind)
    try {
      await this.#store.append(new TextEncoder().encode(`${line}\n`))
    } catch (cause) {
      const failure = new JournalFailure(this.#store.name, cause)
      this.#failure.abort(failure)
      throw failure
    }
    this.#entries.push(entry)
    this.#head = sha256(line)
    faultPoint('journal.afterAppend', record.kind)
    return entry
  }
}

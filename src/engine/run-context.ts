import type { Emit } from './events.ts'
import type { Interrupts } from './interrupts.ts'
import type { JournalStore } from './journal.ts'
import type { LockOptions } from './lock.ts'
import type { Clock, FactsReader, Json, Plan, Runbook } from './model.ts'
import type { Operator } from './operator.ts'

/** Facts kept by a run under a name, as JSON files in its folder. */
export interface RecordFiles {
  /** Durable when it resolves. `file` is relative to the run's folder. */
  save(name: string, content: Json): Promise<{ file: string; sha256: string }>
  /** Throws InputError when the file is not there or is not the one that was saved. */
  load(file: string, sha256: string): Promise<Json>
}

/** Everything a run is made of; all effects are behind it. */
export interface RunContext<Facts, World> {
  runId: string
  plan: Plan
  /** What the plan was made from (it travels in the plan file). */
  initialFacts: Facts
  runbook: Runbook<Facts, World, unknown>
  /** Opened, and mended where its last line is torn, only once the lock is held. */
  journal: JournalStore
  records: RecordFiles
  reader: FactsReader<Facts>
  world: World
  operator: Operator
  clock: Clock
  interrupts: Interrupts
  locks: LockOptions
  emit: Emit
}

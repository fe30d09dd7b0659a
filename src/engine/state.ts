import type { Json, Target } from './model.ts'
import type { JournalEntry } from './records.ts'

export type TaskStatus =
  | 'pending'
  | 'in-doubt'
  | 'done'
  | 'failed'
  | 'skipped'
  | 'undo-in-doubt'
  | 'undo-failed'
  | 'undone'

/** One intent of the journal: what was, or may have been, done to a target. Undone by its own change, never the plan's. */
export interface IntentState {
  /** Its record's number. */
  readonly seq: number
  readonly taskId: string
  readonly stepId: string
  readonly target: Target
  readonly change: Json
  readonly outcome: 'in-doubt' | 'failed' | 'done'
  readonly undo: 'none' | 'in-doubt' | 'failed' | 'undone'
  /** Id of the undo in doubt, or of the last one that failed. */
  readonly undoTaskId: string | null
}

export interface TaskState {
  readonly target: Target
  readonly status: TaskStatus
  /** In order; more than one when something remained to be done after a resume. */
  readonly intents: readonly IntentState[]
}

export interface StepState {
  readonly stepId: string
  /** `done`: its checkpoint stands. `undone`: rolled back, to be done again. */
  readonly status: 'started' | 'done' | 'skipped' | 'undone'
  readonly tasks: ReadonlyMap<Target, TaskState>
}

export interface SavedRecord {
  name: string
  file: string
  sha256: string
}

export interface RunState {
  readonly runId: string | null
  readonly planId: string | null
  readonly planDigest: string | null
  readonly startedAt: string | null
  readonly changedAt: string | null
  /** In the order in which they were first begun. */
  readonly steps: ReadonlyMap<string, StepState>
  /** Steps whose checkpoint stands, in order: what `--to` can name. */
  readonly checkpoints: readonly string[]
  /** Facts kept under a name. */
  readonly records: ReadonlyMap<string, SavedRecord>
  /** `rollback` from rollback-started until rollback-finished. */
  readonly direction: 'forward' | 'rollback'
  /** What is kept by the rollback in hand; null: nothing. */
  readonly rollbackTo: string | null
  readonly finished: 'done' | 'rolled-back' | null
  /** Why it stands still, when it said so itself. */
  readonly stopped: string | null
  /** What can be done now. */
  readonly next: readonly ('resume' | 'rollback')[]
}

/** What the journal says, and nothing else. */
export declare function foldState(entries: readonly JournalEntry[]): RunState

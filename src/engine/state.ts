import type { Json, Target } from './model.ts'

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
  readonly undoAttempts: number
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

/** What a task told besides. */
export interface Note {
  /** ISO. */
  time: string
  stepId: string
  target: Target
  key: string
  message: string
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
  /** In order. */
  readonly notes: readonly Note[]
  /** `rollback` from rollback-started until rollback-finished. */
  readonly direction: 'forward' | 'rollback'
  /** What is kept by the rollback in hand; null: nothing. */
  readonly rollbackTo: string | null
  readonly finished: 'done' | 'rolled-back' | null
  /** Why it stands still, when it said so itself. */
  readonly stopped: string | null
  /** Runs whose locks were broken for this one. */
  readonly brokenRuns: ReadonlySet<string>
  /** What can be done now. */
  readonly next: readonly ('resume' | 'rollback')[]
}

/** Intents that have not been undone: what a rollback has to undo, and what a run has on the cluster. */
export function standing(task: TaskState): readonly IntentState[] {
  return task.intents.filter((intent) => intent.undo !== 'undone')
}

/** True when nothing of this run's making is on the cluster. */
export function touchedNothing(state: RunState): boolean {
  return [...state.steps.values()].every((step) =>
    [...step.tasks.values()].every((task) => standing(task).length === 0),
  )
}

/**
 * The id for the next try of a task. A task in doubt keeps its id, so that a command that may still be running on the
 * node is found again; after a known outcome a new try gets a new id, or it would be taken for the old one.
 * `_` stands in no step id and no node name, so no two tasks share an id.
 */
export function nextTaskId(stepId: string, target: Target, task: TaskState | undefined): string {
  const last = task?.intents.at(-1)
  if (last !== undefined && last.outcome === 'in-doubt' && last.undo === 'none') return last.taskId
  const used = new Set(task?.intents.map((intent) => intent.taskId)).size
  return used === 0 ? `${stepId}_${target}` : `${stepId}_${target}_${used + 1}`
}

/** The same for the next try of undoing one intent. */
export function nextUndoTaskId(intent: IntentState): string {
  if (intent.undo === 'in-doubt' && intent.undoTaskId !== null) return intent.undoTaskId
  const suffix = intent.undoAttempts === 0 ? '' : `_${intent.undoAttempts + 1}`
  return `${intent.taskId}_undo${intent.seq}${suffix}`
}

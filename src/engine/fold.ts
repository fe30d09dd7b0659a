import { InputError } from '../errors.ts'
import type { Target } from './model.ts'
import type { JournalEntry } from './records.ts'
import type { IntentState, Note, RunState, SavedRecord, StepState, TaskState, TaskStatus } from './state.ts'

type Draft<T> = { -readonly [K in keyof T]: T[K] }

interface TaskDraft {
  target: Target
  intents: Draft<IntentState>[]
  foundDone: boolean
}

interface StepDraft {
  stepId: string
  status: StepState['status']
  tasks: Map<Target, TaskDraft>
}

/**
 * The state of a run: what its journal says, and nothing else.
 * @throws InputError where a record is about an intent that is none
 */
export function foldState(entries: readonly JournalEntry[]): RunState {
  const fold = new Fold()
  for (const entry of entries) fold.add(entry)
  return fold.state()
}

class Fold {
  readonly #steps = new Map<string, StepDraft>()
  readonly #intents = new Map<number, Draft<IntentState>>()
  readonly #records = new Map<string, SavedRecord>()
  readonly #notes: Note[] = []
  #checkpoints: string[] = []
  #identity: { runId: string; planId: string; planDigest: string; startedAt: string } | null = null
  #changedAt: string | null = null
  #direction: RunState['direction'] = 'forward'
  #rollbackTo: string | null = null
  #finished: RunState['finished'] = null
  #stopped: string | null = null
  readonly #brokenRuns = new Set<string>()

  add(entry: JournalEntry): void {
    this.#changedAt = entry.time
    this.#stopped = entry.kind === 'stopped' ? entry.reason : null
    switch (entry.kind) {
      case 'run-started': {
        const { runId, planId, planDigest, time } = entry
        this.#identity = { runId, planId, planDigest, startedAt: time }
        break
      }
      case 'step-started':
        this.#step(entry.stepId).status = 'started'
        break
      case 'intent': {
        const { seq, taskId, stepId, target, change } = entry
        const intent: Draft<IntentState> = {
          ...{ seq, taskId, stepId, target, change },
          ...{ outcome: 'in-doubt', undo: 'none', undoTaskId: null, undoAttempts: 0 },
        }
        this.#intents.set(seq, intent)
        this.#task(stepId, target).intents.push(intent)
        break
      }
      case 'done':
        this.#intentOf(entry).outcome = 'done'
        break
      case 'failed':
        this.#intentOf(entry).outcome = entry.inDoubt ? 'in-doubt' : 'failed'
        break
      case 'found-done':
        if (entry.intent === undefined) this.#task(entry.stepId, entry.target).foundDone = true
        else this.#intentOf({ seq: entry.seq, intent: entry.intent }).outcome = 'done'
        break
      case 'lock-broken':
        this.#brokenRuns.add(entry.runId)
        break
      case 'noted': {
        const { time, stepId, target, key, message } = entry
        this.#notes.push({ time, stepId, target, key, message })
        break
      }
      case 'skipped':
        this.#step(entry.stepId).status = 'skipped'
        break
      case 'recorded':
        this.#records.set(entry.name, { name: entry.name, file: entry.file, sha256: entry.sha256 })
        break
      case 'checkpoint': {
        const step = this.#step(entry.stepId)
        if (step.status !== 'skipped') step.status = 'done'
        this.#checkpoints.push(entry.stepId)
        break
      }
      case 'run-finished':
        this.#finished = 'done'
        break
      case 'rollback-started':
        this.#direction = 'rollback'
        this.#rollbackTo = entry.to
        this.#finished = null
        break
      case 'undo-intent': {
        const intent = this.#intentOf(entry)
        if (intent.undoTaskId !== entry.taskId) intent.undoAttempts += 1
        intent.undoTaskId = entry.taskId
        intent.undo = 'in-doubt'
        this.#dropCheckpoint(entry.stepId)
        break
      }
      case 'undone':
        this.#intentOf(entry).undo = 'undone'
        break
      case 'undo-failed':
        this.#intentOf(entry).undo = entry.inDoubt ? 'in-doubt' : 'failed'
        break
      case 'rollback-finished':
        this.#rolledBack(entry.to)
        break
      // Said for the reader of the journal; nothing follows from them.
      case 'resumed':
      case 'lock-taken':
      case 'phase-started':
      case 'drift':
      case 'gate-passed':
      case 'stop-requested':
      case 'stopped':
        break
    }
  }

  state(): RunState {
    const { runId = null, planId = null, planDigest = null, startedAt = null } = this.#identity ?? {}
    return {
      ...{ runId, planId, planDigest, startedAt, changedAt: this.#changedAt },
      steps: new Map([...this.#steps].map(([id, step]) => [id, stepState(step)])),
      checkpoints: this.#checkpoints,
      records: this.#records,
      notes: this.#notes,
      direction: this.#direction,
      rollbackTo: this.#rollbackTo,
      finished: this.#finished,
      stopped: this.#stopped,
      brokenRuns: this.#brokenRuns,
      next: this.#next(),
    }
  }

  #next(): RunState['next'] {
    if (this.#identity === null || this.#finished === 'rolled-back') return []
    return this.#finished === 'done' ? ['rollback'] : ['resume', 'rollback']
  }

  /** What came after the checkpoint that was kept is to be done again by a run that goes forward. */
  #rolledBack(to: string | null): void {
    this.#checkpoints = to === null ? [] : this.#checkpoints.slice(0, this.#checkpoints.indexOf(to) + 1)
    for (const step of this.#steps.values()) {
      if (this.#checkpoints.includes(step.stepId)) continue
      step.status = 'undone'
      for (const task of step.tasks.values()) task.foundDone = false
    }
    this.#direction = 'forward'
    this.#rollbackTo = null
    this.#finished = to === null ? 'rolled-back' : null
  }

  /** Once undoing a step has begun, neither it nor what came after it is a place to go back to. */
  #dropCheckpoint(stepId: string): void {
    const index = this.#checkpoints.indexOf(stepId)
    if (index !== -1) this.#checkpoints = this.#checkpoints.slice(0, index)
  }

  #step(stepId: string): StepDraft {
    const step = this.#steps.get(stepId) ?? { stepId, status: 'started', tasks: new Map() }
    this.#steps.set(stepId, step)
    return step
  }

  #task(stepId: string, target: Target): TaskDraft {
    const { tasks } = this.#step(stepId)
    const task = tasks.get(target) ?? { target, intents: [], foundDone: false }
    tasks.set(target, task)
    return task
  }

  #intentOf({ seq, intent }: { seq: number; intent: number }): Draft<IntentState> {
    const found = this.#intents.get(intent)
    if (found !== undefined) return found
    throw new InputError(`line ${seq + 1} of the journal is about an intent in its line ${intent + 1}, which is none`, {
      next: 'the journal was changed after it was written: restore it from a copy',
    })
  }
}

function stepState(step: StepDraft): StepState {
  const tasks = [...step.tasks.values()].map((task): TaskState => {
    const status = step.status === 'skipped' ? 'skipped' : statusOf(task)
    return { target: task.target, status, intents: task.intents.map((intent) => ({ ...intent })) }
  })
  return { stepId: step.stepId, status: step.status, tasks: new Map(tasks.map((task) => [task.target, task])) }
}

function statusOf({ intents, foundDone }: TaskDraft): TaskStatus {
  const standing = intents.filter((intent) => intent.undo !== 'undone')
  if (standing.some((intent) => intent.undo === 'in-doubt')) return 'undo-in-doubt'
  if (standing.some((intent) => intent.undo === 'failed')) return 'undo-failed'
  const last = standing.at(-1)
  if (last !== undefined) return last.outcome
  if (foundDone) return 'done'
  return intents.length > 0 ? 'undone' : 'pending'
}

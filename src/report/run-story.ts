import type { Plan } from '../engine/model.ts'
import type { JournalEntry } from '../engine/records.ts'

/** How something ended that was done, or undone, to one target. */
export type TaskEnd = 'done' | 'failed' | 'in-doubt' | 'undone' | 'undo-failed'

/** One try at one task, from its intent to its outcome. */
export interface TaskTry {
  stepId: string
  target: string
  end: TaskEnd
  startMs: number
  /** In doubt: until it was looked at, or the journal's end. */
  endMs: number
  error: string | null
}

/** A step as it was gone through: once, or again after a resume or a rollback to a checkpoint. */
export interface StepTry {
  stepId: string
  phaseId: string
  startMs: number
  endMs: number
  /** `open`: it came to no checkpoint. */
  end: 'done' | 'skipped' | 'open'
}

/** A time between two commands of the operator's side, in which no record was written. */
export interface Pause {
  fromMs: number
  untilMs: number
  /** Why it had stopped, in its own words; null: it was killed, or lost its machine. */
  reason: string | null
}

export interface RunStory {
  fromMs: number
  untilMs: number
  tasks: TaskTry[]
  steps: StepTry[]
  pauses: Pause[]
}

/** The journal told as spans of time: what was done where, and when nobody was there. Pure. */
export function runStory(plan: Plan, journal: readonly JournalEntry[]): RunStory {
  const at = (entry: JournalEntry | undefined) => (entry === undefined ? 0 : Date.parse(entry.time))
  const untilMs = at(journal.at(-1))
  return {
    fromMs: at(journal[0]),
    untilMs,
    tasks: taskTries(journal, untilMs),
    steps: stepTries(plan, journal),
    pauses: pausesOf(journal),
  }
}

/** How long somebody was at it. */
export function activeMs({ fromMs, untilMs, pauses }: RunStory): number {
  return pauses.reduce((left, pause) => left - (pause.untilMs - pause.fromMs), untilMs - fromMs)
}

function taskTries(journal: readonly JournalEntry[], untilMs: number): TaskTry[] {
  const tries: TaskTry[] = []
  /** By step and target: one thing at a time is done to a target. */
  const open = new Map<string, TaskTry>()
  const begin = ({ stepId, target, time }: About) => {
    const one: TaskTry = { stepId, target, end: 'in-doubt', startMs: Date.parse(time), endMs: untilMs, error: null }
    const before = open.get(`${stepId} ${target}`)
    // Begun again, or undone: of the try before it is all that will ever be known.
    if (before !== undefined) before.endMs = one.startMs
    open.set(`${stepId} ${target}`, one)
    tries.push(one)
  }
  const finish = ({ stepId, target, time }: About, end: TaskEnd, error: string | null = null) => {
    const one = open.get(`${stepId} ${target}`)
    if (one === undefined) return
    Object.assign(one, { end, endMs: Date.parse(time), error })
    open.delete(`${stepId} ${target}`)
  }
  for (const entry of journal) {
    switch (entry.kind) {
      case 'intent':
      case 'undo-intent':
        begin(entry)
        break
      case 'done':
      case 'undone':
        finish(entry, entry.kind)
        break
      case 'failed':
        finish(entry, entry.inDoubt ? 'in-doubt' : 'failed', entry.error)
        break
      case 'undo-failed':
        finish(entry, entry.inDoubt ? 'in-doubt' : 'undo-failed', entry.error)
        break
      case 'found-done':
        // It turned out to be done; when exactly nobody saw.
        finish(entry, 'in-doubt')
        break
    }
  }
  return tries
}

interface About {
  stepId: string
  target: string
  time: string
}

function stepTries(plan: Plan, journal: readonly JournalEntry[]): StepTry[] {
  const phaseOf = new Map(plan.steps.map(({ stepId, phaseId }) => [stepId, phaseId]))
  const tries: StepTry[] = []
  const begin = (stepId: string, nowMs: number, end: StepTry['end']) =>
    tries.push({ stepId, phaseId: phaseOf.get(stepId) ?? '', startMs: nowMs, endMs: nowMs, end })
  for (const entry of journal) {
    const nowMs = Date.parse(entry.time)
    const last = tries.at(-1)
    if (entry.kind === 'step-started') begin(entry.stepId, nowMs, 'open')
    else if (entry.kind === 'skipped') begin(entry.stepId, nowMs, 'skipped')
    else if ('stepId' in entry && entry.stepId === last?.stepId && last.end === 'open') {
      last.endMs = nowMs
      if (entry.kind === 'checkpoint') last.end = 'done'
    }
  }
  return tries
}

/** Every command that goes on with a run says so first: what is longer than an instant before that is a pause. */
function pausesOf(journal: readonly JournalEntry[]): Pause[] {
  return journal.flatMap((entry, index): Pause[] => {
    const before = journal[index - 1]
    if (entry.kind !== 'resumed' || before === undefined) return []
    return [{ fromMs: Date.parse(before.time), untilMs: Date.parse(entry.time), reason: reasonOf(before) }]
  })
}

function reasonOf(last: JournalEntry): string | null {
  if (last.kind === 'stopped') return last.reason
  if (last.kind === 'run-finished') return 'the run was finished'
  if (last.kind === 'rollback-finished') return 'the rollback was finished'
  return null
}

import { InputError } from '../errors.ts'
import { digestOf } from './digest.ts'
import { foldState } from './fold.ts'
import { StoppedError } from './interrupts.ts'
import { type Journal, openJournal } from './journal.ts'
import { type HeldLocks, takeLocks } from './lock.ts'
import type { ChangeStep, Json, PlannedStep, Step, Target, TaskContext } from './model.ts'
import { stepsById } from './planner.ts'
import type { RunContext } from './run-context.ts'
import { type RunState, standing, touchedNothing } from './state.ts'

/** A run in hand: locks held, journal open and checked. */
export interface Session<Facts, World> {
  readonly context: RunContext<Facts, World>
  readonly journal: Journal
  readonly locks: HeldLocks
  /** The runbook's steps by id, as they were when it was planned. */
  readonly steps: ReadonlyMap<string, Step<Facts, World>>
  /** What is known by now: read, or predicted from what was done. */
  facts: Facts
  state(): RunState
}

/**
 * Takes the locks, opens the journal, calls `work`, and gives the locks back when nothing of this run's making is left
 * half-way: a cluster that stands between two networks is not for a second operator, so a run that stops there keeps them.
 */
export async function withSession<Facts, World, Result>(
  context: RunContext<Facts, World>,
  work: (session: Session<Facts, World>) => Promise<Result>,
): Promise<Result> {
  const locks = await takeLocks(context.locks)
  let session: Session<Facts, World> | null = null
  const stopRequested = (): void => {
    context.emit({ kind: 'stop-requested' })
    // A journal that refuses this one refuses the next record too, and that one is waited for.
    session?.journal.append({ kind: 'stop-requested' }).catch(() => undefined)
  }
  context.interrupts.stop.addEventListener('abort', stopRequested, { once: true })
  try {
    session = await openSession(context, locks)
    const result = await work(session)
    if (mayRelease(session.state(), locks)) await locks.release()
    return result
  } catch (error) {
    // What ended the run is what the operator must read; a lock that stays tells of itself.
    if (mayRelease(session?.state() ?? null, locks)) await locks.release().catch(() => undefined)
    throw error
  } finally {
    context.interrupts.stop.removeEventListener('abort', stopRequested)
  }
}

function mayRelease(state: RunState | null, locks: HeldLocks): boolean {
  if (state === null) return locks.tookOver === null
  return state.finished !== null || touchedNothing(state)
}

async function openSession<Facts, World>(
  context: RunContext<Facts, World>,
  locks: HeldLocks,
): Promise<Session<Facts, World>> {
  const { plan, runbook, runId } = context
  const { journal, torn } = await openJournal(context.journal, context.clock)
  const before = foldState(journal.entries)
  const planDigest = digestOf(plan as unknown as Json)
  checkIdentity(context, before, planDigest, journal)
  const steps = stepsById(runbook.phases(runbook.parseParams(plan.params), context.initialFacts))
  for (const planned of plan.steps) {
    if (steps.get(planned.stepId)?.kind !== planned.kind) {
      throw new InputError(
        `the plan has a step ${planned.stepId} (${planned.kind}) that runbook ${runbook.name} has not`,
        {
          next: 'the plan was made by another version: use that one, or plan anew',
        },
      )
    }
  }
  const resumed = before.runId !== null
  context.emit({ kind: 'run-started', runId, plan, resumed })
  if (torn !== null) context.emit({ kind: 'journal-mended', line: torn.line, asideName: torn.asideName })
  const operator = `${context.locks.owner.user}@${context.locks.owner.host}`
  if (resumed) {
    await journal.append({ kind: 'resumed', operator })
  } else {
    const { id: planId, params } = plan
    await journal.append({
      kind: 'run-started',
      runId,
      planId,
      planDigest,
      runbook: runbook.name,
      params,
      operator,
    })
  }
  await recordLocks(context, journal, locks)
  const facts = factsSoFar(context, steps, before)
  return { context, journal, locks, steps, facts, state: () => foldState(journal.entries) }
}

function checkIdentity<Facts, World>(
  { runId, plan, runbook }: RunContext<Facts, World>,
  before: RunState,
  planDigest: string,
  journal: Journal,
): void {
  if (plan.runbook !== runbook.name) {
    throw new InputError(`plan ${plan.id} is of runbook ${plan.runbook}, not of ${runbook.name}`)
  }
  if (before.runId !== null && before.runId !== runId) {
    throw new InputError(`${journal.name} is of run ${before.runId}, not of ${runId}`)
  }
  if (before.planDigest !== null && before.planDigest !== planDigest) {
    throw new InputError(
      `run ${runId} was begun with another plan (${before.planId}) than the one given (${plan.id})`,
      {
        next: 'a run is carried on with its own plan; for another plan, finish or roll back this run first',
      },
    )
  }
}

async function recordLocks<Facts, World>(
  context: RunContext<Facts, World>,
  journal: Journal,
  locks: HeldLocks,
): Promise<void> {
  const { nonce, tookOver, broke } = locks
  const places = [...locks.places]
  const unasked = [...locks.unasked]
  if (broke !== null) {
    await journal.append({ kind: 'lock-broken', nonce: broke.nonce, runId: broke.runId, user: broke.user })
  }
  const took = tookOver === null ? {} : { tookOver: tookOver.nonce }
  await journal.append({ kind: 'lock-taken', nonce, places, unasked, ...took })
  context.emit({ kind: 'lock-taken', places, unasked, tookOver: tookOver !== null })
}

/** Nothing is changed on a target whose lock is not held: it may have been silent when the others were taken. */
export async function lockTargets<Facts, World>(
  { context, journal, locks, state }: Session<Facts, World>,
  targets: readonly Target[],
): Promise<void> {
  const places = await locks.complete(targets, state().brokenRuns)
  if (places.length === 0) return
  await journal.append({ kind: 'lock-taken', nonce: locks.nonce, places, unasked: [] })
  context.emit({ kind: 'lock-taken', places, unasked: [], tookOver: false })
}

/** The initial facts with everything predicted that stands done, as when planning. */
function factsSoFar<Facts, World>(
  context: RunContext<Facts, World>,
  steps: ReadonlyMap<string, Step<Facts, World>>,
  state: RunState,
): Facts {
  let facts = context.initialFacts
  for (const { stepId, tasks } of state.steps.values()) {
    const step = steps.get(stepId)
    if (step?.kind !== 'change') continue
    for (const task of tasks.values()) {
      for (const intent of standing(task)) {
        if (intent.outcome === 'done') facts = step.operation.predict(facts, intent.target, intent.change)
      }
    }
  }
  return facts
}

export function changeStep<Facts, World>(session: Session<Facts, World>, stepId: string): ChangeStep<Facts, World> {
  const step = session.steps.get(stepId)
  if (step?.kind === 'change') return step
  throw new InputError(`the journal names a step ${stepId} that the runbook has not`, {
    next: 'use the version of the program with which the run was begun',
  })
}

/** How a task tells what happened besides: journalled and shown, each key once in a run. */
export function noteOnce<Facts, World>(
  { context, journal, state }: Session<Facts, World>,
  stepId: string,
  target: Target,
): TaskContext['note'] {
  return async (key, message) => {
    if (state().notes.some((note) => note.key === key)) return
    await journal.append({ kind: 'noted', stepId, target, key, message })
    context.emit({ kind: 'task-noted', stepId, target, message })
  }
}

/** Ends the run in good order: said in the journal, told to the operator, exit 4. */
export async function stopHere<Facts, World>(
  { context, journal }: Session<Facts, World>,
  reason: string,
  step: Pick<PlannedStep, 'stepId'>,
  next = 'migrate resume (or: migrate rollback)',
): Promise<never> {
  await journal.append({ kind: 'stopped', reason })
  context.emit({ kind: 'stopped', reason })
  throw new StoppedError(reason, { step: step.stepId, next })
}

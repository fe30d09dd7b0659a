import { BlockedError, InputError } from '../errors.ts'
import { messageOf, runEffect, type Trouble, taskFailed } from './effect.ts'
import { faultPoint } from './fault-point.ts'
import type { Json, Plan, Target, Undo } from './model.ts'
import type { RunContext } from './run-context.ts'
import { changeStep, lockTargets, noteOnce, type Session, stopHere, withSession } from './session.ts'
import { type IntentState, nextUndoTaskId, type RunState, standing } from './state.ts'

/** One step of a rollback: what of it is undone, in order. */
export interface RollbackStep {
  stepId: string
  title: string
  order: 'parallel' | 'serial'
  intents: readonly IntentState[]
}

/**
 * What a rollback would undo: every intent after the checkpoint that was not undone yet, whatever its outcome, the last
 * one first. Pure, so it can be shown before it is done.
 * @param to the step whose checkpoint is kept; null undoes everything
 * @throws InputError when `to` is not a checkpoint of this run
 */
export function rollbackSteps(plan: Plan, state: RunState, to: string | null): readonly RollbackStep[] {
  if (to !== null && !state.checkpoints.includes(to)) {
    const known = state.checkpoints.length === 0 ? 'it has none yet' : `it has: ${state.checkpoints.join(', ')}`
    throw new InputError(`--to ${to} is not a checkpoint of this run`, { next: known })
  }
  const kept = to === null ? 0 : plan.steps.findIndex((step) => step.stepId === to) + 1
  return plan.steps
    .slice(kept)
    .toReversed()
    .flatMap(({ stepId, title, order = 'serial' }) => {
      const tasks = [...(state.steps.get(stepId)?.tasks.values() ?? [])]
      const intents = tasks.flatMap(standing).toSorted((a, b) => b.seq - a.seq)
      return intents.length === 0 ? [] : [{ stepId, title, order, intents }]
    })
}

/**
 * Walks the journal back, each undo journalled ahead of itself; carries on a rollback that was interrupted.
 * @param to the step whose checkpoint is kept; null undoes everything
 * @throws BlockedError something in between cannot be undone; nothing was undone then
 * @throws StoppedError, FailedError, InputError as execute
 */
export async function rollback<Facts, World>(context: RunContext<Facts, World>, to: string | null): Promise<void> {
  await withSession(context, (session) => rollBack(session, to))
}

/** As rollback, within a session. */
export async function rollBack<Facts, World>(session: Session<Facts, World>, to: string | null): Promise<void> {
  const { context, journal } = session
  const state = session.state()
  if (state.finished === 'rolled-back') return
  const steps = rollbackSteps(context.plan, state, to)
  refuseImpossible(session, state, steps)
  if (state.direction !== 'rollback' || state.rollbackTo !== to) {
    const { user, host } = context.locks.owner
    await journal.append({ kind: 'rollback-started', to, operator: `${user}@${host}` })
  }
  const shown = steps.map(({ stepId, intents }) => ({ stepId, targets: [...new Set(intents.map((i) => i.target))] }))
  context.emit({ kind: 'rollback-started', runId: context.runId, to, steps: shown })
  for (const step of steps) {
    await lockTargets(
      session,
      step.intents.map(({ target }) => target),
    )
    await undoStep(session, step, to)
  }
  await journal.append({ kind: 'rollback-finished', to })
  context.emit({ kind: 'rollback-finished', to })
}

/** Told before anything is undone: how far back the way leads. */
function refuseImpossible<Facts, World>(
  session: Session<Facts, World>,
  state: RunState,
  steps: readonly RollbackStep[],
): void {
  for (const { stepId, title, intents } of steps) {
    const { undo } = changeStep(session, stepId).operation
    if (!('impossible' in undo)) continue
    const targets = [...new Set(intents.map(({ target }) => target))].join(', ')
    const reachable = state.checkpoints.includes(stepId)
      ? `as far as it goes: migrate rollback --to ${stepId}`
      : 'migrate resume'
    throw new BlockedError(`${title} (${targets}) cannot be undone: ${undo.impossible}`, {
      step: stepId,
      next: reachable,
    })
  }
}

async function undoStep<Facts, World>(
  session: Session<Facts, World>,
  step: RollbackStep,
  to: string | null,
): Promise<void> {
  const { undo, timeoutMs } = undoOf(session, step.stepId)
  const byTarget = Map.groupBy(step.intents, ({ target }) => target)
  const undoTarget = async (intents: readonly IntentState[]): Promise<{ target: Target; trouble: Trouble } | null> => {
    for (const intent of intents) {
      if (session.context.interrupts.stop.aborted) return null
      const trouble = await undoIntent(session, intent, undo, timeoutMs)
      if (trouble !== null) return { target: intent.target, trouble }
    }
    return null
  }
  const next = `migrate rollback${to === null ? '' : ` --to ${to}`}`
  const settle = async (ends: readonly ({ target: Target; trouble: Trouble } | null)[]): Promise<void> => {
    const troubles = ends.filter((end) => end !== null)
    if (troubles.some(({ trouble }) => trouble.kind === 'abandoned')) {
      const targets = troubles.map(({ target }) => target).join(', ')
      await stopHere(session, `stopped at once; undo in doubt: ${step.title} on ${targets}`, step, next)
    }
    const failed = troubles.flatMap(({ target, trouble }) =>
      trouble.kind === 'abandoned' ? [] : [{ target, error: trouble.error }],
    )
    if (failed.length > 0) throw taskFailed(`undo: ${step.title}`, step.stepId, failed, next)
    if (session.context.interrupts.stop.aborted)
      await stopHere(session, `rollback stopped at: ${step.title}`, step, next)
  }
  if (step.order === 'serial') {
    for (const intents of byTarget.values()) await settle([await undoTarget(intents)])
    return
  }
  const ends = await Promise.allSettled([...byTarget.values()].map(undoTarget))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  await settle(ends.map((end) => (end.status === 'fulfilled' ? end.value : null)))
}

type RunnableUndo<World> = Extract<Undo<World, Json>, { run: unknown }>

function undoOf<Facts, World>(
  session: Session<Facts, World>,
  stepId: string,
): { undo: RunnableUndo<World>; timeoutMs: number } {
  const {
    operation: { undo },
    timeoutMs,
  } = changeStep(session, stepId)
  // refuseImpossible came before.
  if ('impossible' in undo) throw new BlockedError(`${stepId} cannot be undone: ${undo.impossible}`)
  return { undo: 'run' in undo ? undo : { how: undo.notNeeded, run: async () => {} }, timeoutMs }
}

/** undo-intent, undo, undone: with the change that the journal holds. Returns what went wrong, already in the journal. */
async function undoIntent<Facts, World>(
  session: Session<Facts, World>,
  intent: IntentState,
  undo: RunnableUndo<World>,
  timeoutMs: number,
): Promise<Trouble | null> {
  const { context, journal } = session
  const { stepId, target, change, seq } = intent
  const { clock, interrupts, runId } = context
  const taskId = nextUndoTaskId(intent)
  const about = { taskId, stepId, target, intent: seq }
  await journal.append({ kind: 'undo-intent', ...about })
  context.emit({ kind: 'undo-started', stepId, target, taskId, how: undo.how, timeoutMs })
  const startedMs = clock.nowMs()
  const say = (message: string): void => context.emit({ kind: 'task-said', stepId, target, message })
  const limits = { timeoutMs, clock, abort: interrupts.abort, journalFailure: journal.failure }
  const note = noteOnce(session, stepId, target)
  const trouble = await runEffect({ runId, taskId, ...limits, say, note }, async (task) => {
    faultPoint('task.beforeUndo', stepId)
    await undo.run(context.world, target, change, task)
    faultPoint('task.afterUndo', stepId)
  })
  if (trouble === null) {
    await journal.append({ kind: 'undone', ...about })
    context.emit({ kind: 'undo-done', stepId, target, durationMs: clock.nowMs() - startedMs })
  } else if (trouble.kind !== 'abandoned') {
    const error = messageOf(trouble.error)
    const inDoubt = trouble.kind === 'in-doubt'
    await journal.append({ kind: 'undo-failed', ...about, error, inDoubt })
    context.emit({ kind: 'undo-failed', stepId, target, error, inDoubt })
  }
  return trouble
}

import { BlockedError, FailedError, InputError, MigrateError } from '../errors.ts'
import { messageOf, runEffect, type Trouble, taskFailed } from './effect.ts'
import { faultPoint } from './fault-point.ts'
import { movedPaths } from './json-diff.ts'
import { type ChangeStep, type Json, type PlannedStep, type Target, type TaskContext, undoNote } from './model.ts'
import type { StepInfo } from './operator.ts'
import { lockTargets, noteOnce, type Session, stopHere } from './session.ts'
import { nextTaskId, standing, type TaskState } from './state.ts'

const next = 'migrate resume, to look again and carry on (or: migrate rollback)'

/** What is to be done to one target, now that its facts were read again. */
interface Job {
  target: Target
  change: Json
}

/** Asks, looks again, and brings every target of the step to what is wanted of it. */
export async function runChangeStep<Facts, World>(
  session: Session<Facts, World>,
  planned: PlannedStep,
  step: ChangeStep<Facts, World>,
  where: Pick<StepInfo, 'position' | 'total' | 'remaining'>,
): Promise<'done' | 'rollback'> {
  const { context, journal } = session
  const open = targetsOf(planned).filter((target) => taskOf(session, step.id, target)?.status !== 'done')
  const isBegun = open.some((target) => begun(taskOf(session, step.id, target)))
  const mayAct = [...planned.tasks.map(({ target }) => target), ...(planned.unread ?? [])]
  if (isBegun || mayAct.some((target) => open.includes(target))) {
    const answer = await ask(session, planned, where)
    if (answer === 'rollback') return 'rollback'
    if (answer === 'stop') await stopHere(session, `stopped before: ${planned.title}`, planned)
    if (answer === 'skip') {
      await journal.append({ kind: 'skipped', stepId: step.id, by: context.locks.owner.user })
      context.emit({ kind: 'step-skipped', stepId: step.id })
      return 'done'
    }
  }
  await journal.append({ kind: 'step-started', stepId: step.id })
  context.emit({ kind: 'step-started', step: planned })
  if (step.order === 'parallel') await inParallel(session, planned, step, open)
  else await oneByOne(session, planned, step, open)
  return 'done'
}

async function ask<Facts, World>(
  session: Session<Facts, World>,
  planned: PlannedStep,
  where: Pick<StepInfo, 'position' | 'total' | 'remaining'>,
) {
  const { context } = session
  const tasks = targetsOf(planned).map((target) => taskOf(session, planned.stepId, target))
  const canSkip = planned.skippable !== undefined && !tasks.some(begun)
  const statuses = targetsOf(planned).map((target, index) => ({ target, status: tasks[index]?.status ?? 'pending' }))
  context.emit({ kind: 'step-asked', step: planned })
  const answer = await context.operator.confirm(planned, { ...where, canSkip, tasks: statuses })
  if (answer === 'skip' && !canSkip) throw new InputError(`step ${planned.stepId} cannot be skipped`)
  context.emit({ kind: 'step-answered', stepId: planned.stepId, answer })
  return answer
}

/** Every target is looked at before the first is touched, and all that were begun are seen to their end. */
async function inParallel<Facts, World>(
  session: Session<Facts, World>,
  planned: PlannedStep,
  step: ChangeStep<Facts, World>,
  open: readonly Target[],
): Promise<void> {
  if (open.length === 0) return
  await readAgain(session, step, open)
  const jobs: Job[] = []
  for (const target of open) {
    const job = await look(session, planned, step, target)
    if (job !== null) jobs.push(job)
  }
  await stopIfAsked(session, planned)
  const ends = await Promise.allSettled(jobs.map((job) => bring(session, planned, step, job)))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  const troubles = ends.flatMap((end, index) => {
    const target = jobs[index]?.target ?? ''
    return end.status === 'fulfilled' && end.value !== null ? [{ target, trouble: end.value }] : []
  })
  await settle(session, planned, troubles)
}

async function oneByOne<Facts, World>(
  session: Session<Facts, World>,
  planned: PlannedStep,
  step: ChangeStep<Facts, World>,
  open: readonly Target[],
): Promise<void> {
  for (const target of open) {
    await readAgain(session, step, [target])
    const job = await look(session, planned, step, target)
    await stopIfAsked(session, planned)
    if (job === null) continue
    const trouble = await bring(session, planned, step, job)
    if (trouble !== null) await settle(session, planned, [{ target, trouble }])
  }
}

/** As long as nothing was sent, nothing is in hand that would have to be finished. */
async function stopIfAsked<Facts, World>(session: Session<Facts, World>, planned: PlannedStep): Promise<void> {
  if (session.context.interrupts.stop.aborted) await stopHere(session, `stopped within: ${planned.title}`, planned)
}

async function readAgain<Facts, World>(
  session: Session<Facts, World>,
  step: ChangeStep<Facts, World>,
  targets: readonly Target[],
): Promise<void> {
  const { reads } = step.operation
  const { reader } = session.context
  await lockTargets(session, targets)
  try {
    session.facts = await reader.read(reads, targets, session.facts)
    const why = reader.unanswered(session.facts, reads)
    if (why !== null) throw new FailedError(why)
  } catch (error) {
    if (!(error instanceof MigrateError)) throw error
    const { next: hint, ...context } = error.context
    throw new FailedError(
      `${step.title}: the facts could not be read again: ${messageOf(error)}`,
      { ...context, step: step.id, next: hint === undefined ? next : `${hint}; then: ${next}` },
      error,
    )
  }
}

/**
 * Compares what is to be done now with what was planned. What this run itself left half done is never drift: its rest is
 * done under a new intent, and the old one stays registered for undo.
 */
async function look<Facts, World>(
  session: Session<Facts, World>,
  planned: PlannedStep,
  step: ChangeStep<Facts, World>,
  target: Target,
): Promise<Job | null> {
  const { context, journal } = session
  const task = taskOf(session, step.id, target)
  const plannedTask = planned.tasks.find((candidate) => candidate.target === target)
  const change = step.operation.diff(session.facts, target)
  if (begun(task)) {
    context.emit({ kind: 'task-in-doubt', stepId: step.id, target })
    if (change !== null) return { target, change }
    await settleFoundDone(session, planned, step, task)
    return null
  }
  if (change === null) {
    if (plannedTask !== undefined) await foundDone(session, step, target)
    return null
  }
  // Nothing was planned that it could differ from.
  if (planned.unread?.includes(target)) return { target, change }
  const fingerprint = step.operation.fingerprint(change)
  const moved = movedPaths(plannedTask?.fingerprint, fingerprint)
  if (moved.length === 0) return { target, change }
  context.emit({ kind: 'drift', stepId: step.id, target, moved })
  const answer = await context.operator.drift(planned, target, moved)
  const what = moved.map(({ path, before, now }) => ({ path, before: before as Json, now: now as Json }))
  await journal.append({ kind: 'drift', stepId: step.id, target, what, answer })
  if (answer === 'accept') return { target, change }
  const shown = moved.slice(0, 3).map(({ path, before, now }) => `${path}: ${short(before)} → ${short(now)}`)
  throw new BlockedError(`${planned.title}: ${target} is not as planned: ${shown.join('; ')}`, {
    host: target,
    step: step.id,
    next: 'put it back as it was, then: migrate resume; or: migrate rollback, and plan anew',
  })
}

function short(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}

async function foundDone<Facts, World>(
  session: Session<Facts, World>,
  step: ChangeStep<Facts, World>,
  target: Target,
  intent?: number,
): Promise<void> {
  await session.journal.append({
    kind: 'found-done',
    stepId: step.id,
    target,
    ...(intent === undefined ? {} : { intent }),
  })
  session.context.emit({ kind: 'task-found-done', stepId: step.id, target })
}

/** Nothing remains of a task that was in doubt or failed: that is believed only after it was verified. */
async function settleFoundDone<Facts, World>(
  session: Session<Facts, World>,
  planned: PlannedStep,
  step: ChangeStep<Facts, World>,
  task: TaskState,
): Promise<void> {
  const last = standing(task).at(-1)
  if (last === undefined) return
  const { target, taskId, seq, change } = last
  const trouble = await effect(session, step, { target, change }, taskId, (context) =>
    verify(session, step, { target, change }, context),
  )
  if (trouble === null) return await foundDone(session, step, target, seq)
  await recordTrouble(session, step, { target, taskId, intent: seq }, trouble)
  await settle(session, planned, [{ target, trouble }])
}

/** Intent, apply, verify, done. Returns what went wrong, already in the journal. */
async function bring<Facts, World>(
  session: Session<Facts, World>,
  planned: PlannedStep,
  step: ChangeStep<Facts, World>,
  job: Job,
): Promise<Trouble | null> {
  const { context, journal } = session
  const { operation } = step
  const { target, change } = job
  const taskId = nextTaskId(step.id, target, taskOf(session, step.id, target))
  const undo = undoNote(operation.undo)
  const { seq: intent } = await journal.append({ kind: 'intent', taskId, stepId: step.id, target, change, undo })
  const { summary } = operation.render(change)
  const startedMs = context.clock.nowMs()
  context.emit({ kind: 'task-started', stepId: planned.stepId, target, taskId, summary, timeoutMs: step.timeoutMs })
  const trouble = await effect(session, step, job, taskId, async (task) => {
    faultPoint('task.beforeApply', step.id)
    await operation.apply(context.world, target, change, task)
    faultPoint('task.afterApply', step.id)
    await verify(session, step, job, task)
  })
  if (trouble !== null) {
    await recordTrouble(session, step, { target, taskId, intent }, trouble)
    return trouble
  }
  await journal.append({ kind: 'done', taskId, stepId: step.id, target, intent })
  session.facts = operation.predict(session.facts, target, change)
  const durationMs = context.clock.nowMs() - startedMs
  context.emit({ kind: 'task-done', stepId: step.id, target, durationMs })
  return null
}

async function verify<Facts, World>(
  { context }: Session<Facts, World>,
  step: ChangeStep<Facts, World>,
  { target, change }: Job,
  task: TaskContext,
): Promise<void> {
  faultPoint('task.beforeVerify', step.id)
  await step.operation.verify(context.world, target, change, task)
  faultPoint('task.afterVerify', step.id)
}

function effect<Facts, World>(
  session: Session<Facts, World>,
  step: ChangeStep<Facts, World>,
  { target }: Job,
  taskId: string,
  run: (task: TaskContext) => Promise<void>,
): Promise<Trouble | null> {
  const { context, journal } = session
  const { runId, clock, interrupts } = context
  const say = (message: string): void => context.emit({ kind: 'task-said', stepId: step.id, target, message })
  const limits = { timeoutMs: step.timeoutMs, clock, abort: interrupts.abort, journalFailure: journal.failure }
  return runEffect({ runId, taskId, ...limits, say, note: noteOnce(session, step.id, target) }, run)
}

async function recordTrouble<Facts, World>(
  { context, journal }: Session<Facts, World>,
  step: ChangeStep<Facts, World>,
  about: { target: Target; taskId: string; intent: number },
  trouble: Trouble,
): Promise<void> {
  // Let go of: the intent without an outcome says it all, and nothing more is waited for.
  if (trouble.kind === 'abandoned') return
  const error = messageOf(trouble.error)
  const inDoubt = trouble.kind === 'in-doubt'
  await journal.append({ kind: 'failed', stepId: step.id, ...about, error, inDoubt })
  context.emit({ kind: 'task-failed', stepId: step.id, target: about.target, error, inDoubt })
}

/** Ends the run when something went wrong. */
async function settle<Facts, World>(
  session: Session<Facts, World>,
  planned: PlannedStep,
  troubles: readonly { target: Target; trouble: Trouble }[],
): Promise<void> {
  const abandoned = troubles.filter(({ trouble }) => trouble.kind === 'abandoned').map(({ target }) => target)
  if (abandoned.length > 0) {
    await stopHere(session, `stopped at once; in doubt: ${planned.title} on ${abandoned.join(', ')}`, planned)
  }
  const failed = troubles.flatMap(({ target, trouble }) =>
    trouble.kind === 'abandoned' ? [] : [{ target, error: trouble.error }],
  )
  if (failed.length > 0) throw taskFailed(planned.title, planned.stepId, failed, next)
}

function targetsOf(planned: PlannedStep): readonly Target[] {
  return planned.targets ?? planned.tasks.map(({ target }) => target)
}

function taskOf<Facts, World>(session: Session<Facts, World>, stepId: string, target: Target): TaskState | undefined {
  return session.state().steps.get(stepId)?.tasks.get(target)
}

/** Some of it was, or may have been, done by this run, and it is not known to be whole. */
function begun(task: TaskState | undefined): task is TaskState {
  return task !== undefined && task.status !== 'done' && standing(task).length > 0
}

import { BlockedError } from '../errors.ts'
import { runChangeStep } from './change-step.ts'
import { faultPoint } from './fault-point.ts'
import { runGate } from './gate-step.ts'
import type { PlannedStep } from './model.ts'
import { runRecord } from './record-step.ts'
import { rollBack } from './rollback.ts'
import type { RunContext } from './run-context.ts'
import { type Session, stopHere, withSession } from './session.ts'

/** `rolled-back`: the operator chose so when asked, or the run was so already. Every other end is an error. */
export type RunEnd = 'finished' | 'rolled-back'

/**
 * Starts the run, or carries it on where its journal ends. One that is over is left as it is.
 * @throws BlockedError a gate or drift stands in the way, or another operator holds the lock (exit 3)
 * @throws StoppedError stopped on request; `migrate resume` carries on (exit 4)
 * @throws FailedError a task failed, or the journal cannot be written (exit 1)
 * @throws InputError plan, journal and runbook do not belong together (exit 2)
 */
export async function execute<Facts, World>(context: RunContext<Facts, World>): Promise<RunEnd> {
  return await withSession(context, (session) => goForward(session))
}

/** As execute, within a session. */
export async function goForward<Facts, World>(session: Session<Facts, World>): Promise<RunEnd> {
  const { context, journal } = session
  const state = session.state()
  if (state.direction === 'rollback') {
    const to = state.rollbackTo === null ? '' : ` --to ${state.rollbackTo}`
    throw new BlockedError(`run ${context.runId} is being rolled back`, { next: `migrate rollback${to}` })
  }
  if (state.finished !== null) return state.finished === 'done' ? 'finished' : 'rolled-back'
  const { steps } = context.plan
  let phaseId: string | null = null
  for (const [index, planned] of steps.entries()) {
    if (state.checkpoints.includes(planned.stepId)) continue
    if (context.interrupts.stop.aborted) await stopHere(session, `stopped before: ${planned.title}`, planned)
    if (planned.phaseId !== phaseId) {
      await journal.append({ kind: 'phase-started', phaseId: planned.phaseId })
      phaseId = planned.phaseId
    }
    const where = { position: index + 1, total: steps.length, remaining: steps.slice(index + 1) }
    if ((await runStep(session, planned, where)) === 'rollback') {
      await rollBack(session, null)
      return 'rolled-back'
    }
    faultPoint('step.beforeCheckpoint', planned.stepId)
    await journal.append({ kind: 'checkpoint', stepId: planned.stepId })
    context.emit({ kind: 'checkpoint', stepId: planned.stepId })
    faultPoint('step.afterCheckpoint', planned.stepId)
  }
  await journal.append({ kind: 'run-finished' })
  context.emit({ kind: 'run-finished' })
  return 'finished'
}

async function runStep<Facts, World>(
  session: Session<Facts, World>,
  planned: PlannedStep,
  where: { position: number; total: number; remaining: readonly PlannedStep[] },
): Promise<'done' | 'rollback'> {
  // openSession has made sure that every planned step is there, with its kind.
  const step = session.steps.get(planned.stepId)
  if (step?.kind === 'change') return await runChangeStep(session, planned, step, where)
  await session.journal.append({ kind: 'step-started', stepId: planned.stepId })
  session.context.emit({ kind: 'step-started', step: planned })
  if (step?.kind === 'gate') await runGate(session, planned, step)
  if (step?.kind === 'record') await runRecord(session, step)
  return 'done'
}

import { FailedError, MigrateError } from '../errors.ts'
import { isInDoubt } from './in-doubt.ts'
import { JournalFailure } from './journal-failure.ts'
import type { Clock, TaskContext } from './model.ts'

/** How an effect on a target ended, when it did not simply succeed. */
export type Trouble =
  | { kind: 'failed' | 'in-doubt'; error: unknown }
  /** Let go of at the second Ctrl-C: in doubt, and there is no more to say about it. */
  | { kind: 'abandoned' }

export interface EffectOptions {
  runId: string
  taskId: string
  timeoutMs: number
  clock: Clock
  /** Aborted at the second Ctrl-C. */
  abort: AbortSignal
  /** Aborted when the journal cannot be written. */
  journalFailure: AbortSignal
  say(message: string): void
  note(key: string, message: string): Promise<void>
}

/**
 * Runs one effect under its deadline. An effect that does not heed its signal is let go of all the same.
 * @returns null when it succeeded
 * @throws JournalFailure: nothing more may be done at all
 */
export async function runEffect(
  options: EffectOptions,
  effect: (task: TaskContext) => Promise<void>,
): Promise<Trouble | null> {
  const { clock, timeoutMs, abort, journalFailure } = options
  const deadlineMs = clock.nowMs() + timeoutMs
  const deadline = new AbortController()
  const over = new AbortController()
  const signal = AbortSignal.any([abort, journalFailure, deadline.signal])
  clock.sleep(timeoutMs, over.signal).then(
    () => {
      if (!over.signal.aborted) deadline.abort(new FailedError(`not done within ${Math.round(timeoutMs / 1000)} s`))
    },
    () => undefined,
  )
  const task: TaskContext = {
    runId: options.runId,
    taskId: options.taskId,
    signal,
    remainingMs: () => Math.max(0, deadlineMs - clock.nowMs()),
    say: (message) => {
      if (!over.signal.aborted) options.say(message)
    },
    note: options.note,
  }
  try {
    signal.throwIfAborted()
    await Promise.race([effect(task), rejected(signal, over.signal)])
    return null
  } catch (error) {
    if (error instanceof JournalFailure) throw error
    if (journalFailure.aborted) throw journalFailure.reason
    if (abort.aborted) return { kind: 'abandoned' }
    if (deadline.signal.aborted) return { kind: 'in-doubt', error: deadline.signal.reason }
    return { kind: isInDoubt(error) ? 'in-doubt' : 'failed', error }
  } finally {
    over.abort()
  }
}

/** Rejects when `signal` is aborted; forgotten when `over` is. */
function rejected(signal: AbortSignal, over: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: over })
  })
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The error a run ends with when a task did not succeed: what happened, where, and what can be done. */
export function taskFailed(
  what: string,
  step: string,
  troubles: readonly { target: string; error: unknown }[],
  next: string,
): FailedError {
  const [first] = troubles
  const context = first?.error instanceof MigrateError ? first.error.context : {}
  const lines = troubles.map(({ target, error }) => `${what} on ${target}: ${messageOf(error)}`)
  return new FailedError(
    lines.join('\n'),
    {
      ...(context.command === undefined ? {} : { command: context.command }),
      ...(first === undefined ? {} : { host: first.target }),
      step,
      next: context.next === undefined ? next : `${context.next}; then: ${next}`,
    },
    first?.error,
  )
}

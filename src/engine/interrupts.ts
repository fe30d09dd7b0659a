import { exitCodes, MigrateError } from '../errors.ts'

/** Stopped on request at a point from which the run can be resumed or rolled back (exit 4). */
export class StoppedError extends MigrateError {
  constructor(message: string, context: { step?: string; host?: string; next: string }) {
    super(message, exitCodes.stopped, context)
  }
}

/** How the operator's side asks a run to end early. The engine only looks at the two signals. */
export interface Interrupts {
  /** Aborted by the first Ctrl-C: the task in hand is finished, nothing new is begun. */
  readonly stop: AbortSignal
  /** Aborted by the second: what runs is let go at once and stays in doubt. */
  readonly abort: AbortSignal
}

/** Where signals come from; `process` is one. */
export interface SignalSource {
  on(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
  off(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
}

/** Counts SIGINT and SIGTERM alike. Dispose it when the run has ended, or Ctrl-C no longer ends the program. */
export function processInterrupts(source: SignalSource): Interrupts & Disposable {
  const stop = new AbortController()
  const abort = new AbortController()
  const listener = (): void => {
    if (stop.signal.aborted) abort.abort()
    else stop.abort()
  }
  source.on('SIGINT', listener)
  source.on('SIGTERM', listener)
  return {
    stop: stop.signal,
    abort: abort.signal,
    [Symbol.dispose]: () => {
      source.off('SIGINT', listener)
      source.off('SIGTERM', listener)
    },
  }
}

/** Exit codes of the command line (README.md says the same). */
export const exitCodes = { done: 0, failed: 1, input: 2, blocked: 3, stopped: 4, worse: 5 } as const

export interface ErrorContext {
  /** Node the error is about. */
  host?: string
  /** Step of the runbook. */
  step?: string
  /** The command as shown to an operator: quoted, secrets masked. */
  command?: string
  /** What to do next, ideally the command to type. */
  next?: string
}

/** Base of every error an operator may see: one message, where it happened, and what to do next. No stack trace. */
export class MigrateError extends Error {
  readonly exitCode: number
  readonly context: ErrorContext
  constructor(message: string, exitCode: number, context: ErrorContext = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = new.target.name
    this.exitCode = exitCode
    this.context = context
  }
}

/** The call or an input (inventory, flag, plan file, journal) is wrong. Nothing was touched. */
export class InputError extends MigrateError {
  constructor(message: string, context: ErrorContext = {}, cause?: unknown) {
    super(message, exitCodes.input, context, cause)
  }
}

/** Pre-flight or drift stands in the way. */
export class BlockedError extends MigrateError {
  constructor(message: string, context: ErrorContext = {}) {
    super(message, exitCodes.blocked, context)
  }
}

/** Something was tried and did not work. */
export class FailedError extends MigrateError {
  constructor(message: string, context: ErrorContext = {}, cause?: unknown) {
    super(message, exitCodes.failed, context, cause)
  }
}

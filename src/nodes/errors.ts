import { BlockedError, type ErrorContext, FailedError } from '../errors.ts'

/** The host key is unknown, changed or revoked. Nothing but the key exchange was said to that host (P10). */
export class HostKeyError extends BlockedError {}

/** No connection could be made, so nothing was sent. */
export class UnreachableError extends FailedError {}

/** A command ended with another exit code than 0, or by a signal. */
export class CommandFailed extends FailedError {
  /** null: ended by a signal. */
  readonly code: number | null
  readonly stderr: string
  constructor(message: string, code: number | null, stderr: string, context: ErrorContext) {
    super(message, context)
    this.code = code
    this.stderr = stderr
  }
}

/** The connection was lost or the deadline passed: the command may have run, may be running, or never started. */
export class OutcomeUnknown extends FailedError {
  /** For the engine: look at it before anything else is done. */
  readonly inDoubt = true
}

import { type ErrorContext, FailedError } from '../errors.ts'

/**
 * Thrown by an effect that does not know how it ended: the connection was lost or a deadline passed, and the command may
 * have run, may be running, or never started. The task stays in doubt and keeps its id, so that a resume finds the
 * transient unit that may still be running instead of starting a second one. Every other error means: tried, and over.
 */
export class InDoubtError extends FailedError {
  constructor(message: string, context: ErrorContext = {}, cause?: unknown) {
    super(message, context, cause)
  }
}

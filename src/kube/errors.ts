import { type ErrorContext, FailedError } from '../errors.ts'

/** The API answered with an error: its status and its own words. */
export class KubeError extends FailedError {
  readonly status: number
  constructor(status: number, message: string, context: ErrorContext = {}) {
    super(message, context)
    this.status = status
  }
}

/** No server's API could be reached, or none answered in time. What was asked may or may not have happened. */
export class KubeUnreachableError extends FailedError {}

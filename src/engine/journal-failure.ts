import { FailedError } from '../errors.ts'

/**
 * A write to the journal or its fsync failed. After that nothing is known of what is on the disk (the kernel may have
 * marked the pages clean), so it is not tried again and nothing more is sent to any node.
 */
export class JournalFailure extends FailedError {
  constructor(journal: string, cause: unknown) {
    super(
      `${journal} could not be written: ${cause instanceof Error ? cause.message : String(cause)}`,
      { next: 'see that the disk is healthy and has room, then: migrate resume' },
      cause,
    )
  }
}

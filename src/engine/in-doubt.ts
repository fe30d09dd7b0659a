/**
 * An effect throws an error with `inDoubt: true` when it does not know how it ended: the connection was lost, and the
 * command may have run, may be running, or never started. The task stays in doubt and keeps its id, so that a resume
 * finds the transient unit that may still be running instead of starting a second one. Every other error means: tried,
 * and over. A property, not a class, because the transport is not to know the engine.
 */
export function isInDoubt(error: unknown): boolean {
  return error instanceof Error && (error as { inDoubt?: unknown }).inDoubt === true
}

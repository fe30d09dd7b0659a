import type { RunContext } from './run-context.ts'

/** `rolled-back`: the operator chose so when asked. Every other end is an error with its exit code. */
export type RunEnd = 'finished' | 'rolled-back'

/** Starts the run, or carries it on where its journal ends. */
export declare function execute<Facts, World>(context: RunContext<Facts, World>): Promise<RunEnd>

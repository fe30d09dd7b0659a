import type { RunEnd } from './execute.ts'
import type { RunContext } from './run-context.ts'

/** Carries on in the direction in which the run was going. InputError when there is nothing left to do. */
export declare function resume<Facts, World>(context: RunContext<Facts, World>): Promise<RunEnd>

import type { AttemptClass } from '../../../src/probes/attempts.ts'
import { pair } from '../../../src/probes/pairs.ts'
import type { Tried } from '../../../src/probes/probe-state.ts'

/** A pair that policies allow or deny, and how its attempts ended. */
export const tried = (
  from: string,
  to: string,
  allowed: boolean,
  outcomes: AttemptClass[],
  allowedBefore = allowed,
): Tried => ({ ...pair(from, to, 8080), fromNode: 's1', toNode: 's2', allowed, allowedBefore, outcomes })

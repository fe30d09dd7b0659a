import type { Base } from '../base.ts'
import type { Simulation } from '../simulation.ts'
import type { TraceEntry } from '../trace.ts'

/** What a promise is judged by: everything that happened, and where it ended. */
export interface Evidence {
  base: Base
  trace: readonly TraceEntry[]
  simulation: Simulation
}

/** A promise of the engine. Pure: each sentence it returns says how it was broken. */
export interface EnginePromise {
  readonly id: string
  readonly says: string
  broken(evidence: Evidence): string[]
}

/** Commands of locks, which come before every intent; and what only looks. */
export const isLocking = (what: string): boolean =>
  /^\[(take|release|inspect)-lock\]/.test(what) || /"(create|delete)".*"cni-migrate"/.test(what)

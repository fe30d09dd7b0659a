import type { Rule, Ruleset } from './ruleset.ts'

/** What of one table is somebody's: chains with all they hold, and rules of their own in chains of others. */
export interface Claim {
  readonly table: string
  readonly chains: readonly string[]
  readonly rules: readonly Rule[]
}

/** Tells what of a rule set was made by one program. Jumps into claimed chains need no mention: they follow. */
export type Recogniser = (ruleset: Ruleset) => readonly Claim[]

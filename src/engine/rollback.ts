import type { Plan } from './model.ts'
import type { RunContext } from './run-context.ts'
import type { IntentState, RunState } from './state.ts'

export interface RollbackStep {
  stepId: string
  title: string
  order: 'parallel' | 'serial'
  /** In the order in which they are undone. */
  intents: readonly IntentState[]
}

/** What a rollback would undo, in order. `to`: the checkpoint that is kept, null for everything. Pure. */
export declare function rollbackSteps(plan: Plan, state: RunState, to: string | null): readonly RollbackStep[]

/** Walks the journal back; carries on one that was interrupted. */
export declare function rollback<Facts, World>(context: RunContext<Facts, World>, to: string | null): Promise<void>

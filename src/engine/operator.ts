import type { PlannedStep, Target } from './model.ts'
import type { TaskStatus } from './state.ts'

/** One JSON path of a change's fingerprint that is not what was planned. `undefined`: was not, or no longer is, there. */
export interface Moved {
  /** `$.rules[3].chain` */
  path: string
  before: unknown
  now: unknown
}

/** What the operator may want to know besides the step itself. */
export interface StepInfo {
  /** Position among the plan's steps, from 1. */
  position: number
  total: number
  /** Steps that come after this one. */
  remaining: readonly PlannedStep[]
  /** False when the step says it cannot be skipped, or when some of it was already begun. */
  canSkip: boolean
  /** Where its tasks stand (after a resume not all are pending). */
  tasks: readonly { target: Target; status: TaskStatus }[]
}

export type StepAnswer = 'go' | 'skip' | 'stop' | 'rollback'

/** Who is asked. A person at a terminal, `--yes`, or a test. */
export interface Operator {
  /** Asked before each step that changes something. */
  confirm(step: PlannedStep, info: StepInfo): Promise<StepAnswer>
  /** Asked when what would be changed on `target` is not what was planned. `accept`: make the change as it is now. */
  drift(step: PlannedStep, target: Target, moved: readonly Moved[]): Promise<'accept' | 'stop'>
}

import type { Json, Plan } from './model.ts'

/** A plan with the facts it was made from: all that a run needs to know, in one file. */
export interface PlanFile {
  plan: Plan
  facts: Json
}

/** Durable and 0600 when it resolves. */
export declare function writePlanFile(path: string, content: PlanFile): Promise<void>
/** InputError for a file that is not there, that others can write, that is no plan, or of which one byte was changed. */
export declare function readPlanFile(path: string): Promise<PlanFile>

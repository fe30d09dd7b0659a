import type { Json, Plan, Runbook } from './model.ts'

export interface PlanMeta {
  id: string
  /** ISO time. */
  createdAt: string
  toolVersion: string
  cluster: string
  inventoryDigest: string
}

/** `params` as given by the operator; facts must be JSON. */
export declare function plan<Facts extends object, World, Params>(
  runbook: Runbook<Facts, World, Params>,
  params: unknown,
  facts: Facts,
  meta: PlanMeta,
): Plan
export type { Json }

import { z } from 'zod'
import { type Finding, isInTheWay } from '../engine/model.ts'
import { findingSchema } from '../engine/records.ts'

/** What `migrate preflight --json` prints: one object. */
export const preflightSchema = z
  .strictObject({
    kind: z.literal('preflight'),
    format: z.literal(1),
    cluster: z.string(),
    blocked: z.boolean().describe('Whether a run would be refused: something blocks, or could not be told and might.'),
    findings: z
      .array(findingSchema)
      .describe('In the order of the checks. atWorst "warns": what could not be told does not stand in the way.'),
  })
  .describe('Pre-flight of migrate')

export function preflightJson(cluster: string, findings: readonly Finding[]): z.infer<typeof preflightSchema> {
  return { kind: 'preflight', format: 1, cluster, blocked: findings.some(isInTheWay), findings: [...findings] }
}

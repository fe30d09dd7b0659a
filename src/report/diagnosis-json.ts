import { z } from 'zod'
import type { Diagnoses } from '../diagnosis/diagnose.ts'
import { diagnosisSchema } from '../diagnosis/diagnosis.ts'
import type { Evidence } from '../probes/evidence.ts'
import { printedJson } from '../visible.ts'

/** What `migrate diagnose --json` prints, on one line. Published as schema/diagnosis.json. */
export const diagnosisReportSchema = z.object({
  kind: z.literal('diagnose'),
  cluster: z.string(),
  /** The time watched, by the operator's clock: milliseconds since 1970. */
  fromMs: z.number(),
  untilMs: z.number(),
  /** The most likely first. Empty: no rule sees its cause. */
  diagnoses: z.array(diagnosisSchema),
  /** What could not be told. */
  notMeasured: z.array(z.string()),
})

export function diagnosisJson({ cluster, fromMs, untilMs }: Evidence, found: Diagnoses): string {
  const report: z.infer<typeof diagnosisReportSchema> = { kind: 'diagnose', cluster, fromMs, untilMs, ...found }
  return printedJson(report)
}

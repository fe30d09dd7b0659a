import { z } from 'zod'
import { evidenceSchema } from '../probes/evidence.ts'
import { printedJson } from '../visible.ts'

/** What `migrate baseline --json` prints, on one line; the file holds what is under `evidence`. Published as schema/baseline.json. */
export const baselineReportSchema = z.object({
  kind: z.literal('baseline'),
  file: z.string(),
  /** By Ctrl-C: shorter than was asked for. */
  endedEarly: z.boolean(),
  evidence: evidenceSchema.extend({
    /** Everything that was known of the cluster at its beginning, as `migrate plan --save-facts` writes it. */
    facts: z.unknown(),
  }),
})

export function baselineJson(report: Omit<z.input<typeof baselineReportSchema>, 'kind'>): string {
  return printedJson({ kind: 'baseline', ...report })
}

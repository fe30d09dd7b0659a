import { writeFileSync } from 'node:fs'
import { z } from 'zod'
import { baselineReportSchema } from './baseline-json.ts'
import { controlledTestSchema } from './controlled-test-report.ts'
import { diagnosisReportSchema } from './diagnosis-json.ts'
import { preflightSchema } from './preflight-json.ts'
import { verifiedSchema } from './verify-json.ts'

/** What `--json` prints, by the file in schema/ that says its form. */
const reports = {
  'baseline.json': { title: 'migrate baseline --json', schema: baselineReportSchema },
  'diagnosis.json': { title: 'migrate diagnose --json', schema: diagnosisReportSchema },
  'controlled-test.json': { title: 'migrate diagnose --suspend-cronjobs --json', schema: controlledTestSchema },
  'verify.json': { title: 'migrate verify --json', schema: verifiedSchema },
  'preflight.json': { title: 'migrate preflight --json', schema: preflightSchema },
} as const

/** Name and text of each file in schema/. */
export const jsonSchemas = (): [string, string][] =>
  Object.entries(reports).map(([file, { title, schema }]) => [
    file,
    `${JSON.stringify({ title, ...z.toJSONSchema(schema) }, null, 2)}\n`,
  ])

if (import.meta.main)
  for (const [file, text] of jsonSchemas()) writeFileSync(new URL(`../../schema/${file}`, import.meta.url), text)

import { z } from 'zod'
import { findingSchema } from '../engine/records.ts'
import { attemptClasses } from '../facts/reachability.ts'
import { pairVerdicts } from '../probes/compare-series.ts'
import { pairSorts } from '../probes/evidence.ts'

const milliseconds = z.number()
const count = z.int().nonnegative()
const probability = z.number().min(0).max(1)
const interval = z.tuple([z.number(), z.number()]).readonly()

/** A share, 0 to 1, with its 95 % confidence interval: 0 to 1 where nothing was tried. */
const proportionSchema = z.object({
  hits: count,
  tries: count,
  share: z.number(),
  interval,
  effectiveTries: z.number(),
})

const rateSchema = z.object({
  count: z.number(),
  durationMs: milliseconds,
  perHour: z.number(),
  interval,
  dispersion: z.number(),
})

const sideSchema = z.object({
  attempts: count,
  bad: proportionSchema,
  usualFailure: z.enum(attemptClasses).nullable(),
  bursts: z
    .object({ bursts: count, longestMs: milliseconds, medianMs: milliseconds, medianGapMs: milliseconds.nullable() })
    .nullable(),
  clusteredP: probability.nullable(),
  modes: z.array(
    z.object({ medianMs: milliseconds, fromMs: milliseconds, untilMs: milliseconds, share: proportionSchema }),
  ),
})

const pairSchema = z.object({
  id: z.string(),
  from: z.string(),
  to: z.string(),
  port: z.number(),
  sort: z.enum(pairSorts),
  allowed: z.boolean().nullable(),
  before: sideSchema.nullable(),
  after: sideSchema.nullable(),
  verdict: z.enum(pairVerdicts),
  p: probability.nullable(),
  correctedP: probability.nullable(),
  note: z.string(),
})

const figureSchema = <T extends z.ZodType>(value: T) =>
  z
    .object({
      before: value,
      after: value,
      p: probability,
      overlap: z.boolean(),
      change: z.enum(['fixed', 'better', 'same', 'worse']),
    })
    .nullable()

const countsSchema = z.object({
  pairs: z.object({ tried: count, worked: count }).nullable(),
  rejected: count.nullable(),
  kubeRouter: count,
  flannel: count,
  ipsets: count,
})

/** What `migrate verify --json` prints, on one line. Published as schema/verify.json. */
export const verifiedSchema = z.object({
  kind: z.literal('verify'),
  /** What it is compared with: a baseline, or what a run recorded before its first change. */
  against: z.union([
    z.object({ baseline: z.string(), fromMs: milliseconds, untilMs: milliseconds }),
    z.object({ runId: z.string(), recordedAt: z.string() }),
  ]),
  /** When pairs were watched now, and where what was seen is kept; null: each was tried once. */
  watched: z.object({ fromMs: milliseconds, untilMs: milliseconds, file: z.string() }).nullable(),
  findings: z.array(findingSchema),
  evidence: z.object({
    before: countsSchema,
    now: countsSchema,
    pairs: z.object({ lost: count, opened: count, notComparable: count }),
  }),
  /** The two periods; null without a baseline. */
  compared: z
    .object({
      pairs: z.array(pairSchema),
      verdicts: z.record(z.enum(pairVerdicts), count),
      failures: figureSchema(proportionSchema),
      rejects: figureSchema(rateSchema),
      notMeasured: z.array(z.string()),
    })
    .nullable(),
})
export type Verified = z.infer<typeof verifiedSchema>

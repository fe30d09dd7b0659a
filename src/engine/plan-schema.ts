import { z } from 'zod'
import type { Plan } from './model.ts'
import { findingSchema, undoSchema } from './records.ts'

const digest = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 digest in hex')

const renderingSchema = z.strictObject({
  summary: z.string(),
  diffs: z
    .array(z.strictObject({ subject: z.string(), before: z.string().nullable(), after: z.string().nullable() }))
    .exactOptional(),
  notes: z.array(z.string()).exactOptional(),
})

const taskSchema = z.strictObject({
  target: z.string(),
  change: z.json(),
  fingerprint: z.json(),
  rendering: renderingSchema,
})

const stepSchema = z.strictObject({
  phaseId: z.string(),
  phaseTitle: z.string(),
  stepId: z.string(),
  title: z.string(),
  why: z.string(),
  kind: z.enum(['change', 'gate', 'record']),
  operation: z.string().exactOptional(),
  order: z.enum(['parallel', 'serial']).exactOptional(),
  risk: z.string().exactOptional(),
  undo: undoSchema.exactOptional(),
  skippable: z.string().exactOptional(),
  outage: z
    .strictObject({
      what: z.string(),
      expectedMs: z.number(),
      lasts: z
        .strictObject({
          targets: z.int().positive(),
          until: z.string(),
          wayBack: z.strictObject({ from: z.string(), until: z.string() }),
        })
        .exactOptional(),
    })
    .exactOptional(),
  membersUp: z.string().exactOptional(),
  exposure: z.string().exactOptional(),
  pointOfNoReturn: z.string().exactOptional(),
  guard: z.strictObject({ targets: z.array(z.string()), timeMs: z.number(), does: z.string() }).exactOptional(),
  timeoutMs: z.number().nonnegative().exactOptional(),
  takesMs: z.number().nonnegative().exactOptional(),
  targets: z.array(z.string()).exactOptional(),
  unread: z.array(z.string()).exactOptional(),
  tasks: z.array(taskSchema),
})

/** A plan as it stands in a file. The type keeps it in step with model.ts. */
export const planSchema: z.ZodType<Plan> = z.strictObject({
  format: z.literal(1),
  id: z.string(),
  createdAt: z.iso.datetime(),
  toolVersion: z.string(),
  cluster: z.string(),
  runbook: z.string(),
  params: z.json(),
  inventoryDigest: z.string(),
  factsDigest: digest,
  changesDigest: digest,
  findings: z.array(findingSchema),
  steps: z.array(stepSchema),
})

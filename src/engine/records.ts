import { z } from 'zod'
import type { Json, UndoNote } from './model.ts'

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/)
/** The engine's JSON is read-only, zod's is not. */
const json: z.ZodType<Json> = z.json()
const stepId = z.string()
const target = z.string()
const taskId = z.string()
/** `seq` of the intent that a later record is about. */
const intent = z.int().nonnegative()

/** A finding as model.ts has it. */
export const findingSchema = z.strictObject({
  level: z.enum(['fine', 'warns', 'blocks', 'unknown']),
  title: z.string(),
  target: z.string().exactOptional(),
  detail: z.string(),
  fix: z.string().exactOptional(),
  atWorst: z.literal('warns').exactOptional(),
})

export const undoSchema: z.ZodType<UndoNote> = z.union([
  z.strictObject({ how: z.string() }),
  z.strictObject({ notNeeded: z.string() }),
  z.strictObject({ impossible: z.string() }),
])

/** Everything a journal can say. The state of a run is a fold over these and nothing else (state.ts). */
export const recordSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('run-started'),
    runId: z.string(),
    planId: z.string(),
    /** digestOf(plan): a resume with another plan is refused. */
    planDigest: sha256Schema,
    runbook: z.string(),
    params: json,
    operator: z.string(),
  }),
  z.strictObject({ kind: z.literal('resumed'), operator: z.string() }),
  z.strictObject({
    kind: z.literal('lock-taken'),
    nonce: z.string(),
    places: z.array(z.string()),
    unasked: z.array(z.string()),
    /** Nonce of this run's own lock, left by a process that is gone. */
    tookOver: z.string().optional(),
  }),
  z.strictObject({ kind: z.literal('lock-broken'), nonce: z.string(), runId: z.string(), user: z.string() }),
  z.strictObject({ kind: z.literal('phase-started'), phaseId: z.string() }),
  z.strictObject({ kind: z.literal('step-started'), stepId }),
  z.strictObject({
    kind: z.literal('intent'),
    taskId,
    stepId,
    target,
    /** All that undo needs. */
    change: json,
    undo: undoSchema,
  }),
  z.strictObject({ kind: z.literal('done'), taskId, stepId, target, intent }),
  z.strictObject({
    kind: z.literal('failed'),
    taskId,
    stepId,
    target,
    intent,
    error: z.string(),
    /** True: it is not known how it ended. */
    inDoubt: z.boolean(),
  }),
  /** The facts said that nothing (more) is to be done; `intent` where an unfinished one of ours turned out to be so. */
  z.strictObject({ kind: z.literal('found-done'), stepId, target, intent: intent.optional() }),
  /** Told by a task: what happened besides, such as what a target did by itself. A `key` stands once in a journal. */
  z.strictObject({ kind: z.literal('noted'), stepId, target, key: z.string(), message: z.string() }),
  z.strictObject({ kind: z.literal('skipped'), stepId, by: z.string() }),
  z.strictObject({
    kind: z.literal('drift'),
    stepId,
    target,
    what: z.array(z.strictObject({ path: z.string(), before: json.optional(), now: json.optional() })),
    answer: z.enum(['accept', 'stop']),
  }),
  z.strictObject({ kind: z.literal('recorded'), stepId, name: z.string(), file: z.string(), sha256: sha256Schema }),
  z.strictObject({ kind: z.literal('gate-passed'), stepId, findings: z.array(findingSchema) }),
  z.strictObject({ kind: z.literal('checkpoint'), stepId }),
  z.strictObject({ kind: z.literal('stop-requested') }),
  z.strictObject({ kind: z.literal('stopped'), reason: z.string() }),
  z.strictObject({ kind: z.literal('run-finished') }),
  /** `to`: the checkpoint that is kept; null: everything is undone. */
  z.strictObject({ kind: z.literal('rollback-started'), to: z.string().nullable(), operator: z.string() }),
  z.strictObject({ kind: z.literal('undo-intent'), taskId, stepId, target, intent }),
  z.strictObject({ kind: z.literal('undone'), taskId, stepId, target, intent }),
  z.strictObject({
    kind: z.literal('undo-failed'),
    taskId,
    stepId,
    target,
    intent,
    error: z.string(),
    inDoubt: z.boolean(),
  }),
  z.strictObject({ kind: z.literal('rollback-finished'), to: z.string().nullable() }),
])
export type JournalRecord = z.infer<typeof recordSchema>

/** What a line holds besides its record: its number from 0, ISO time, and the SHA-256 of the line before. */
export const envelopeSchema = z.looseObject({
  seq: z.int().nonnegative(),
  time: z.iso.datetime(),
  prev: sha256Schema,
})
export type JournalEntry = { seq: number; time: string; prev: string } & JournalRecord

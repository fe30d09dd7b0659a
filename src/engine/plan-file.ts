import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { InputError } from '../errors.ts'
import { parseJson } from '../nesting.ts'
import { digestOf, sha256 } from './digest.ts'
import { refuseWritableByOthers, writeDurably } from './durable-file.ts'
import type { Json, Plan } from './model.ts'
import { planSchema } from './plan-schema.ts'

/** A plan with the facts it was made from: all that a run needs to know, in one file. */
export interface PlanFile {
  plan: Plan
  facts: Json
}

const noDigest = '0'.repeat(64)
const fileSchema = z.strictObject({
  digest: z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 digest in hex'),
  plan: planSchema,
  facts: z.json(),
})

/** Durable and 0600 when it resolves. */
export async function writePlanFile(path: string, content: PlanFile): Promise<void> {
  await writeDurably(path, formatPlanFile(content))
}

/** InputError for a file that is not there, that others can write, that is no plan, or of which one byte was changed. */
export async function readPlanFile(path: string): Promise<PlanFile> {
  await refuseWritableByOthers(path)
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (cause) {
    throw new InputError(`${path} cannot be read: ${message(cause)}`, { next: `migrate plan -o ${path}` }, cause)
  }
  return parsePlanFile(path, bytes)
}

/** The digest is over the whole text with zeros in the digest's place, so that every byte counts. */
export function formatPlanFile({ plan, facts }: PlanFile): string {
  const text = `${JSON.stringify({ digest: noDigest, plan, facts }, null, 2)}\n`
  return text.replace(noDigest, sha256(text))
}

export function parsePlanFile(path: string, bytes: Uint8Array): PlanFile {
  const again = { next: `make it anew: migrate plan -o ${path}` }
  let text: string
  let value: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    value = parseJson(text)
  } catch (cause) {
    throw new InputError(`${path} is no plan: ${message(cause)}`, again, cause)
  }
  const parsed = fileSchema.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new InputError(
      `${path}: ${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'not understood'}`,
      again,
    )
  }
  const { digest, plan, facts } = parsed.data
  if (sha256(text.replace(digest, noDigest)) !== digest) {
    throw new InputError(`${path} was changed after it was written: its digest is not the one it states`, again)
  }
  if (digestOf(facts) !== plan.factsDigest) {
    throw new InputError(`${path}: plan.factsDigest: is not the digest of the facts in the file`, again)
  }
  return { plan, facts }
}

function message(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

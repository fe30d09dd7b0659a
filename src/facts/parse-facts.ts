import { InputError } from '../errors.ts'
import { type Facts, factsSchema } from './facts.ts'

/**
 * Facts out of a file.
 * @param what where they stand: "run X recorded (records/before.json)"
 * @throws InputError naming `what`, the keys and what was expected
 */
export function parseFacts(value: unknown, what: string, next: string): Facts {
  const parsed = factsSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const lines = parsed.error.issues.slice(0, 10).map((issue) => `${what}: ${issue.path.join('.')}: ${issue.message}`)
  throw new InputError(lines.join('\n'), { next })
}

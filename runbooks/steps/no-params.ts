import { z } from 'zod'
import { InputError } from '../../src/errors.ts'

const schema = z.strictObject({})
export type NoParams = z.infer<typeof schema>

/** For runbooks that take no parameters. */
export const noParams =
  (name: string) =>
  (input: unknown): NoParams => {
    const parsed = schema.safeParse(input ?? {})
    if (parsed.success) return parsed.data
    throw new InputError(`parameters of ${name}: ${z.prettifyError(parsed.error)}`, {
      next: 'It takes none: leave --order, --policies and --to out.',
    })
  }

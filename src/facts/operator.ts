import { z } from 'zod'
import { $ } from 'zx'

/** What is so on the operator's own machine. Read only where something there will be used. */
export const operatorSchema = z.object({
  helm: z.object({
    /** `v3.19.0`; null: there is no helm that runs. */
    version: z.string().nullable(),
    /** Why not. */
    error: z.string().nullable(),
  }),
})
export type OperatorFacts = z.infer<typeof operatorSchema>

/** The `helm` that would be found on PATH. */
export async function readOperator(): Promise<OperatorFacts> {
  const { exitCode, stdout, stderr } = await $({
    nothrow: true,
    quiet: true,
    timeout: '20s',
  })`helm version --template ${'{{.Version}}'}`
  const version = stdout.trim()
  if (exitCode === 0 && version !== '') return { helm: { version, error: null } }
  if (exitCode === 127) return { helm: { version: null, error: 'there is no helm on your PATH' } }
  return { helm: { version: null, error: stderr.trim() || `helm version ended with ${exitCode ?? 'a signal'}` } }
}

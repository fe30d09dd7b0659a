import { readdirSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import type { FaultPoint } from '../../../src/engine/fault-point.ts'
import type { Finished } from '../../../src/lab/host.ts'
import type { Lab } from '../../../src/lab/lab.ts'
import { type Attempt, parseAttempts } from '../../../src/probes/attempts.ts'

/** Runs `migrate` on the operator's side. `killAt`: the place at which it is to die as by a power cut. */
export function migrate(lab: Lab, args: readonly string[], killAt?: `${FaultPoint}:${string}`): Promise<Finished> {
  const env = { MIGRATE_INVENTORY: lab.inventoryFile, ...(killAt === undefined ? {} : { MIGRATE_FAULT_POINT: killAt }) }
  return lab.run(['migrate', ...args], { env })
}

/** As `migrate`, for what must succeed: its output, or an error with the last of what it said. */
export async function mustMigrate(lab: Lab, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await migrate(lab, args)
  if (code === 0) return stdout
  throw new Error(`migrate ${args.join(' ')} ended with ${code}:\n${lastLines(stdout)}\n${stderr}`)
}

const lastLines = (text: string) => text.trimEnd().split('\n').slice(-25).join('\n')

/** Exit code of a program that died as by a power cut. */
export const killed = 128 + 9

/** Runs `migrate` until it dies at `killAt`. Throws when it ended in any other way. */
export async function migrateUntil(lab: Lab, killAt: `${FaultPoint}:${string}`, ...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await migrate(lab, args, killAt)
  if (code === killed) return
  throw new Error(
    `migrate ${args.join(' ')} was to die at ${killAt}, and ended with ${code}:\n${lastLines(stdout)}\n${stderr}`,
  )
}

const planSchema = z.looseObject({
  changesDigest: z.string(),
  steps: z.array(
    z.looseObject({
      stepId: z.string(),
      phaseId: z.string(),
      kind: z.string(),
      tasks: z.array(
        z.looseObject({
          target: z.string(),
          rendering: z.looseObject({
            diffs: z
              .array(
                z.looseObject({ subject: z.string(), before: z.string().nullable(), after: z.string().nullable() }),
              )
              .default([]),
          }),
        }),
      ),
    }),
  ),
})
export type PlanJson = z.infer<typeof planSchema>

export async function planOf(lab: Lab, ...args: string[]): Promise<PlanJson> {
  return planSchema.parse(JSON.parse(await mustMigrate(lab, 'plan', '--json', ...args)))
}

/** What the probing of the newest run saw. */
export function attemptsOfNewestRun(lab: Lab): Attempt[] {
  const runs = `${lab.stateDir}/.migrate/${lab.name}/runs`
  const newest = readdirSync(runs).sort().at(-1) ?? ''
  const folder = `${runs}/${newest}/probe`
  const files = readdirSync(folder).filter((name) => name.endsWith('.tsv'))
  const parsed = files.map((name) => parseAttempts(readFileSync(`${folder}/${name}`, 'utf8')))
  const broken = parsed.reduce((sum, one) => sum + one.broken, 0)
  if (broken > 0) throw new Error(`${broken} lines of the probing in ${folder} cannot be read`)
  return parsed.flatMap(({ attempts }) => attempts)
}

import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { FailedError, InputError } from '../errors.ts'
import { checkLabName, labDir, places } from './layout.ts'
import { scenarioNames } from './scenarios/scenarios.ts'

/** What the lab writes down about itself before the first node is made, so that anybody can list it and take it down. */
const stateSchema = z.strictObject({
  name: z.string(),
  createdAt: z.string(),
  rootfs: z.string(),
  iptables: z.enum(['nft', 'legacy']),
  scenario: z.enum(scenarioNames),
  /** true while nothing was found wrong with `up`: a lab of a killed creator stays `false`. */
  complete: z.boolean(),
  nodes: z.array(z.strictObject({ name: z.string(), role: z.enum(['server', 'agent']), address: z.string() })),
})
export type LabState = z.infer<typeof stateSchema>

const stateFile = (lab: string) => `${labDir(lab)}/lab.json`

export function writeState(state: LabState): void {
  const file = stateFile(state.name)
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

/** Throws InputError unless there is something of that lab, finished or not. */
export function checkLabExists(lab: string): void {
  if (existsSync(labDir(checkLabName(lab)))) return
  const others = labNames()
  throw new InputError(`there is no lab "${lab}"`, {
    next: others.length > 0 ? `labs here: ${others.join(', ')}` : 'migrate lab up',
  })
}

/** Undefined for a lab whose creator was killed before it wrote anything. Throws InputError when there is no such lab. */
export function readState(lab: string): LabState | undefined {
  checkLabExists(lab)
  if (!existsSync(stateFile(lab))) return undefined
  try {
    return stateSchema.parse(JSON.parse(readFileSync(stateFile(lab), 'utf8')))
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error)
    throw new FailedError(`${stateFile(lab)} is not what this version writes: ${why}`, {
      next: `migrate lab down --name ${lab}`,
    })
  }
}

export function labNames(): string[] {
  if (!existsSync(places.state)) return []
  return readdirSync(places.state, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
}

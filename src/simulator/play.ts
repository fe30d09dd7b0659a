import { execute } from '../engine/execute.ts'
import { foldState } from '../engine/fold.ts'
import { readJournal } from '../engine/journal.ts'
import type { Operator } from '../engine/operator.ts'
import { resume } from '../engine/resume.ts'
import { rollback } from '../engine/rollback.ts'
import type { RunContext } from '../engine/run-context.ts'
import type { RunState } from '../engine/state.ts'
import { MigrateError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import type { World } from '../operations/world.ts'
import type { Base } from './base.ts'
import { contextOf, unattended } from './operator/context.ts'
import { emptyDisk, journalBytes } from './operator/disk.ts'
import type { Simulation } from './simulation.ts'

type Context = RunContext<Facts, World>
/** What may be done to the engine before it is tried: nothing, or a fault planted on purpose (test/simulator/mutants). */
export type Alter = (context: Context, simulation: Simulation) => Context

export const unaltered: Alter = (context) => context

/** How one process of an operator ended. */
export type End = 'finished' | 'rolled-back' | 'killed' | { error: string }

/** The state of the run by its journal, as the next process finds it. */
export async function runState({ disk }: Simulation): Promise<RunState> {
  const bytes = journalBytes(disk)
  return foldState(await readJournal({ name: 'journal', read: async () => bytes, append: never, cut: never }))
}
const never = () => Promise.reject(new Error('only read'))

/** One process that runs, resumes or rolls back, from its start to its end. What is no MigrateError is a defect and is thrown. */
export async function play(
  simulation: Simulation,
  base: Base,
  what: 'forward' | 'back',
  drift: 'accept' | 'stop',
  alter: Alter,
): Promise<End> {
  const { disk } = simulation
  const work = async (context: Context): Promise<'finished' | 'rolled-back'> => {
    if (what === 'forward') {
      const { direction, runId } = await runState(simulation)
      return runId === null || direction === 'forward' ? await execute(context) : await resume(context)
    }
    await rollback(context, null)
    return 'rolled-back'
  }
  try {
    return await simulation.drive(() =>
      simulation.process('alice', (process) =>
        work(alter(contextOf(process, base.run, disk, unattended(drift)), simulation)),
      ),
    )
  } catch (error) {
    if (error instanceof MigrateError) return { error: error.message }
    throw error
  } finally {
    disk.full = false
  }
}

/** Somebody else, on a machine of their own, who would be let in and then goes away: nothing is to be asked of them. */
export function secondOperator(simulation: Simulation, base: Base): void {
  const disk = emptyDisk()
  const operator: Operator = { confirm: async () => 'stop', drift: async () => 'stop' }
  void simulation
    .process('bob', async (process) => {
      let isIn = false
      // Each time another run: two at a time are not one that takes over from itself.
      const run = { ...base.run, runId: `run-of-bob-${process.id}` }
      const context = contextOf(process, run, disk, operator, (event) => {
        if (event.kind === 'lock-taken') isIn = true
      })
      try {
        await execute(context)
        return 'let in'
      } catch (error) {
        return `${isIn ? 'let in' : 'refused'}: ${error instanceof Error ? error.message : error}`
      }
    })
    .catch(() => undefined)
}

import { Argument, Command } from 'commander'
import { execute } from '../engine/execute.ts'
import { isInTheWay, type Json, type Plan } from '../engine/model.ts'
import { type PlanFile, readPlanFile } from '../engine/plan-file.ts'
import { openRunStore } from '../engine/run-store.ts'
import { BlockedError, exitCodes } from '../errors.ts'
import type { Inventory } from '../inventory/schema.ts'
import { planOverview } from '../report/plan-text.ts'
import { printedJson } from '../visible.ts'
import { type DriveFlags, refuseUnasked } from './asking.ts'
import { commonOptions, inventoryOf, withCommonOptions } from './options.ts'
import { type RunbookFlags, withRunbookOptions } from './runbook-options.ts'
import type { Terminal } from './terminal.ts'

export function runCommand(): Command {
  return withRunbookOptions(withCommonOptions(new Command('run')))
    .description('execute a plan, guided step by step; --yes for the unattended')
    .addArgument(new Argument('[plan]', 'a file written by `migrate plan -o`; without it the plan is made now'))
    .option('--yes', 'ask nothing: every step is done as planned, and whatever is not as planned stops the run')
    .option('--break-lock <nonce>', 'take the lock away from a run that is over for good; the refusal names the nonce')
    .action(async (planPath: string | undefined, flags: DriveFlags & RunbookFlags, command: Command) => {
      const options = commonOptions(command)
      refuseUnasked(flags, options, 'run')
      const { json, terminal } = options
      const inventory = inventoryOf(options, true)
      const file = planPath === undefined ? await planNow(inventory, terminal, flags) : await readPlanFile(planPath)

      refuseBlocked(file.plan)

      const store = await openRunStore(inventory.stateDir, inventory.cluster.name)
      const saved = await store.savePlan(file)
      if (json) process.stdout.write(printedJson({ kind: 'planned', planId: file.plan.id, file: saved }))
      else process.stdout.write(`${planOverview(file.plan, terminal)}\nThe plan, with every change, is in ${saved}\n`)
      if (file.plan.steps.length === 0) return
      const { timeId } = await import('./planning.ts')
      const run = await store.createRun(timeId(new Date()), file)
      const { drive } = await import('./driving.ts')
      const end = await drive(inventory, options, flags, run, file, (context) => execute(context))
      // The cluster is whole, but it was not migrated: a script must not go on as if it were.
      if (end === 'rolled-back') process.exitCode = exitCodes.failed
    })
}

/** Before the lock and before anything of a run is written: the gates would find the same and have held both. */
function refuseBlocked({ id, findings }: Plan): void {
  const inTheWay = findings.filter(isInTheWay)
  if (inTheWay.length === 0) return
  const lines = inTheWay.map(({ title, target, detail, fix }) => {
    const where = target === undefined ? '' : `${target}: `
    return `  ${where}${title}: ${detail}${fix === undefined ? '' : ` (${fix})`}`
  })
  throw new BlockedError(`plan ${id} is blocked by what was found before:\n${lines.join('\n')}`, {
    next: 'Mend what stands in the way, then plan anew: migrate preflight looks again.',
  })
}

async function planNow(inventory: Inventory, terminal: Terminal, flags: RunbookFlags): Promise<PlanFile> {
  const { askedFor, planFrom } = await import('./planning.ts')
  const { readFacts } = await import('./session.ts')
  const facts = await readFacts(inventory, terminal, askedFor(inventory, flags))
  return { plan: planFrom(facts, inventory, flags), facts: facts as Json }
}

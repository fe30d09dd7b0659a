import { Command } from 'commander'
import { StoppedError } from '../engine/interrupts.ts'
import { type RollbackStep, rollback, rollbackSteps } from '../engine/rollback.ts'
import { openRunStore } from '../engine/run-store.ts'
import { InputError } from '../errors.ts'
import { rollbackText } from '../report/status-text.ts'
import { type DriveFlags, refuseUnasked } from './asking.ts'
import { commonOptions, inventoryOf, withCommonOptions } from './options.ts'
import { promptAsk } from './terminal.ts'

interface RollbackFlags extends DriveFlags {
  to?: string
}

export function rollbackCommand(): Command {
  return withCommonOptions(new Command('rollback'))
    .description('go back, wholly or to a checkpoint; carries on a rollback that was interrupted')
    .option('--to <step>', 'the checkpoint that is kept (migrate status names them); without it everything is undone')
    .option('--yes', 'do not ask before it begins')
    .option('--break-lock <nonce>', 'take the lock away from a run that is over for good; the refusal names the nonce')
    .action(async (flags: RollbackFlags, command: Command) => {
      const options = commonOptions(command)
      refuseUnasked(flags, options, 'rollback')
      const { json } = options
      const inventory = inventoryOf(options, true)
      const store = await openRunStore(inventory.stateDir, inventory.cluster.name)
      const newest = (await store.runs()).find(({ state }) => state.next.includes('rollback'))
      if (newest === undefined) {
        throw new InputError(
          `there is no run of ${inventory.cluster.name} in ${store.root} that could be rolled back`,
          {
            next: 'migrate status shows the runs there are.',
          },
        )
      }
      const run = await store.openRun(newest.runId)
      const file = await run.plan()
      const to = flags.to ?? null
      const steps = rollbackSteps(file.plan, newest.state, to)
      if (!json) process.stdout.write(rollbackText(newest.runId, file.plan, steps, to))
      if (!flags.yes) await confirm(steps)
      // Asked once for the whole of it: a rollback that stops between two steps helps nobody.
      const { drive } = await import('./driving.ts')
      await drive(inventory, options, { ...flags, yes: true }, run, file, (context) => rollback(context, to))
    })
}

async function confirm(steps: readonly RollbackStep[]): Promise<void> {
  const answer = await promptAsk(new AbortController().signal).select(`Undo these ${steps.length} steps?`, [
    { value: 'stop', name: 'No, leave everything as it is' },
    { value: 'go', name: 'Yes, roll back' },
  ])
  if (answer !== 'go') throw new StoppedError('nothing was rolled back', { next: 'migrate status' })
}

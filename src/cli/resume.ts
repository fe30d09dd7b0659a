import { Command } from 'commander'
import { resume } from '../engine/resume.ts'
import { openRunStore } from '../engine/run-store.ts'
import { InputError } from '../errors.ts'
import { type DriveFlags, refuseUnasked } from './asking.ts'
import { commonOptions, inventoryOf, withCommonOptions } from './options.ts'

export function resumeCommand(): Command {
  return withCommonOptions(new Command('resume'))
    .description('carry on from the last checkpoint, in the direction in which the run was going')
    .option('--yes', 'ask nothing: every step is done as planned, and whatever is not as planned stops the run')
    .option('--break-lock <nonce>', 'take the lock away from a run that is over for good; the refusal names the nonce')
    .action(async (flags: DriveFlags, command: Command) => {
      const options = commonOptions(command)
      refuseUnasked(flags, options, 'resume')
      const inventory = inventoryOf(options, true)
      const store = await openRunStore(inventory.stateDir, inventory.cluster.name)
      const unfinished = await store.newestUnfinished()
      if (unfinished === null) {
        throw new InputError(`there is no unfinished run of ${inventory.cluster.name} in ${store.root}`, {
          next: 'migrate status shows the runs there are; migrate run begins one.',
        })
      }
      const run = await store.openRun(unfinished.runId)
      const { drive } = await import('./driving.ts')
      await drive(inventory, options, flags, run, await run.plan(), (context) => resume(context))
    })
}

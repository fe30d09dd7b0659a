import { Command } from 'commander'
import { localLock } from '../engine/local-lock.ts'
import { openRunStore } from '../engine/run-store.ts'
import { standing, statusText } from '../report/status-text.ts'
import { printedJson } from '../visible.ts'
import { commonOptions, inventoryOf, withCommonOptions } from './options.ts'

export function statusCommand(): Command {
  return withCommonOptions(new Command('status'))
    .description('runs, where each stands, what can be done next')
    .action(async (_flags: object, command: Command) => {
      const options = commonOptions(command)
      const { json, terminal } = options
      const inventory = inventoryOf(options, false)
      const store = await openRunStore(inventory.stateDir, inventory.cluster.name)
      const runs = await store.runs()
      const lock = await localLock(store.lockFile).inspect()
      if (!json) {
        process.stdout.write(statusText(inventory.cluster.name, runs, lock, terminal.width))
        return
      }
      const summaries = runs.map(({ runId, dir, state }) => {
        const { planId, startedAt, changedAt, checkpoints, notes, direction, finished, stopped, next } = state
        return {
          runId,
          dir,
          planId,
          startedAt,
          changedAt,
          checkpoints,
          notes,
          direction,
          finished,
          stopped,
          next,
          stands: standing(state),
        }
      })
      process.stdout.write(printedJson({ kind: 'status', cluster: inventory.cluster.name, lock, runs: summaries }))
    })
}

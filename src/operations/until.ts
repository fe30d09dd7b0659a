import type { TaskContext } from '../engine/model.ts'
import { FailedError, MigrateError } from '../errors.ts'
import type { World } from './world.ts'

/**
 * Waits until `missing` says null. What it says otherwise is shown, and is the error when the
 * task's time is over. An error it throws counts as "not yet": the API and nodes come and go while K3s restarts.
 */
export async function until(
  world: Pick<World, 'clock'>,
  task: TaskContext,
  what: string,
  missing: () => Promise<string | null>,
  everyMs = 1_000,
): Promise<void> {
  let last = 'not looked at yet'
  while (!task.signal.aborted) {
    try {
      const still = await missing()
      if (still === null) return
      last = still
    } catch (error) {
      if (!(error instanceof MigrateError)) throw error
      last = error.message
    }
    // How long it has is shown by whoever shows it.
    task.say(`waiting for ${what}: ${last}`)
    await world.clock.sleep(everyMs, task.signal)
  }
  throw new FailedError(`gave up waiting for ${what}: ${last}`)
}

import type { TaskContext } from '../engine/model.ts'
import { FailedError, MigrateError } from '../errors.ts'
import type { World } from './world.ts'

const seconds = (ms: number) => `${Math.max(0, Math.round(ms / 1000))} s`

/**
 * Waits until `missing` says null. What it says otherwise is shown with the time that is left, and is the error when the
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
    task.say(`waiting for ${what}: ${last} (${seconds(task.remainingMs())} left)`)
    await world.clock.sleep(everyMs, task.signal)
  }
  throw new FailedError(`gave up waiting for ${what}: ${last}`)
}

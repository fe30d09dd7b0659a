import type { Prepared } from './campaign.ts'
import { runSeed } from './campaign.ts'
import type { Fault } from './faults.ts'
import type { Alter } from './play.ts'

/** Leaves out one fault after the other as long as a promise is still broken: what is left is all that it takes. */
export async function shrink(
  prepared: Prepared,
  seed: number,
  faults: readonly Fault[],
  alter: Alter,
): Promise<readonly Fault[]> {
  for (const fault of faults) {
    const fewer = faults.filter((other) => other !== fault)
    const { broken } = await runSeed(prepared, seed, fewer, alter)
    if (broken.length > 0) return shrink(prepared, seed, fewer, alter)
  }
  return faults
}

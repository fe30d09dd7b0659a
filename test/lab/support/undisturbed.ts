import type { Lab } from '../../../src/lab/lab.ts'
import { type ClusterState, expectState, settledState } from './cluster-state.ts'
import { mustMigrate } from './migrate.ts'
import { plant } from './planted.ts'
import { quietCronJob } from './workload.ts'

/** What every disturbed run and rollback has to end as. */
export interface Undisturbed {
  planted: Record<string, string[]>
  /** On flannel, before anything was done. */
  before: ClusterState
  /** On Cilium, after a run that nothing disturbed. */
  after: ClusterState
}

/** Plants what is to stay, migrates, and goes back again. */
export async function undisturbed(lab: Lab): Promise<Undisturbed> {
  await quietCronJob(lab)
  const planted = await plant(lab)
  const before = await settledState(lab)
  await mustMigrate(lab, 'run', '--yes')
  const after = await settledState(lab)
  await mustMigrate(lab, 'rollback', '--yes')
  await expectState(lab, before)
  return { planted, before, after }
}

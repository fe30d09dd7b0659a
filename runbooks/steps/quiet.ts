import { bind, CLUSTER } from '../../src/engine/model.ts'
import { quiet } from '../../src/operations/quiet.ts'
import { type Change, minutes } from './step.ts'

export const silence: Change = {
  kind: 'change',
  id: 'quiet',
  title: 'Suspend CronJobs and Flux',
  why: 'New pods in the middle would come up on a network that is going away; Flux would put back what is changed.',
  operation: bind(quiet, () => ({ suspend: true })),
  targets: () => [CLUSTER],
  order: 'serial',
  risk: 'jobs due meanwhile do not run',
  timeoutMs: minutes(2),
  skippable: 'the move works without it; jobs that start meanwhile may fail',
}

export const unquiet: Change = {
  ...silence,
  id: 'unquiet',
  title: 'Resume the CronJobs and Flux that were suspended',
  why: 'Exactly those that carry our mark.',
  operation: bind(quiet, () => ({ suspend: false })),
  risk: 'none',
}

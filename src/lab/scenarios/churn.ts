import { cronJob, type Manifest } from './manifests.ts'

/**
 * CronJobs whose pods come and go, as those of seed 000: [namespace, name, minutes between two]. A schedule has no seconds:
 * all begin at the full minute, and end one after the other, so that a minute has several moments at which pods change.
 */
export function churningJobs(
  jobs: readonly (readonly [namespace: string, name: string, everyMinutes: number])[],
): Manifest[] {
  return jobs.map(([namespace, name, every], index) => {
    const program = { image: 'docker.io/library/busybox:1.37.0', command: ['sleep', String(9 + index * 15)] }
    return cronJob({ namespace, name, schedule: every === 1 ? '* * * * *' : `*/${every} * * * *` }, program)
  })
}

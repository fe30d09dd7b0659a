import type { Evidence } from '../probes/evidence.ts'
import type { Failure } from './seen-pairs.ts'
import { joined, lengthMs, touches } from './spans.ts'

/** Failures last as long as kube-router takes to write its rules: 0.1 to 2.1 s with 61 policies (measured.md 14). */
const afterMs = 3_000
/** The clocks of prober and sampler differ by a little. */
const slackMs = 500
/** With fewer failures a coincidence is as good an explanation. */
const fewest = 5

export interface Together {
  /** Share of the failures that came around an event, 0 to 1. */
  failures: number
  /** Share of the time watched that is around one: what chance alone would give. */
  time: number
  /** undefined: too few failures, or nearly all of the time is around an event. */
  holds: boolean | undefined
}

/** Failures, and the events that would explain them. */
export interface Coincidence {
  failures: readonly Failure[]
  eventsMs: readonly number[]
  /** An event is seen so long after it happened, at most. */
  seenAfterMs: number
}

/** Whether failures come with events, against chance. */
export function together(of: readonly Coincidence[], watched: Pick<Evidence, 'fromMs' | 'untilMs'>): Together {
  const watchedMs = Math.max(1, watched.untilMs - watched.fromMs)
  let [all, inside, byChance] = [0, 0, 0]
  for (const { failures, eventsMs, seenAfterMs } of of) {
    const spans = joined(
      eventsMs.map((at) => [at - seenAfterMs - slackMs, at + afterMs] as const),
      watched,
    )
    all += failures.length
    inside += failures.filter(({ atMs, durationMs }) => touches(spans, atMs, atMs + durationMs)).length
    byChance += failures.length * (lengthMs(spans) / watchedMs)
  }
  if (all === 0) return { failures: 0, time: 0, holds: undefined }
  const [share, time] = [inside / all, byChance / all]
  if (all < fewest || time > 0.85) return { failures: share, time, holds: undefined }
  return { failures: share, time, holds: share >= time * 1.3 && share - time >= 0.1 }
}

/** What makes kube-router write its rules anew: pods that come and go, policies, labels of namespaces. */
export const reconcileCauses = ({ churn }: Evidence) =>
  churn.filter(({ kind, verb }) => kind !== 'Pod' || verb !== 'modified')

export interface CronJobShare {
  /** `namespace/name` */
  name: string
  schedule: string | null
  /** Pods made and removed. */
  changes: number
  /** Of all pods that were, 0 to 1. */
  share: number
}

/** CronJobs by how much of the coming and going of pods is theirs; the busiest first. */
export function cronJobShares({ churn, facts }: Evidence): CronJobShare[] {
  const pods = churn.filter(({ kind, verb }) => kind === 'Pod' && verb !== 'modified')
  const counts = new Map<string, number>()
  for (const { namespace, owner } of pods) {
    if (!owner?.startsWith('CronJob/')) continue
    const name = `${namespace}/${owner.slice('CronJob/'.length)}`
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const schedules = new Map(facts.kube.cronJobs.map((job) => [`${job.namespace}/${job.name}`, job.schedule]))
  return [...counts]
    .map(([name, changes]) => ({
      name,
      schedule: schedules.get(name) ?? null,
      changes,
      share: changes / pods.length,
    }))
    .toSorted((a, b) => b.changes - a.changes || (a.name < b.name ? -1 : 1))
}

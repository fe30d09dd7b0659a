import { timestamp } from '../api/operations.ts'
import type { ApiObject } from '../context.ts'
import { type Action, isOwnedBy, ownerOf, statusIfChanged, target, type View } from './model.ts'

export function cronJobs(view: View): Action[] {
  return view.all('cronjobs').flatMap((cronJob) => reconcile(cronJob, view))
}

function reconcile(cronJob: ApiObject, view: View): Action[] {
  if (cronJob.metadata.deletionTimestamp !== undefined) return []
  const { spec } = cronJob
  const own = view.all('jobs').filter((job) => isOwnedBy(job, cronJob))
  const running = own.filter((job) => !endedAs(job))
  const actions = [
    ...trim(own, 'Complete', spec.successfulJobsHistoryLimit),
    ...trim(own, 'Failed', spec.failedJobsHistoryLimit),
  ]
  const minute = Math.floor(view.now.getTime() / 60_000)
  const last = Math.floor(
    Date.parse(cronJob.status?.lastScheduleTime ?? cronJob.metadata.creationTimestamp ?? '') / 60_000,
  )
  const due = spec.suspend !== true && minute > last && isDue(spec.schedule, new Date(minute * 60_000))
  const blocked = spec.concurrencyPolicy === 'Forbid' && running.length > 0
  if (due && !blocked) {
    if (spec.concurrencyPolicy === 'Replace')
      for (const job of running) actions.push({ do: 'delete', collection: 'jobs', ...target(job) })
    actions.push({ do: 'create', collection: 'jobs', object: jobOf(cronJob, minute) })
  }
  const active = running.map((job) => ({ apiVersion: 'batch/v1', kind: 'Job', ...target(job), uid: job.metadata.uid }))
  const scheduled = due && !blocked ? { lastScheduleTime: timestamp(new Date(minute * 60_000)) } : {}
  return [
    ...actions,
    ...statusIfChanged('cronjobs', cronJob, {
      ...(active.length > 0 || cronJob.status?.active ? { active } : {}),
      ...scheduled,
    }),
  ]
}

const endedAs = (job: ApiObject): string | undefined =>
  (job.status?.conditions ?? []).find((one: { type: string; status: string }) => one.status === 'True')?.type

function trim(jobs: readonly ApiObject[], ending: string, keep: number): Action[] {
  const ended = jobs
    .filter((job) => endedAs(job) === ending)
    .toSorted((one, two) => (one.metadata.creationTimestamp ?? '').localeCompare(two.metadata.creationTimestamp ?? ''))
  return ended
    .slice(0, Math.max(0, ended.length - keep))
    .map((job) => ({ do: 'delete', collection: 'jobs', ...target(job) }))
}

function jobOf(cronJob: ApiObject, minute: number): ApiObject {
  const { metadata, spec } = structuredClone(cronJob.spec.jobTemplate)
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      ...metadata,
      // The real one's name: the minute it was due, so that two controllers cannot both make it.
      name: `${cronJob.metadata.name}-${minute}`,
      namespace: cronJob.metadata.namespace ?? '',
      ownerReferences: ownerOf(cronJob),
    },
    spec,
  }
}

const ranges: [lowest: number, highest: number][] = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 6],
]

/** Whether a five-field cron expression names this minute (UTC); lists, ranges and steps, no names of days or months. */
export function isDue(schedule: string, at: Date): boolean {
  const fields = schedule.trim().split(/\s+/)
  const values = [at.getUTCMinutes(), at.getUTCHours(), at.getUTCDate(), at.getUTCMonth() + 1, at.getUTCDay()]
  return (
    fields.length === 5 &&
    fields.every((field, index) => field.split(',').some((part) => covers(part, values[index] ?? 0, index)))
  )
}

function covers(part: string, value: number, index: number): boolean {
  const match = /^(?:(\*)|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(part)
  if (!match) return false
  const [lowest, highest] = ranges[index] ?? [0, 0]
  const from = match[1] ? lowest : Number(match[2])
  const to = match[1] || (match[4] && !match[3]) ? highest : Number(match[3] ?? match[2])
  return value >= from && value <= to && (value - from) % Number(match[4] ?? 1) === 0
}

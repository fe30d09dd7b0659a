import { timestamp } from '../api/operations.ts'
import type { ApiObject } from '../context.ts'
import { type Action, isActive, isOwnedBy, statusIfChanged, target, type View } from './model.ts'
import { podFrom } from './pod-template.ts'

/** A failed pod is replaced after this time, doubled with each failure up to the longest. */
const backOffMs = 2000
const longestBackOffMs = 20_000

export function jobs(view: View): Action[] {
  return view.all('jobs').flatMap((job) => reconcile(job, view))
}

const conditionOf = (job: ApiObject): { type: string; lastTransitionTime: string } | undefined =>
  (job.status?.conditions ?? []).find(
    (one: { type: string; status: string }) =>
      one.status === 'True' && (one.type === 'Complete' || one.type === 'Failed'),
  )

function reconcile(job: ApiObject, view: View): Action[] {
  if (job.metadata.deletionTimestamp !== undefined) return []
  const ended = conditionOf(job)
  if (ended) return expire(job, ended.lastTransitionTime, view.now)
  const { spec } = job
  const pods = view.all('pods').filter((pod) => isOwnedBy(pod, job))
  const active = pods.filter(isActive)
  const succeeded = pods.filter((pod) => pod.status?.phase === 'Succeeded').length
  const failures = pods.filter((pod) => pod.status?.phase === 'Failed')
  const actions: Action[] = []
  const conditions: object[] = []
  const end = (type: string, reason: string, message: string) => {
    const at = timestamp(view.now)
    conditions.push({ type, status: 'True', reason, message, lastProbeTime: at, lastTransitionTime: at })
    for (const pod of active) actions.push({ do: 'delete', collection: 'pods', ...target(pod) })
  }
  if (succeeded >= spec.completions) end('Complete', 'CompletionsReached', 'Reached expected number of succeeded pods')
  else if (failures.length > spec.backoffLimit || restartsOf(active) > spec.backoffLimit)
    end('Failed', 'BackoffLimitExceeded', 'Job has reached the specified backoff limit')
  else if (spec.suspend === true)
    for (const pod of active) actions.push({ do: 'delete', collection: 'pods', ...target(pod) })
  else if (mayTry(failures, view.now)) {
    const wanted = Math.min(spec.parallelism, spec.completions - succeeded)
    for (let count = active.length; count < wanted; count++)
      actions.push({ do: 'create', collection: 'pods', object: podOf(job) })
  }
  const status = {
    startTime: job.status?.startTime ?? timestamp(view.now),
    active: conditions.length > 0 ? 0 : active.length,
    ready: active.filter((pod) => pod.status?.phase === 'Running').length,
    succeeded,
    failed: failures.length,
    ...(conditions.length > 0 ? { conditions } : {}),
    ...(succeeded >= spec.completions ? { completionTime: timestamp(view.now) } : {}),
  }
  return [...actions, ...statusIfChanged('jobs', job, status)]
}

function podOf(job: ApiObject): ApiObject {
  const labels = {
    'batch.kubernetes.io/job-name': job.metadata.name,
    'job-name': job.metadata.name,
    'batch.kubernetes.io/controller-uid': job.metadata.uid ?? '',
    'controller-uid': job.metadata.uid ?? '',
  }
  return podFrom(job, job.spec.template, labels)
}

const restartsOf = (pods: readonly ApiObject[]): number =>
  pods
    .flatMap((pod) => pod.status?.containerStatuses ?? [])
    .reduce((total, status) => total + (status.restartCount ?? 0), 0)

function mayTry(failures: readonly ApiObject[], now: Date): boolean {
  if (failures.length === 0) return true
  const last = Math.max(...failures.map((pod) => Date.parse(endOf(pod))))
  return now.getTime() >= last + Math.min(longestBackOffMs, backOffMs * 2 ** (failures.length - 1))
}

const endOf = (pod: ApiObject): string =>
  pod.status?.containerStatuses?.[0]?.state?.terminated?.finishedAt ?? pod.metadata.creationTimestamp ?? ''

function expire(job: ApiObject, endedAt: string, now: Date): Action[] {
  const seconds = job.spec.ttlSecondsAfterFinished
  if (seconds === undefined || Date.parse(endedAt) + seconds * 1000 > now.getTime()) return []
  return [{ do: 'delete', collection: 'jobs', ...target(job) }]
}

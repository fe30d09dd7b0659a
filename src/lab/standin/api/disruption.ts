import type { ApiObject } from '../context.ts'
import { matchesSelector } from './selectors.ts'

/** How many pods of a PodDisruptionBudget may go now. */
export interface Disruption {
  currentHealthy: number
  desiredHealthy: number
  expectedPods: number
  disruptionsAllowed: number
}

export const isReady = (pod: ApiObject): boolean =>
  pod.metadata.deletionTimestamp === undefined &&
  (pod.status?.conditions ?? []).some(
    (one: { type: string; status: string }) => one.type === 'Ready' && one.status === 'True',
  )

export function disruption(budget: ApiObject, pods: readonly ApiObject[]): Disruption {
  const covered = pods.filter(
    (pod) =>
      pod.metadata.namespace === budget.metadata.namespace &&
      matchesSelector(budget.spec.selector, pod.metadata.labels),
  )
  const expectedPods = covered.length
  const currentHealthy = covered.filter(isReady).length
  const { minAvailable, maxUnavailable } = budget.spec
  const desiredHealthy =
    minAvailable === undefined
      ? Math.max(0, expectedPods - share(maxUnavailable ?? 1, expectedPods))
      : share(minAvailable, expectedPods)
  return {
    expectedPods,
    currentHealthy,
    desiredHealthy,
    disruptionsAllowed: Math.max(0, currentHealthy - desiredHealthy),
  }
}

/** A number of pods, or a percentage of them rounded up. */
function share(value: number | string, of: number): number {
  return typeof value === 'string' && value.endsWith('%')
    ? Math.ceil((Number(value.slice(0, -1)) * of) / 100)
    : Number(value)
}

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

export const covers = (budget: ApiObject, pod: ApiObject): boolean =>
  pod.metadata.namespace === budget.metadata.namespace && matchesSelector(budget.spec.selector, pod.metadata.labels)

/** `controllers`: the ReplicaSets and Deployments that the pods may belong to. */
export function disruption(
  budget: ApiObject,
  pods: readonly ApiObject[],
  controllers: readonly ApiObject[],
): Disruption {
  const covered = pods.filter((pod) => covers(budget, pod))
  const { minAvailable, maxUnavailable } = budget.spec
  // A pod that ends and the one in its place are both there for a while; what is wanted is their controller's to say.
  const expectedPods = typeof minAvailable === 'number' ? covered.length : scale(covered, controllers)
  const currentHealthy = covered.filter(isReady).length
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

/** What the controllers of these pods are scaled to; pods without one do not count. */
function scale(pods: readonly ApiObject[], controllers: readonly ApiObject[]): number {
  const controllerOf = (object: ApiObject): ApiObject | undefined => {
    const uid = object.metadata.ownerReferences?.find((owner) => owner.controller)?.uid
    const owner = controllers.find((one) => one.metadata.uid === uid)
    return owner && (controllerOf(owner) ?? owner)
  }
  const scaled = new Set(pods.map(controllerOf).filter((one) => one !== undefined))
  return [...scaled].reduce((total, { spec }) => total + spec.replicas, 0)
}

/** A number of pods, or a percentage of them rounded up. */
export function share(value: number | string, of: number): number {
  return typeof value === 'string' && value.endsWith('%')
    ? Math.ceil((Number(value.slice(0, -1)) * of) / 100)
    : Number(value)
}

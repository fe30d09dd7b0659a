import { isReady } from '../api/disruption.ts'
import type { ApiObject } from '../context.ts'
import { type Action, isActive, isOwnedBy, statusIfChanged, target, type View } from './model.ts'
import { podFrom } from './pod-template.ts'

export function replicaSets(view: View): Action[] {
  return view.all('replicasets').flatMap((set) => reconcile(set, view))
}

function reconcile(set: ApiObject, view: View): Action[] {
  if (set.metadata.deletionTimestamp !== undefined) return []
  const pods = view.all('pods').filter((pod) => isOwnedBy(pod, set) && isActive(pod))
  const missing = set.spec.replicas - pods.length
  const actions: Action[] = Array.from({ length: Math.max(0, missing) }, () => ({
    do: 'create',
    collection: 'pods',
    object: podFrom(set, set.spec.template),
  }))
  // Those that do not run yet go first, then the youngest.
  const byWorth = pods.toSorted(
    (one, two) =>
      Number(isReady(one)) - Number(isReady(two)) ||
      (two.metadata.creationTimestamp ?? '').localeCompare(one.metadata.creationTimestamp ?? ''),
  )
  for (const pod of byWorth.slice(0, Math.max(0, -missing)))
    actions.push({ do: 'delete', collection: 'pods', ...target(pod) })
  const readyReplicas = pods.filter(isReady).length
  const status = {
    observedGeneration: set.metadata.generation,
    replicas: pods.length,
    readyReplicas,
    availableReplicas: readyReplicas,
    fullyLabeledReplicas: pods.length,
  }
  return [...actions, ...statusIfChanged('replicasets', set, status)]
}

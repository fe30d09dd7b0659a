import { timestamp } from '../api/operations.ts'
import type { ApiObject } from '../context.ts'
import { type Action, isOwnedBy, ownerOf, statusIfChanged, target, type View } from './model.ts'
import { templateHash } from './pod-template.ts'

/**
 * One ReplicaSet per template. Rolling: the new one at full size at once, the old ones shrink as its pods become ready;
 * Recreate: the new one only when the old pods have gone.
 */
export function deployments(view: View): Action[] {
  return view.all('deployments').flatMap((deployment) => reconcile(deployment, view))
}

function reconcile(deployment: ApiObject, view: View): Action[] {
  if (deployment.metadata.deletionTimestamp !== undefined) return []
  const { spec } = deployment
  const hash = templateHash(spec.template)
  const sets = view.all('replicasets').filter((set) => isOwnedBy(set, deployment))
  const current = sets.find((set) => set.metadata.labels?.['pod-template-hash'] === hash)
  const old = sets.filter((set) => set !== current)
  const oldPods = sum(old, 'replicas')
  const recreate = spec.strategy?.type === 'Recreate'
  const actions: Action[] = []
  const wait = recreate && oldPods > 0
  if (!current)
    actions.push({
      do: 'create',
      collection: 'replicasets',
      object: newSet(deployment, hash, wait ? 0 : spec.replicas),
    })
  else if (current.spec.replicas !== spec.replicas && !wait) actions.push(scale(current, spec.replicas))
  const ready: number = current?.status?.readyReplicas ?? 0
  let allowed = recreate ? 0 : Math.max(0, spec.replicas - ready)
  for (const set of old) {
    const wanted = Math.min(set.spec.replicas, allowed)
    allowed -= wanted
    if (set.spec.replicas !== wanted) actions.push(scale(set, wanted))
  }
  return [...actions, ...statusIfChanged('deployments', deployment, status(deployment, sets, current))]
}

function newSet(deployment: ApiObject, hash: string, replicas: number): ApiObject {
  const { metadata, spec } = deployment
  const label = { 'pod-template-hash': hash }
  const template = structuredClone(spec.template)
  template.metadata = { ...template.metadata, labels: { ...template.metadata?.labels, ...label } }
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${metadata.name}-${hash}`,
      namespace: metadata.namespace ?? '',
      labels: template.metadata.labels,
      ownerReferences: ownerOf(deployment),
    },
    spec: {
      replicas,
      selector: { ...spec.selector, matchLabels: { ...spec.selector?.matchLabels, ...label } },
      template,
    },
  }
}

const scale = (set: ApiObject, replicas: number): Action => ({
  do: 'merge',
  collection: 'replicasets',
  ...target(set),
  patch: { spec: { replicas } },
})

const sum = (sets: readonly ApiObject[], field: string): number =>
  sets.reduce((total, set) => total + (set.status?.[field] ?? 0), 0)

function status(deployment: ApiObject, sets: readonly ApiObject[], current: ApiObject | undefined): object {
  const { spec } = deployment
  const readyReplicas = sum(sets, 'readyReplicas')
  const available = readyReplicas >= spec.replicas
  const before = (deployment.status?.conditions ?? []).find((one: { type: string }) => one.type === 'Available')
  const value = available ? 'True' : 'False'
  const lastTransitionTime = before?.status === value ? before.lastTransitionTime : timestamp()
  return {
    observedGeneration: deployment.metadata.generation,
    replicas: sum(sets, 'replicas'),
    updatedReplicas: current?.status?.replicas ?? 0,
    readyReplicas,
    availableReplicas: readyReplicas,
    unavailableReplicas: Math.max(0, spec.replicas - readyReplicas),
    conditions: [
      {
        type: 'Available',
        status: value,
        reason: available ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
        message: available ? 'Deployment has minimum availability.' : 'Deployment does not have minimum availability.',
        lastUpdateTime: lastTransitionTime,
        lastTransitionTime,
      },
    ],
  }
}

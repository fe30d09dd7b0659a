import { isReady, share } from '../api/disruption.ts'
import type { ApiObject } from '../context.ts'
import { type Action, isActive, isOwnedBy, statusIfChanged, target, type View } from './model.ts'
import { podFrom, templateHash } from './pod-template.ts'
import { taintsOf, toleration, wants } from './scheduling.ts'

const hashLabel = 'controller-revision-hash'

/** What every DaemonSet's pod tolerates, whatever its template says. */
const builtInTolerations = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  ...['disk-pressure', 'memory-pressure', 'pid-pressure', 'unschedulable'].map((name) => ({
    key: `node.kubernetes.io/${name}`,
    operator: 'Exists',
    effect: 'NoSchedule',
  })),
]

export function daemonSets(view: View): Action[] {
  return view.all('daemonsets').flatMap((set) => reconcile(set, view))
}

function reconcile(set: ApiObject, view: View): Action[] {
  if (set.metadata.deletionTimestamp !== undefined) return []
  const hash = templateHash(set.spec.template)
  const tolerations = [
    ...(set.spec.template.spec.tolerations ?? []),
    ...builtInTolerations,
    ...(set.spec.template.spec.hostNetwork === true
      ? [{ key: 'node.kubernetes.io/network-unavailable', operator: 'Exists', effect: 'NoSchedule' }]
      : []),
  ]
  const pods = view.all('pods').filter((pod) => isOwnedBy(pod, set) && isActive(pod))
  const actions: Action[] = []
  const kept: ApiObject[] = []
  const nodes = view.all('nodes').filter((node) => wants(set.spec.template.spec, node))
  const untolerated = (node: ApiObject, effect: string) =>
    taintsOf(node).some((taint) => taint.effect === effect && !toleration(taint, tolerations))
  const runnable = nodes.filter((node) => !untolerated(node, 'NoExecute'))
  for (const node of runnable) {
    const [own, ...extra] = pods.filter((pod) => nodeOf(pod) === node.metadata.name)
    for (const pod of extra) actions.push({ do: 'delete', collection: 'pods', ...target(pod) })
    if (own) kept.push(own)
    else if (!untolerated(node, 'NoSchedule'))
      actions.push({ do: 'create', collection: 'pods', object: podOn(node, set, hash, tolerations) })
  }
  const misplaced = pods.filter((pod) => !runnable.some((node) => node.metadata.name === nodeOf(pod)))
  for (const pod of misplaced) actions.push({ do: 'delete', collection: 'pods', ...target(pod) })
  const outdated = kept.filter((pod) => pod.metadata.labels?.[hashLabel] !== hash)
  if (set.spec.updateStrategy.type !== 'OnDelete' && actions.length === 0) actions.push(...roll(set, kept, outdated))
  const ready = kept.filter(isReady).length
  const status = {
    currentNumberScheduled: kept.length,
    desiredNumberScheduled: runnable.length,
    numberMisscheduled: misplaced.length,
    numberReady: ready,
    numberAvailable: ready,
    numberUnavailable: runnable.length - ready,
    updatedNumberScheduled: kept.length - outdated.length,
    observedGeneration: set.metadata.generation,
  }
  return [...actions, ...statusIfChanged('daemonsets', set, status)]
}

/** Those that are not ready at once, and as many more as may be unavailable (`maxUnavailable`). */
function roll(set: ApiObject, pods: readonly ApiObject[], outdated: readonly ApiObject[]): Action[] {
  const allowed = share(set.spec.updateStrategy.rollingUpdate?.maxUnavailable ?? 1, pods.length)
  const unavailable = pods.filter((pod) => !isReady(pod)).length
  const chosen = [
    ...outdated.filter((pod) => !isReady(pod)),
    ...outdated.filter(isReady).slice(0, Math.max(0, allowed - unavailable)),
  ]
  return chosen.map((pod) => ({ do: 'delete', collection: 'pods', ...target(pod) }))
}

const byName = (name: string) => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] }],
    },
  },
})

function podOn(node: ApiObject, set: ApiObject, hash: string, tolerations: object[]): ApiObject {
  const pod = podFrom(set, set.spec.template, {
    [hashLabel]: hash,
    'pod-template-generation': String(set.metadata.generation ?? 1),
  })
  return {
    ...pod,
    spec: { ...pod.spec, tolerations, affinity: { ...pod.spec.affinity, ...byName(node.metadata.name) } },
  }
}

/** The node a pod is on, or is meant for while it waits for the scheduler. */
function nodeOf(pod: ApiObject): string | undefined {
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  return pod.spec.nodeName ?? required?.nodeSelectorTerms?.[0]?.matchFields?.[0]?.values?.[0]
}

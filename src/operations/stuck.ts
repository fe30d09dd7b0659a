import type { Facts } from '../facts/facts.ts'
import type { Sandbox } from '../facts/sandboxes.ts'
import type { Remaining, StuckNamespace, StuckPod } from '../facts/stuck.ts'

/** So long after it should have been gone something hangs: kubelets and controllers take their time. */
const overdueMs = 60_000
/** A pod that has not begun for so long hangs: its image may still be on its way for most of it. */
const beginsWithinMs = 120_000

/** Why a pod is Failed that did not end by itself: what the kubelet and the control plane write for what befell its node. */
const incident =
  /^(Evicted|NodeLost|NodeShutdown|Shutdown|Terminated|Preempting|NodeAffinity|UnexpectedAdmissionError|ContainerStatusUnknown|OutOf\w+)$/

/**
 * Finalizers that the control plane itself serves, or K3s' helm controller: they go by themselves as soon as what they wait
 * for is over. Taken away by hand they lose what they protect: a volume that is in use, a count of a Job's pods, a release.
 */
const served =
  /^(kubernetes(\.io\/.*)?|foregroundDeletion|orphan|batch\.kubernetes\.io\/.*|service\.kubernetes\.io\/.*|wrangler\.cattle\.io\/on-helm-chart-remove)$/

export const isServed = (finalizer: string): boolean => served.test(finalizer)
const removable = (finalizers: readonly string[]) => finalizers.filter((one) => !isServed(one))

export const nowOf = (facts: Facts): number => Date.parse(facts.readAt)
const iso = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
const isOverdue = (facts: Facts, dueMs: number | null): dueMs is number =>
  dueMs !== null && nowOf(facts) - dueMs > overdueMs

/** Why a pod hangs, in a sentence; null: it does not. */
export function whyStuck(facts: Facts, pod: StuckPod): string | null {
  const reason = [pod.reason, pod.message].filter((part) => part !== null).join(': ')
  if (pod.dueMs !== null)
    return isOverdue(facts, pod.dueMs) ? `Terminating: it should have been gone at ${iso(pod.dueMs)}` : null
  if (pod.phase === 'Unknown' || pod.reason === 'NodeLost') return `Unknown: ${reason || 'its node was lost'}`
  if (pod.phase === 'Failed') {
    // A controller's pods are started again where they are; a bare one may have ended by itself, and keeps its log.
    const isIncident = pod.owner !== null || incident.test(pod.reason ?? '')
    return isIncident ? `Failed: ${reason || 'nobody says why'}` : null
  }
  const isWaiting = pod.waiting === null || /^(ContainerCreating|PodInitializing)\b/.test(pod.waiting)
  if (pod.begun || !isWaiting || nowOf(facts) - pod.sinceMs <= beginsWithinMs) return null
  return `ContainerCreating since ${iso(pod.sinceMs)}`
}

/** What the node itself says of a pod. */
export type OnNode =
  | { says: 'nothing runs'; sandboxes: readonly Sandbox[] }
  | { says: 'it runs'; containers: readonly string[] }
  /** It is not asked, or does not answer: nobody knows. */
  | { says: 'nothing'; because: string }

export function onNode(facts: Facts, { node, uid }: Pick<StuckPod, 'node' | 'uid'>): OnNode {
  if (node === null) return { says: 'nothing runs', sandboxes: [] }
  const known = facts.nodes[node]
  if (known === undefined) return { says: 'nothing', because: `${node} is not in the inventory, so it is not asked` }
  const { sandboxes, containers } = known
  if (!sandboxes || !containers) return { says: 'nothing', because: `containerd on ${node} does not answer` }
  const running = containers.filter(({ podUid }) => podUid === uid).map(({ name }) => name)
  return running.length > 0
    ? { says: 'it runs', containers: running }
    : { says: 'nothing runs', sandboxes: sandboxes.filter((sandbox) => sandbox.uid === uid) }
}

/** What can be done about a pod that hangs. */
export type Way =
  | { do: 'stop-sandboxes'; ids: readonly string[] }
  | { do: 'delete' }
  | { do: 'remove-finalizers'; finalizers: readonly string[] }
  | { do: 'nothing'; because: string; fix: string }

/**
 * The least that helps. A sandbox that is stopped costs nothing: the kubelet makes another for the same pod. Deleting comes
 * second, and never where a container may still run: of a StatefulSet's there would be two.
 */
export function wayOf(facts: Facts, pod: StuckPod): Way {
  const nothing = (because: string, fix: string): Way => ({ do: 'nothing', because, fix })
  if (pod.isStatic) return nothing('its kubelet makes it, of a file', `look at its file on ${pod.node ?? 'its node'}`)
  const there = onNode(facts, pod)
  if (there.says === 'nothing')
    return nothing(`whether its containers run is not known: ${there.because}`, 'bring the node back, then plan anew')
  if (there.says === 'it runs')
    return nothing(
      `${pod.node} says that its containers run: ${there.containers.join(', ')}`,
      `look at \`journalctl -u k3s\` and the processes on ${pod.node}`,
    )
  if (pod.dueMs !== null) {
    if (pod.finalizers.length === 0 || pod.graceSeconds !== 0) return { do: 'delete' }
    const finalizers = removable(pod.finalizers)
    return finalizers.length > 0
      ? { do: 'remove-finalizers', finalizers }
      : nothing(`held by ${pod.finalizers.join(', ')}`, 'it goes by itself once what that waits for is over')
  }
  if (pod.phase !== 'Pending') return { do: 'delete' }
  const ready = there.sandboxes.filter((sandbox) => sandbox.ready)
  if (ready.length > 0) return { do: 'stop-sandboxes', ids: ready.map(({ id }) => id) }
  if (there.sandboxes.length === 0)
    return nothing(
      `${pod.node} has no sandbox of it: its kubelet tries by itself, and a new pod would meet the same`,
      'mend what its last event says',
    )
  // Stopping fails with whatever the kubelet fails with: it cannot take the old network down. A new pod has not that one.
  return pod.owner === null
    ? nothing(
        `its kubelet cannot take its old sandbox down, and as a bare pod nobody would make it anew`,
        `mend the CNI configuration of ${pod.node}, or delete it and apply it again yourself`,
      )
    : { do: 'delete' }
}

/** Pods that hang, each with why. */
export function stuckPods(facts: Facts): { pod: StuckPod; why: string }[] {
  return (facts.stuck?.pods ?? []).flatMap((pod) => {
    const why = whyStuck(facts, pod)
    return why === null ? [] : [{ pod, why }]
  })
}

const said = { 'it runs': 'its containers run', nothing: 'not known what runs' } as const

const sandboxesSaid = (sandboxes: readonly Sandbox[]): string =>
  sandboxes.length === 0
    ? 'no sandbox'
    : `sandbox ${sandboxes.map(({ ready }) => (ready ? 'ready' : 'not ready')).join(', ')}`

/** All that is known of a pod that hangs, in a line. */
export function describePod(facts: Facts, pod: StuckPod, why: string): string {
  const there = onNode(facts, pod)
  const { lastEvent, conditions, finalizers } = pod
  return [
    `${pod.namespace}/${pod.name} (${pod.owner ?? 'bare: nobody makes it anew'}): ${why}`,
    `on ${pod.node ?? 'no node'}: ${there.says === 'nothing runs' ? `no container, ${sandboxesSaid(there.sandboxes)}` : said[there.says]}`,
    ...(pod.waiting === null ? [] : [`waiting: ${pod.waiting}`]),
    ...conditions.map(({ type, status, reason }) => `${type}=${status}${reason === '' ? '' : ` (${reason})`}`),
    ...(finalizers.length === 0 ? [] : [`finalizers: ${finalizers.join(', ')}`]),
    ...(lastEvent === null ? [] : [`last event: ${lastEvent.reason}: ${lastEvent.message}`]),
  ].join('; ')
}

export const titleOf = ({ kind, namespace, name }: Pick<Remaining, 'kind' | 'namespace' | 'name'>): string =>
  `${kind} ${namespace}/${name}`

/** Something that only finalizers hold which nobody serves. */
export interface Held extends Omit<Remaining, 'dueMs'> {
  /** Those that are to go. */
  finalizers: string[]
}

const podKind = { apiVersion: 'v1', kind: 'Pod', plural: 'pods' }
export const isPod = ({ apiVersion, kind }: Pick<Remaining, 'apiVersion' | 'kind'>): boolean =>
  apiVersion === podKind.apiVersion && kind === podKind.kind

/** What finalizers hold: pods of which nothing runs, and whatever else remains in namespaces that are being deleted. */
export function heldByFinalizers(facts: Facts): Held[] {
  const pods = stuckPods(facts).flatMap(({ pod: { namespace, name, uid }, pod }): Held[] => {
    const way = wayOf(facts, pod)
    return way.do === 'remove-finalizers' ? [{ ...podKind, namespace, name, uid, finalizers: [...way.finalizers] }] : []
  })
  const others = stuckNamespaces(facts).flatMap(({ remaining }) =>
    remaining.flatMap(({ dueMs, ...object }): Held[] => {
      const finalizers = removable(object.finalizers)
      // A pod's are judged with what its node says.
      return isPod(object) || !isOverdue(facts, dueMs) || finalizers.length === 0 ? [] : [{ ...object, finalizers }]
    }),
  )
  return [...pods, ...others]
}

export const stuckNamespaces = (facts: Facts): StuckNamespace[] =>
  (facts.stuck?.namespaces ?? []).filter(({ dueMs }) => isOverdue(facts, dueMs))

/** Nothing is in it any more, and that is known of every kind. */
export const isEmpty = ({ remaining, unread }: StuckNamespace): boolean => remaining.length === 0 && unread.length === 0

export const isAnythingStuck = (facts: Facts): boolean =>
  stuckPods(facts).length > 0 || stuckNamespaces(facts).length > 0

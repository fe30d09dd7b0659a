import { timestamp } from '../api/operations.ts'
import type { ApiObject } from '../context.ts'
import { withCondition } from '../node-object.ts'
import { type Action, type Controller, isActive, type View } from './model.ts'
import { taintsOf, toleration } from './scheduling.ts'

const staleMs = 40_000
const notReady = 'node.kubernetes.io/not-ready'
const unreachable = 'node.kubernetes.io/unreachable'
const unschedulable = 'node.kubernetes.io/unschedulable'

/**
 * Marks nodes whose lease has gone stale, taints those that are not ready or cordoned, and moves pods off once they may be. Time
 * counts from when this controller began to look: after an outage of the API itself, nodes stay Ready, stale.
 */
export const nodeLifecycle =
  (since: Date): Controller =>
  (view) => {
    const leases = view.all('leases').filter((lease) => lease.metadata.namespace === 'kube-node-lease')
    return view.all('nodes').flatMap((node) => {
      if (node.metadata.deletionTimestamp !== undefined) return []
      const lease = leases.find((one) => one.metadata.name === node.metadata.name)
      const renewed = Date.parse(lease?.spec.renewTime ?? node.metadata.creationTimestamp ?? '')
      const heard = Math.max(renewed, since.getTime())
      return [
        ...markUnknown(node, view.now.getTime() - heard > staleMs),
        ...taint(node, view.now),
        ...evict(node, view),
      ]
    })
  }

const readyOf = (node: ApiObject): string | undefined =>
  (node.status?.conditions ?? []).find((one: { type: string }) => one.type === 'Ready')?.status

function markUnknown(node: ApiObject, stale: boolean): Action[] {
  if (!stale || readyOf(node) === 'Unknown') return []
  const unknown = {
    status: 'Unknown',
    reason: 'NodeStatusUnknown',
    message: 'Kubelet stopped posting node status.',
  } as const
  const conditions = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'].reduce(
    (all, type) => withCondition(all, { type, ...unknown }),
    node.status?.conditions ?? [],
  )
  return [{ do: 'status', collection: 'nodes', name: node.metadata.name, status: { ...node.status, conditions } }]
}

function taint(node: ApiObject, now: Date): Action[] {
  const ready = readyOf(node)
  const key = ready === 'True' ? undefined : ready === 'Unknown' ? unreachable : notReady
  const before = taintsOf(node)
  const foreign = before.filter((one) => ![notReady, unreachable, unschedulable].includes(one.key))
  const wanted = [
    ...(key === undefined ? [] : ['NoSchedule', 'NoExecute'].map((effect) => ({ key, effect }))),
    ...(node.spec?.unschedulable === true ? [{ key: unschedulable, effect: 'NoSchedule' }] : []),
  ]
  const own = wanted.map(
    (one) =>
      before.find((old) => old.key === one.key && old.effect === one.effect) ?? {
        ...one,
        ...(one.effect === 'NoExecute' ? { timeAdded: timestamp(now) } : {}),
      },
  )
  const taints = [...foreign, ...own]
  if (JSON.stringify(taints) === JSON.stringify(before)) return []
  return [
    {
      do: 'merge',
      collection: 'nodes',
      name: node.metadata.name,
      patch: { spec: { taints: taints.length > 0 ? taints : null } },
    },
  ]
}

function evict(node: ApiObject, view: View): Action[] {
  const executing = taintsOf(node).filter((one) => one.effect === 'NoExecute')
  if (executing.length === 0) return []
  const pods = view.all('pods').filter((pod) => pod.spec.nodeName === node.metadata.name && isActive(pod))
  return pods.flatMap((pod): Action[] => {
    const due = executing.some((one) => {
      const tolerated = toleration(one, pod.spec.tolerations)
      if (!tolerated) return true
      const since = Date.parse(one.timeAdded ?? '')
      return (
        tolerated.tolerationSeconds !== undefined && since + tolerated.tolerationSeconds * 1000 < view.now.getTime()
      )
    })
    return due
      ? [{ do: 'delete', collection: 'pods', namespace: pod.metadata.namespace ?? '', name: pod.metadata.name }]
      : []
  })
}

import type { ApiObject } from '../context.ts'
import type { Kind } from './kinds.ts'

type Column = [heading: string, cell: (object: ApiObject) => string]

interface Named {
  type: string
  status: string
  address: string
}

const address = (node: ApiObject, type: string): string =>
  (node.status?.addresses ?? []).find((one: Named) => one.type === type)?.address ?? '<none>'

function nodeState(node: ApiObject): string {
  const ready = (node.status?.conditions ?? []).find((one: Named) => one.type === 'Ready')?.status
  return [
    ready === 'True' ? 'Ready' : 'NotReady',
    ...(node.spec?.unschedulable === true ? ['SchedulingDisabled'] : []),
  ].join(',')
}

const roles = (node: ApiObject): string =>
  Object.keys(node.metadata.labels ?? {})
    .filter((label) => label.startsWith('node-role.kubernetes.io/'))
    .map((label) => label.replace(/^.*\//, ''))
    .sort()
    .join(',') || '<none>'

interface ContainerStatus {
  ready?: boolean
  restartCount?: number
  state?: { waiting?: { reason?: string }; terminated?: { reason?: string; exitCode?: number } }
}

/** What kubectl shows as a pod's status: the reason of the container that is in trouble, or the phase. */
export function podState(pod: ApiObject): string {
  if (pod.metadata.deletionTimestamp !== undefined) return 'Terminating'
  const init: ContainerStatus[] = pod.status?.initContainerStatuses ?? []
  const done = init.filter((one) => one.state?.terminated?.exitCode === 0).length
  if (done < init.length) {
    const reason = init[done]?.state?.waiting?.reason
    return reason !== undefined && reason !== 'PodInitializing' ? `Init:${reason}` : `Init:${done}/${init.length}`
  }
  const statuses: ContainerStatus[] = pod.status?.containerStatuses ?? []
  for (const { state } of statuses) {
    const reason = state?.waiting?.reason ?? state?.terminated?.reason
    if (reason !== undefined) return reason
  }
  return pod.status?.phase ?? 'Pending'
}

const statuses = (pod: ApiObject): ContainerStatus[] => pod.status?.containerStatuses ?? []
const number = (value: unknown): string => String(value ?? 0)

const columns: Record<string, { narrow: Column[]; wide?: Column[] }> = {
  pods: {
    narrow: [
      ['READY', (pod) => `${statuses(pod).filter((one) => one.ready).length}/${pod.spec.containers.length}`],
      ['STATUS', podState],
      ['RESTARTS', (pod) => number(Math.max(0, ...statuses(pod).map((one) => one.restartCount ?? 0)))],
    ],
    wide: [
      ['IP', (pod) => pod.status?.podIP ?? '<none>'],
      ['NODE', (pod) => pod.spec.nodeName ?? '<none>'],
    ],
  },
  nodes: {
    narrow: [
      ['STATUS', nodeState],
      ['ROLES', roles],
    ],
    wide: [
      ['VERSION', (node) => node.status?.nodeInfo?.kubeletVersion ?? ''],
      ['INTERNAL-IP', (node) => address(node, 'InternalIP')],
    ],
  },
  services: {
    narrow: [
      ['TYPE', (service) => service.spec.type],
      ['CLUSTER-IP', (service) => service.spec.clusterIP ?? '<none>'],
      [
        'PORT(S)',
        (service) =>
          (service.spec.ports ?? [])
            .map(
              (port: { port: number; nodePort?: number; protocol: string }) =>
                `${port.port}${port.nodePort ? `:${port.nodePort}` : ''}/${port.protocol}`,
            )
            .join(','),
      ],
    ],
  },
  deployments: {
    narrow: [
      ['READY', (one) => `${one.status?.readyReplicas ?? 0}/${one.spec.replicas}`],
      ['UP-TO-DATE', (one) => number(one.status?.updatedReplicas)],
      ['AVAILABLE', (one) => number(one.status?.availableReplicas)],
    ],
  },
  daemonsets: {
    narrow: [
      ['DESIRED', (one) => number(one.status?.desiredNumberScheduled)],
      ['CURRENT', (one) => number(one.status?.currentNumberScheduled)],
      ['READY', (one) => number(one.status?.numberReady)],
      ['UP-TO-DATE', (one) => number(one.status?.updatedNumberScheduled)],
      ['AVAILABLE', (one) => number(one.status?.numberAvailable)],
    ],
  },
  jobs: { narrow: [['COMPLETIONS', (job) => `${job.status?.succeeded ?? 0}/${job.spec.completions}`]] },
  cronjobs: {
    narrow: [
      ['SCHEDULE', (one) => one.spec.schedule],
      ['SUSPEND', (one) => (one.spec.suspend ? 'True' : 'False')],
      ['ACTIVE', (one) => number(one.status?.active?.length)],
    ],
  },
  leases: { narrow: [['HOLDER', (lease) => lease.spec?.holderIdentity ?? '']] },
  events: {
    narrow: [
      ['TYPE', (event) => event.type ?? ''],
      ['REASON', (event) => event.reason ?? ''],
      ['OBJECT', (event) => `${event.involvedObject?.kind}/${event.involvedObject?.name}`],
      ['MESSAGE', (event) => event.message ?? ''],
    ],
  },
}

export function table(
  kind: Kind,
  objects: readonly ApiObject[],
  options: { namespaces: boolean; wide: boolean; headers: boolean },
  now = new Date(),
): string {
  const own = columns[kind.group === '' || !kind.group.includes('cattle') ? kind.name : ''] ?? { narrow: [] }
  const all: Column[] = [
    ...(options.namespaces ? [['NAMESPACE', (object) => object.metadata.namespace ?? ''] satisfies Column] : []),
    ['NAME', (object) => object.metadata.name],
    ...own.narrow,
    ['AGE', (object) => age(object.metadata.creationTimestamp, now)],
    ...(kind.name === 'nodes' ? (own.wide?.slice(0, 1) ?? []) : []),
    ...(options.wide ? (own.wide?.slice(kind.name === 'nodes' ? 1 : 0) ?? []) : []),
  ]
  const rows = [
    ...(options.headers ? [all.map(([heading]) => heading)] : []),
    ...objects.map((object) => all.map(([, cell]) => cell(object))),
  ]
  const widths = all.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd((widths[column] ?? 0) + 3))
        .join('')
        .trimEnd(),
    )
    .join('\n')
}

/** 45s, 3m12s, 5h, 12d: as coarse as kubectl's. */
export function age(since: string | undefined, now: Date): string {
  const seconds = Math.max(0, Math.floor((now.getTime() - Date.parse(since ?? '')) / 1000))
  if (Number.isNaN(seconds)) return '<unknown>'
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`
  if (minutes < 180) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`
}

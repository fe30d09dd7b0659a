import { z } from 'zod'
import type { KubeFacts } from './kube.ts'
import { policySpecSchema } from './policies.ts'

/** What is used of the API's objects. Everything that the API may leave out may be absent here, and unknown keys are fine. */

const texts = z
  .record(z.string(), z.string())
  .nullish()
  .transform((value) => value ?? {})
/** Lists that the API leaves out are empty. */
export const list = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((value) => value ?? [])
const count = z
  .number()
  .nullish()
  .transform((value) => value ?? 0)

const clusterMetadata = z.object({ name: z.string(), labels: texts, annotations: texts })
const metadata = clusterMetadata.extend({ namespace: z.string() })

const conditions = list(z.object({ type: z.string(), status: z.string(), message: z.string().nullish() }))
type Conditions = z.infer<typeof conditions>

const containerState = z.object({
  waiting: z.object({ reason: z.string().nullish(), message: z.string().nullish() }).nullish(),
})
const containerStatuses = list(z.object({ name: z.string(), restartCount: count, state: containerState.nullish() }))
const containers = list(
  z.object({
    ports: list(
      z.object({
        name: z.string().nullish(),
        containerPort: z.number(),
        hostPort: z.number().nullish(),
        protocol: z.string().nullish(),
      }),
    ),
  }),
)

export const suspendable = z.object({ metadata, spec: z.object({ suspend: z.boolean().nullish() }).nullish() })

export const cronJob = suspendable.extend({
  spec: z.object({ suspend: z.boolean().nullish(), schedule: z.string() }),
})
export const namespace = z.object({ metadata: clusterMetadata })
export const policy = z.object({ metadata, spec: policySpecSchema })

export const node = z.object({
  metadata: clusterMetadata,
  spec: z.object({
    podCIDR: z.string().nullish(),
    unschedulable: z.boolean().nullish(),
    taints: list(z.object({ key: z.string(), value: z.string().nullish(), effect: z.string() })),
  }),
  status: z.object({
    conditions,
    addresses: list(z.object({ type: z.string(), address: z.string() })),
    nodeInfo: z.object({ kubeletVersion: z.string() }),
  }),
})

export const pod = z.object({
  metadata: metadata.extend({
    uid: z.string(),
    ownerReferences: list(z.object({ kind: z.string(), name: z.string() })),
  }),
  spec: z.object({ nodeName: z.string().optional(), hostNetwork: z.boolean().nullish(), containers }),
  status: z.object({
    phase: z.string().nullish(),
    podIP: z.string().nullish(),
    startTime: z.string().nullish(),
    conditions,
    containerStatuses,
    initContainerStatuses: containerStatuses,
  }),
})
type Pod = z.infer<typeof pod>

export const service = z.object({
  metadata,
  spec: z.object({
    type: z.string().nullish(),
    clusterIP: z.string().nullish(),
    selector: texts,
    ports: list(
      z.object({
        protocol: z.string().nullish(),
        port: z.number(),
        nodePort: z.number().nullish(),
        targetPort: z.union([z.number(), z.string()]).nullish(),
      }),
    ),
  }),
})

export const lease = z.object({
  metadata,
  spec: z.object({ holderIdentity: z.string().nullish(), renewTime: z.string().nullish() }).nullish(),
})

export const helmChart = z.object({
  spec: z.object({ version: z.string().nullish(), valuesContent: z.string().nullish() }),
})
export const configMap = z.object({ data: texts })
export const daemonSet = z.object({
  metadata: z.object({ generation: count }),
  spec: z.object({ updateStrategy: z.object({ type: z.string().nullish() }).nullish() }).nullish(),
  // A fresh one has none before its controller has seen it.
  status: z
    .object({
      desiredNumberScheduled: count,
      numberReady: count,
      updatedNumberScheduled: count,
      observedGeneration: count,
    })
    .prefault({}),
})
export const deployment = z.object({ status: z.object({ readyReplicas: count }).prefault({}) })
export const ciliumNode = z.object({
  metadata: clusterMetadata,
  spec: z.object({
    ipam: z
      .object({ podCIDRs: list(z.string()) })
      .nullish()
      .transform((value) => value ?? { podCIDRs: [] }),
  }),
})
export const ciliumEndpoint = z.object({
  metadata,
  status: z
    .object({
      state: z
        .string()
        .nullish()
        .transform((value) => value ?? ''),
      networking: z
        .object({ addressing: list(z.object({ ipv4: z.string().nullish(), ipv6: z.string().nullish() })) })
        .nullish()
        .transform((value) => value ?? { addressing: [] }),
    })
    .nullish()
    .transform((value) => value ?? { state: '', networking: { addressing: [] } }),
})

/** An object's name, as it may stand in the API's paths and in files' names. */
export const objectName = z.string().regex(/^(?!\.\.?$)[^/%\\\s\p{Cc}]{1,253}$/u)

export const timeMs = (text: string | null | undefined): number | null => {
  const parsed = text ? Date.parse(text) : Number.NaN
  return Number.isNaN(parsed) ? null : parsed
}

export const isReady = (all: Conditions): boolean => all.some((one) => one.type === 'Ready' && one.status === 'True')
export const startedMs = (one: Pod): number | null => timeMs(one.status.startTime)

/** Why the first container that does not run yet does not. */
export function waitingOf({ status }: Pod): string | null {
  const waiting = [...status.initContainerStatuses, ...status.containerStatuses].find((one) => one.state?.waiting)
    ?.state?.waiting
  return waiting ? [waiting.reason, waiting.message].filter((text) => text).join(': ') || 'waiting' : null
}

export const restartsOf = ({ status }: Pod): number =>
  [...status.initContainerStatuses, ...status.containerStatuses].reduce((sum, one) => sum + one.restartCount, 0)

export function nodeFacts(
  one: z.infer<typeof node>,
  own: z.infer<typeof lease> | undefined,
): KubeFacts['nodes'][number] {
  const ready = one.status.conditions.find((condition) => condition.type === 'Ready')
  return {
    name: one.metadata.name,
    internalIp: one.status.addresses.find((address) => address.type === 'InternalIP')?.address ?? '',
    podCidr: one.spec.podCIDR ?? null,
    ready: ready?.status === 'True',
    readyMessage: ready?.message ?? '',
    heartbeatMs: timeMs(own?.spec?.renewTime),
    unschedulable: one.spec.unschedulable ?? false,
    taints: one.spec.taints.map(({ key, value, effect }) => `${key}${value ? `=${value}` : ''}:${effect}`),
    labels: one.metadata.labels,
    annotations: one.metadata.annotations,
    etcdVoter: one.status.conditions.find((condition) => condition.type === 'EtcdIsVoter')?.status ?? null,
    kubeletVersion: one.status.nodeInfo.kubeletVersion,
  }
}

export function podFacts(one: Pod): KubeFacts['pods'][number] {
  const all = one.spec.containers.flatMap((container) => container.ports)
  const ports = all.filter((port) => (port.protocol ?? 'TCP') === 'TCP')
  const owner = one.metadata.ownerReferences[0]
  return {
    namespace: one.metadata.namespace,
    name: one.metadata.name,
    uid: one.metadata.uid,
    node: one.spec.nodeName ?? null,
    phase: one.status.phase ?? '',
    ip: one.status.podIP || null,
    hostNetwork: one.spec.hostNetwork ?? false,
    ready: isReady(one.status.conditions),
    owner: owner ? `${owner.kind}/${owner.name}` : null,
    labels: one.metadata.labels,
    ports: ports.map((port) => port.containerPort),
    hostPorts: ports.flatMap((port) => (port.hostPort ? [port.hostPort] : [])),
    containerPorts: all.map((port) => ({
      name: port.name ?? null,
      port: port.containerPort,
      protocol: port.protocol ?? 'TCP',
      hostPort: port.hostPort || null,
    })),
    waiting: waitingOf(one),
    restarts: restartsOf(one),
    startedMs: startedMs(one),
  }
}

export const serviceFacts = ({ metadata: { namespace, name }, spec }: z.infer<typeof service>) => ({
  namespace,
  name,
  type: spec.type ?? 'ClusterIP',
  clusterIp: spec.clusterIP && spec.clusterIP !== 'None' ? spec.clusterIP : null,
  ports: spec.ports.map(({ protocol, port, nodePort, targetPort }) => ({
    protocol: protocol ?? 'TCP',
    port,
    nodePort: nodePort || null,
    // Absent and 0 mean the same (a headless Service may have it so): the Service's own port.
    targetPort: targetPort || port,
  })),
  selector: spec.selector,
})

export const leaseFacts = ({ metadata: { namespace, name }, spec }: z.infer<typeof lease>) => ({
  namespace,
  name,
  holder: spec?.holderIdentity || null,
  renewMs: timeMs(spec?.renewTime),
})

/** `gitVersion` of /version; null for anything else. */
export function gitVersion(body: string): string | null {
  try {
    return z.object({ gitVersion: z.string() }).parse(JSON.parse(body)).gitVersion
  } catch {
    return null
  }
}

const resourceList = z.object({ resources: z.array(z.object({ name: z.string() })) })

/** Names in an APIResourceList, subresources as `name/sub`; none for anything else. */
export function resourceNames(body: string): string[] {
  try {
    return resourceList.parse(JSON.parse(body)).resources.map((resource) => resource.name)
  } catch {
    return []
  }
}

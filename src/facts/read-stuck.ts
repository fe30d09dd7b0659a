import { z } from 'zod'
import { FailedError } from '../errors.ts'
import type { KindRef, KubeApi } from '../kube/api.ts'
import { KubeError } from '../kube/errors.ts'
import { list, objectName, timeMs } from './kube-objects.ts'
import { discover, readRemaining } from './read-remaining.ts'
import type { StuckFacts, StuckNamespace, StuckPod } from './stuck.ts'

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '')
const conditionsSchema = list(z.object({ type: z.string(), status: z.string(), reason: text, message: text }))

const stateSchema = z.object({
  waiting: z.object({ reason: z.string().nullish(), message: z.string().nullish() }).nullish(),
  running: z.unknown().optional(),
  terminated: z.object({ reason: z.string().nullish() }).nullish(),
})
/** How a kubelet that came back ends containers that it cannot find any more. */
const lostReason = 'ContainerStatusUnknown'
const containersSchema = list(z.object({ state: stateSchema.nullish(), lastState: stateSchema.nullish() }))

const podSchema = z.object({
  metadata: z.object({
    namespace: objectName,
    name: objectName,
    uid: z.string(),
    creationTimestamp: z.string().nullish(),
    deletionTimestamp: z.string().nullish(),
    deletionGracePeriodSeconds: z.number().nullish(),
    annotations: z.record(z.string(), z.string()).nullish(),
    finalizers: list(z.string()),
    ownerReferences: list(z.object({ kind: z.string(), name: z.string(), controller: z.boolean().nullish() })),
  }),
  spec: z.object({ nodeName: z.string().nullish() }),
  status: z.object({
    phase: text,
    reason: z.string().nullish(),
    message: z.string().nullish(),
    startTime: z.string().nullish(),
    conditions: conditionsSchema,
    initContainerStatuses: containersSchema,
    containerStatuses: containersSchema,
  }),
})

const namespaceSchema = z.object({
  metadata: z.object({
    name: objectName,
    uid: z.string(),
    deletionTimestamp: z.string().nullish(),
    finalizers: list(z.string()),
  }),
  spec: z.object({ finalizers: list(z.string()) }).nullish(),
  status: z.object({ conditions: conditionsSchema }).nullish(),
})

const apiServiceSchema = z.object({
  metadata: z.object({ name: objectName }),
  spec: z.object({ service: z.unknown().optional() }),
  status: z.object({ conditions: conditionsSchema }).nullish(),
})

const eventSchema = z.object({
  involvedObject: z.object({ uid: z.string().nullish() }),
  reason: text,
  message: text,
  lastTimestamp: z.string().nullish(),
  eventTime: z.string().nullish(),
  metadata: z.object({ creationTimestamp: z.string().nullish() }),
})

async function listOf<S extends z.ZodType>(api: KubeApi, kind: KindRef, schema: S, namespace?: string) {
  const objects = await api.list(kind, namespace === undefined ? {} : { namespace })
  return objects.map((object): z.infer<S> => {
    const parsed = schema.safeParse(object)
    if (parsed.success) return parsed.data
    const issue = parsed.error.issues[0]
    throw new FailedError(
      `a ${kind.kind} has a form that is not known here: ${issue?.path.join('.')}: ${issue?.message}`,
    )
  })
}

function podOf({ metadata, spec, status }: z.infer<typeof podSchema>): StuckPod {
  const containers = [...status.initContainerStatuses, ...status.containerStatuses]
  const states = containers.flatMap(({ state, lastState }) => [state, lastState])
  const waiting = containers.find(({ state }) => state?.waiting)?.state?.waiting
  const owner = metadata.ownerReferences.find(({ controller }) => controller) ?? metadata.ownerReferences[0]
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    node: spec.nodeName || null,
    phase: status.phase,
    reason: status.reason || (states.some((state) => state?.terminated?.reason === lostReason) ? lostReason : null),
    message: status.message || null,
    dueMs: timeMs(metadata.deletionTimestamp),
    graceSeconds: metadata.deletionTimestamp ? (metadata.deletionGracePeriodSeconds ?? 0) : null,
    sinceMs: timeMs(status.startTime) ?? timeMs(metadata.creationTimestamp) ?? 0,
    begun: states.some((state) => state?.running || state?.terminated),
    waiting: waiting ? [waiting.reason, waiting.message].filter((one) => one).join(': ') || 'waiting' : null,
    conditions: status.conditions.filter((one) => one.status !== 'True'),
    owner: owner ? `${owner.kind}/${owner.name}` : null,
    isStatic: owner?.kind === 'Node' || metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined,
    finalizers: metadata.finalizers,
    lastEvent: null,
  }
}

/** What a Job keeps of its failed pods is its history: it counts them, and takes them away with itself. */
const mayHang = ({ dueMs, phase, reason, node, begun, owner }: StuckPod): boolean =>
  dueMs !== null ||
  phase === 'Unknown' ||
  reason === 'NodeLost' ||
  (phase === 'Failed' && !owner?.startsWith('Job/')) ||
  (phase === 'Pending' && node !== null && !begun)

/** The newest event of each pod, by its uid. */
async function lastEvents(api: KubeApi, namespaces: readonly string[]): Promise<Map<string, StuckPod['lastEvent']>> {
  const kind = { apiVersion: 'v1', kind: 'Event' }
  const found = await Promise.all(namespaces.map((namespace) => listOf(api, kind, eventSchema, namespace)))
  const last = new Map<string, StuckPod['lastEvent']>()
  for (const { involvedObject, reason, message, lastTimestamp, eventTime, metadata } of found.flat()) {
    const uid = involvedObject.uid ?? ''
    const atMs = timeMs(lastTimestamp) ?? timeMs(eventTime) ?? timeMs(metadata.creationTimestamp)
    if ((last.get(uid)?.atMs ?? -1) < (atMs ?? 0)) last.set(uid, { reason, message, atMs })
  }
  return last
}

async function readPods(api: KubeApi): Promise<StuckPod[]> {
  const pods = (await listOf(api, { apiVersion: 'v1', kind: 'Pod' }, podSchema)).map(podOf).filter(mayHang)
  const events = await lastEvents(api, [...new Set(pods.map(({ namespace }) => namespace))])
  return pods.map((pod) => ({ ...pod, lastEvent: events.get(pod.uid) ?? null }))
}

async function readNamespaces(api: KubeApi): Promise<StuckNamespace[]> {
  const all = await listOf(api, { apiVersion: 'v1', kind: 'Namespace' }, namespaceSchema)
  const going = all.flatMap(({ metadata: { name, uid, deletionTimestamp, finalizers }, spec, status }) => {
    const dueMs = timeMs(deletionTimestamp)
    const conditions = (status?.conditions ?? []).filter((one) => one.status === 'True')
    return dueMs === null ? [] : [{ name, uid, dueMs, finalizers, specFinalizers: spec?.finalizers ?? [], conditions }]
  })
  if (going.length === 0) return []
  const discovery = await discover(api)
  return await Promise.all(
    going.map(async (namespace) => ({ ...namespace, ...(await readRemaining(api, discovery, namespace.name)) })),
  )
}

async function readSilentApis(api: KubeApi): Promise<StuckFacts['silentApis']> {
  const kind = { apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService' }
  const services = await listOf(api, kind, apiServiceSchema).catch((error: unknown) => {
    if (error instanceof KubeError && error.status === 404) return []
    throw error
  })
  return services.flatMap(({ metadata: { name }, spec, status }) => {
    const available = status?.conditions.find(({ type }) => type === 'Available')
    if (!spec.service || available?.status === 'True') return []
    return [{ name, message: available?.message ?? 'nothing is known of it' }]
  })
}

/**
 * Reads what may hang. Nothing but two lists is asked of a cluster where nothing does.
 * An API that cannot be reached, or that answers with an error or in a form that is not known, is a fact and not an error.
 */
export async function readStuck(api: KubeApi): Promise<StuckFacts> {
  try {
    const [pods, namespaces] = await Promise.all([readPods(api), readNamespaces(api)])
    return { error: null, pods, namespaces, silentApis: namespaces.length > 0 ? await readSilentApis(api) : [] }
  } catch (error) {
    if (!(error instanceof FailedError)) throw error
    return { error: error.message, pods: [], namespaces: [], silentApis: [] }
  }
}

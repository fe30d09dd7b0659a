import type { KubeObject } from '../../kube/api.ts'
import type { Answer, ApiRequest, ClusterState } from '../cluster/state.ts'
import { rawAnswer } from './raw.ts'
import { objectsOf } from './views.ts'

const kubeError = (status: number, message: string): Answer => ({ kind: 'kube-error', status, message })

const keyOf = (kind: string, name: string, namespace?: string) => `${kind} ${namespace ?? ''}/${name}`

/** Kinds that the simulated clusters serve besides Cilium's. */
const served = new Set([
  ...[
    'Node',
    'Pod',
    'Namespace',
    'Service',
    'Secret',
    'ConfigMap',
    'PersistentVolume',
    'NetworkPolicy',
    'CronJob',
    'Event',
  ],
  ...['ServiceAccount', 'Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding'],
  ...['Lease', 'DaemonSet', 'Deployment', 'HelmChart', 'CustomResourceDefinition', 'PodDisruptionBudget'],
  ...['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration'],
])
const ciliumServed: Readonly<Record<string, string>> = {
  ...{ CiliumNode: 'ciliumnodes', CiliumEndpoint: 'ciliumendpoints', CiliumNodeConfig: 'ciliumnodeconfigs' },
}

const isServed = (state: ClusterState, kind: string): boolean =>
  served.has(kind) || state.cilium.kinds.includes(ciliumServed[kind] ?? '')

/** `a=b`, `a in (b,c)`, with commas between. */
function matches(selector: string, labels: Record<string, string> = {}): boolean {
  const terms = [...selector.matchAll(/([^,\s=]+)\s*(?:=\s*([^,]+)|in\s*\(([^)]*)\))/g)]
  return terms.every(([, key = '', value, among]) => {
    const wanted = value === undefined ? (among ?? '').split(',') : [value]
    return wanted.includes(labels[key] ?? '')
  })
}

/** JSON merge patch (RFC 7386). */
function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const base = typeof target === 'object' && target !== null && !Array.isArray(target) ? target : {}
  const result: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else result[key] = merged(result[key], value)
  }
  return result
}

function remove(state: ClusterState, kind: string, name: string, namespace?: string): void {
  const key = keyOf(kind, name, namespace)
  if (kind === 'CustomResourceDefinition') {
    state.cilium.kinds = state.cilium.kinds.filter((one) => `${one}.cilium.io` !== name)
    // With the kind go its objects.
    if (name === 'ciliumendpoints.cilium.io') state.cilium.endpoints = {}
    if (name === 'ciliumnodes.cilium.io') state.cilium.ranges = {}
    if (name === 'ciliumnodeconfigs.cilium.io')
      for (const [at, { kind: of }] of Object.entries(state.objects))
        if (of === 'CiliumNodeConfig') delete state.objects[at]
    return
  }
  // The DaemonSet makes another one.
  const ofAgent = kind === 'Pod' ? /^cilium-(\d+)-(.+)$/.exec(name) : null
  if (ofAgent) {
    const [, serial, node = ''] = ofAgent
    if (`${state.cilium.agents[node]?.serial}` === serial) delete state.cilium.agents[node]
    return
  }
  if (kind === 'DaemonSet' && name === 'cilium') state.cilium.withoutAgents = true
  if (kind === 'Deployment' && state.cilium.withoutAgents) state.cilium.operatorReady = 0
  const object = state.objects[key]
  if (!object) return
  // A HelmChart is kept by its controller until the release is uninstalled.
  if (kind === 'HelmChart' || hasFinalizers(object)) {
    const deletionTimestamp = object.metadata.deletionTimestamp ?? new Date(state.nowMs).toISOString()
    const metadata = { ...object.metadata, deletionTimestamp, deletionGracePeriodSeconds: 0 }
    state.objects[key] = { ...object, metadata }
  } else delete state.objects[key]
}

const hasFinalizers = ({ metadata }: KubeObject): boolean => (metadata.finalizers ?? []).length > 0

/** What is being deleted goes with its last finalizer; a namespace has finalizers of its own besides. */
const isFree = (before: KubeObject, now: KubeObject): boolean =>
  hasFinalizers(before) &&
  !hasFinalizers(now) &&
  now.metadata.deletionTimestamp !== undefined &&
  now.kind !== 'Namespace'

/** Labels, and whether pods may come, are all that is changed of nodes here. */
function patchNode(state: ClusterState, name: string, patch: unknown): Answer {
  const node = state.nodes[name]
  if (!node) return kubeError(404, `Node ${name} not found`)
  const object = objectsOf(state, 'Node').find(({ metadata }) => metadata.name === name)
  const { metadata, spec } = merged(object, patch) as KubeObject & { spec?: { unschedulable?: boolean } }
  node.labels = metadata.labels ?? {}
  node.unschedulable = spec?.unschedulable ?? false
  return { kind: 'object', object: objectsOf(state, 'Node').find(({ metadata }) => metadata.name === name) ?? null }
}

/** What a request does to the cluster, and what the API says. It must be up: that is looked at before. */
export function serve(state: ClusterState, request: ApiRequest): Answer {
  switch (request.verb) {
    case 'raw':
      return rawAnswer(state, request.path)
    case 'list': {
      if (!isServed(state, request.kind)) return kubeError(404, 'the server could not find the requested resource')
      const { namespace, labelSelector } = request
      const objects = objectsOf(state, request.kind)
        .filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace)
        .filter(({ metadata }) => labelSelector === undefined || matches(labelSelector, metadata.labels))
      return { kind: 'objects', objects }
    }
    case 'get': {
      const found = objectsOf(state, request.kind).find(
        ({ metadata }) => metadata.name === request.name && metadata.namespace === request.namespace,
      )
      return { kind: 'object', object: found ?? null }
    }
    case 'create': {
      const { kind, metadata } = request.object
      if (!isServed(state, kind)) return kubeError(404, 'the server could not find the requested resource')
      const key = keyOf(kind, metadata.name, metadata.namespace)
      if (state.objects[key]) return kubeError(409, `${kind} ${metadata.name} already exists`)
      state.objects[key] = request.object
      return { kind: 'object', object: request.object }
    }
    case 'patch': {
      if (request.kind === 'Node') return patchNode(state, request.name, request.patch)
      const key = keyOf(request.kind, request.name, request.namespace)
      const before = state.objects[key]
      if (!before) return kubeError(404, `${request.kind} ${request.name} not found`)
      const object = merged(before, request.patch) as KubeObject
      // The API leaves out what is empty.
      if (Object.keys(object.metadata.annotations ?? {}).length === 0) delete object.metadata.annotations
      if (isFree(before, object)) delete state.objects[key]
      else state.objects[key] = object
      return { kind: 'object', object }
    }
    case 'finalize': {
      const key = keyOf('Namespace', request.object.metadata.name)
      if (!state.objects[key]) return kubeError(404, `Namespace ${request.object.metadata.name} not found`)
      delete state.objects[key]
      return { kind: 'object', object: null }
    }
    case 'replace':
      throw new Error('the simulator does not know how to replace an object: nothing here does')
    case 'delete': {
      const there = state.objects[keyOf(request.kind, request.name, request.namespace)]
      if (request.options !== undefined && there !== undefined && there.metadata.uid !== request.options.uid)
        return kubeError(409, `${request.kind} ${request.name} has another uid`)
      remove(state, request.kind, request.name, request.namespace)
      return { kind: 'object', object: null }
    }
  }
}

import { type ApiClient, ApiError, type ApiObject } from '../context.ts'
import type { EndpointRecord } from './endpoint-record.ts'
import { ciliumEndpoints } from './kube-paths.ts'
import type { Verdict } from './policy/rules.ts'

export interface EndpointView {
  endpoint: EndpointRecord
  verdict: Verdict
  nodeIp: string
}

const enforcement = (lines: string[] | null) =>
  lines === null ? { enforcing: false, state: '<status disabled>' } : { enforcing: true, state: '<status disabled>' }

/** The CiliumEndpoint of a pod: named like it, owned by it (fixtures/cilium-1.13.9/c5, kube/ciliumendpoints.yaml). */
export function ciliumEndpoint({ endpoint, verdict, nodeIp }: EndpointView): ApiObject {
  return {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumEndpoint',
    metadata: {
      name: endpoint.pod,
      namespace: endpoint.namespace,
      labels: endpoint.podLabels,
      ...(endpoint.podUid === null
        ? {}
        : { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: endpoint.pod, uid: endpoint.podUid }] }),
    },
    status: {
      encryption: {},
      'external-identifiers': {
        'container-id': endpoint.containerId,
        'k8s-namespace': endpoint.namespace,
        'k8s-pod-name': endpoint.pod,
        'pod-name': `${endpoint.namespace}/${endpoint.pod}`,
      },
      id: endpoint.id,
      identity: {
        id: endpoint.identity,
        labels: Object.entries(endpoint.labels ?? {}).map(([key, value]) => `k8s:${key}=${value}`),
      },
      'named-ports': endpoint.namedPorts,
      networking: { addressing: [{ ipv4: endpoint.address }], node: nodeIp },
      policy: { egress: enforcement(verdict.egress), ingress: enforcement(verdict.ingress) },
      state: 'ready',
      'visibility-policy-status': '<status disabled>',
    },
  }
}

const path = ({ namespace, pod }: Pick<EndpointRecord, 'namespace' | 'pod'>) => `${ciliumEndpoints(namespace)}/${pod}`

const missing = (error: unknown) => error instanceof ApiError && error.code === 404

export async function publishEndpoint(api: ApiClient, object: ApiObject): Promise<void> {
  const namespace = object.metadata.namespace ?? 'default'
  const target = `${ciliumEndpoints(namespace)}/${object.metadata.name}`
  const found = await api.get(target).catch((error: unknown) => {
    if (missing(error)) return null
    throw error
  })
  if (found !== null && found.metadata.deletionTimestamp === undefined) {
    const { labels, ownerReferences } = object.metadata
    await api.patch(target, { metadata: { labels, ownerReferences }, status: object.status })
    return
  }
  await api.create(ciliumEndpoints(namespace), object)
}

/** Only this sandbox's: the pod may have got a new sandbox, and with it a new endpoint of the same name, already. */
export async function withdrawEndpoint(api: ApiClient, endpoint: EndpointRecord): Promise<void> {
  try {
    const found = await api.get(path(endpoint))
    if (found.status?.['external-identifiers']?.['container-id'] === endpoint.containerId)
      await api.delete(path(endpoint))
  } catch (error) {
    if (!missing(error)) throw error
  }
}

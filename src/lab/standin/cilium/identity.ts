import type { ApiObject } from '../context.ts'

/** Label keys that never become part of an identity: Cilium's default label filter, as its agent logs it. */
const ignored = [
  /^io\.kubernetes/,
  /^kubernetes\.io/,
  /^.*beta\.kubernetes\.io/,
  /^k8s\.io/,
  /^pod-template-generation/,
  /^pod-template-hash/,
  /^controller-revision-hash/,
  /^statefulset\.kubernetes\.io\/pod-name/,
  /^batch\.kubernetes\.io\/(controller-uid|job-completion-index)/,
  /^annotation.*/,
  /^etcd_node/,
]

const namespaceKey = 'io.kubernetes.pod.namespace'
const namespaceLabelPrefix = 'io.cilium.k8s.namespace.labels.'
const clusterPrefix = 'io.cilium.k8s.'

/** `key=value` labels of a pod's identity, sorted, without their source prefix `k8s:`. */
export function identityLabels(pod: ApiObject, namespaceLabels: Record<string, string>): Record<string, string> {
  const own = Object.entries(pod.metadata.labels ?? {}).filter(([key]) => !ignored.some((pattern) => pattern.test(key)))
  const labels: [string, string][] = [
    ...own,
    ...Object.entries(namespaceLabels).map(([key, value]): [string, string] => [
      `${namespaceLabelPrefix}${key}`,
      value,
    ]),
    [`${clusterPrefix}policy.cluster`, 'default'],
    [`${clusterPrefix}policy.serviceaccount`, String(pod.spec?.serviceAccountName ?? 'default')],
    [namespaceKey, pod.metadata.namespace ?? 'default'],
  ]
  return Object.fromEntries(labels.sort(([a], [b]) => (a < b ? -1 : 1)))
}

export interface NamedPort {
  name: string
  port: number
  protocol: string
}

/** What policies know of a pod: read from its CiliumEndpoint, wherever in the cluster it runs. */
export interface Endpoint {
  namespace: string
  name: string
  address: string
  labels: Record<string, string>
  namespaceLabels: Record<string, string>
  namedPorts: NamedPort[]
}

export function endpointFromLabels(
  identity: Record<string, string>,
  rest: Pick<Endpoint, 'namespace' | 'name' | 'address' | 'namedPorts'>,
): Endpoint {
  const labels: Record<string, string> = {}
  const namespaceLabels: Record<string, string> = {}
  for (const [key, value] of Object.entries(identity)) {
    if (key.startsWith(namespaceLabelPrefix)) namespaceLabels[key.slice(namespaceLabelPrefix.length)] = value
    else if (!key.startsWith(clusterPrefix) && key !== namespaceKey) labels[key] = value
  }
  return { ...rest, labels, namespaceLabels }
}

/** Null for an endpoint whose identity or address is not known yet. */
export function endpointFromObject(object: ApiObject): Endpoint | null {
  const address: unknown = object.status?.networking?.addressing?.[0]?.ipv4
  const lines: unknown = object.status?.identity?.labels
  if (typeof address !== 'string' || !Array.isArray(lines)) return null
  const pairs = lines.map((line) => {
    const text = String(line).replace(/^k8s:/, '')
    const split = text.indexOf('=')
    return split < 0 ? [text, ''] : [text.slice(0, split), text.slice(split + 1)]
  })
  return endpointFromLabels(Object.fromEntries(pairs), {
    namespace: object.metadata.namespace ?? 'default',
    name: object.metadata.name,
    address,
    namedPorts: object.status?.['named-ports'] ?? [],
  })
}

export function namedPorts(pod: ApiObject): NamedPort[] {
  const containers: { ports?: { name?: string; containerPort: number; protocol?: string }[] }[] =
    pod.spec?.containers ?? []
  return containers.flatMap(({ ports }) =>
    (ports ?? []).flatMap(({ name, containerPort, protocol }) =>
      name === undefined ? [] : [{ name, port: containerPort, protocol: protocol ?? 'TCP' }],
    ),
  )
}

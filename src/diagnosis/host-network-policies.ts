import type { LabelSelector, PolicyPeer, PolicySpec } from '../facts/policies.ts'
import type { Evidence } from '../probes/evidence.ts'
import type { KubePod } from '../probes/pairs.ts'
import { matches, policiesOf } from '../probes/policy-verdict.ts'
import type { Policy } from './policy-manifest.ts'

type Ports = PolicySpec['ingress'][number]['ports']
type Kube = Evidence['facts']['kube']

/** An ingress rule whose selector names pods that have no identity to a policy. */
export interface MeantForHostNetwork {
  policy: Policy
  ports: Ports
  /** The hostNetwork pods that the selector names: all that it names. */
  sources: readonly KubePod[]
  /** The pods that the policy selects. */
  backends: readonly KubePod[]
}

const matchesNothing: LabelSelector = { matchLabels: {}, matchExpressions: [] }

/** The pods that a peer names by labels; those of Jobs come and go, and are not what a rule is written for. */
function named(kube: Kube, namespace: string, { podSelector, namespaceSelector }: PolicyPeer): KubePod[] {
  const inNamespaces = kube.namespaces.filter(({ name, labels }) =>
    namespaceSelector === null ? name === namespace : matches(namespaceSelector, labels),
  )
  const names = new Set(inNamespaces.map(({ name }) => name))
  return kube.pods.filter(
    (pod) =>
      pod.phase === 'Running' &&
      !pod.owner?.startsWith('Job/') &&
      names.has(pod.namespace) &&
      matches(podSelector ?? matchesNothing, pod.labels),
  )
}

/**
 * Rules that let in nobody although somebody is meant: a policy knows a source by its pod, and a hostNetwork pod sends from its
 * node's address. A selector that names other pods as well is written for those.
 */
export function meantForHostNetwork({ facts: { kube } }: Pick<Evidence, 'facts'>): MeantForHostNetwork[] {
  return kube.policies.flatMap((policy) => {
    const backends = kube.pods.filter(
      (pod) => pod.phase === 'Running' && policiesOf([policy], pod, 'Ingress').length > 0,
    )
    if (backends.length === 0) return []
    return policy.spec.ingress.flatMap(({ from, ports }) => {
      const sources = from
        .filter(({ ipBlock }) => ipBlock === null)
        .map((peer) => named(kube, policy.namespace, peer))
        .filter((pods) => pods.length > 0 && pods.every(({ hostNetwork }) => hostNetwork))
        .flat()
      return sources.length === 0 ? [] : [{ policy, ports, sources: [...new Set(sources)], backends }]
    })
  })
}

/** Whether a rule is about a port; a named one is the container's. */
export const isAbout = ({ ports }: MeantForHostNetwork, port: number, backend: KubePod): boolean =>
  ports.length === 0 ||
  ports.some(({ port: own, endPort }) => {
    if (own === null) return true
    if (typeof own === 'number') return port >= own && port <= (endPort ?? own)
    return backend.containerPorts?.some((one) => one.name === own && one.port === port) ?? false
  })

import type { Finding } from '../../engine/model.ts'
import type { Facts } from '../../facts/facts.ts'
import type { PolicyPeer } from '../../facts/policies.ts'
import type { KubePod } from '../../probes/pairs.ts'
import { matches } from '../../probes/policy-verdict.ts'
import { about, orFine, some } from './finding.ts'

/** The pods that a peer's selectors would name if the host network did not matter. */
function named(facts: Facts, namespace: string, { podSelector, namespaceSelector, ipBlock }: PolicyPeer): KubePod[] {
  if (ipBlock !== null) return []
  return facts.kube.pods.filter((pod) => {
    const labels = facts.kube.namespaces.find(({ name }) => name === pod.namespace)?.labels ?? {}
    const inNamespace = namespaceSelector === null ? pod.namespace === namespace : matches(namespaceSelector, labels)
    return inNamespace && (podSelector === null || matches(podSelector, pod.labels))
  })
}

/** A selector that picks: not one that takes all pods of a namespace, among which some happen to use the host's network. */
const picks = ({ podSelector }: PolicyPeer) =>
  podSelector !== null && Object.keys(podSelector.matchLabels).length + podSelector.matchExpressions.length > 0

/**
 * Policies written for pods on the host's network: neither kube-router nor Cilium matches those by their labels, whatever is
 * said of Cilium (cilium.md §6.2). From their own node they are let in, from others not.
 */
export function hostNetworkPeers(facts: Facts): Finding[] {
  const title = 'no selector is meant for pods on the host network'
  const found = facts.kube.policies.flatMap(({ namespace, name, spec }) => {
    const peers = [...spec.ingress.flatMap(({ from }) => from), ...spec.egress.flatMap(({ to }) => to)]
    const meant = peers.flatMap((peer) => {
      const pods = named(facts, namespace, peer)
      const onHost = pods.filter((pod) => pod.hostNetwork)
      return onHost.length > 0 && (picks(peer) || onHost.length === pods.length) ? onHost : []
    })
    if (meant.length === 0) return []
    const who = [...new Set(meant.map((pod) => `${pod.namespace}/${pod.owner?.split('/')[1] ?? pod.name}`))]
    return [
      about(title).warns(
        `${namespace}/${name} selects ${some(who)}, which use the host's network: they match by no selector, neither today nor under Cilium. On other nodes they are refused today and will time out`,
        'admit the nodes: a CiliumNetworkPolicy with fromEntities: [host, remote-node], or policyCIDRMatchMode: [nodes] and an ipBlock of the nodes',
      ),
    ]
  })
  return orFine(found, title, `${facts.kube.policies.length} policies looked at`)
}

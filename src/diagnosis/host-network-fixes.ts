import type { Facts } from '../facts/facts.ts'
import type { Advice } from './diagnosis.ts'
import type { MeantForHostNetwork } from './host-network-policies.ts'
import { additionTo, manifestOf } from './policy-manifest.ts'

/**
 * Every address that a node's own processes send from to pods of other nodes: its own, and that of flannel's tunnel, which the
 * route to them chooses.
 */
function addressesOf(facts: Facts, nodes: ReadonlySet<string>): string[] {
  const found = [...nodes].flatMap((name) => [
    facts.kube.nodes.find((node) => node.name === name)?.internalIp ?? '',
    ...(facts.nodes[name]?.network.links ?? [])
      .filter((link) => /^flannel[.-]/.test(link.name))
      .flatMap((link) => link.addresses.map((address) => address.split('/')[0] ?? '')),
  ])
  return [...new Set(found)].filter((address) => address !== '' && !address.startsWith('fe80:')).sort()
}

const range = (address: string) => `${address}/${address.includes(':') ? 128 : 32}`

function ciliumManifest({ policy, ports }: MeantForHostNetwork): { name: string; manifest: string } {
  const name = `${policy.name.slice(0, 230)}-host-network`
  const toPorts = ports.flatMap(({ protocol, port, endPort }) =>
    port === null ? [] : [{ port: String(port), protocol, ...(endPort === null ? {} : { endPort }) }],
  )
  return {
    name,
    manifest: manifestOf({
      apiVersion: 'cilium.io/v2',
      kind: 'CiliumNetworkPolicy',
      metadata: { name, namespace: policy.namespace, labels: { 'app.kubernetes.io/managed-by': 'cni-migrate' } },
      spec: {
        endpointSelector: policy.spec.podSelector,
        ingress: [
          {
            fromEntities: ['host', 'remote-node'],
            ...(toPorts.length === 0 ? {} : { toPorts: [{ ports: toPorts }] }),
          },
        ],
      },
    }),
  }
}

/** The report's fixes, and what its third one really does (cilium.md §6.2). */
export function fixesFor(facts: Facts, rule: MeantForHostNetwork): Advice[] {
  const { policy, ports, sources } = rule
  const its = `${policy.namespace}/${policy.name}`
  const addresses = addressesOf(facts, new Set(sources.flatMap(({ node }) => node ?? [])))
  const open = additionTo(policy, 'any-source', {
    policyTypes: ['Ingress'],
    ingress: [ports.length === 0 ? {} : { ports }],
  })
  const blocks = additionTo(policy, 'host-network', {
    policyTypes: ['Ingress'],
    ingress: [{ from: addresses.map((address) => ({ ipBlock: { cidr: range(address) } })), ports }],
  })
  const cilium = ciliumManifest(rule)
  const back = (name: string) => `Take it back: kubectl -n ${policy.namespace} delete networkpolicy ${name}`
  return [
    {
      text: `1. Any source, the ports of ${its} only: narrower than to drop the policy, and it means the same under every CNI. ${back(open.name)}`,
      warning: 'whoever reaches the pod network reaches these ports',
      manifest: open.manifest,
    },
    {
      text: `2. The addresses that these nodes send from${addresses.length > 1 ? ", flannel's tunnel among them" : ''}. ${back(blocks.name)}`,
      warning:
        'it breaks with every new node or address; and Cilium does not match nodes by ipBlock, unless policyCIDRMatchMode is nodes',
      manifest: blocks.manifest,
    },
    {
      text: `3. Cilium does not solve this by itself, whatever the report says: it gives hostNetwork pods no identity of their own; from another node they are the entity remote-node, which no podSelector and no namespaceSelector matches. With Cilium this policy does: it needs ${its} to stay as it is, and adds the nodes.`,
      warning: 'every process of every node may then reach these ports; the kind exists only once Cilium is installed',
      manifest: cilium.manifest,
    },
    {
      text: 'Or run these pods without hostNetwork, behind a Service of type LoadBalancer: then the selector matches, at the cost of one hop.',
    },
  ]
}

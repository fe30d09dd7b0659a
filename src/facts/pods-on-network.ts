import ipaddr from 'ipaddr.js'
import type { Facts } from './facts.ts'

export interface PodOnNetwork {
  namespace: string
  name: string
  /** Of its sandbox. */
  id: string
  /** unknown: its address is of neither range, or the runtime does not say one. Never taken for moved. */
  network: 'flannel' | 'cilium' | 'unknown'
  /** Whether a CiliumEndpoint of its name has its address. Counts of endpoints lie (cilium.md §5.2), so it is joined by pod. */
  endpoint: boolean
}

function within(address: string, cidr: string): boolean {
  if (!ipaddr.isValid(address) || !ipaddr.isValidCIDR(cidr)) return false
  const [parsed, [network, bits]] = [ipaddr.parse(address), ipaddr.parseCIDR(cidr)]
  return parsed.kind() === network.kind() && parsed.match(network, bits)
}

/**
 * On which network each running pod of a node is, by what its sandbox was made with: the API shows pods Running long after
 * nothing reaches them (measured.md, second part 3). Pods on the host's network are left out (k3s-kube-router.md §7).
 * null: containerd does not answer.
 */
export function podsOnNetwork(facts: Facts, nodeName: string): PodOnNetwork[] | null {
  const node = facts.nodes[nodeName]
  if (!node?.sandboxes) return null
  const cilium = facts.kube.cilium.nodes.find((one) => one.name === nodeName)?.podCidrs ?? []
  // A seed-order cluster gives Cilium flannel's own range: then its narrower network of this node decides.
  const flannel = facts.kube.nodes.find((one) => one.name === nodeName)?.podCidr
  const networkOf = (ip: string | null): PodOnNetwork['network'] => {
    if (ip === null) return 'unknown'
    if (cilium.some((cidr) => within(ip, cidr))) return 'cilium'
    return flannel && within(ip, flannel) ? 'flannel' : 'unknown'
  }
  return node.sandboxes
    .filter((one) => one.ready && one.netns !== null)
    .map(({ namespace, name, id, ip }) => ({
      namespace,
      name,
      id,
      network: networkOf(ip),
      endpoint: facts.kube.cilium.endpoints.some(
        (one) => one.namespace === namespace && one.name === name && one.ip !== null && one.ip === ip,
      ),
    }))
}

import type { PolicySpec } from '../../facts/policies.ts'
import { wayTo } from './cilium.ts'
import { enforcesFor, policiesOf, selects } from './kube-router.ts'
import { linkOf, sandboxOf } from './pods.ts'
import { type ClusterState, isReached, type NodeState, type PodState, podKey, type Sandbox } from './state.ts'

interface End {
  node: NodeState
  /** null: the node itself. */
  pod: PodState | null
  sandbox: Sandbox | null
}

const networkOf = ({ sandbox }: End): 'flannel' | 'cilium' | null =>
  sandbox === null || sandbox.network === 'host' ? null : sandbox.network

/** From one overlay into the other: the node of the sender routes it, with an address of its own (cilium.md §1.5). */
const crosses = (from: End, to: End): boolean => {
  const [of, into] = [networkOf(from), networkOf(to)]
  return of !== null && into !== null && of !== into
}

/** Whether packets get from one end to the other, policies aside. A pod keeps the network its sandbox was made with. */
function isConnected(from: End, to: End): boolean {
  const has = (node: NodeState, name: string) => node.links.some((link) => link.name === name && link.up)
  const local = { flannel: 'cni0', cilium: 'cilium_host' }
  const isWired = (end: End) => {
    const network = networkOf(end)
    return (
      end.sandbox === null || network === null || (has(end.node, local[network]) && has(end.node, linkOf(end.sandbox)))
    )
  }
  const through = networkOf(to) ?? networkOf(from)
  if (through === null) return true
  const tunnel = through === 'flannel' ? 'flannel.1' : 'cilium_vxlan'
  if (![from, to].every(isWired)) return false
  const isTunnelled = has(from.node, tunnel) && has(to.node, tunnel)
  if (from.node === to.node || through === 'flannel') return from.node === to.node || isTunnelled
  // There and back: between a node that tunnels and one that routes natively one of the two is lost (cilium#9680).
  const ways = [wayTo(from.node, to.node), wayTo(to.node, from.node)]
  return ways.every((way) => way === 'native' || (way === 'tunnel' && isTunnelled))
}

/** In the simulated clusters a policy with a rule admits the pods of its own namespace; one without admits nobody. */
function admits(state: ClusterState, from: End, to: End, pod: PodState): boolean {
  const own = policiesOf(state).filter((policy) => selects(policy, pod))
  if (own.length === 0) return true
  if (from.pod === null) return true
  // The node's own address is always let in; another node's is no pod's.
  if (crosses(from, to)) return from.node === to.node
  return own.some(
    (policy) => (policy.spec as PolicySpec).ingress.length > 0 && policy.metadata.namespace === from.pod?.namespace,
  )
}

const isEnforced = (state: ClusterState, to: End): boolean =>
  to.sandbox?.network === 'flannel'
    ? enforcesFor(to.node, to.sandbox.ip ?? '')
    : (state.cilium.enforcing[to.node.name] ?? false)

function endOf(state: ClusterState, address: string): End | null {
  for (const node of Object.values(state.nodes)) {
    if (!isReached(node)) continue
    const sandbox = node.sandboxes.find((one) => one.ready && one.ip === address)
    if (!sandbox) continue
    const pod = state.pods.find((one) => podKey(one) === sandbox.pod)
    return pod?.ready ? { node, pod, sandbox } : null
  }
  return null
}

/** Backends of a Service by its address; kube-proxy goes on with what it knew while the API is away. */
function backendsOf(state: ClusterState, clusterIp: string): End[] {
  const service = Object.values(state.objects).find(
    ({ kind, spec }) => kind === 'Service' && (spec as { clusterIP: string }).clusterIP === clusterIp,
  )
  if (!service) return []
  const { selector } = service.spec as { selector: Record<string, string> }
  return state.pods
    .filter((pod) => pod.namespace === service.metadata.namespace && pod.ready)
    .filter((pod) => Object.entries(selector).every(([key, value]) => pod.labels[key] === value))
    .flatMap((pod) => {
      const node = state.nodes[pod.node]
      const sandbox = node && sandboxOf(node, pod)
      return node && sandbox ? [{ node, pod, sandbox }] : []
    })
}

/** One connection attempt from a network namespace of a node: its class, as the prober says it. */
export function attempt(
  state: ClusterState,
  node: NodeState,
  netns: string,
  address: string,
  _port: number,
): 'ok' | 'timeout' | 'no-netns' {
  const sandbox = netns === '-' ? null : (node.sandboxes.find((one) => one.ready && netns.endsWith(one.id)) ?? null)
  if (netns !== '-' && sandbox === null) return 'no-netns'
  const pod = sandbox === null ? null : (state.pods.find((one) => podKey(one) === sandbox.pod) ?? null)
  const from: End = { node, pod, sandbox }
  const reaches = (to: End) =>
    isConnected(from, to) && (to.pod === null || !isEnforced(state, to) || admits(state, from, to, to.pod))
  if (address.startsWith('10.43.')) {
    const backends = backendsOf(state, address)
    return backends.length > 0 && backends.every(reaches) ? 'ok' : 'timeout'
  }
  const to = endOf(state, address)
  return to !== null && reaches(to) ? 'ok' : 'timeout'
}

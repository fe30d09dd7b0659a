import { confDirOf, networkInForce, putFile, putLink, removeLink } from './k3s.ts'
import { chainOf, ensureRule, freshChain, tableOf } from './netfilter.ts'
import { type ClusterState, hexId, type NodeState, type PodState, podKey, type Sandbox } from './state.ts'

/** Names of the networks as their configurations say them: what plugins file their results under. */
const networkName = (node: NodeState, network: Sandbox['network']): string => {
  if (network === 'flannel') return 'cbr0'
  const text = node.files[`${confDirOf(node)}/05-cilium.conflist`]?.text ?? ''
  return /"name":\s*"portmap"/.test(text) ? 'portmap' : 'cilium'
}

const shortId = (sandbox: Sandbox) => sandbox.id.slice(-12)

/** The node's end of a sandbox's link. */
export const linkOf = (sandbox: Sandbox): string =>
  sandbox.network === 'flannel' ? `veth${shortId(sandbox).slice(4)}` : `lxc${shortId(sandbox)}`

function mapHostPort(node: NodeState, pod: PodState, sandbox: Sandbox): void {
  const port = pod.ports.find(({ hostPort }) => hostPort !== undefined)
  if (!port) return
  const nat = tableOf(node, 'nat')
  const own = `CNI-DN-${sandbox.id.slice(-21)}`
  for (const chain of ['CNI-HOSTPORT-DNAT', 'CNI-HOSTPORT-SETMARK', 'CNI-HOSTPORT-MASQ'])
    if (!chainOf(nat, chain)) freshChain(nat, chain)
  for (const chain of ['PREROUTING', 'OUTPUT'])
    ensureRule(nat, chain, '-m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT', 'last')
  ensureRule(
    nat,
    'POSTROUTING',
    '-m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ',
    'first',
  )
  ensureRule(nat, 'CNI-HOSTPORT-MASQ', '-m mark --mark 0x2000/0x2000 -j MASQUERADE', 'last')
  ensureRule(
    nat,
    'CNI-HOSTPORT-SETMARK',
    '-m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000',
    'last',
  )
  freshChain(nat, own).rules.push(`-p tcp -m tcp --dport ${port.hostPort} -j DNAT --to-destination ${sandbox.ip}:80`)
  ensureRule(nat, 'CNI-HOSTPORT-DNAT', hostPortRule(node, sandbox, own, port.hostPort ?? 0), 'last')
}

const hostPortRule = (node: NodeState, sandbox: Sandbox, chain: string, port: number) =>
  `-p tcp -m comment --comment "dnat name: \\"${networkName(node, sandbox.network)}\\" id: \\"${sandbox.id}\\"" -m multiport --dports ${port} -j ${chain}`

/** A new sandbox on the network that is in force. False: there is none yet, or its agent does not run. */
export function makeSandbox(state: ClusterState, node: NodeState, pod: PodState): boolean {
  const network = pod.hostNetwork ? 'host' : networkInForce(node)
  if (network === null) return false
  if (network === 'cilium' && !state.cilium.agents[node.name]?.ready) return false
  state.lastId += 1
  const sandbox: Sandbox = {
    id: hexId(state.lastId),
    pod: podKey(pod),
    ready: true,
    createdMs: state.nowMs,
    network,
    ip: null,
    stoppedMs: null,
    tornDown: false,
  }
  if (network === 'flannel') {
    if (!node.links.some((link) => link.name === 'flannel.1')) return false
    sandbox.ip = `10.42.${node.index}.${2 + (node.nextAddress.flannel++ % 250)}`
    putLink(node, { name: 'cni0', kind: 'bridge', up: true, mtu: 1450, addresses: [`10.42.${node.index}.1/24`] })
    const route = `10.42.${node.index}.0/24 dev cni0 proto kernel scope link src 10.42.${node.index}.1`
    if (!node.routes.includes(route)) node.routes.push(route)
    putLink(node, {
      name: linkOf(sandbox),
      kind: 'veth',
      up: true,
      mtu: 1450,
      master: 'cni0',
      addresses: [],
    })
    putFile(node, `/var/lib/cni/networks/cbr0/${sandbox.ip}`, `${sandbox.id}\r\neth0`)
    putFile(node, `/var/lib/cni/flannel/${sandbox.id}`, '{}')
    for (const own of ['last_reserved_ip.0', 'lock']) putFile(node, `/var/lib/cni/networks/cbr0/${own}`, '')
  }
  if (network === 'cilium') {
    sandbox.ip = `10.52.${node.index}.${10 + (node.nextAddress.cilium++ % 240)}`
    putLink(node, { name: linkOf(sandbox), kind: 'veth', up: true, mtu: 1500, addresses: [] })
    if (state.cilium.kinds.length > 0) state.cilium.endpoints[podKey(pod)] = sandbox.ip
  }
  if (network !== 'host') {
    putFile(node, `/var/lib/cni/results/${networkName(node, network)}-${sandbox.id}-eth0`, '{}')
    mapHostPort(node, pod, sandbox)
  }
  node.sandboxes.push(sandbox)
  node.kubeRouter.dirty = true
  return true
}

/** Stops a sandbox, as crictl and the kubelet do: its network goes with its namespace. */
export function stopSandbox(state: ClusterState, node: NodeState, sandbox: Sandbox): void {
  sandbox.ready = false
  sandbox.stoppedMs = state.nowMs
  for (const pod of state.pods) if (podKey(pod) === sandbox.pod) pod.ready = false
  removeLink(node, linkOf(sandbox))
  // Another network's plugin does not tell Cilium's agent.
  if (networkInForce(node) === 'cilium' && state.cilium.endpoints[sandbox.pod] === sandbox.ip)
    delete state.cilium.endpoints[sandbox.pod]
  node.kubeRouter.dirty = true
  tearDown(node, sandbox)
}

/**
 * What the plugins keep of a sandbox that has ended is cleaned up by the configuration of the moment, which does not know
 * another network's (k3s-kube-router.md §7).
 */
export function tearDown(node: NodeState, sandbox: Sandbox): void {
  sandbox.tornDown = true
  if (networkInForce(node) !== sandbox.network) return
  delete node.files[`/var/lib/cni/networks/cbr0/${sandbox.ip}`]
  delete node.files[`/var/lib/cni/flannel/${sandbox.id}`]
  delete node.files[`/var/lib/cni/results/${networkName(node, sandbox.network)}-${sandbox.id}-eth0`]
  const nat = tableOf(node, 'nat')
  const entries = chainOf(nat, 'CNI-HOSTPORT-DNAT')
  const own = `CNI-DN-${sandbox.id.slice(-21)}`
  if (entries) entries.rules = entries.rules.filter((rule) => !rule.endsWith(`-j ${own}`))
  nat.chains = nat.chains.filter((chain) => chain.name !== own)
}

const deadKeptMs = 60_000

/** What the kubelet does about sandboxes that have ended: the plugins are told once, and a minute later they are forgotten. */
export function collectDead(state: ClusterState, node: NodeState): void {
  for (const sandbox of node.sandboxes) if (!sandbox.ready && !sandbox.tornDown) tearDown(node, sandbox)
  const isOver = ({ stoppedMs }: Sandbox) => stoppedMs !== null && state.nowMs - stoppedMs > deadKeptMs
  if (node.sandboxes.some(isOver)) node.sandboxes = node.sandboxes.filter((sandbox) => !isOver(sandbox))
}

export const sandboxOf = (node: NodeState, pod: PodState): Sandbox | undefined =>
  node.sandboxes.findLast((one) => one.ready && one.pod === podKey(pod))

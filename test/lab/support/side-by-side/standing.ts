import type { Facts, NodeFacts } from '../../../../src/facts/facts.ts'
import { suspendedByTest } from '../../../../src/facts/kube.ts'
import { claimants, goneHostPorts } from '../../../../src/operations/netfilter-claimants.ts'
import { claimedOf } from '../../../../src/operations/netfilter-purged.ts'

/** What two clusters of other names, addresses and pods have in common at the same step: sorted lines by section. */
export type Standing = Record<string, string[]>

const flags = ['flannel-backend', 'disable-network-policy'] as const
/** By the first address of each range: flannel's is K3s' default, Cilium's the inventory's. */
const networks: Readonly<Record<string, string>> = { '10.42': 'flannel', '10.52': 'cilium' }
const networkOf = (ip: string | null) =>
  ip === null || ip === '' ? 'none' : (networks[ip.split('.', 2).join('.')] ?? 'other')

const unique = (lines: readonly string[]) => [...new Set(lines)].sort()

/** Names without what is numbered anew for each pod. */
const ofAnyPod = (name: string) =>
  name
    .replace(/\bveth[0-9a-f]+/, 'vethX')
    .replace(/\blxc(?!_health)[0-9a-z]+/, 'lxcX')
    .replace(/[0-9a-f]{64}/, 'ID')
    .replace(/\b10\.\d+\.\d+\.\d+\b/, 'IP')

/** Files of the networks that are there for some pod, or for all of them. */
const filesOf = (node: NodeFacts) =>
  unique(
    Object.values(node.cni.files)
      .filter(({ type }) => type === 'file')
      .map(({ path }) => ofAnyPod(path))
      .filter((path) => /\/(net\.d|flannel)\/|^\/var\/lib\/cni\/(results|networks|flannel)\//.test(path))
      // Of somebody else on either side; and containerd's own, which the simulator leaves out.
      .filter((path) => !/last_reserved_ip|\/lock$|\/99-mine\.|\/cni-loopback-/.test(path)),
  )

function nodeStanding(node: NodeFacts): string[] {
  const { unit, k3s, etcd, network, sandboxes } = node
  const ofNetworks = network.links.filter(({ name }) => /^(flannel|cni0|cilium|lxc)/.test(name))
  const running = sandboxes?.filter(({ ready, netns }) => ready && netns !== null) ?? []
  return [
    // How a K3s without flannel ends was not measured: `failed`, as with flannel, or `inactive`.
    `unit ${/^(failed|inactive)$/.test(unit.activeState) ? 'stopped' : unit.activeState}, ${unit.mainPid === 0 ? 'no process' : 'a process'}`,
    ...flags.map((flag) => `${flag} ${k3s.flags[flag]?.value}`),
    `containerd looks in ${k3s.cni.confDir}`,
    `local API ${k3s.localApi}`,
    ...(etcd === null ? [] : [`etcd leader ${etcd.hasLeader} peers ${etcd.activePeers}`]),
    ...Object.entries({ ...claimants, 'pods that are gone': goneHostPorts(node) }).map(
      ([owner, claimant]) => `rules of ${owner} ${claimedOf(node, claimant) !== null}`,
    ),
    ...unique(ofNetworks.map(({ name, vxlanPort }) => `link ${ofAnyPod(name)} ${vxlanPort ?? ''}`)),
    ...filesOf(node).map((path) => `file ${path}`),
    sandboxes === null
      ? 'the runtime is silent'
      : `pods on ${unique(running.map(({ ip }) => networkOf(ip))).join(', ')}`,
  ]
}

function clusterStanding({ kube }: Facts): string[] {
  if (!kube.reachable) return ['no API']
  const { chart, daemonSet, agents, operatorReady, kinds, nodes, endpoints } = kube.cilium
  const pods = kube.pods.filter(({ hostNetwork, phase }) => !hostNetwork && phase === 'Running')
  return [
    `${kube.nodes.filter(({ ready }) => ready).length} of ${kube.nodes.length} nodes ready`,
    `pods on ${unique(pods.map(({ ip }) => networkOf(ip))).join(', ')}, ${pods.every(({ ready }) => ready) ? 'all' : 'not all'} ready`,
    `CronJobs suspended by us ${kube.cronJobs.some(({ suspended, ours }) => suspended && ours)}, by ${suspendedByTest} ${kube.cronJobs.some(({ byTest }) => byTest)}`,
    `chart ${chart === null ? 'none' : `${chart.by} ${chart.version}`}`,
    `agents ${agents.filter(({ ready }) => ready).length} of ${daemonSet?.desired ?? 0}, rolled out ${daemonSet?.updated ?? 0}`,
    `operators ${operatorReady > 0}, kinds ${kinds.length > 0}, ranges ${nodes.length}, endpoints ${endpoints.length > 0}`,
  ]
}

/** How a cluster stands by its facts, as the product reads them. */
export const standingOf = (facts: Facts): Standing => ({
  ...Object.fromEntries(Object.entries(facts.nodes).map(([name, node]) => [name, nodeStanding(node)])),
  cluster: clusterStanding(facts),
})

import { isDeepStrictEqual } from 'node:util'
import { sha256 } from '../engine/digest.ts'
import { objectsOf } from './api/views.ts'
import { syncPolicies } from './cluster/kube-router.ts'
import { savedSets, savedTables } from './cluster/netfilter.ts'
import { sandboxOf } from './cluster/pods.ts'
import { attempt } from './cluster/reach.ts'
import { type ClusterState, type NodeState, podKey } from './cluster/state.ts'

/** A cluster as it may be compared: sections of sorted lines, without what is named or numbered anew each time. */
export type EndState = Record<string, string[]>

/** Addresses by whose they are, ids and generated names by their kind. */
function alike(line: string, names: ReadonlyMap<string, string>): string {
  return line
    .replace(/\b(KUBE-(?:POD-FW|NWPLCY|DST))-[A-Z2-7]{16}\b/g, '$1-X')
    .replace(/\bCNI-DN-[0-9a-f]{20,21}\b/g, 'CNI-DN-X')
    .replace(/\b[0-9a-f]{64}\b/g, 'ID')
    .replace(/\bveth[0-9a-f]{8}\b/g, 'vethX')
    .replace(/\blxc[0-9a-f]{12}\b/g, 'lxcX')
    .replace(/\b10\.[45]2\.\d+\.\d+\b/g, (address) => names.get(address) ?? address)
}

/** Kept on purpose, of the moment, or in memory only. */
const isPassing = (path: string) => /\/server\/db\/snapshots(\/|$)|^\/run\/cilium|^\/run(\/[^/.]+)?$/.test(path)

const contentOf = (path: string, text: string) => (path.startsWith('/var/lib/cni/') ? 'X' : sha256(text).slice(0, 12))

function nodeLines(node: NodeState, names: ReadonlyMap<string, string>): EndState {
  const sorted = (lines: readonly string[]) => lines.map((line) => alike(line, names)).sort()
  return {
    files: sorted(
      Object.entries(node.files)
        .filter(([path]) => !isPassing(path))
        .map(
          ([path, { text, mode, dir }]) =>
            `${dir ? 'd' : mode.toString(8)} ${path} ${dir ? '' : contentOf(path, text)}`,
        ),
    ),
    rules: sorted(savedTables(node.tables).split('\n')),
    ipsets: sorted(savedSets(node.ipsets).split('\n')),
    links: sorted(
      node.links.map(({ name, kind, up, mtu, vxlanPort }) => `${name} ${kind} ${up} ${mtu} ${vxlanPort ?? ''}`),
    ),
    routes: sorted([...node.routes, ...node.rules]),
    units: [
      `${node.unit.name} ${node.powered} ${node.unit.phase} ${node.unit.words.join(' ')}`,
      `flannel ${node.runs?.flannel} policies ${node.runs?.policies}`,
      ...node.units,
      `labels ${JSON.stringify(node.labels)} ${node.unschedulable}`,
      `guard ${node.guard?.state} agent held ${node.agentHeld}`,
    ],
    images: [...node.images].sort(),
  }
}

/** Who reaches whom: every pod and node every pod. */
export function reachLines(state: ClusterState): string[] {
  const sources = Object.values(state.nodes).flatMap((node) => [
    { name: `node ${node.name}`, node, netns: '-' },
    ...state.pods
      .filter((pod) => pod.node === node.name && !pod.hostNetwork)
      .map((pod) => ({ name: podKey(pod), node, netns: `/cni-${sandboxOf(node, pod)?.id}` })),
  ])
  const targets = state.pods.flatMap((pod) => {
    const node = state.nodes[pod.node]
    const ip = node && !pod.hostNetwork ? sandboxOf(node, pod)?.ip : undefined
    return ip ? [{ name: podKey(pod), ip }] : []
  })
  return sources
    .flatMap(({ name, node, netns }) =>
      targets.map((to) => `${name} -> ${to.name}: ${attempt(state, node, netns, to.ip, 80)}`),
    )
    .sort()
}

export function endStateOf(state: ClusterState): EndState {
  const names = new Map<string, string>()
  for (const node of Object.values(state.nodes)) {
    syncPolicies(state, node)
    for (const sandbox of node.sandboxes) if (sandbox.ready && sandbox.ip) names.set(sandbox.ip, `<${sandbox.pod}>`)
  }
  const nodes = Object.values(state.nodes).flatMap((node) =>
    Object.entries(nodeLines(node, names)).map(([part, lines]) => [`${node.name} ${part}`, lines] as const),
  )
  const { release, agents, operatorReady, kinds, ranges, endpoints } = state.cilium
  return {
    ...Object.fromEntries(nodes),
    pods: state.pods
      .map((pod) => {
        const node = state.nodes[pod.node]
        const sandbox = node && sandboxOf(node, pod)
        return `${podKey(pod)} on ${pod.node}: ${sandbox?.network} ready ${pod.ready} ${pod.status.ready} ${pod.status.ip === sandbox?.ip}`
      })
      .sort(),
    objects: Object.values(state.objects)
      .map((object) => JSON.stringify(object))
      .sort(),
    leases: objectsOf(state, 'Lease')
      .map(({ metadata }) => metadata.name)
      .sort(),
    cilium: [
      `${release?.version} ${release?.values} operator ${operatorReady}`,
      ...Object.entries(agents).map(([node, { stage, native, ready }]) => `${node} ${stage} native ${native} ${ready}`),
      ...kinds,
      ...Object.keys(ranges),
      ...Object.keys(endpoints),
    ].sort(),
    reach: reachLines(state),
  }
}

/** `-` only before, `+` only now. Empty: they are equal. */
export function differences(before: EndState, now: EndState): string[] {
  if (isDeepStrictEqual(before, now)) return []
  return [...new Set([...Object.keys(before), ...Object.keys(now)])].flatMap((section) => {
    const left = [...(now[section] ?? [])]
    const gone = (before[section] ?? []).filter((line) => {
      const at = left.indexOf(line)
      if (at >= 0) left.splice(at, 1)
      return at < 0
    })
    return [...gone.map((line) => `${section}: - ${line}`), ...left.map((line) => `${section}: + ${line}`)]
  })
}

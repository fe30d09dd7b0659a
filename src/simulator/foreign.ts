import type { ClusterState, NodeState } from './cluster/state.ts'

/** Rules, chains, sets, links, routes and files that neither Kubernetes nor a CNI made, in their order, as one text. */
export function foreignOf(node: NodeState): string {
  const isTheirs = (text: string) => /mine|MINE|192\.0\.2\.|0x17|REDIRECT/.test(text)
  return JSON.stringify([
    node.tables.map(({ name, chains }) => [
      name,
      chains.flatMap((chain) => [
        ...(isTheirs(chain.name) ? [chain.name] : []),
        ...chain.rules.filter((rule) => isTheirs(rule) || isTheirs(chain.name)).map((rule) => `${chain.name} ${rule}`),
      ]),
    ]),
    node.ipsets.filter(({ name }) => isTheirs(name)),
    node.links.filter(({ name }) => name === 'eth0' || name === 'lo' || isTheirs(name)),
    node.routes.filter((route) => isTheirs(route) || route.startsWith('default')),
    node.rules.filter((rule) => !rule.includes('0xf00')),
    node.files['/etc/mine.conf'],
    // Cilium may put another CNI's configuration aside, and gives it back.
    node.files['/etc/cni/net.d/99-mine.conf'] ?? node.files['/etc/cni/net.d/99-mine.conf.cilium_bak'],
  ])
}

/** What is not as it was when the node booted; null: everything is. */
export function foreignChanged(before: ClusterState, node: NodeState): string | null {
  const original = before.nodes[node.name]
  if (!original || foreignOf(original) === foreignOf(node)) return null
  return `${node.name}: ${foreignOf(original)} became ${foreignOf(node)}`
}

import { removeLink } from './k3s.ts'
import type { ClusterState, NodeState, Table } from './state.ts'

const isCiliums = (name: string) => /^(cilium_\w+|lxc_health)$/.test(name)

/** Takes Cilium's chains out of a table, with the jumps into them. */
function withoutCilium(table: Table): void {
  const own = table.chains.filter(({ name }) => name.startsWith('CILIUM_')).map(({ name }) => name)
  for (const chain of table.chains)
    chain.rules = chain.rules.filter((rule) => !own.some((name) => rule.endsWith(`-j ${name}`)))
  table.chains = table.chains.filter(({ name }) => !own.includes(name))
}

/** A node that an agent cut off is heard again from now on. @returns whether it was cut off */
export function mendCut(state: ClusterState, node: NodeState): boolean {
  const cut = node.cutOffs.at(-1)
  if (cut?.toMs !== null) return false
  cut.toMs = state.nowMs
  return true
}

/** What a boot makes of a guard: one that holds the agent down does so again, before K3s starts. */
export function rebootGuard(node: NodeState, atMs: number): void {
  const { guard } = node
  node.agentHeld = guard?.holdsAgent === true && guard.state !== 'gone'
  if (guard?.state !== 'armed') return
  guard.state = node.agentHeld ? 'fired' : 'gone'
  guard.firesAtMs = atMs
  if (node.agentHeld) guard.did.push("hold Cilium's agent down")
}

/** The timer of a guard that nobody has renewed: the node's network as it was saved (operations/network-guard-program.ts). */
export function fireGuard(state: ClusterState, node: NodeState): void {
  const { guard } = node
  if (guard?.state !== 'armed' || state.nowMs < guard.firesAtMs) return
  guard.state = 'fired'
  if (mendCut(state, node)) guard.did.push('set eth0 up')
  const { saved, tables, holdsAgent } = guard
  if (holdsAgent) {
    node.agentHeld = true
    guard.did.push("hold Cilium's agent down")
    const agent = state.cilium.agents[node.name]
    if (agent) agent.ready = false
    // Where it carries pods already, its links stay; those of pods always do.
    if (!saved.links.some(({ name }) => name === 'cilium_host')) {
      for (const { name } of node.links)
        if (isCiliums(name) && !saved.links.some((link) => link.name === name)) removeLink(node, name)
      for (const table of node.tables) withoutCilium(table)
    }
    node.rules = node.rules.filter((rule) => saved.rules.includes(rule) || !rule.includes('/0xf00 lookup 200'))
  }
  for (const name of tables.map((one) => one.split(' ')[1])) {
    const before = saved.tables.find((table) => table.name === name)
    if (!before) continue
    guard.did.push(`put the table ${name} back`)
    node.tables = node.tables.map((table) => (table.name === name ? structuredClone(before) : table))
    for (const set of saved.ipsets)
      if (!node.ipsets.some((one) => one.name === set.name)) node.ipsets.push(structuredClone(set))
  }
}

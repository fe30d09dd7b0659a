import type { Facts } from '../facts/facts.ts'
import type { UnitFacts } from '../facts/unit.ts'

/** Nothing of it runs, and systemd is not about to start it again. */
export const isStopped = ({ mainPid, activeState }: UnitFacts): boolean =>
  mainPid === 0 && (activeState === 'inactive' || activeState === 'failed')

/** The facts with one node's K3s unit in another state: what stopping and starting predict. */
export function withUnitState(facts: Facts, target: string, activeState: string, mainPid: number): Facts {
  const node = facts.nodes[target]
  if (!node) return facts
  const unit = { ...node.unit, activeState, mainPid }
  return { ...facts, nodes: { ...facts.nodes, [target]: { ...node, unit } } }
}

/** Names of the nodes of a role, in the inventory's order; the lifeboat last, so that it is stopped last. */
export function nodesOfRole(facts: Facts, role: 'server' | 'agent', lifeboat?: string): string[] {
  const names = Object.values(facts.nodes)
    .filter((node) => node.unit.role === role)
    .map((node) => node.name)
  return [...names.filter((name) => name !== lifeboat), ...names.filter((name) => name === lifeboat)]
}

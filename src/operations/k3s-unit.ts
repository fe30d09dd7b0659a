import type { Facts, NodeFacts } from '../facts/facts.ts'
import type { UnitFacts } from '../facts/unit.ts'
import { defaultBinDir, defaultConfDir } from './cni-seeded.ts'

/** Nothing of it runs, and systemd is not about to start it again. */
export const isStopped = ({ mainPid, activeState }: UnitFacts): boolean =>
  mainPid === 0 && (activeState === 'inactive' || activeState === 'failed')

export const isActive = ({ mainPid, activeState }: UnitFacts): boolean => mainPid !== 0 && activeState === 'active'

/** Where K3s keeps what flannel needs. */
const bundledCni = { confDir: '/var/lib/rancher/k3s/agent/etc/cni/net.d', binDir: '/var/lib/rancher/k3s/data/cni' }

/**
 * Whether K3s was started with flannel: it writes where containerd looks for CNI configurations at each start, and without
 * flannel leaves that out (k3s-kube-router.md §3.5). What its files say now counts from its next start on, and an agent asks
 * a server only when it starts (measured.md 18).
 */
export const runsFlannel = ({ k3s }: Pick<NodeFacts, 'k3s'>): boolean => k3s.cni.confDir !== defaultConfDir

/** The facts with K3s started on a node, with flannel or without: what its servers' files say by then. */
export function withFlannel(facts: Facts, target: string, flannel: boolean): Facts {
  const node = facts.nodes[target]
  if (!node) return facts
  const cni = flannel ? bundledCni : { confDir: defaultConfDir, binDir: defaultBinDir }
  return { ...facts, nodes: { ...facts.nodes, [target]: { ...node, k3s: { ...node.k3s, cni } } } }
}

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

import type { Facts } from '../facts/facts.ts'
import { nodesOfRole } from './k3s-unit.ts'

/** A heartbeat older than this is no proof of life: the kubelet renews its Lease every 10 s. */
const freshMs = 30_000

/**
 * Why the etcd cluster is not whole, or null: every member has a leader, votes, and is connected to all the others.
 * Read from each member itself; the API's own word for it comes late (measured.md 4).
 */
export function missingOfEtcd(facts: Facts): string | null {
  const servers = nodesOfRole(facts, 'server')
  for (const name of servers) {
    const etcd = facts.nodes[name]?.etcd
    if (!etcd || etcd.hasLeader === null) return `etcd on ${name} does not answer`
    if (!etcd.hasLeader) return `etcd on ${name} has no leader`
    if (etcd.isLearner) return `etcd on ${name} is a learner, it does not vote`
    if (etcd.activePeers !== null && etcd.activePeers < servers.length - 1)
      return `etcd on ${name} is connected to ${etcd.activePeers} of ${servers.length - 1} peers`
  }
  return null
}

/** Why the control plane cannot be relied on, or null: API, leases held by a living holder, heartbeats since K3s came up. */
export function missingOfControlPlane(facts: Facts, nowMs: number): string | null {
  if (!facts.kube.reachable) return `the API does not answer: ${facts.kube.error ?? 'no reason given'}`
  for (const name of ['kube-controller-manager', 'kube-scheduler']) {
    const lease = facts.kube.leases.find((one) => one.namespace === 'kube-system' && one.name === name)
    if (!lease?.renewMs || nowMs - lease.renewMs > freshMs) return `nobody holds the lease ${name} yet`
  }
  return null
}

/**
 * Why the nodes are not all alive, or null. `Ready` alone may be stale, so the heartbeat counts. While there is no CNI
 * configuration a node is alive and not Ready; `ready` says whether that is asked for.
 */
export function missingOfNodes(facts: Facts, nowMs: number, ready: boolean): string | null {
  for (const name of Object.keys(facts.nodes)) {
    const node = facts.kube.nodes.find((one) => one.name === name)
    if (!node) return `${name} is not a node of the cluster`
    const ageMs = node.heartbeatMs === null ? null : nowMs - node.heartbeatMs
    if (ageMs === null || ageMs > freshMs)
      return `${name} has not been heard of for ${ageMs === null ? 'ever' : `${Math.round(ageMs / 1000)} s`}`
    if (ready && !node.ready) return `${name} is not Ready: ${node.readyMessage}`
  }
  return null
}

/** Why K3s does not run everywhere, or null. A heartbeat of before a short stop is still fresh: it does not tell. */
function missingOfUnits(facts: Facts): string | null {
  for (const { name, unit } of Object.values(facts.nodes))
    if (unit.activeState !== 'active') return `${unit.name} on ${name} is ${unit.activeState}`
  return null
}

/** Everything at once: etcd, control plane, nodes, K3s on each of them. */
export const missingOfCluster = (facts: Facts, nowMs: number): string | null =>
  missingOfEtcd(facts) ??
  missingOfControlPlane(facts, nowMs) ??
  missingOfUnits(facts) ??
  missingOfNodes(facts, nowMs, true)

import { bind, CLUSTER } from '../../src/engine/model.ts'
import type { Inventory } from '../../src/inventory/schema.ts'
import { clusterWhole } from '../../src/operations/checks/cluster-whole.ts'
import { flagsInForce } from '../../src/operations/checks/flags-in-force.ts'
import { clusterWayBack } from '../../src/operations/cluster-way-back.ts'
import { k3sFlags } from '../../src/operations/k3s-flags.ts'
import { k3sStarted } from '../../src/operations/k3s-started.ts'
import { k3sStopped } from '../../src/operations/k3s-stopped.ts'
import type { FlannelFlags } from './flannel-flags.ts'
import { type Change, type Gate, minutes } from './step.ts'

/** K3s stopped on every node, its flags set, and all of it started again. */
export function k3sSteps({ nodes, lifeboat }: Inventory, { flannel, when, wanted, title }: FlannelFlags) {
  // By the inventory, which pre-flight compares with the nodes: one that is silent has its steps all the same.
  const named = (role: 'server' | 'agent') => nodes.filter((node) => node.role === role).map(({ name }) => name)
  const serverNames = [...named('server').filter((name) => name !== lifeboat), lifeboat]
  const all = `${serverNames.length} of ${serverNames.length}`
  const servers = () => serverNames
  const agents = () => named('agent')
  const clusterBack: Change = {
    kind: 'change',
    id: 'cluster-way-back',
    title: 'Way back: the cluster whole again',
    why: 'Pods are moved back only when the control plane is there.',
    operation: bind(clusterWayBack, () => undefined),
    targets: () => [CLUSTER],
    order: 'serial',
    risk: 'none: nothing happens now',
    timeoutMs: minutes(10),
    when,
  }
  const stopAgents: Change = {
    kind: 'change',
    id: 'stop-agents',
    title: 'Stop K3s on the agents',
    why: 'They learn the new flags only when they start.',
    operation: bind(k3sStopped, () => undefined),
    targets: agents,
    order: 'parallel',
    risk: 'no pod is restarted; nothing new is scheduled there',
    timeoutMs: minutes(3),
    when,
    membersUp: () => all,
  }
  const stopServers: Change = {
    kind: 'change',
    id: 'stop-servers',
    title: 'Stop K3s on the servers, one after the other, the lifeboat last',
    why: 'Flannel and kube-router live in the k3s process, and can only be switched off for all servers together.',
    operation: bind(k3sStopped, () => undefined),
    targets: servers,
    order: 'serial',
    risk: 'the control plane is away from the second server on until they start again',
    timeoutMs: minutes(3),
    takesMs: 2_000,
    when,
    // One outage, announced where it begins; it lasts until start-servers is through.
    outage: {
      what: 'the Kubernetes API and everything that needs it; pods go on talking',
      expectedMs: 60_000,
      lasts: {
        // The server with which etcd loses its quorum: the second of three.
        targets: Math.ceil(serverNames.length / 2),
        until: 'servers-settled',
        wayBack: { from: 'start-servers', until: 'cluster-way-back' },
      },
    },
    membersUp: () => `0 of ${serverNames.length} at its end (announced outage)`,
  }
  const setFlags: Change = {
    kind: 'change',
    id: 'flags',
    title,
    why: 'In the file that wins for each flag; agents take it from the servers.',
    operation: bind(k3sFlags, (facts, server) => ({ flags: wanted(facts, server) })),
    targets: servers,
    order: 'parallel',
    risk: 'none until K3s starts',
    timeoutMs: minutes(2),
    membersUp: () => `0 of ${serverNames.length} (announced outage)`,
  }
  const startServers: Change = {
    kind: 'change',
    id: 'start-servers',
    title: 'Start K3s on all servers at once, without blocking',
    why: 'A server is not ready before a second one is up: one by one, the first would wait for ever.',
    operation: bind(k3sStarted, () => ({ flannel })),
    targets: servers,
    order: 'parallel',
    risk: 'a server that does not come up: two of three are enough to go on or go back',
    timeoutMs: minutes(5),
    takesMs: 20_000,
    membersUp: () => `0, then ${all}`,
  }
  const started = (id: string, what: string, ready: boolean, settle: boolean): Gate => ({
    kind: 'gate',
    id,
    title: what,
    why: '"Ready" may be stale after a restart: leases and heartbeats are what counts.',
    reads: ['etcd', 'kube', ...(settle ? ['k3s'] : [])],
    // A node that was switched off and on in between may have read its flags when only some of them were set.
    check: (facts) =>
      settle ? [...clusterWhole(facts, ready), ...flagsInForce(facts)] : clusterWhole(facts, ready).slice(0, 2),
    timeoutMs: minutes(5),
    when,
  })
  const startAgents: Change = {
    kind: 'change',
    id: 'start-agents',
    title: 'Start K3s on the agents',
    why: 'After all servers: an agent takes its settings from whichever server answers.',
    operation: bind(k3sStarted, () => ({ flannel })),
    targets: agents,
    order: 'parallel',
    risk: 'none for running pods',
    timeoutMs: minutes(5),
    takesMs: 10_000,
    membersUp: () => all,
  }
  /** @param ready the nodes have a CNI then, and are Ready */
  const start = (ready: boolean) => [
    startServers,
    started('servers-settled', 'etcd has a leader, every member votes, the control plane is led', ready, false),
    startAgents,
    started('nodes-heard', 'Every node is heard of, and the servers run with the flags they have now', ready, true),
  ]
  return { clusterBack, stop: [stopAgents, stopServers], setFlags, start }
}

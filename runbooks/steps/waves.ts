import { bind } from '../../src/engine/model.ts'
import type { Facts } from '../../src/facts/facts.ts'
import type { Inventory } from '../../src/inventory/schema.ts'
import { clusterWhole } from '../../src/operations/checks/cluster-whole.ts'
import { connectivityKept } from '../../src/operations/checks/connectivity-kept.ts'
import { connectivityWithin } from '../../src/operations/checks/connectivity-within.ts'
import { podsCarried } from '../../src/operations/checks/pods-carried.ts'
import type { PoliciesMeanwhile } from '../../src/operations/cilium-values.ts'
import { egressFromFlannelClosed } from '../../src/operations/egress-closed.ts'
import { nodeCordoned } from '../../src/operations/node-cordoned.ts'
import { nodeOnCilium } from '../../src/operations/node-on-cilium.ts'
import { flannelRuns } from './flannel-flags.ts'
import { guardedAgents } from './guards.ts'
import { podSteps, podsBackOn } from './pods.ts'
import { openEgressOf, purgeKubeRouterOn } from './removal.ts'
import { all, type Change, type Gate, minutes, phase } from './step.ts'

const largestWave = 4
/** Of one wave, for what the plan announces. */
const waveMs = 45_000

/**
 * The nodes in the order in which they move: the canary alone, then twice as many each time, servers after agents and never more
 * at once than etcd can do without, the lifeboat alone.
 */
export function waves({ nodes, canary, lifeboat }: Inventory): string[][] {
  const servers = nodes.filter(({ role }) => role === 'server').length
  const spare = Math.max(1, Math.floor((servers - 1) / 2))
  const found: string[][] = [[canary]]
  for (const role of ['agent', 'server'] as const) {
    const rest = nodes.filter((node) => node.role === role && node.name !== canary && node.name !== lifeboat)
    while (rest.length > 0) {
      const size = Math.min(2 ** found.length, largestWave, role === 'server' ? spare : largestWave)
      found.push(rest.splice(0, size).map(({ name }) => name))
    }
  }
  return canary === lifeboat ? found : [...found, [lifeboat]]
}

interface Wave {
  nodes: readonly string[]
  /** From 1. */
  number: number
  /** Of how many. */
  total: number
  /**
   * closed: what is left of kube-router's rules guards flannel's pods, Cilium its own. Neither knows who a packet from the other
   * network comes from (cilium.md §1.5): what a policy selects, it refuses such packets for.
   */
  policies: PoliciesMeanwhile
}

/** Where policies stay closed: before the first pod has moved. */
export const closeEgress = (inventory: Inventory): Change => ({
  kind: 'change',
  id: 'egress-closed',
  title: 'Keep pods whose egress is restricted from those that have moved',
  why: "kube-router's frozen rules would, but Cilium's stand before them, and accept what goes to its own link.",
  operation: bind(egressFromFlannelClosed, () => ({ podCidr: inventory.cilium.podCidr })),
  targets: all,
  order: 'parallel',
  risk: 'none: no pod is on Cilium yet',
  timeoutMs: minutes(1),
  when: flannelRuns,
})

/** One wave of nodes given to Cilium with all that runs on them, and proved, before the next is begun. */
export function movePhase(inventory: Inventory, initial: Facts, { nodes, number, total, policies }: Wave) {
  const { podCidr, tunnelPort } = inventory.cilium
  // Who was cordoned before stays so.
  const open = nodes.filter((name) => !initial.kube.nodes.find((node) => node.name === name)?.unschedulable)
  const of = (names: readonly string[]) => (facts: Facts) => names.filter((name) => facts.nodes[name] !== undefined)
  const cordon: Change = {
    kind: 'change',
    id: `cordon-${number}`,
    title: 'Cordon the nodes of this wave',
    why: 'A pod that is scheduled in the middle could come up on either network.',
    operation: bind(nodeCordoned, () => true),
    targets: of(open),
    order: 'parallel',
    risk: 'none for what runs',
    timeoutMs: minutes(1),
    when: flannelRuns,
  }
  const give = guardedAgents(
    {
      kind: 'change',
      id: `on-cilium-${number}`,
      title: 'Give the nodes to Cilium',
      why: 'Its agent, made anew, writes the CNI configuration that new pods get their network by.',
      operation: bind(nodeOnCilium, () => undefined),
      targets: of(nodes),
      order: 'parallel',
      risk: 'none for pods that run; an agent that crashes could cut its node off',
      timeoutMs: minutes(10),
      takesMs: 15_000,
      ...(policies === 'closed' && number === 1
        ? {
            outage: {
              what: 'connections that a policy allows between a pod that has moved and one that has not, until both have: DNS too where a policy selects who asks',
              expectedMs: total * waveMs,
            },
          }
        : {}),
      when: flannelRuns,
    },
    // The steps that brought it are undone after this one.
    () => 'left',
  )
  const move = podSteps(inventory).recreate(7_000)
  const moved: Gate = {
    kind: 'gate',
    id: `moved-${number}`,
    title: `Every pod of the wave is carried by Cilium, and who could talk before can talk now, ${policies === 'closed' ? 'on either network' : 'across both networks'}`,
    why: 'Joined per pod; new connections both ways, from inside the pods.',
    reads: ['kube', 'sandboxes', 'network', 'etcd', 'reachability'],
    check: (facts, records) => [
      ...podsCarried(facts, podCidr, tunnelPort, nodes),
      ...clusterWhole(facts),
      ...(policies === 'closed'
        ? connectivityWithin(records.before ?? null, facts, podCidr)
        : connectivityKept(records.before ?? null, facts, 'warns')),
    ],
    timeoutMs: minutes(5),
  }
  return phase(`move-${number}`, `Move ${nodes.join(', ')}`, [
    cordon,
    { ...podsBackOn(of(nodes)), id: `pods-way-back-${number}` },
    give,
    {
      ...move,
      id: `pods-${number}`,
      title: 'Recreate every pod of the wave in place, DNS first',
      why: `${move.why} Is a pod to leave gracefully, as its PodDisruptionBudget says? Then before this step, from elsewhere: kubectl drain --ignore-daemonsets ${nodes.join(' ')}. What stays is recreated.`,
      targets: of(nodes),
      order: 'parallel',
      outage: { what: `each pod of ${nodes.join(', ')}, while it restarts`, expectedMs: 7_000 },
    },
    ...(policies === 'closed' ? [purgeKubeRouterOn(nodes, number), openEgressOf(nodes, number)] : []),
    moved,
    {
      ...cordon,
      id: `uncordon-${number}`,
      title: 'Let pods come to the nodes of this wave again',
      why: 'They come up on Cilium.',
      operation: bind(nodeCordoned, () => false),
      risk: 'none',
    },
  ])
}

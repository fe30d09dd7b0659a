import type { Operation, TaskContext } from '../engine/model.ts'
import type { Facts } from '../facts/facts.ts'
import { missingOfRouting } from './routing-in-force.ts'
import type { RoutingMode } from './routing-values.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

export interface AgentsWanted {
  mode: RoutingMode
  tunnelPort: number
  /** Agents that were started with other values: none of them may be left. */
  outdated: readonly string[]
}

interface AgentsChange extends Omit<AgentsWanted, 'outdated'> {
  /** Names of the pods that are ended. */
  agents: string[]
}

/** Why not every node has an agent that is ready and made by the DaemonSet's template, or null. */
function missingOfAgents({ kube, nodes }: Facts): string | null {
  const { daemonSet, agents } = kube.cilium
  if (!kube.reachable) return `the API does not answer: ${kube.error ?? 'no reason given'}`
  if (!daemonSet) return 'the DaemonSet is not there'
  const { desired, ready, updated, generation, observed } = daemonSet
  const waiting = agents.find((agent) => agent.waiting !== null)
  const note = waiting ? ` (${waiting.node}: ${waiting.waiting})` : ''
  if (observed < generation) return 'the DaemonSet has not been seen by its controller yet'
  const wanted = Math.max(desired, Object.keys(nodes).length)
  if (updated < wanted) return `${updated} of ${wanted} agents run the new configuration${note}`
  return ready < wanted ? `${ready} of ${wanted} agents are ready${note}` : null
}

/** Ends every agent that there is, at once. The kubelets start others, with the values as they are now. */
export async function endAgents(world: World, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => world.kube.delete({ apiVersion: 'v1', kind: 'Pod' }, name, 'kube-system')))
}

/** Until none of the `ended` is left, all others are ready, and every node's links and routes are those of the mode. */
export const agentsBack = (
  world: World,
  { mode, tunnelPort, agents: ended }: AgentsChange,
  task: TaskContext,
): Promise<void> =>
  until(world, task, "Cilium's agents", async () => {
    const facts = await world.look(['kube', 'network'])
    const left = facts.kube.cilium.agents.filter(({ name }) => ended.includes(name))
    if (left.length > 0) return `${left.length} of ${ended.length} former agents are still there`
    return missingOfAgents(facts) ?? missingOfRouting(facts, mode, tunnelPort)
  })

/**
 * Every agent started anew with the values of the moment, all of them at once: a node that tunnels and one that routes natively
 * exchange no packets of pods, so one after the other would last longer and be no better (cilium#9680, #36968).
 */
export const ciliumAgentsRestarted: Operation<Facts, World, AgentsWanted, AgentsChange> = {
  name: 'cilium.agents-restarted',
  reads: ['kube', 'network'],
  diff(facts, _target, { mode, tunnelPort, outdated }) {
    const agents = facts.kube.cilium.agents.map(({ name }) => name).sort()
    const isSo =
      missingOfRouting(facts, mode, tunnelPort) === null &&
      missingOfAgents(facts) === null &&
      !agents.some((name) => outdated.includes(name))
    return isSo ? null : { mode, tunnelPort, agents }
  },
  // Nothing that is planned after it looks at agents, links or routes.
  predict: (facts) => facts,
  fingerprint: ({ mode, tunnelPort }) => ({ mode, tunnelPort }),
  render: ({ mode, tunnelPort, agents }) => ({
    summary: `end all ${agents.length} agents at once; they come back ${mode === 'native' ? 'routing natively' : `with a tunnel on UDP ${tunnelPort}`}`,
  }),
  async apply(world, _target, { agents }) {
    await endAgents(world, agents)
  },
  verify: (world, _target, change, task) => agentsBack(world, change, task),
  undo: { notNeeded: 'they are ended once more when the former values are back (agents-way-back)' },
}

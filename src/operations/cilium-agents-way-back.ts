import { agentsBack, endAgents } from './cilium-agents-restarted.ts'
import { bringValues, type ReleaseRef, valuesBrought } from './cilium-values-set.ts'
import { kubeNow } from './kube-now.ts'
import { routingOf, sameValues } from './routing-values.ts'
import { underGuard } from './under-guard.ts'
import { wayBack } from './way-back.ts'

/**
 * Registered before a release's values are changed: on the way back, after they are the former ones again but for the strategy
 * that keeps agents from being rolled, the agents are ended once more; then the strategy is the former one too.
 */
export const ciliumAgentsWayBack = (release: ReleaseRef, values: string) =>
  wayBack({
    name: 'cilium.agents-way-back',
    reads: ['kube'],
    note: (facts) => ({ agents: facts.kube.cilium.agents.map(({ name }) => name) }),
    how: 'under guards, end all agents once more, all at once, unless none was; then put the former strategy of their DaemonSet back',
    run: (world, _target, { agents: former }, task) =>
      underGuard(world, world.nodes.names, { agent: true, tables: [] }, task, async (own) => {
        const { chart, agents: now } = (await kubeNow(world)).cilium
        const agents = now.map(({ name }) => name)
        const isUntouched = former.every((name) => agents.includes(name))
        if (isUntouched && chart && sameValues(chart.values, values)) return
        if (!isUntouched) {
          await endAgents(world, agents)
          await agentsBack(world, { ...routingOf(values), agents }, own)
        }
        await bringValues(world, { ...release, values }, own)
        await valuesBrought(world, values, own)
      }),
  })

import { z } from 'zod'
import type { TaskContext } from '../engine/model.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

const node = { apiVersion: 'v1', kind: 'Node' }
const namespace = 'kube-system'

const taintSchema = z.looseObject({ key: z.string(), effect: z.string() })
const nodeSchema = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({ taints: z.array(taintSchema).nullish() }),
})

/** As the operator sets it. Who has a node wait for its agent at boot sets NoExecute (cilium.md §7.5): that one stays. */
const isOperators = ({ key, effect }: z.infer<typeof taintSchema>): boolean =>
  key === 'node.cilium.io/agent-not-ready' && effect === 'NoSchedule'

/**
 * Ends Cilium's operator, and takes away the taint that it keeps on nodes whose agent is not ready: where no agent is, because
 * it crashes or a guard holds it down, the job that is to uninstall Cilium fits on no node, and neither would any pod after it.
 */
export async function freeNodesOfTaint(world: Pick<World, 'kube' | 'clock'>, task: TaskContext): Promise<void> {
  const { kube } = world
  await kube.delete({ apiVersion: 'apps/v1', kind: 'Deployment' }, 'cilium-operator', namespace)
  await until(world, task, "Cilium's operator to end", async () => {
    const selector = { namespace, labelSelector: 'io.cilium/app=operator' }
    const pods = await kube.list({ apiVersion: 'v1', kind: 'Pod' }, selector)
    return pods.length > 0 ? `${pods.length} of its pods are still there` : null
  })
  for (const object of await kube.list(node)) {
    const { metadata, spec } = nodeSchema.parse(object)
    const taints = spec.taints ?? []
    const others = taints.filter((taint) => !isOperators(taint))
    if (others.length < taints.length) await kube.patch(node, metadata.name, undefined, { spec: { taints: others } })
  }
}

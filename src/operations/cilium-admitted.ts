import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { missingOfAgent, missingOfTunnel } from './cilium-installed.ts'
import { kubeNow } from './kube-now.ts'
import { admission, holds, labelsOf, labelsTaken, withLabels } from './labels.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

const node = { apiVersion: 'v1', kind: 'Node' }
const label = Object.entries(admission).map(([key, value]) => `${key}=${value}`)

/**
 * A node that Cilium may run on, while its DaemonSet is kept to such nodes. Where Cilium is installed, the node is admitted when
 * its agent is ready there and its tunnel up.
 */
export const ciliumAdmitted: Operation<Facts, World, undefined, Record<never, never>> = {
  name: 'cilium.admitted',
  reads: ['kube'],
  diff: (facts, target) => (holds(labelsOf(facts, target), admission) ? null : {}),
  predict: (facts, target) => withLabels(facts, target, admission),
  fingerprint: () => label,
  render: () => ({ summary: `set the node's label ${label}` }),
  async apply({ kube }, target) {
    await kube.patch(node, target, undefined, { metadata: { labels: admission } })
  },
  async verify(world, target, _change, task) {
    const kube = await kubeNow(world)
    if (!holds(labelsOf({ kube }, target), admission))
      throw new FailedError(`${target} has no label ${label}`, { host: target })
    const values = kube.cilium.chart?.values
    if (values === undefined) return
    // Only this one: agents of other nodes may be held down until their turn comes.
    await until(world, task, `Cilium on ${target}`, async () =>
      missingOfAgent(await world.look(['kube']), target, values),
    )
    await until(world, task, `the tunnel cilium_vxlan of ${target}`, async () =>
      missingOfTunnel(await world.look(['network'], [target]), world.inventory.cilium.tunnelPort, [target]),
    )
  },
  undo: {
    how: 'take the label away; its agent goes with it',
    async run(world, target, _change, task) {
      await world.kube.patch(node, target, undefined, { metadata: { labels: labelsTaken(admission) } })
      await until(world, task, `Cilium's agent on ${target} to go`, async () => {
        const { cilium } = await kubeNow(world)
        const isThere = cilium.daemonSet !== null && cilium.agents.some((agent) => agent.node === target)
        return isThere ? 'it is still there' : null
      })
    },
  },
}

import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { admission, isAdmitted, noAdmission } from './admission.ts'
import { missingOfCilium, missingOfTunnel } from './cilium-installed.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

const node = { apiVersion: 'v1', kind: 'Node' }

const setTo = async ({ kube }: World, target: string, isWanted: boolean): Promise<void> => {
  await kube.patch(node, target, undefined, { metadata: { labels: isWanted ? admission : noAdmission } })
}

/**
 * Whether Cilium may run on a node while its DaemonSet is kept to nodes that were admitted. Where Cilium is installed, a node
 * is admitted when its agent is ready there and its tunnel up.
 */
export const ciliumAdmitted: Operation<Facts, World, boolean, { admitted: boolean }> = {
  name: 'cilium.admitted',
  reads: ['kube'],
  diff: (facts, target, wanted) => (isAdmitted(facts, target) === wanted ? null : { admitted: wanted }),
  predict(facts, target, { admitted }) {
    const nodes = facts.kube.nodes.map((one) => {
      if (one.name !== target) return one
      const others = Object.entries(one.labels).filter(([key]) => admission[key] === undefined)
      return { ...one, labels: { ...Object.fromEntries(others), ...(admitted ? admission : {}) } }
    })
    return { ...facts, kube: { ...facts.kube, nodes } }
  },
  fingerprint: ({ admitted }) => admitted,
  render: ({ admitted }) => {
    const label = Object.entries(admission).map(([key, value]) => `${key}=${value}`)
    return { summary: admitted ? `set the node's label ${label}` : `take the node's label ${label} away` }
  },
  apply: (world, target, { admitted }) => setTo(world, target, admitted),
  async verify(world, target, { admitted }, task) {
    const facts = await world.look(['kube'])
    if (!facts.kube.reachable)
      throw new FailedError(`the API does not answer: ${facts.kube.error ?? 'no reason given'}`)
    if (isAdmitted(facts, target) !== admitted)
      throw new FailedError(`the label of ${target} is not as it was set`, { host: target })
    const values = facts.kube.cilium.chart?.values
    if (!admitted || values === undefined) return
    await until(world, task, `Cilium on ${target}`, async () => missingOfCilium(await world.look(['kube']), values))
    await until(world, task, `the tunnel cilium_vxlan of ${target}`, async () =>
      missingOfTunnel(await world.look(['network'], [target]), world.inventory.cilium.tunnelPort, [target]),
    )
  },
  undo: {
    how: 'set the label back to what it was; Cilium follows it',
    async run(world, target, { admitted }, task) {
      await setTo(world, target, !admitted)
      await until(world, task, `Cilium on ${target}`, async () => {
        const { reachable, error, cilium } = (await world.look(['kube'])).kube
        if (!reachable) return `the API does not answer: ${error ?? 'no reason given'}`
        const isThere = cilium.agents.some((agent) => agent.node === target)
        return admitted && cilium.daemonSet && isThere ? 'its agent is still there' : null
      })
    },
  },
}

import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { kubeNow } from './kube-now.ts'
import { type Labels, labelsOf, labelsTaken } from './labels.ts'
import type { World } from './world.ts'

const node = { apiVersion: 'v1', kind: 'Node' }

/** Labels that this tool put on a node, taken away; those that somebody gave another value stay. */
export const nodeLabelsAbsent: Operation<Facts, World, Labels, { labels: Labels }> = {
  name: 'node.labels-absent',
  reads: ['kube'],
  diff(facts, target, unwanted) {
    const there = labelsOf(facts, target)
    const labels = Object.fromEntries(Object.entries(unwanted).filter(([key, value]) => there[key] === value))
    return Object.keys(labels).length === 0 ? null : { labels }
  },
  predict(facts, target, { labels }) {
    const left = Object.entries(labelsOf(facts, target)).filter(([key]) => labels[key] === undefined)
    const nodes = facts.kube.nodes.map((one) =>
      one.name === target ? { ...one, labels: Object.fromEntries(left) } : one,
    )
    return { ...facts, kube: { ...facts.kube, nodes } }
  },
  fingerprint: ({ labels }) => ({ ...labels }),
  render: ({ labels }) => ({ summary: `take labels of the node away: ${Object.keys(labels).join(', ')}` }),
  async apply({ kube }, target, { labels }) {
    await kube.patch(node, target, undefined, { metadata: { labels: labelsTaken(labels) } })
  },
  async verify(world, target, { labels }) {
    const kube = await kubeNow(world)
    const left = Object.keys(labelsOf({ kube }, target)).filter((key) => labels[key] !== undefined)
    if (left.length > 0) throw new FailedError(`${target} still has ${left.join(', ')}`, { host: target })
  },
  undo: {
    how: 'put them back',
    async run({ kube }, target, { labels }) {
      await kube.patch(node, target, undefined, { metadata: { labels } })
    },
  },
}

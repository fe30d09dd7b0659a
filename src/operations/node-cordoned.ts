import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { kubeNow } from './kube-now.ts'
import type { World } from './world.ts'

const kind = { apiVersion: 'v1', kind: 'Node' }

const set = async ({ kube }: World, target: string, unschedulable: boolean): Promise<void> => {
  await kube.patch(kind, target, undefined, { spec: { unschedulable: unschedulable || null } })
}

/** Whether new pods may be scheduled on a node. */
export const nodeCordoned: Operation<Facts, World, boolean, { cordoned: boolean }> = {
  name: 'node.cordoned',
  reads: ['kube'],
  diff: (facts, target, wanted) =>
    facts.kube.nodes.some(({ name, unschedulable }) => name === target && unschedulable !== wanted)
      ? { cordoned: wanted }
      : null,
  predict(facts, target, { cordoned }) {
    const nodes = facts.kube.nodes.map((one) => (one.name === target ? { ...one, unschedulable: cordoned } : one))
    return { ...facts, kube: { ...facts.kube, nodes } }
  },
  fingerprint: ({ cordoned }) => cordoned,
  render: ({ cordoned }) => ({ summary: cordoned ? 'cordon: no new pods come here' : 'uncordon' }),
  apply: (world, target, { cordoned }) => set(world, target, cordoned),
  async verify(world, target, { cordoned }) {
    const { nodes } = await kubeNow(world)
    if (!nodes.some(({ name, unschedulable }) => name === target && unschedulable === cordoned))
      throw new FailedError(`${target} is not ${cordoned ? 'cordoned' : 'schedulable'}`, { host: target })
  },
  undo: {
    how: 'cordoned or not as it was before',
    run: (world, target, { cordoned }) => set(world, target, !cordoned),
  },
}

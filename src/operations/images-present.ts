import type { Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { mustRun } from '../nodes/run.ts'
import type { World } from './world.ts'

interface ImagesChange {
  missing: string[]
}

/** Docker Hub's long and short names are one. */
const normal = (reference: string) => reference.replace(/^docker\.io\//, '').replace(/@sha256:.*$/, '')

/** Images on the node before they are needed: during the outage nothing can be pulled. */
export const imagesPresent: Operation<Facts, World, readonly string[], ImagesChange> = {
  name: 'images.present',
  reads: ['images'],
  diff(facts, target, wanted) {
    const there = new Set((facts.nodes[target]?.images ?? []).map(normal))
    const missing = wanted.filter((image) => !there.has(normal(image)))
    return missing.length === 0 ? null : { missing }
  },
  predict(facts, target, change) {
    const node = facts.nodes[target]
    if (!node) return facts
    const images = [...(node.images ?? []), ...change.missing]
    return { ...facts, nodes: { ...facts.nodes, [target]: { ...node, images } } }
  },
  fingerprint: (change) => change.missing,
  render: (change) => ({ summary: `pull ${change.missing.length} images`, notes: change.missing }),
  async apply(world, target, change, task) {
    for (const image of change.missing) {
      task.say(`pulling ${image}`)
      const argv = ['k3s', 'crictl', 'pull', image] as const
      await mustRun(world.nodes.get(target), { argv, mode: 'write', timeoutMs: task.remainingMs() })
    }
  },
  async verify(world, target, change) {
    const left = imagesPresent.diff(await world.look(['images'], [target]), target, change.missing)
    if (left) throw new FailedError(`not on the node after pulling: ${left.missing.join(', ')}`, { host: target })
  },
  undo: {
    how: 'remove the images that were pulled',
    async run(world, target, change) {
      const now = imagesPresent.diff(await world.look(['images'], [target]), target, change.missing)?.missing ?? []
      const pulled = change.missing.filter((image) => !now.includes(image))
      if (pulled.length === 0) return
      const argv = ['k3s', 'crictl', 'rmi', ...pulled] as const
      await mustRun(world.nodes.get(target), { argv, mode: 'write', timeoutMs: 60_000 })
    },
  },
}

import { CLUSTER, type Operation } from '../engine/model.ts'
import { FailedError } from '../errors.ts'
import type { Facts } from '../facts/facts.ts'
import { keepObject } from './kept-object.ts'
import { type Held, heldByFinalizers, titleOf } from './stuck.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

interface FinalizersChange {
  objects: Held[]
}

const reads = ['stuck', 'kube', 'sandboxes', 'containers'] as const

/** What is still so of what was asked for, now that everything was read again. */
function stillHeld(facts: Facts, change: FinalizersChange): Held[] {
  const now = new Map(heldByFinalizers(facts).map((object) => [object.uid, object]))
  return change.objects.flatMap((object) => {
    const finalizers = object.finalizers.filter((one) => now.get(object.uid)?.finalizers.includes(one))
    return finalizers.length === 0 ? [] : [{ ...object, finalizers }]
  })
}

async function release(world: World, { finalizers, ...object }: Held): Promise<void> {
  const kind = { apiVersion: object.apiVersion, kind: object.kind }
  const found = await world.kube.get(kind, object.name, object.namespace)
  if (found === null || found.metadata.uid !== object.uid) return
  const rest = (found.metadata.finalizers ?? []).filter((one) => !finalizers.includes(one))
  const { resourceVersion } = found.metadata
  // Of this version only: whoever changes it meanwhile may have a reason.
  await world.kube.patch(kind, object.name, object.namespace, { metadata: { resourceVersion, finalizers: rest } })
}

/** Finalizers that nobody serves, from objects that are being deleted and that nothing else holds: those named, and no other. */
export const stuckFinalizersRemoved: Operation<Facts, World, undefined, FinalizersChange> = {
  name: 'kube.stuck-finalizers-removed',
  reads,
  diff(facts) {
    const objects = heldByFinalizers(facts)
    return objects.length === 0 ? null : { objects }
  },
  predict(facts, _target, { objects }) {
    if (!facts.stuck) return facts
    const taken = new Map(objects.map(({ uid, finalizers }) => [uid, finalizers]))
    const rest = <T extends { uid: string; finalizers: string[] }>(all: readonly T[]): T[] =>
      all.flatMap((object) => {
        const removed = taken.get(object.uid)
        if (removed === undefined) return [object]
        const finalizers = object.finalizers.filter((one) => !removed.includes(one))
        return finalizers.length === 0 ? [] : [{ ...object, finalizers }]
      })
    const { pods, namespaces } = facts.stuck
    return {
      ...facts,
      stuck: {
        ...facts.stuck,
        pods: rest(pods),
        namespaces: namespaces.map((namespace) => ({ ...namespace, remaining: rest(namespace.remaining) })),
      },
    }
  },
  fingerprint: ({ objects }) =>
    objects.map((object) => `${titleOf(object)} ${object.uid}: ${[...object.finalizers].sort().join(', ')}`).sort(),
  render: ({ objects }) => ({
    summary: `take the finalizers off ${objects.length} ${objects.length === 1 ? 'object' : 'objects'}, so that they go`,
    notes: objects.map((object) => `${titleOf(object)} (${object.apiVersion}): ${object.finalizers.join(', ')}`),
  }),
  async apply(world, _target, change) {
    // Whether a pod runs is its node's to say, and that was asked a while ago.
    const facts = await world.look(reads)
    if (facts.stuck?.error) throw new FailedError(`the API does not answer: ${facts.stuck.error}`)
    for (const object of stillHeld(facts, change)) {
      await keepObject(world, CLUSTER, object)
      await release(world, object)
    }
  },
  async verify(world, _target, change, task) {
    await until(world, task, 'the objects to go', async () => {
      const facts = await world.look(reads)
      if (facts.stuck === undefined || facts.stuck.error !== null)
        return `the API does not answer: ${facts.stuck?.error ?? ''}`
      const left = stillHeld(facts, change)
      return left.length === 0 ? null : left.map(titleOf).join(', ')
    })
  },
  undo: {
    impossible:
      "what a finalizer held is gone with it; each object as it was is in the run's folder, under backups/cluster/objects",
  },
}

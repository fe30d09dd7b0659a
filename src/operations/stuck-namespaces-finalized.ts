import { CLUSTER, type Operation } from '../engine/model.ts'
import type { Facts } from '../facts/facts.ts'
import { readStuck } from '../facts/read-stuck.ts'
import { keepObject } from './kept-object.ts'
import { isEmpty, isServed, stuckNamespaces } from './stuck.ts'
import { until } from './until.ts'
import type { World } from './world.ts'

interface NamespacesChange {
  namespaces: {
    name: string
    uid: string
    /** `spec.finalizers`, all of them. */
    specFinalizers: string[]
    /** Of `metadata.finalizers` those that nobody serves. */
    finalizers: string[]
    conditions: string[]
  }[]
}

const kind = { apiVersion: 'v1', kind: 'Namespace' }

/** Its controller looks again within a minute of its last look, and then does the same, having looked. */
const controllersTurnMs = 75_000

async function isThere(world: World, { name, uid }: NamespacesChange['namespaces'][number]): Promise<boolean> {
  return (await world.kube.get(kind, name))?.metadata.uid === uid
}

async function goesByItself(world: World, namespace: NamespacesChange['namespaces'][number]): Promise<boolean> {
  const endMs = world.clock.nowMs() + controllersTurnMs
  while (world.clock.nowMs() < endMs) {
    if (!(await isThere(world, namespace))) return true
    await world.clock.sleep(2_000)
  }
  return false
}

/** Namespaces in which nothing remains, and which hang all the same: their own finalizers go. */
export const stuckNamespacesFinalized: Operation<Facts, World, undefined, NamespacesChange> = {
  name: 'kube.stuck-namespaces-finalized',
  reads: ['stuck', 'kube'],
  diff(facts) {
    const namespaces = stuckNamespaces(facts)
      .filter((namespace) => isEmpty(namespace))
      .map(({ name, uid, specFinalizers, finalizers, conditions }) => ({
        ...{ name, uid, specFinalizers, finalizers: finalizers.filter((one) => !isServed(one)) },
        conditions: conditions.map(({ type, message }) => `${type}: ${message}`),
      }))
    return namespaces.length === 0 ? null : { namespaces }
  },
  predict(facts, _target, change) {
    if (!facts.stuck) return facts
    const gone = new Set(change.namespaces.map(({ uid }) => uid))
    return {
      ...facts,
      stuck: { ...facts.stuck, namespaces: facts.stuck.namespaces.filter(({ uid }) => !gone.has(uid)) },
    }
  },
  fingerprint: (change) =>
    change.namespaces
      .map(
        ({ name, uid, specFinalizers, finalizers }) => `${name} ${uid}: ${[...specFinalizers, ...finalizers].sort()}`,
      )
      .sort(),
  render: (change) => ({
    summary: `finalize ${change.namespaces.length === 1 ? 'a namespace' : `${change.namespaces.length} namespaces`} in which nothing remains, unless they go by themselves`,
    notes: change.namespaces.map(({ name, specFinalizers, finalizers, conditions }) =>
      [`${name}: ${[...specFinalizers, ...finalizers].join(', ')}`, ...conditions].join('; '),
    ),
  }),
  async apply(world, _target, change, task) {
    for (const namespace of change.namespaces) {
      task.say(`${namespace.name}: its controller has its turn`)
      if (await goesByItself(world, namespace)) continue
      const now = (await readStuck(world.kube)).namespaces.find(({ uid }) => uid === namespace.uid)
      if (now === undefined || !isEmpty(now)) continue
      const place = { apiVersion: 'v1', plural: 'namespaces', namespace: null, name: namespace.name }
      await keepObject(world, CLUSTER, place)
      const finalizers = now.finalizers.filter((one) => !namespace.finalizers.includes(one))
      if (finalizers.length < now.finalizers.length)
        await world.kube.patch(kind, namespace.name, undefined, { metadata: { finalizers } })
      const found = await world.kube.get(kind, namespace.name)
      if (found !== null && found.metadata.uid === namespace.uid)
        await world.kube.finalize({
          ...found,
          spec: { finalizers: now.specFinalizers.filter((one) => !namespace.specFinalizers.includes(one)) },
        })
    }
  },
  async verify(world, _target, change, task) {
    await until(world, task, 'the namespaces to go', async () => {
      const there = await Promise.all(change.namespaces.map((one) => isThere(world, one)))
      const left = change.namespaces.filter((_one, index) => there[index])
      return left.length === 0 ? null : left.map(({ name }) => name).join(', ')
    })
  },
  undo: {
    impossible: 'a namespace that is gone is not brought back; nothing was in it, and it can be made anew by its name',
  },
}

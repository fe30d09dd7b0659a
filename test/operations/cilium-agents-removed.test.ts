import { expect, test } from 'vitest'
import type { TaskContext } from '../../src/engine/model.ts'
import type { KubeApi, KubeObject } from '../../src/kube/api.ts'
import { KubeUnreachableError } from '../../src/kube/errors.ts'
import { ciliumAgentsRemoved } from '../../src/operations/cilium-agents-removed.ts'
import type { World } from '../../src/operations/world.ts'
import { ToyClock } from '../engine/toy/clock.ts'
import { noting } from './fake-guards.ts'
import { someFacts } from './some-facts.ts'

const wanted = { limitMinutes: 60 }

/** An API that answers only from the `answersAt`th request on, and keeps what it was told. */
function anApi(answersAt: number, objects: Record<string, KubeObject>) {
  const done: string[] = []
  let asked = 0
  const answer = <T>(result: () => T): Promise<T> => {
    asked += 1
    return asked < answersAt ? Promise.reject(new KubeUnreachableError('no server answers')) : Promise.resolve(result())
  }
  const kube = {
    get: ({ kind }, name) => answer(() => objects[`${kind} ${name}`] ?? null),
    list: ({ kind }) => answer(() => Object.values(objects).filter((object) => object.kind === kind)),
    patch: ({ kind }, name, _namespace, patch) =>
      answer(() => {
        done.push(`patch ${kind} ${name} ${JSON.stringify(patch)}`)
        return objects[`${kind} ${name}`] as KubeObject
      }),
    delete: ({ kind }, name, _namespace, options) =>
      answer(() => {
        if (objects[`${kind} ${name}`]) done.push(`delete ${kind} ${name}${options?.graceSeconds === 0 ? ' now' : ''}`)
        if (kind !== 'HelmChart') delete objects[`${kind} ${name}`]
      }),
  } satisfies Partial<KubeApi>
  const world = { kube: kube as unknown as KubeApi, clock: new ToyClock() } as unknown as World
  return { world, done }
}

const object = (kind: string, name: string, spec: object = {}): KubeObject => ({
  apiVersion: '',
  kind,
  metadata: { name },
  spec,
})
const byName = (...objects: KubeObject[]) =>
  Object.fromEntries(objects.map((one) => [`${one.kind} ${one.metadata.name}`, one]))

test('asks until the API answers; then what installs anew goes first, and nobody is waited for', async () => {
  const objects = byName(
    object('HelmChart', 'cilium', { chart: 'cilium' }),
    object('DaemonSet', 'cilium'),
    object('DaemonSet', 'cilium-envoy'),
    object('Deployment', 'cilium-operator'),
    object('Pod', 'cilium-abcde'),
  )
  const { world, done } = anApi(4, objects)
  const said: string[] = []
  const task: TaskContext = { ...noting(new Map()), say: (message) => said.push(message) }
  const { kube, ...facts } = someFacts()
  const away = { ...facts, silent: { s1: 'no answer' }, kube: { ...kube, reachable: false } }
  const change = ciliumAgentsRemoved.diff(away, 'cluster', wanted)
  if (change === null) throw new Error('nothing is planned')
  await ciliumAgentsRemoved.apply(world, 'cluster', change, task)
  await ciliumAgentsRemoved.verify(world, 'cluster', { limitMinutes: 1, silent: [] }, task)
  expect(done).toEqual([
    'delete HelmChart cilium',
    // After its deletion: a chart that is changed is installed anew.
    'patch HelmChart cilium {"spec":{"bootstrap":true}}',
    ...['delete DaemonSet cilium', 'delete DaemonSet cilium-envoy', 'delete Deployment cilium-operator'],
    'delete Pod cilium-abcde now',
  ])
  expect(said[0]).toBe(
    'waiting for the API (at most 60 min): no server answers. Without more than half of the servers it cannot answer; cut off when this was planned: s1. The power switch brings one back',
  )
})

test('a release that nothing installs anew needs no object of its own; a chart made for it is not changed', async () => {
  const { world, done } = anApi(0, byName(object('DaemonSet', 'cilium')))
  await ciliumAgentsRemoved.apply(world, 'cluster', { limitMinutes: 1, silent: [] }, noting(new Map()))
  expect(done).toEqual(['delete DaemonSet cilium'])
  const ours = anApi(0, byName(object('HelmChart', 'cilium', { bootstrap: true })))
  await ciliumAgentsRemoved.apply(ours.world, 'cluster', { limitMinutes: 1, silent: [] }, noting(new Map()))
  expect(ours.done).toEqual(['delete HelmChart cilium'])
})

test('is planned while the API is away, and where it answers only if something of it is there', () => {
  const facts = someFacts()
  expect(ciliumAgentsRemoved.diff(facts, 'cluster', wanted)).toBeNull()
  const away = { ...facts, kube: { ...facts.kube, reachable: false } }
  expect(ciliumAgentsRemoved.diff(away, 'cluster', wanted)).toEqual({ limitMinutes: 60, silent: [] })
  facts.kube.cilium.daemonSet = { desired: 4, ready: 1, updated: 4, generation: 1, observed: 1 }
  const change = ciliumAgentsRemoved.diff(facts, 'cluster', wanted)
  expect(change && ciliumAgentsRemoved.render(change).summary).toMatch(/every 2 s for at most 60 min/)
  expect(
    change && ciliumAgentsRemoved.diff(ciliumAgentsRemoved.predict(facts, 'cluster', change), 'cluster', wanted),
  ).toBeNull()
})

test('made again by somebody meanwhile: not verified', async () => {
  const { world } = anApi(0, byName(object('DaemonSet', 'cilium')))
  const over = new AbortController()
  const task = { ...noting(new Map(), over.signal), say: () => over.abort() }
  await expect(ciliumAgentsRemoved.verify(world, 'cluster', { limitMinutes: 1, silent: [] }, task)).rejects.toThrow()
})

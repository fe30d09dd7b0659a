import { expect, it } from 'vitest'
import { Evictions, evictionRefusal } from '../../../src/lab/standin/api/eviction.ts'
import { builtInType } from '../../../src/lab/standin/api/resources.ts'
import { ownerOf } from '../../../src/lab/standin/controllers/model.ts'
import { object, ready } from '../controllers/view.ts'
import { operationsInMemory } from './memory-etcd.ts'

const set = object('ReplicaSet', 'web', { spec: { replicas: 2 } })
const pod = (name: string, status: object = ready, metadata = {}) =>
  object(
    'Pod',
    name,
    { spec: { nodeName: 's1' }, status },
    { labels: { app: 'web' }, ownerReferences: ownerOf(set), ...metadata },
  )
const budget = (name: string, spec: object) =>
  object('PodDisruptionBudget', name, { spec: { selector: { matchLabels: { app: 'web' } }, ...spec } })
const broken = { phase: 'Running', conditions: [{ type: 'Ready', status: 'False' }] }
const a = pod('a')
const one = budget('one', { maxUnavailable: 1 })

it('lets a pod go while its budget allows it, and says which one does not', () => {
  expect(evictionRefusal(a, [one], [a, pod('b')], [set])).toBeUndefined()
  const refusal = evictionRefusal(a, [one], [a, pod('b', broken)], [set])
  expect(refusal).toMatchObject({
    code: 429,
    message: "Cannot evict pod as it would violate the pod's disruption budget.",
    causes: [
      { reason: 'DisruptionBudget', message: 'The disruption budget one needs 1 healthy pods and has 1 currently' },
    ],
  })
})

it('counts a pod that is ending as gone', () => {
  expect(evictionRefusal(a, [one], [a, pod('b', ready, { deletionTimestamp: 't' })], [set])?.code).toBe(429)
})

it('asks no budget about a pod that is on its way, over, or covered by none', () => {
  const none = budget('none', { maxUnavailable: 0 })
  expect(evictionRefusal(a, [none], [a], [set])?.code).toBe(429)
  for (const going of [
    pod('a', { phase: 'Pending' }),
    pod('a', { phase: 'Failed' }),
    pod('a', ready, { deletionTimestamp: 't' }),
    pod('a', ready, { labels: { app: 'other' } }),
    pod('a', ready, { namespace: 'other' }),
  ])
    expect(evictionRefusal(going, [none], [going], [set])).toBeUndefined()
})

it('lets a pod that is not ready go if enough others are, or if the budget says so', () => {
  const sick = pod('a', broken)
  expect(evictionRefusal(sick, [one], [sick, pod('b')], [set])).toBeUndefined()
  const strict = budget('strict', { minAvailable: 2 })
  expect(evictionRefusal(sick, [strict], [sick, pod('b')], [set])?.code).toBe(429)
  const lenient = budget('lenient', { minAvailable: 2, unhealthyPodEvictionPolicy: 'AlwaysAllow' })
  expect(evictionRefusal(sick, [lenient], [sick, pod('b')], [set])).toBeUndefined()
})

it('knows no pod with two budgets', () => {
  expect(evictionRefusal(a, [one, budget('two', { maxUnavailable: 1 })], [a, pod('b')], [set])?.code).toBe(500)
})

it('counts, of two that are asked for at once, the first for the second', async () => {
  const api = await operationsInMemory()
  const { metadata } = await api.create(
    builtInType('replicasets'),
    'n',
    object('ReplicaSet', 'web', {
      spec: { replicas: 2, template: { spec: {} } },
    }),
  )
  await api.create(builtInType('poddisruptionbudgets'), 'n', one)
  const ownerReferences = ownerOf({ ...set, metadata })
  for (const name of ['a', 'b']) {
    const { status, ...made } = pod(name, ready, { ownerReferences })
    await api.create(builtInType('pods'), 'n', made)
    await api.update(builtInType('pods'), 'n', name, (there) => ({ ...there, status }), 'status')
  }
  const evictions = new Evictions(api)
  const ends = await Promise.allSettled(['a', 'b'].map((name) => evictions.evict('n', name, { graceSeconds: 30 })))
  expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  const ending = async (name: string) =>
    (await api.get(builtInType('pods'), 'n', name)).metadata.deletionTimestamp !== undefined
  expect([await ending('a'), await ending('b')]).toEqual([true, false])
  await expect(evictions.evict('n', 'c', {})).rejects.toMatchObject({ code: 404 })
})

import { expect, test } from 'vitest'
import { CLUSTER } from '../../src/engine/model.ts'
import { stuckFinalizersRemoved } from '../../src/operations/stuck-finalizers-removed.ts'
import { aNamespace, anObject, aPod, StuckApi, terminating } from '../facts/stuck-api.ts'
import { stuckFacts, stuckWorld } from './stuck-world.ts'

const deletionTimestamp = '2026-11-21T09:00:00Z'
const someHeld = () =>
  new StuckApi([
    aNamespace('old', { deletionTimestamp }),
    anObject('Widget', 'old', 'held', { deletionTimestamp, finalizers: ['a.example/b', 'kubernetes.io/c'] }),
    anObject(
      'Secret',
      'old',
      'token',
      { deletionTimestamp, finalizers: ['a.example/b'] },
      { data: { token: 's3cret' } },
    ),
    anObject('Secret', 'old', 'served', { deletionTimestamp, finalizers: ['kubernetes.io/c'] }),
    anObject('Widget', 'old', 'not-deleted', { finalizers: ['a.example/b'] }),
    aPod('going', { ...terminating, deletionGracePeriodSeconds: 0, finalizers: ['a.example/b'] }),
  ])

test('only from what is being deleted, only those that nobody serves, and each is named', async () => {
  const change = stuckFinalizersRemoved.diff(await stuckFacts(someHeld()), CLUSTER, undefined)
  expect(change && stuckFinalizersRemoved.render(change)).toEqual({
    summary: 'take the finalizers off 3 objects, so that they go',
    notes: [
      'Pod shop/going (v1): a.example/b',
      'Secret old/token (v1): a.example/b',
      'Widget old/held (shop.example/v1): a.example/b',
    ],
  })
  expect(JSON.stringify(change)).not.toContain('s3cret')
})

test('they go as predicted, and what they were is kept', async () => {
  const api = someHeld()
  const facts = await stuckFacts(api)
  const change = stuckFinalizersRemoved.diff(facts, CLUSTER, undefined)
  if (!change) throw new Error('no change')
  const { world, task, kept } = stuckWorld(api)
  await stuckFinalizersRemoved.apply(world, CLUSTER, change, task)
  await stuckFinalizersRemoved.verify(world, CLUSTER, change, task)
  expect(api.changes.toSorted()).toEqual([
    'patch Pod going []',
    'patch Secret token []',
    'patch Widget held ["kubernetes.io/c"]',
  ])
  expect([...kept.keys()].sort()).toEqual([
    'cluster/objects/pods/shop/going.json',
    'cluster/objects/secrets/old/token.json',
    'cluster/objects/widgets/old/held.json',
  ])
  const now = await stuckFacts(api)
  expect(stuckFinalizersRemoved.diff(now, CLUSTER, undefined)).toBeNull()
  expect(stuckFinalizersRemoved.predict(facts, CLUSTER, change).stuck).toEqual(now.stuck)
})

test('a pod that has begun to run by then keeps its finalizers', async () => {
  const api = someHeld()
  const change = stuckFinalizersRemoved.diff(await stuckFacts(api), CLUSTER, undefined)
  if (!change) throw new Error('no change')
  const { world, task } = stuckWorld(api, async () => {
    const facts = await stuckFacts(api)
    facts.nodes.s1?.containers?.push({ podUid: 'u-going', name: 'main' })
    return facts
  })
  await stuckFinalizersRemoved.apply(world, CLUSTER, change, task)
  expect(api.changes.filter((one) => one.includes('going'))).toEqual([])
})

test('a finalizer that came meanwhile, or an object that somebody changes: not touched', async () => {
  const api = someHeld()
  const change = stuckFinalizersRemoved.diff(await stuckFacts(api), CLUSTER, undefined)
  if (!change) throw new Error('no change')
  const added = api.objects.find(({ metadata }) => metadata.name === 'token')
  added?.metadata.finalizers?.push('late.example/d')
  const { world, task } = stuckWorld(api)
  await stuckFinalizersRemoved.apply(world, CLUSTER, change, task)
  expect(api.objects.find(({ metadata }) => metadata.name === 'token')?.metadata.finalizers).toEqual(['late.example/d'])
})

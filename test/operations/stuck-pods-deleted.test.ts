import { expect, test } from 'vitest'
import { stuckPodsDeleted } from '../../src/operations/stuck-pods-deleted.ts'
import { aPod, StuckApi, terminating } from '../facts/stuck-api.ts'
import { stuckFacts, stuckWorld } from './stuck-world.ts'

const bare = { ownerReferences: [] }
const someStuck = () =>
  new StuckApi([
    aPod('going', terminating),
    aPod('bare', { ...terminating, ...bare }),
    aPod('held', { ...terminating, finalizers: ['a.example/b'] }),
    aPod('elsewhere', terminating, {}, 's2'),
    aPod('fine', {}, { containerStatuses: [{ state: { running: {} } }] }),
  ])

test('what a controller makes anew and what nobody does are never one change', async () => {
  const facts = await stuckFacts(someStuck())
  const names = (owned: boolean) => stuckPodsDeleted.diff(facts, 's1', { owned })?.pods.map(({ name }) => name)
  expect(names(true)).toEqual(['going', 'held'])
  expect(names(false)).toEqual(['bare'])
  expect(stuckPodsDeleted.diff(facts, 's3', { owned: true })).toBeNull()
})

test('deleted at once, each kept whole beforehand; one that a finalizer holds has only that left', async () => {
  const api = someStuck()
  const facts = await stuckFacts(api)
  const change = stuckPodsDeleted.diff(facts, 's1', { owned: true })
  if (!change) throw new Error('no change')
  expect(stuckPodsDeleted.render(change)).toMatchObject({
    summary: 'delete 2 pods, by force and without grace',
    notes: [
      expect.stringMatching(/^shop\/going \(ReplicaSet\/web-5d9\): Terminating: .*; on s1: no container/),
      expect.anything(),
    ],
  })
  // The plan and the journal hold the change.
  expect(JSON.stringify(change)).not.toContain('s3cret')
  const { world, task, kept } = stuckWorld(api)
  await stuckPodsDeleted.apply(world, 's1', change, task)
  expect(api.changes).toEqual(['delete Pod going 0', 'delete Pod held 0'])
  expect([...kept.keys()]).toEqual(['s1/objects/pods/shop/going.json', 's1/objects/pods/shop/held.json'])
  expect(kept.get('s1/objects/pods/shop/going.json')).toContain('s3cret')
  await stuckPodsDeleted.verify(world, 's1', change, task)
  const now = await stuckFacts(api)
  expect(stuckPodsDeleted.diff(now, 's1', { owned: true })).toBeNull()
  const predicted = stuckPodsDeleted.predict(facts, 's1', change)
  expect(predicted.stuck?.pods.map(({ name, graceSeconds }) => [name, graceSeconds])).toEqual(
    now.stuck?.pods.map(({ name, graceSeconds }) => [name, graceSeconds]),
  )
})

test('another pod of the same name is not touched', async () => {
  const api = someStuck()
  const change = stuckPodsDeleted.diff(await stuckFacts(api), 's2', { owned: true })
  if (!change) throw new Error('no change')
  const { world, task } = stuckWorld(api)
  for (const { metadata } of api.objects) if (metadata.name === 'elsewhere') metadata.uid = 'u-another'
  await stuckPodsDeleted.apply(world, 's2', change, task)
  expect(api.changes).toEqual([])
})

test('one that does not go is told by its name', async () => {
  const api = someStuck()
  const change = stuckPodsDeleted.diff(await stuckFacts(api), 's2', { owned: true })
  if (!change) throw new Error('no change')
  const { world, task, ending, nowMs } = stuckWorld(api, async () => {
    if (nowMs() > 5_000) ending.abort()
    return await stuckFacts(api)
  })
  await expect(stuckPodsDeleted.verify(world, 's2', change, task)).rejects.toThrow(
    'gave up waiting for the pods to be gone: shop/elsewhere',
  )
})

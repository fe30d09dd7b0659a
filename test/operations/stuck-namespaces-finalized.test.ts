import { expect, test } from 'vitest'
import { CLUSTER } from '../../src/engine/model.ts'
import { stuckNamespacesFinalized } from '../../src/operations/stuck-namespaces-finalized.ts'
import { aNamespace, anObject, StuckApi } from '../facts/stuck-api.ts'
import { stuckFacts, stuckWorld } from './stuck-world.ts'

const deletionTimestamp = '2026-11-21T09:00:00Z'
const changeOf = async (api: StuckApi) => stuckNamespacesFinalized.diff(await stuckFacts(api), CLUSTER, undefined)

test('one in which nothing remains is finalized, after its controller has had its turn', async () => {
  const finalizers = ['controller.cattle.io/namespace-auth']
  const api = new StuckApi([aNamespace('old', { deletionTimestamp, finalizers }), aNamespace('shop')])
  const change = await changeOf(api)
  if (!change) throw new Error('no change')
  expect(stuckNamespacesFinalized.render(change)).toEqual({
    summary: 'finalize a namespace in which nothing remains, unless they go by themselves',
    notes: ['old: kubernetes, controller.cattle.io/namespace-auth'],
  })
  const { world, task, kept, nowMs } = stuckWorld(api)
  await stuckNamespacesFinalized.apply(world, CLUSTER, change, task)
  expect(api.changes).toEqual(['patch Namespace old []', 'finalize old'])
  expect(nowMs()).toBeGreaterThan(60_000)
  expect([...kept.keys()]).toEqual(['cluster/objects/namespaces/old.json'])
  await stuckNamespacesFinalized.verify(world, CLUSTER, change, task)
  expect(await changeOf(api)).toBeNull()
})

test('one that its controller lets go is left to it', async () => {
  const api = new StuckApi([aNamespace('old', { deletionTimestamp })])
  const change = await changeOf(api)
  if (!change) throw new Error('no change')
  const { world, task } = stuckWorld(api)
  const sleep = world.clock.sleep
  world.clock.sleep = async (ms) => {
    api.objects = []
    await sleep(ms)
  }
  await stuckNamespacesFinalized.apply(world, CLUSTER, change, task)
  expect(api.changes).toEqual([])
})

test('something remains, or nobody knows what: never', async () => {
  const full = new StuckApi([aNamespace('old', { deletionTimestamp }), anObject('Widget', 'old', 'held', {})])
  expect(await changeOf(full)).toBeNull()
  const silent = new StuckApi([aNamespace('old', { deletionTimestamp })])
  silent.raw.set('/apis/shop.example/v1', { status: 503, body: '' })
  expect(await changeOf(silent)).toBeNull()
})

test('something that came into it after the plan stops it', async () => {
  const api = new StuckApi([aNamespace('old', { deletionTimestamp })])
  const change = await changeOf(api)
  if (!change) throw new Error('no change')
  api.objects.push(anObject('Widget', 'old', 'late', {}))
  const { world, task } = stuckWorld(api)
  await stuckNamespacesFinalized.apply(world, CLUSTER, change, task)
  expect(api.changes).toEqual([])
})

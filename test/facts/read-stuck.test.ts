import { expect, test } from 'vitest'
import { readStuck } from '../../src/facts/read-stuck.ts'
import { stuckSchema } from '../../src/facts/stuck.ts'
import { KubeUnreachableError } from '../../src/kube/errors.ts'
import { aNamespace, anObject, aPod, StuckApi, terminating } from './stuck-api.ts'

const event = (name: string, uid: string, reason: string, lastTimestamp: string) =>
  anObject('Event', 'shop', name, {}, { involvedObject: { uid }, reason, message: `${reason}!`, lastTimestamp })
const namesOf = (found: readonly { name: string }[]) => found.map(({ name }) => name).sort()

test('what may hang is kept with what holds it, and what does not is left out', async () => {
  const running = { containerStatuses: [{ state: { running: {} } }] }
  const creating = { phase: 'Pending', containerStatuses: [{ state: { waiting: { reason: 'ContainerCreating' } } }] }
  const api = new StuckApi([
    aPod('fine', {}, running),
    aPod('going', { ...terminating, finalizers: ['a.example/b'] }),
    aPod('evicted', {}, { phase: 'Failed', reason: 'Evicted', message: 'disk' }),
    aPod('of-a-job', { ownerReferences: [{ kind: 'Job', name: 'report' }] }, { phase: 'Failed' }),
    aPod('done', {}, { phase: 'Succeeded' }),
    aPod('creating', {}, { ...creating, startTime: '2026-11-21T09:30:00Z' }),
    aPod('begun', {}, { ...creating, initContainerStatuses: [{ lastState: { terminated: {} } }] }),
    aPod('unplaced', {}, { phase: 'Pending' }, ''),
    aPod('bare', { ownerReferences: [] }, { phase: 'Unknown' }),
    aPod(
      'lost',
      {},
      { phase: 'Failed', containerStatuses: [{ state: { terminated: { reason: 'ContainerStatusUnknown' } } }] },
    ),
    event('e1', 'u-creating', 'Scheduled', '2026-11-21T09:30:00Z'),
    event('e2', 'u-creating', 'FailedCreatePodSandBox', '2026-11-21T09:40:00Z'),
  ])
  const facts = await readStuck(api.kube)
  expect(stuckSchema.parse(facts)).toEqual(facts)
  expect(namesOf(facts.pods)).toEqual(['bare', 'creating', 'evicted', 'going', 'lost'])
  const pod = (name: string) => facts.pods.find((one) => one.name === name)
  expect(pod('going')).toMatchObject({
    dueMs: Date.parse('2026-11-21T09:00:00Z'),
    graceSeconds: 30,
    finalizers: ['a.example/b'],
    owner: 'ReplicaSet/web-5d9',
    isStatic: false,
  })
  expect(pod('creating')).toMatchObject({
    begun: false,
    waiting: 'ContainerCreating',
    sinceMs: Date.parse('2026-11-21T09:30:00Z'),
    lastEvent: { reason: 'FailedCreatePodSandBox' },
  })
  expect(pod('bare')?.owner).toBeNull()
  expect(pod('lost')?.reason).toBe('ContainerStatusUnknown')
  // What pods are told may be secret; facts stand in plans.
  expect(JSON.stringify(facts)).not.toContain('s3cret')
})

test('of a namespace that is being deleted: what remains in it in every group, and which of its conditions say so', async () => {
  const condition = (type: string, status: string) => ({ type, status, reason: 'r', message: 'm' })
  const api = new StuckApi([
    aNamespace('old', { deletionTimestamp: '2026-11-21T09:00:00Z' }, [
      condition('NamespaceContentRemaining', 'True'),
      condition('NamespaceDeletionDiscoveryFailure', 'False'),
    ]),
    aNamespace('shop'),
    anObject('Widget', 'old', 'held', { deletionTimestamp: '2026-11-21T09:00:00Z', finalizers: ['a.example/b'] }),
    anObject('Secret', 'old', 'token', {}, { data: { token: 's3cret' } }),
    anObject('Event', 'old', 'event', {}, { involvedObject: {} }),
    anObject('Widget', 'shop', 'elsewhere', {}),
  ])
  const facts = await readStuck(api.kube)
  expect(namesOf(facts.namespaces)).toEqual(['old'])
  const [old] = facts.namespaces
  expect(old?.specFinalizers).toEqual(['kubernetes'])
  expect(old?.conditions.map(({ type }) => type)).toEqual(['NamespaceContentRemaining'])
  expect(old?.unread).toEqual([])
  expect(namesOf(old?.remaining ?? [])).toEqual(['held', 'token'])
  expect(old?.remaining.find(({ name }) => name === 'held')).toEqual({
    ...{
      apiVersion: 'shop.example/v1',
      kind: 'Widget',
      plural: 'widgets',
      namespace: 'old',
      name: 'held',
      uid: 'u-held',
    },
    dueMs: Date.parse('2026-11-21T09:00:00Z'),
    finalizers: ['a.example/b'],
  })
  expect(JSON.stringify(facts)).not.toContain('s3cret')
})

test('a group that does not answer is named: what remains of it nobody knows', async () => {
  const api = new StuckApi([aNamespace('old', { deletionTimestamp: '2026-11-21T09:00:00Z' })])
  api.raw.set('/apis/shop.example/v1', { status: 503, body: 'service unavailable' })
  const [old] = (await readStuck(api.kube)).namespaces
  expect(old).toMatchObject({ remaining: [], unread: [{ what: 'shop.example/v1', why: 'HTTP 503' }] })
})

test('objects of a form that is not known, and names that would lead elsewhere, are told and not followed', async () => {
  const api = new StuckApi([
    aNamespace('old', { deletionTimestamp: '2026-11-21T09:00:00Z' }),
    anObject('Widget', 'old', '../../secrets', {}),
  ])
  const [old] = (await readStuck(api.kube)).namespaces
  expect(old).toMatchObject({
    remaining: [],
    unread: [{ what: 'widgets of shop.example/v1', why: 'the answer has a form that is not known here' }],
  })
  const strange = new StuckApi([anObject('Pod', 'shop', 'x', {}, { spec: 3, status: {} })])
  expect((await readStuck(strange.kube)).error).toMatch(/^a Pod has a form that is not known here: spec/)
})

test('an API that is away is a fact', async () => {
  const api = new StuckApi([])
  api.kube.list = () => Promise.reject(new KubeUnreachableError('no server'))
  expect(await readStuck(api.kube)).toEqual({ error: 'no server', pods: [], namespaces: [], silentApis: [] })
})

test('where nothing is being deleted, nothing is asked but what is there', async () => {
  const api = new StuckApi([aNamespace('shop'), aPod('fine', {}, { containerStatuses: [{ state: { running: {} } }] })])
  api.kube.raw = (path) => Promise.reject(new Error(`asked for ${path}`))
  expect(await readStuck(api.kube)).toEqual({ error: null, pods: [], namespaces: [], silentApis: [] })
})

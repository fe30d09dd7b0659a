import { beforeEach, describe, expect, it } from 'vitest'
import type { Operations } from '../../../src/lab/standin/api/operations.ts'
import { builtInType } from '../../../src/lab/standin/api/resources.ts'
import { eventOf } from '../../../src/lab/standin/api/watch.ts'
import type { ApiObject } from '../../../src/lab/standin/context.ts'
import { operationsInMemory } from './memory-etcd.ts'

const pods = builtInType('pods')
const pod = (name: string, more: object = {}): ApiObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...more },
  spec: { containers: [{ name: 'c', image: 'busybox' }] },
})

let api: Operations
beforeEach(async () => {
  api = await operationsInMemory()
})

const bind = (name: string) => api.update(pods, 'n', name, (one) => ({ ...one, spec: { ...one.spec, nodeName: 's1' } }))

describe('create', () => {
  it('fills in what the API server does', async () => {
    const created = await api.create(pods, 'n', pod('a'))
    expect(created.metadata).toMatchObject({ name: 'a', namespace: 'n', generation: 1, resourceVersion: '2' })
    expect(created.status.phase).toBe('Pending')
    expect(created.spec.tolerations).toHaveLength(2)
    expect(created.spec.containers[0].imagePullPolicy).toBe('Always')
  })
  it('makes a name from generateName', async () => {
    const created = await api.create(pods, 'n', { ...pod(''), metadata: { name: '', ...{ generateName: 'web-' } } })
    expect(created.metadata.name).toMatch(/^web-[a-z0-9]{5}$/)
  })
  it.each([
    ['one that is there', 'n', pod('there'), 409, 'pods "there" already exists'],
    ['in a namespace that is not', 'm', pod('a'), 404, 'namespaces "m" not found'],
    ['without a name', 'n', pod(''), 422, /name or generateName is required/],
    ['of another kind', 'n', { ...pod('a'), kind: 'Service' }, 400, /cannot be handled as a Service/],
  ])('refuses %s', async (_what, namespace, object, code, message) => {
    await api.create(pods, 'n', pod('there'))
    await expect(api.create(pods, namespace, object)).rejects.toMatchObject({
      code,
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    })
  })
  it('gives Services addresses of their own', async () => {
    const service = (name: string): ApiObject => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name },
      spec: { type: 'NodePort', ports: [{ port: 80 }] },
    })
    const [one, two] = [
      await api.create(builtInType('services'), 'n', service('a')),
      await api.create(builtInType('services'), 'n', service('b')),
    ]
    expect(one.spec.clusterIP).toMatch(/^10\.43\./)
    expect(one.spec.clusterIP).not.toBe(two.spec.clusterIP)
    expect(one.spec.ports[0].nodePort).not.toBe(two.spec.ports[0].nodePort)
    const fixed = { ...service('c'), spec: { clusterIP: one.spec.clusterIP, ports: [{ port: 80 }] } }
    await expect(api.create(builtInType('services'), 'n', fixed)).rejects.toMatchObject({ code: 422 })
  })
})

describe('update', () => {
  it('refuses an old resourceVersion', async () => {
    const first = await api.create(pods, 'n', pod('a'))
    await bind('a')
    await expect(api.update(pods, 'n', 'a', () => first)).rejects.toMatchObject({ code: 409 })
  })
  it('leaves the status to /status, and everything else to the rest', async () => {
    await api.create(pods, 'n', pod('a'))
    const change = (one: ApiObject) => ({ ...one, spec: { ...one.spec, nodeName: 's1' }, status: { phase: 'Running' } })
    const plain = await api.update(pods, 'n', 'a', change)
    expect([plain.spec.nodeName, plain.status.phase, plain.metadata.generation]).toEqual(['s1', 'Pending', 2])
    const status = await api.update(
      pods,
      'n',
      'a',
      (one) => ({ ...one, spec: {}, status: { phase: 'Running' } }),
      'status',
    )
    expect([status.spec.nodeName, status.status.phase]).toEqual(['s1', 'Running'])
  })
  it('writes nothing when nothing changes', async () => {
    const created = await api.create(pods, 'n', pod('a'))
    const same = await api.update(pods, 'n', 'a', (one) => one)
    expect(same.metadata.resourceVersion).toBe(created.metadata.resourceVersion)
  })
})

describe('delete', () => {
  it('a pod on a node stays, marked, until its kubelet confirms with grace 0', async () => {
    await api.create(pods, 'n', pod('a'))
    await bind('a')
    const marked = await api.delete(pods, 'n', 'a')
    expect(marked.metadata).toMatchObject({ deletionTimestamp: expect.any(String), deletionGracePeriodSeconds: 30 })
    await expect(api.get(pods, 'n', 'a')).resolves.toBeDefined()
    await api.delete(pods, 'n', 'a', { graceSeconds: 0 })
    await expect(api.get(pods, 'n', 'a')).rejects.toMatchObject({ code: 404 })
  })
  it('a pod that no node has goes at once', async () => {
    await api.create(pods, 'n', pod('a'))
    await api.delete(pods, 'n', 'a')
    await expect(api.get(pods, 'n', 'a')).rejects.toMatchObject({ code: 404 })
  })
  it('a finalizer holds it until the last one is taken away', async () => {
    await api.create(pods, 'n', pod('a', { finalizers: ['x'] }))
    await api.delete(pods, 'n', 'a')
    const held = await api.get(pods, 'n', 'a')
    expect(held.metadata.deletionTimestamp).toBeDefined()
    await api.update(pods, 'n', 'a', (one) => ({ ...one, metadata: { ...one.metadata, finalizers: [] } }))
    await expect(api.get(pods, 'n', 'a')).rejects.toMatchObject({ code: 404 })
  })
  it('a namespace stays until its own finalizers are taken away, which only `finalize` can', async () => {
    const type = builtInType('namespaces')
    await api.delete(type, undefined, 'n')
    const bare = (one: ApiObject) => ({ ...one, spec: { finalizers: [] } })
    expect((await api.update(type, undefined, 'n', bare)).spec).toEqual({ finalizers: ['kubernetes'] })
    const held = await api.get(type, undefined, 'n')
    expect(held.status).toEqual({ phase: 'Terminating' })
    await api.update(type, undefined, 'n', bare, 'finalize')
    await expect(api.get(type, undefined, 'n')).rejects.toMatchObject({ code: 404 })
  })
  it('a namespace that is not being deleted stays without finalizers', async () => {
    await api.finalize('n', 'kubernetes')
    expect((await api.get(builtInType('namespaces'), undefined, 'n')).spec).toEqual({ finalizers: [] })
  })
  it('leaves dependents without their owner when told to orphan them', async () => {
    const owner = await api.create(pods, 'n', pod('owner'))
    const reference = { apiVersion: 'v1', kind: 'Pod', name: 'owner', uid: owner.metadata.uid ?? '' }
    await api.create(pods, 'n', pod('child', { ownerReferences: [reference] }))
    await api.delete(pods, 'n', 'owner', { orphan: true })
    expect((await api.get(pods, 'n', 'child')).metadata.ownerReferences).toEqual([])
  })
  it('minds the uid it was given', async () => {
    await api.create(pods, 'n', pod('a'))
    await expect(api.delete(pods, 'n', 'a', { uid: 'other' })).rejects.toMatchObject({ code: 409 })
  })
})

describe('the mirror', () => {
  it('knows what has changed since a revision, and when it no longer does', async () => {
    const { mirror } = api
    const from = mirror.revision
    await api.create(pods, 'n', pod('a'))
    await api.delete(pods, 'n', 'a')
    const changes = mirror.since(from) ?? []
    expect(changes.map((change) => change.current !== undefined)).toEqual([true, false])
    expect(mirror.since(-1)).toBeUndefined()
  })
  it('turns changes into events as a selector sees them', () => {
    const labelled = (app: string): ApiObject => pod('a', { labels: { app } })
    const isWeb = (one: ApiObject) => one.metadata.labels?.app === 'web'
    const event = (previous?: ApiObject, current?: ApiObject) =>
      eventOf({ key: 'k', revision: 7, ...(previous ? { previous } : {}), ...(current ? { current } : {}) }, isWeb)
    expect(event(undefined, labelled('web'))?.type).toBe('ADDED')
    expect(event(labelled('cli'), labelled('web'))?.type).toBe('ADDED')
    expect(event(labelled('web'), labelled('web'))?.type).toBe('MODIFIED')
    expect(event(labelled('web'), labelled('cli'))).toMatchObject({
      type: 'DELETED',
      object: { metadata: { resourceVersion: '7' } },
    })
    expect(event(labelled('web'), undefined)?.type).toBe('DELETED')
    expect(event(labelled('cli'), labelled('cli'))).toBeUndefined()
  })
})

it('serves the kinds that a CustomResourceDefinition adds', async () => {
  const version = { name: 'v1', served: true, storage: true, subresources: { status: {} } }
  await api.create(builtInType('customresourcedefinitions'), undefined, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'charts.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { kind: 'Chart', plural: 'charts' },
      versions: [version, { ...version, name: 'v2', served: false }],
    },
  })
  const type = api.type('example.com', 'v1', 'charts')
  expect(type).toMatchObject({ kind: 'Chart', singular: 'chart', custom: true, status: true })
  expect(api.type('example.com', 'v2', 'charts')).toBeUndefined()
})

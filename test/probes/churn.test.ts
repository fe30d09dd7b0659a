import { expect, test } from 'vitest'
import type { KubeApi, KubeObject } from '../../src/kube/api.ts'
import { KubeError } from '../../src/kube/errors.ts'
import { watchChurn } from '../../src/probes/churn.ts'

const kinds: Record<string, { group: string; kind: string }> = {
  pods: { group: '/api/v1', kind: 'Pod' },
  namespaces: { group: '/api/v1', kind: 'Namespace' },
  endpointslices: { group: '/apis/discovery.k8s.io/v1', kind: 'EndpointSlice' },
  networkpolicies: { group: '/apis/networking.k8s.io/v1', kind: 'NetworkPolicy' },
}
const object = (name: string, rest: object = {}, metadata: object = {}): object => ({
  metadata: { name, namespace: 'shop', resourceVersion: '7', ...metadata },
  ...rest,
})
const ownedBy = (kind: string, name: string) => ({ ownerReferences: [{ kind, name }] })

/** An API with these objects at first and these events; the watch of `pods` ends all of it. */
function scene(at: Record<string, object[]>, events: Record<string, [string, object][]>, jobs: KubeObject[] = []) {
  const stop = new AbortController()
  const api = {
    list: async () => [{ apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'report', namespace: 'shop' } }],
    get: async (_: unknown, name: string) => jobs.find((job) => job.metadata.name === name) ?? null,
    raw: async (path: string) => {
      const items = at[path.split('/').at(-1) ?? '']
      const resources = Object.entries(kinds)
        .filter(([, { group }]) => group === path)
        .map(([name, { kind }]) => ({ name, kind }))
      const body = path.endsWith('v1') ? { resources } : { metadata: { resourceVersion: '9' }, items: items ?? [] }
      return { status: 200, body: JSON.stringify(body) }
    },
    async *follow(path: string, { signal }: { signal: AbortSignal }) {
      const name = path.split('?')[0]?.split('/').at(-1) ?? ''
      for (const [type, one] of events[name] ?? []) yield { type, object: one }
      if (name === 'pods') setImmediate(() => stop.abort())
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
    },
  } as unknown as KubeApi
  const clock = {
    nowMs: () => 1_000,
    sleep: (_: number, signal?: AbortSignal) =>
      new Promise<void>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true })),
  }
  return { api, options: { clock, durationMs: 60_000, signal: stop.signal } }
}

test('what kube-router looks at is told, what it does not is not', async () => {
  const running = { status: { phase: 'Running', podIP: '10.42.0.9', conditions: [] } }
  const { api, options } = scene(
    { pods: [object('web-0', running)] },
    {
      pods: [
        ['MODIFIED', object('web-0', { status: { ...running.status, conditions: [{ type: 'Ready' }] } })],
        ['MODIFIED', object('web-0', { status: { ...running.status, phase: 'Succeeded' } })],
        ['DELETED', object('web-0', running)],
      ],
      endpointslices: [['ADDED', object('web-x1', { endpoints: [] }, ownedBy('Service', 'web'))]],
      networkpolicies: [['ADDED', object('allow', { spec: {} })]],
      namespaces: [['ADDED', { metadata: { name: 'new', resourceVersion: '7' } }]],
    },
  )
  const told: string[] = []
  const { churn, problem } = await watchChurn(api, {
    ...options,
    onChurn: ({ kind, verb, namespace, name, owner }) => told.push(`${kind} ${verb} ${namespace}/${name} ${owner}`),
  })
  expect(told.toSorted()).toEqual([
    'EndpointSlice added shop/web-x1 Service/web',
    'Namespace added /new null',
    'NetworkPolicy added shop/allow null',
    'Pod deleted shop/web-0 null',
    'Pod modified shop/web-0 null',
  ])
  expect(churn).toHaveLength(5)
  expect(churn.every(({ atMs }) => atMs === 1_000)).toBe(true)
  expect(problem).toBeNull()
})

test("a Job's pod is its CronJob's, also when the Job is gone before it can be asked for", async () => {
  const job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'nightly-29000000', namespace: 'shop', ...ownedBy('CronJob', 'nightly') },
  } as KubeObject
  const { api, options } = scene(
    {},
    {
      pods: [
        ['ADDED', object('a', {}, ownedBy('Job', 'nightly-29000000'))],
        ['ADDED', object('b', {}, ownedBy('Job', 'report-29000001'))],
        ['ADDED', object('c', {}, ownedBy('Job', 'by-hand'))],
        ['ADDED', object('d', {}, ownedBy('ReplicaSet', 'web-5d'))],
      ],
    },
    [job],
  )
  const { churn } = await watchChurn(api, options)
  expect(churn.map(({ owner }) => owner)).toEqual([
    'CronJob/nightly',
    'CronJob/report',
    'Job/by-hand',
    'ReplicaSet/web-5d',
  ])
})

test('what the API refuses is said, and the rest is watched', async () => {
  const { api, options } = scene({}, { pods: [['ADDED', object('a')]] })
  const follow = api.follow
  api.follow = (path, rest) => {
    if (path.includes('networkpolicies')) throw new KubeError(403, 'networkpolicies is forbidden')
    return follow(path, rest)
  }
  const { churn, problem } = await watchChurn(api, options)
  expect(churn).toHaveLength(1)
  expect(problem).toBe('networkpolicies is forbidden')
})

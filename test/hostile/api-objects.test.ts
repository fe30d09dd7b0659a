import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect } from 'vitest'
import { parse } from 'yaml'
import type { Json } from '../../src/engine/model.ts'
import { kubeSchema } from '../../src/facts/kube.ts'
import { readKube } from '../../src/facts/read-kube.ts'
import { readStuck } from '../../src/facts/read-stuck.ts'
import { stuckSchema } from '../../src/facts/stuck.ts'
import type { KubeApi } from '../../src/kube/api.ts'
import { hostile } from './support/cases.ts'
import { hostileText } from './support/hostile-text.ts'
import { mutated } from './support/mutations.ts'
import { cameOf } from './support/oracle.ts'

const recorded = (path: string) => readFileSync(new URL(`../fixtures/${path}`, import.meta.url), 'utf8')
const some = (path: string): Json[] => (parse(recorded(path)) as { items: Json[] }).items.slice(0, 2)
const lists: Record<string, Json[]> = {
  Node: some('k3s-1.21.3/A-running/kube/nodes.yaml'),
  Pod: some('k3s-1.21.3/A-running/kube/pods.yaml'),
  Namespace: some('k3s-1.21.3/A-running/kube/ns.yaml'),
  NetworkPolicy: some('k3s-1.21.3/A-running/kube/netpol.yaml'),
  Service: some('k3s-1.21.3/A-running/kube/svc.yaml'),
  CiliumNode: some('facts/ciliumnodes.yaml'),
  CiliumEndpoint: some('facts/ciliumendpoints.yaml'),
  Lease: [
    {
      metadata: { namespace: 'kube-node-lease', name: 'k1' },
      spec: { holderIdentity: 'k1', renewTime: '2026-11-21T07:10:00.500000Z' },
    },
  ],
  CronJob: [{ metadata: { namespace: 'data', name: 'report' }, spec: { suspend: true, schedule: '* * * * *' } }],
}
const single: Record<string, Json> = {
  HelmChart: { metadata: { name: 'cilium' }, spec: { version: '1.17.6', valuesContent: 'a: b' } },
  ConfigMap: { metadata: { name: 'cilium-config' }, data: { 'enable-policy': 'never' } },
  DaemonSet: { metadata: { name: 'cilium', generation: 1 }, status: { desiredNumberScheduled: 3, numberReady: 2 } },
}
const good = { lists, single } as unknown as Json

const answers = fc.tuple(mutated(good), hostileText)

hostile('API objects: contents', answers, async ([value, body]) => {
  const { lists: of, single: one } = Object(value) as { lists?: Record<string, Json[]>; single?: Record<string, Json> }
  const api = {
    list: async ({ kind }: { kind: string }) => {
      const items = of?.[kind]
      return Array.isArray(items) ? items : []
    },
    get: async ({ kind }: { kind: string }) => one?.[kind] ?? null,
    raw: async () => ({ status: 200, body }),
  } as unknown as KubeApi
  const facts = await cameOf(() => readKube(api))
  if (facts !== null) expect(kubeSchema.safeParse(facts).error).toBeUndefined()
})

const stuck: Record<string, Json[]> = {
  Pod: [
    {
      metadata: {
        namespace: 'shop',
        name: 'web',
        uid: 'u',
        deletionTimestamp: '2026-11-21T07:10:00Z',
        finalizers: ['a/b'],
      },
      spec: { nodeName: 'k1' },
      status: { phase: 'Pending', containerStatuses: [{ state: { waiting: { reason: 'ContainerCreating' } } }] },
    },
  ],
  Event: [
    {
      metadata: {},
      involvedObject: { uid: 'u' },
      reason: 'Failed',
      message: 'x',
      lastTimestamp: '2026-11-21T07:10:00Z',
    },
  ],
  Namespace: [
    { metadata: { name: 'old', uid: 'n', deletionTimestamp: '2026-11-21T07:10:00Z' }, status: { conditions: [] } },
  ],
  APIService: [{ metadata: { name: 'v1.x' }, spec: { service: {} }, status: { conditions: [] } }],
}
const answered: Record<string, Json> = {
  '/apis': { groups: [{ preferredVersion: { groupVersion: 'shop.example/v1' } }] },
  '/api/v1': { resources: [{ name: 'secrets', kind: 'Secret', namespaced: true, verbs: ['list', 'delete'] }] },
  '/apis/shop.example/v1': { resources: [] },
}
const held: Json = { items: [{ metadata: { name: 'held', uid: 'h', finalizers: ['a/b'] } }] }

hostile('API objects: what hangs', mutated({ stuck, answered, held } as unknown as Json), async (value) => {
  const { stuck: of, answered: documents, held: inside } = Object(value) as Record<string, Record<string, Json>>
  const api = {
    list: async ({ kind }: { kind: string }) => (Array.isArray(of?.[kind]) ? of[kind] : []),
    raw: async (path: string) => {
      // Whatever a group or an object is called: no path leads out of where it belongs.
      expect(path).toMatch(/^\/apis?(\/[a-z0-9.-]+){0,2}(\/namespaces\/[^/]+\/[a-z0-9.-]+)?$/)
      expect(path).not.toMatch(/\/\.\.?(\/|$)/)
      return { status: 200, body: JSON.stringify(documents?.[path] ?? inside) ?? '' }
    },
  } as unknown as KubeApi
  const facts = await cameOf(() => readStuck(api))
  if (facts !== null) expect(stuckSchema.safeParse(facts).error).toBeUndefined()
})

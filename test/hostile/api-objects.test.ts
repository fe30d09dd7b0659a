import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect } from 'vitest'
import { parse } from 'yaml'
import type { Json } from '../../src/engine/model.ts'
import { kubeSchema } from '../../src/facts/kube.ts'
import { readKube } from '../../src/facts/read-kube.ts'
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

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { kubeSchema } from '../../src/facts/kube.ts'
import { readKube } from '../../src/facts/read-kube.ts'
import type { KindRef, KubeApi, KubeObject } from '../../src/kube/api.ts'
import { KubeError, KubeUnreachableError } from '../../src/kube/errors.ts'

const recorded = (path: string) => readFileSync(new URL(`../fixtures/${path}`, import.meta.url), 'utf8')
const items = (path: string): KubeObject[] => (parse(recorded(path)) as { items: KubeObject[] }).items
/** `kubectl version -o json`: the API's own answer is in it. */
const version = JSON.stringify((JSON.parse(recorded('facts/version.json')) as { serverVersion: object }).serverVersion)
const object = (kind: string, apiVersion: string, namespace: string | undefined, name: string, rest: object) =>
  ({ kind, apiVersion, metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, ...rest }) as KubeObject

/** An API that holds these objects, and nothing of kinds that are not among them. */
function api(objects: readonly KubeObject[], over: Partial<KubeApi> = {}): KubeApi {
  const no = () => Promise.reject(new Error('a read changes nothing'))
  const is = (kind: KindRef) => (one: KubeObject) => one.kind === kind.kind && one.apiVersion === kind.apiVersion
  return {
    list: async (kind) => objects.filter(is(kind)),
    get: async (kind, name, namespace) =>
      objects.filter(is(kind)).find((one) => one.metadata.name === name && one.metadata.namespace === namespace) ??
      null,
    create: no,
    patch: no,
    replace: no,
    delete: no,
    finalize: no,
    raw: async () => ({ status: 200, body: version }),
    follow: () => {
      throw new Error('nothing is watched')
    },
    close: async () => undefined,
    ...over,
  }
}

const lease = (namespace: string, name: string) =>
  object('Lease', 'coordination.k8s.io/v1', namespace, name, {
    spec: { holderIdentity: `${name}_1`, renewTime: '2026-11-21T07:10:00.500000Z' },
  })
const cluster = [
  ...items('k3s-1.21.3/A-running/kube/nodes.yaml'),
  ...items('k3s-1.21.3/A-running/kube/pods.yaml'),
  ...items('k3s-1.21.3/A-running/kube/netpol.yaml'),
  ...items('k3s-1.21.3/A-running/kube/svc.yaml'),
  ...items('facts/ciliumnodes.yaml'),
  ...items('facts/ciliumendpoints.yaml'),
  lease('kube-node-lease', 'k1'),
  lease('kube-system', 'kube-scheduler'),
  object('CronJob', 'batch/v1', 'data', 'report', { spec: { suspend: true, schedule: '*/5 * * * *' } }),
  object('Kustomization', 'kustomize.toolkit.fluxcd.io/v1', 'flux-system', 'apps', { spec: {} }),
  object('HelmChart', 'helm.cattle.io/v1', 'kube-system', 'cilium', {
    spec: { version: '1.17.6', valuesContent: 'a: b' },
  }),
  object('ConfigMap', 'v1', 'kube-system', 'cilium-config', { data: { 'enable-policy': 'never' } }),
  object('DaemonSet', 'apps/v1', 'kube-system', 'cilium', { status: { desiredNumberScheduled: 3, numberReady: 2 } }),
]

test('a recorded cluster', async () => {
  const facts = kubeSchema.parse(await readKube(api(cluster)))
  expect(facts).toMatchObject({ reachable: true, error: null, version: 'v1.21.3-rc1+k3s1' })
  expect(facts.nodes.map((node) => node.name)).toEqual(['k1', 'k2', 'k3'])
  expect(facts.nodes[0]).toMatchObject({
    internalIp: '10.99.0.11',
    podCidr: '10.42.0.0/24',
    ready: true,
    heartbeatMs: Date.parse('2026-11-21T07:10:00.500Z'),
    unschedulable: false,
    kubeletVersion: 'v1.21.3-rc1+k3s1',
    // 1.21 has no such condition.
    etcdVoter: null,
  })
  expect(facts.nodes[1]?.heartbeatMs).toBeNull()
  expect(facts.pods.find((pod) => pod.name === 'cli-896c755b-ts7sf')).toMatchObject({
    namespace: 'data',
    node: 'k2',
    phase: 'Running',
    hostNetwork: false,
    ready: true,
    owner: 'ReplicaSet/cli-896c755b',
    ports: [8080],
    hostPorts: [],
    waiting: null,
  })
  expect(facts.policies.length).toBeGreaterThan(50)
  expect(
    facts.policies.find(({ namespace, name }) => namespace === 'pay' && name === 'allow-web-from-cli'),
  ).toMatchObject({
    spec: { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress'] },
  })
  expect(facts.services.find((service) => service.name === 'kubernetes')).toMatchObject({
    type: 'ClusterIP',
    clusterIp: '10.43.0.1',
  })
  expect(facts.cronJobs).toEqual([
    { namespace: 'data', name: 'report', schedule: '*/5 * * * *', suspended: true, ours: false },
  ])
  expect(facts.flux).toMatchObject([{ kind: 'Kustomization', name: 'apps', suspended: false }])
  expect(facts.leases).toContainEqual({
    namespace: 'kube-system',
    name: 'kube-scheduler',
    holder: 'kube-scheduler_1',
    renewMs: Date.parse('2026-11-21T07:10:00.500Z'),
  })
  expect(facts.cilium).toMatchObject({
    chart: { version: '1.17.6', values: 'a: b' },
    config: { 'enable-policy': 'never' },
    daemonSet: { desired: 3, ready: 2, updated: 0, generation: 0, observed: 0 },
    operatorReady: 0,
    kinds: [],
  })
  expect(facts.cilium.nodes[0]?.podCidrs[0]).toMatch(/^10\.52\.\d+\.0\/24$/)
  expect(facts.cilium.endpoints[0]).toEqual({
    namespace: 'data',
    name: 'cli-896c755b-knzns',
    ip: '10.52.0.232',
    state: 'ready',
  })
})

test('a pod that waits says why; host ports count; an agent of Cilium is one by its label', async () => {
  const pod = {
    ...object('Pod', 'v1', 'kube-system', 'cilium-x', {
      spec: {
        nodeName: 'k1',
        hostNetwork: true,
        containers: [
          {
            ports: [
              { containerPort: 80, hostPort: 8080 },
              { containerPort: 53, protocol: 'UDP', hostPort: 53 },
            ],
          },
        ],
      },
      status: {
        phase: 'Pending',
        initContainerStatuses: [
          { name: 'config', restartCount: 4, state: { waiting: { reason: 'CrashLoopBackOff' } } },
        ],
        containerStatuses: [{ name: 'agent', restartCount: 0, state: { waiting: { reason: 'PodInitializing' } } }],
      },
    }),
    metadata: { name: 'cilium-x', namespace: 'kube-system', uid: 'u', labels: { 'k8s-app': 'cilium' } },
  }
  const facts = kubeSchema.parse(await readKube(api([pod])))
  expect(facts.pods[0]).toMatchObject({
    hostNetwork: true,
    ready: false,
    ip: null,
    ports: [80],
    hostPorts: [8080],
    waiting: 'CrashLoopBackOff',
  })
  expect(facts.cilium.agents).toMatchObject([
    { name: 'cilium-x', node: 'k1', ready: false, startedMs: null, waiting: 'CrashLoopBackOff', restarts: 4 },
  ])
})

test('a member`s vote, taints and a lease that nobody holds', async () => {
  const node = object('Node', 'v1', undefined, 'k1', {
    spec: {
      unschedulable: true,
      taints: [
        { key: 'a', effect: 'NoSchedule' },
        { key: 'b', value: 'c', effect: 'NoExecute' },
      ],
    },
    status: { conditions: [{ type: 'EtcdIsVoter', status: 'False' }], nodeInfo: { kubeletVersion: 'v1' } },
  })
  const unheld = object('Lease', 'coordination.k8s.io/v1', 'kube-system', 'x', {
    spec: { holderIdentity: '', renewTime: null },
  })
  const facts = await readKube(api([node, unheld]))
  expect(facts.nodes[0]).toMatchObject({
    etcdVoter: 'False',
    ready: false,
    unschedulable: true,
    taints: ['a:NoSchedule', 'b=c:NoExecute'],
    internalIp: '',
  })
  expect(facts.leases).toEqual([{ namespace: 'kube-system', name: 'x', holder: null, renewMs: null }])
})

test('an API that cannot be reached, or has no leader, is a fact', async () => {
  const unreachable = api([], { raw: () => Promise.reject(new KubeUnreachableError('no server answers')) })
  expect(kubeSchema.parse(await readKube(unreachable))).toMatchObject({
    reachable: false,
    error: 'no server answers',
    nodes: [],
  })
  const leaderless = api([], { list: () => Promise.reject(new KubeError(503, 'etcdserver: no leader')) })
  expect(await readKube(leaderless)).toMatchObject({ reachable: false, error: 'etcdserver: no leader' })
})

test('kinds that are not served have no objects', async () => {
  const notFound = api(cluster, {
    list: async (kind) => {
      if (!kind.apiVersion.includes('cilium.io') && !kind.apiVersion.includes('fluxcd')) return api(cluster).list(kind)
      throw new KubeError(404, 'the server could not find the requested resource')
    },
  })
  expect(await readKube(notFound)).toMatchObject({ reachable: true, flux: [], cilium: { nodes: [], endpoints: [] } })
})

test('an object of a form that is not known is named', async () => {
  const strange = object('Service', 'v1', 'data', 'web', { spec: { ports: 'none' } })
  await expect(readKube(api([strange]))).rejects.toThrow('Service data/web: spec.ports')
  const nameless = { kind: 'Service', apiVersion: 'v1' } as KubeObject
  await expect(readKube(api([nameless]))).rejects.toThrow('Service (without a name): metadata')
})

import { describe, expect, it } from 'vitest'
import { builtIn } from '../../../src/lab/standin/api/resources.ts'
import { budgets } from '../../../src/lab/standin/controllers/budgets.ts'
import { apiServerEndpoints, endpoints } from '../../../src/lab/standin/controllers/endpoints.ts'
import { garbage } from '../../../src/lab/standin/controllers/garbage.ts'
import { helm } from '../../../src/lab/standin/controllers/helm.ts'
import { ownerOf } from '../../../src/lab/standin/controllers/model.ts'
import { nodeIpam } from '../../../src/lab/standin/controllers/node-ipam.ts'
import { nodeLifecycle } from '../../../src/lab/standin/controllers/node-lifecycle.ts'
import { scheduler } from '../../../src/lab/standin/controllers/scheduler.ts'
import { node, object, ready, viewOf } from './view.ts'

const pod = (name: string, spec: object = {}, more: object = {}, labels: Record<string, string> = {}) =>
  object('Pod', name, { spec: { containers: [], ...spec }, status: { phase: 'Pending' }, ...more }, { labels })

describe('scheduler', () => {
  const bound = (pods: ReturnType<typeof pod>[], nodes: ReturnType<typeof node>[]) =>
    scheduler(viewOf({ pods, nodes }))
      .filter((action) => action.do === 'merge')
      .map((action) => [action.name, (action.patch as { spec: { nodeName: string } }).spec.nodeName])

  it('spreads', () => {
    expect(bound([pod('a'), pod('b')], [node('s1'), node('s2')])).toEqual([
      ['a', 's1'],
      ['b', 's2'],
    ])
  })
  it('minds selectors, affinity, cordons and taints', () => {
    const nodes = [
      node('s1', { spec: { unschedulable: true } }),
      node('s2', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }),
      node('s3'),
    ]
    expect(bound([pod('a')], nodes)).toEqual([['a', 's3']])
    expect(
      bound(
        [pod('a', { nodeSelector: { 'kubernetes.io/hostname': 's2' }, tolerations: [{ operator: 'Exists' }] })],
        nodes,
      ),
    ).toEqual([['a', 's2']])
    expect(bound([pod('a', { nodeSelector: { 'kubernetes.io/hostname': 's1' } })], nodes)).toEqual([])
    const required = {
      nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['s3'] }] }],
    }
    expect(
      bound(
        [pod('a', { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } } })],
        nodes,
      ),
    ).toEqual([['a', 's3']])
  })
  it('keeps pods apart that ask for it, and host ports free', () => {
    const apart = {
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'op' } } },
          ],
        },
      },
    }
    expect(bound([pod('a', apart, {}, { app: 'op' }), pod('b', apart, {}, { app: 'op' })], [node('s1')])).toEqual([
      ['a', 's1'],
    ])
    const port = { containers: [{ ports: [{ hostPort: 80, protocol: 'TCP' }] }] }
    expect(bound([pod('a', port), pod('b', port)], [node('s1')])).toEqual([['a', 's1']])
  })
  it('puts a pod only where the one is that it asks for', () => {
    const beside = {
      affinity: {
        podAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'agent' } } },
          ],
        },
      },
    }
    const agent = pod('agent', { nodeName: 's2' }, {}, { app: 'agent' })
    expect(bound([pod('a', beside), agent], [node('s1'), node('s2')])).toEqual([['a', 's2']])
    expect(bound([pod('a', beside)], [node('s1'), node('s2')])).toEqual([])
  })
  it('says once why a pod cannot be placed', () => {
    const [action] = scheduler(viewOf({ pods: [pod('a')], nodes: [] }))
    expect(action).toMatchObject({
      do: 'status',
      status: { conditions: [{ status: 'False', reason: 'Unschedulable' }] },
    })
    const waiting = pod('a', {}, { status: { conditions: [{ status: 'False' }] } })
    expect(scheduler(viewOf({ pods: [waiting], nodes: [] }))).toEqual([])
  })
})

describe('node lifecycle', () => {
  const lease = (renewTime: string) => object('Lease', 's1', { spec: { renewTime } }, { namespace: 'kube-node-lease' })
  const longAgo = new Date('2026-01-01T11:00:00Z')

  it('marks a node whose lease is 40 s old, and taints it', () => {
    const actions = nodeLifecycle(longAgo)(viewOf({ nodes: [node('s1')], leases: [lease('2026-01-01T11:59:19Z')] }))
    expect(actions).toMatchObject([
      { do: 'status', status: { conditions: [{ type: 'Ready', status: 'Unknown' }, {}, {}, {}] } },
    ])
    expect(nodeLifecycle(longAgo)(viewOf({ nodes: [node('s1')], leases: [lease('2026-01-01T11:59:21Z')] }))).toEqual([])
  })
  it('taints a cordoned node, and takes the taint from it again', () => {
    const taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }
    const look = (spec: object) =>
      nodeLifecycle(longAgo)(viewOf({ nodes: [node('s1', { spec })], leases: [lease('2026-01-01T11:59:59Z')] }))
    expect(look({ unschedulable: true })).toMatchObject([{ patch: { spec: { taints: [taint] } } }])
    expect(look({ unschedulable: true, taints: [taint] })).toEqual([])
    expect(look({ taints: [{ key: 'mine' }, taint] })).toMatchObject([
      { patch: { spec: { taints: [{ key: 'mine' }] } } },
    ])
    expect(look({ taints: [taint] })).toMatchObject([{ patch: { spec: { taints: null } } }])
  })
  it('leaves a stale Ready as it is until it has itself looked for 40 s', () => {
    const since = new Date('2026-01-01T11:59:50Z')
    expect(nodeLifecycle(since)(viewOf({ nodes: [node('s1')], leases: [lease('2026-01-01T11:00:00Z')] }))).toEqual([])
  })
  it('evicts what does not tolerate it, the rest after its time', () => {
    const taints = ['NoSchedule', 'NoExecute'].map((effect) => ({
      key: 'node.kubernetes.io/not-ready',
      effect,
      ...(effect === 'NoExecute' ? { timeAdded: '2026-01-01T11:55:30Z' } : {}),
    }))
    const broken = node('s1', { spec: { taints }, status: { conditions: [{ type: 'Ready', status: 'False' }] } })
    const tolerating = (tolerationSeconds?: number) => ({
      nodeName: 's1',
      tolerations: [{ operator: 'Exists', ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }) }],
    })
    const pods = [
      pod('never', tolerating()),
      pod('soon', tolerating(300)),
      pod('due', tolerating(200)),
      pod('now', { nodeName: 's1' }),
    ]
    const actions = nodeLifecycle(longAgo)(viewOf({ nodes: [broken], leases: [lease('2026-01-01T11:59:59Z')], pods }))
    expect(actions.map((action) => 'name' in action && action.name)).toEqual(['due', 'now'])
  })
})

it('node ranges: the lowest free one', () => {
  const nodes = [
    node('s1', { spec: { podCIDR: '10.42.0.0/24' } }),
    node('s2'),
    node('s3', { spec: { podCIDR: '10.42.2.0/24' } }),
    node('s4'),
  ]
  const given = nodeIpam('10.42.0.0/16')(viewOf({ nodes })).map(
    (action) => action.do === 'merge' && (action.patch as { spec: { podCIDR: string } }).spec.podCIDR,
  )
  expect(given).toEqual(['10.42.1.0/24', '10.42.3.0/24'])
})

describe('endpoints', () => {
  const service = object('Service', 'web', {
    spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http', protocol: 'TCP' }] },
  })
  it('lists ready and waiting pods, with the port that the pod calls so', () => {
    const spec = { nodeName: 's1', containers: [{ ports: [{ name: 'http', containerPort: 8080 }] }] }
    const pods = [
      pod('a', spec, { status: { ...ready, podIP: '10.42.0.2' } }, { app: 'web' }),
      pod('b', spec, { status: { phase: 'Running', podIP: '10.42.0.3' } }, { app: 'web' }),
    ]
    const [slice, old] = endpoints(viewOf({ services: [service], pods }))
    expect(slice).toMatchObject({
      do: 'create',
      object: {
        ports: [{ port: 8080 }],
        endpoints: [{ addresses: ['10.42.0.2'], conditions: { ready: true } }, { conditions: { ready: false } }],
      },
    })
    expect(old).toMatchObject({
      object: { subsets: [{ addresses: [{ ip: '10.42.0.2' }], notReadyAddresses: [{ ip: '10.42.0.3' }] }] },
    })
  })
  it('takes an API server out when it has not been heard of for 15 s', () => {
    const kubernetes = object('Service', 'kubernetes', { spec: {} }, { namespace: 'default' })
    const lease = (ip: string, renewTime: string) => object('MasterLease', ip, { renewTime })
    const view = viewOf({
      services: [kubernetes],
      masterleases: [lease('10.0.0.1', '2026-01-01T11:59:50Z'), lease('10.0.0.2', '2026-01-01T11:59:40Z')],
    })
    expect(apiServerEndpoints(view)[0]).toMatchObject({ object: { endpoints: [{ addresses: ['10.0.0.1'] }] } })
  })
})

describe('garbage', () => {
  it('takes what has lost all its owners', () => {
    const orphan = object(
      'Pod',
      'orphan',
      {},
      { ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'gone' }] },
    )
    const kept = object('Pod', 'kept')
    const actions = garbage(() => builtIn)(viewOf({ pods: [orphan, kept] }))
    expect(actions.map((action) => 'name' in action && [action.do, action.name])).toEqual([['delete', 'orphan']])
  })
})

describe('a budget', () => {
  const web = { app: 'web' }
  const statusOf = (spec: object, pods: ReturnType<typeof pod>[], replicasets: ReturnType<typeof pod>[] = []) => {
    const budget = object('PodDisruptionBudget', 'b', { spec: { ...spec, selector: { matchLabels: web } } })
    const [action] = budgets(viewOf({ poddisruptionbudgets: [budget], pods, replicasets }))
    return action?.do === 'status' ? action.status : undefined
  }

  it('allows as many disruptions as pods are healthy beyond what is wanted', () => {
    const pods = [pod('a', {}, { status: ready }, web), pod('b', {}, { status: ready }, web), pod('c', {}, {}, web)]
    expect(statusOf({ minAvailable: 2 }, pods)).toMatchObject({
      expectedPods: 3,
      currentHealthy: 2,
      desiredHealthy: 2,
      disruptionsAllowed: 0,
    })
  })
  it('goes by what the controllers are scaled to, not by the pods that are there meanwhile', () => {
    const set = object('ReplicaSet', 'web', { spec: { replicas: 2 } })
    const owned = (name: string, status: object, metadata = {}) =>
      object('Pod', name, { spec: {}, status }, { labels: web, ownerReferences: ownerOf(set), ...metadata })
    const ending = owned('a', ready, { deletionTimestamp: 't' })
    const both = [ending, owned('b', ready), owned('c', ready)]
    for (const spec of [{ maxUnavailable: 1 }, { minAvailable: '50%' }]) {
      expect(statusOf(spec, both, [set])).toMatchObject({ expectedPods: 2, desiredHealthy: 1, disruptionsAllowed: 1 })
      expect(statusOf(spec, [ending, owned('b', ready)], [set])).toMatchObject({ disruptionsAllowed: 0 })
    }
  })
})

describe('helm', () => {
  const spec = {
    chart: 'cilium',
    version: '1.17.6',
    repo: 'https://helm.cilium.io',
    targetNamespace: 'kube-system',
    bootstrap: true,
    failurePolicy: 'abort',
    valuesContent: 'a: 1',
  }
  const chart = object('HelmChart', 'cilium', { spec }, { finalizers: ['wrangler.cattle.io/on-helm-chart-remove'] })
  const charts = { 'helm.cattle.io/helmcharts': [chart] }

  it('holds the chart first, then makes values and job', () => {
    const bare = { ...chart, metadata: { ...chart.metadata, finalizers: [] } }
    expect(helm(viewOf({ 'helm.cattle.io/helmcharts': [bare] }))).toMatchObject([
      { do: 'merge', patch: { metadata: { finalizers: expect.any(Array) } } },
    ])
    const [secret, job] = helm(viewOf(charts))
    expect(secret).toMatchObject({
      do: 'create',
      object: { metadata: { name: 'chart-values-cilium' }, data: { 'values-01_HelmChart.yaml': 'YTogMQ==' } },
    })
    expect(job).toMatchObject({
      object: {
        metadata: { name: 'helm-install-cilium' },
        spec: { backoffLimit: 1000, template: { spec: { hostNetwork: true, containers: [{ args: ['install'] }] } } },
      },
    })
    expect(JSON.stringify(job)).toContain('{"name":"FAILURE_POLICY","value":"abort"}')
  })
  it('runs the job anew when the chart has changed, and only then', () => {
    const actions = helm(viewOf(charts))
    const jobs = actions.flatMap((action) =>
      action.do === 'create' && action.collection === 'jobs' ? [action.object] : [],
    )
    const secrets = actions.flatMap((action) =>
      action.do === 'create' && action.collection === 'secrets' ? [action.object] : [],
    )
    const status = { jobName: 'helm-install-cilium' }
    expect(helm(viewOf({ 'helm.cattle.io/helmcharts': [{ ...chart, status }], jobs, secrets }))).toEqual([])
    const changed = { ...chart, status, spec: { ...spec, valuesContent: 'a: 2' } }
    const next = helm(viewOf({ 'helm.cattle.io/helmcharts': [changed], jobs, secrets }))
    expect(next.map((action) => [action.do, 'collection' in action && action.collection])).toEqual([
      ['merge', 'secrets'],
      ['delete', 'jobs'],
    ])
  })
  it('uninstalls by a job, and lets the chart go when that has succeeded', () => {
    const deleted = { ...chart, metadata: { ...chart.metadata, deletionTimestamp: 't' } }
    expect(helm(viewOf({ 'helm.cattle.io/helmcharts': [deleted] }))).toMatchObject([
      { object: { metadata: { name: 'helm-delete-cilium' } } },
    ])
    const onHost = { spec: { template: { spec: { hostNetwork: true } } } }
    const job = object('Job', 'helm-delete-cilium', { ...onHost, status: { succeeded: 1 } })
    const actions = helm(viewOf({ 'helm.cattle.io/helmcharts': [deleted], jobs: [job] }))
    expect(actions.at(-1)).toMatchObject({ do: 'merge', patch: { metadata: { finalizers: null } } })
    const onPods = object('Job', 'helm-delete-cilium', { spec: { template: { spec: {} } } })
    expect(helm(viewOf({ 'helm.cattle.io/helmcharts': [deleted], jobs: [onPods] }))).toMatchObject([
      { do: 'delete', name: 'helm-delete-cilium' },
    ])
  })
})

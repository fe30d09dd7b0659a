import { describe, expect, it } from 'vitest'
import { daemonSets } from '../../../src/lab/standin/controllers/daemonset.ts'
import { deployments } from '../../../src/lab/standin/controllers/deployment.ts'
import { jobs } from '../../../src/lab/standin/controllers/job.ts'
import { ownerOf } from '../../../src/lab/standin/controllers/model.ts'
import { podFrom, templateHash } from '../../../src/lab/standin/controllers/pod-template.ts'
import { replicaSets } from '../../../src/lab/standin/controllers/replicaset.ts'
import { node, object, ready, viewOf } from './view.ts'

const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }

describe('deployments', () => {
  const spec = { replicas: 2, selector: { matchLabels: { app: 'web' } }, template, strategy: { type: 'RollingUpdate' } }
  const deployment = object('Deployment', 'web', { spec })

  it('makes a ReplicaSet whose pods carry the template hash', () => {
    const [action] = deployments(viewOf({ deployments: [deployment] }))
    expect(action).toMatchObject({ do: 'create', collection: 'replicasets', object: { spec: { replicas: 2 } } })
    if (action?.do === 'create')
      expect(action.object.spec.template.metadata.labels['pod-template-hash']).toBe(templateHash(template))
  })
  it('shrinks the old set only as the new one becomes ready', () => {
    const set = (hash: string, readyReplicas: number) =>
      object(
        'ReplicaSet',
        `web-${hash}`,
        { spec: { replicas: 2 }, status: { replicas: 2, readyReplicas } },
        { labels: { 'pod-template-hash': hash }, ownerReferences: ownerOf(deployment) },
      )
    const scaled = (readyNew: number) =>
      deployments(
        viewOf({ deployments: [deployment], replicasets: [set(templateHash(template), readyNew), set('old', 2)] }),
      )
        .filter((action) => action.do === 'merge')
        .map((action) => [action.name, action.patch])
    expect(scaled(0)).toEqual([])
    expect(scaled(1)).toEqual([['web-old', { spec: { replicas: 1 } }]])
    expect(scaled(2)).toEqual([['web-old', { spec: { replicas: 0 } }]])
  })
})

describe('replica sets', () => {
  const set = object('ReplicaSet', 'web-1', { spec: { replicas: 2, template } })
  const pod = (name: string, status: object) =>
    object('Pod', name, { spec: {}, status }, { ownerReferences: ownerOf(set) })

  it('create what is missing and count what is ready', () => {
    const actions = replicaSets(viewOf({ replicasets: [set], pods: [pod('a', ready)] }))
    expect(actions.map((action) => action.do)).toEqual(['create', 'status'])
    expect(actions[1]).toMatchObject({ status: { replicas: 1, readyReplicas: 1 } })
  })
  it('take away the pod that is not ready first', () => {
    const pods = [pod('a', ready), pod('b', { phase: 'Pending' }), pod('c', ready)]
    const [action] = replicaSets(viewOf({ replicasets: [set], pods }))
    expect(action).toMatchObject({ do: 'delete', name: 'b' })
  })
  it('leave a pod alone that somebody else owns', () => {
    const foreign = object('Pod', 'x', { spec: {}, status: ready })
    expect(
      replicaSets(viewOf({ replicasets: [set], pods: [foreign] })).filter((action) => action.do === 'create'),
    ).toHaveLength(2)
  })
})

describe('daemon sets', () => {
  const spec = {
    template: { ...template, spec: { ...template.spec, hostNetwork: true } },
    updateStrategy: { type: 'RollingUpdate' },
  }
  const set = object('DaemonSet', 'cilium', { spec })
  const on = (name: string, hash: string, status: object) => {
    const pod = podFrom(set, spec.template as never, { 'controller-revision-hash': hash })
    return {
      ...pod,
      metadata: { ...pod.metadata, name: `cilium-${name}`, uid: name },
      spec: { ...pod.spec, nodeName: name },
      status,
    }
  }
  const hash = templateHash(spec.template)

  it('want one pod for each node, aimed at it', () => {
    const actions = daemonSets(
      viewOf({ daemonsets: [set], nodes: [node('s1'), node('s2')], pods: [on('s1', hash, ready)] }),
    )
    const created = actions.filter((action) => action.do === 'create')
    expect(created).toHaveLength(1)
    expect(JSON.stringify(created)).toContain('"values":["s2"]')
    expect(actions.at(-1)).toMatchObject({ status: { desiredNumberScheduled: 2, numberReady: 1 } })
  })
  it('stay off nodes with a taint they do not tolerate, but not off unschedulable ones', () => {
    const tainted = node('s1', { spec: { taints: [{ key: 'x', effect: 'NoSchedule' }] } })
    const cordoned = node('s2', {
      spec: { unschedulable: true, taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] },
    })
    const created = daemonSets(viewOf({ daemonsets: [set], nodes: [tainted, cordoned] })).filter(
      (action) => action.do === 'create',
    )
    expect(JSON.stringify(created)).toContain('"s2"')
    expect(created).toHaveLength(1)
  })
  it('roll one at a time, and only while the others are ready', () => {
    const nodes = [node('s1'), node('s2')]
    const deleted = (first: string, second: object) =>
      daemonSets(viewOf({ daemonsets: [set], nodes, pods: [on('s1', first, ready), on('s2', hash, second)] }))
        .filter((action) => action.do === 'delete')
        .map((action) => action.name)
    expect(deleted('old', ready)).toEqual(['cilium-s1'])
    expect(deleted('old', { phase: 'Pending' })).toEqual([])
    expect(deleted(hash, ready)).toEqual([])
  })
  it('roll as many as may be unavailable', () => {
    const nodes = [node('s1'), node('s2'), node('s3')]
    const rolled = (maxUnavailable: number | string, ...hashes: string[]) => {
      const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable } }
      const pods = hashes.map((one, index) => on(`s${index + 1}`, one, ready))
      return daemonSets(viewOf({ daemonsets: [{ ...set, spec: { ...spec, updateStrategy } }], nodes, pods })).filter(
        (action) => action.do === 'delete',
      ).length
    }
    expect(rolled(2, 'old', 'old', 'old')).toBe(2)
    expect(rolled('34%', 'old', 'old', 'old')).toBe(2)
    expect(rolled(2, hash, 'old', hash)).toBe(1)
  })
  it('leave a node that no longer matches, by selector or by affinity', () => {
    const labelled = node('s1')
    labelled.metadata.labels = { ...labelled.metadata.labels, stage: 'b' }
    const required = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'stage', operator: 'In', values: ['b'] }] }] }
    const wishes = [
      { nodeSelector: { stage: 'b' } },
      { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } } },
    ]
    for (const wish of wishes) {
      const wishing = { ...spec, template: { ...spec.template, spec: { ...spec.template.spec, ...wish } } }
      const now = templateHash(wishing.template)
      const actions = daemonSets(
        viewOf({
          daemonsets: [{ ...set, spec: wishing }],
          nodes: [labelled, node('s2')],
          pods: [on('s1', now, ready), on('s2', now, ready)],
        }),
      )
      expect(actions).toMatchObject([
        { do: 'delete', name: 'cilium-s2' },
        { do: 'status', status: { desiredNumberScheduled: 1, numberReady: 1, numberMisscheduled: 1 } },
      ])
    }
  })
})

describe('jobs', () => {
  const spec = { template, completions: 1, parallelism: 1, backoffLimit: 1 }
  const job = object('Job', 'j', { spec })
  const pod = (phase: string, finishedAt = '2026-01-01T11:59:59Z') =>
    object(
      'Pod',
      `j-${phase}`,
      { spec: {}, status: { phase, containerStatuses: [{ state: { terminated: { finishedAt } } }] } },
      { ownerReferences: ownerOf(job) },
    )
  const run = (...pods: ReturnType<typeof pod>[]) => jobs(viewOf({ jobs: [job], pods }))

  it('start a pod, wait for it, and complete', () => {
    expect(run()[0]).toMatchObject({ do: 'create', object: { metadata: { labels: { 'job-name': 'j' } } } })
    expect(run(pod('Running')).filter((action) => action.do === 'create')).toEqual([])
    expect(run(pod('Succeeded')).at(-1)).toMatchObject({ status: { succeeded: 1, conditions: [{ type: 'Complete' }] } })
  })
  it('try again after a while, until the limit', () => {
    expect(run(pod('Failed')).some((action) => action.do === 'create')).toBe(false)
    expect(run(pod('Failed', '2026-01-01T11:00:00Z')).some((action) => action.do === 'create')).toBe(true)
    const both = [pod('Failed'), pod('Failed')]
    expect(run(...both).at(-1)).toMatchObject({
      status: { conditions: [{ type: 'Failed', reason: 'BackoffLimitExceeded' }] },
    })
  })
})

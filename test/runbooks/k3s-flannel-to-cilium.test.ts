import { describe, expect, it } from 'vitest'
import { flannelToCilium } from '../../runbooks/k3s-flannel-to-cilium.ts'
import { type ChangeStep, CLUSTER } from '../../src/engine/model.ts'
import { plan } from '../../src/engine/planner.ts'
import type { Facts } from '../../src/facts/facts.ts'
import type { World } from '../../src/operations/world.ts'
import { someFacts, someInventory } from '../operations/some-facts.ts'

const runbook = flannelToCilium(someInventory)
const meta = { id: 'p', createdAt: '2026-11-21T10:00:00Z', toolVersion: '0', cluster: 'lab', inventoryDigest: 'd' }
const planned = (order: 'staged' | 'seed') => plan(runbook, { order }, someFacts(), meta)

/** The facts after every change of the runbook, as predicted. */
function predicted(order: 'staged' | 'seed'): Facts {
  let facts = someFacts()
  for (const step of runbook.phases({ order }, facts).flatMap((phase) => phase.steps)) {
    if (step.kind !== 'change') continue
    for (const target of step.targets(facts)) {
      const change = step.operation.diff(facts, target)
      if (change !== null) facts = step.operation.predict(facts, target, change)
    }
  }
  return facts
}

describe.each(['staged', 'seed'] as const)('%s', (order) => {
  const steps = () => planned(order).steps
  const at = (id: string) => steps().findIndex((step) => step.stepId === id)

  it('finds nothing that blocks on a whole cluster', () => {
    expect(planned(order).findings.filter((finding) => finding.level !== 'fine')).toEqual([])
  })

  it('saves before it changes: backups and snapshot come before the first stop', () => {
    expect(at('backup')).toBeLessThan(at('etcd-snapshot'))
    expect(at('etcd-snapshot')).toBeLessThan(at('quiet'))
    expect(at('quiet')).toBeLessThan(at('stop-agents'))
  })

  it('starts what it stopped: a start is a change only because a stop stands before it', () => {
    expect(steps()[at('start-servers')]?.tasks.map((task) => task.target)).toEqual(['s1', 's2', 's3'])
    expect(steps()[at('start-agents')]?.tasks.map((task) => task.target)).toEqual(['a1'])
    const running = runbook.phases({ order }, someFacts()).flatMap((phase) => phase.steps)
    const start = running.find(
      (step): step is ChangeStep<Facts, World> => step.id === 'start-servers' && step.kind === 'change',
    )
    const facts = someFacts()
    for (const { k3s } of Object.values(facts.nodes)) k3s.cni.confDir = '/etc/cni/net.d'
    expect(start?.operation.diff(facts, 's1')).toBeNull()
  })

  it('stops the lifeboat last, and starts all servers together', () => {
    expect(steps()[at('stop-servers')]?.tasks.map((task) => task.target)).toEqual(['s1', 's2', 's3'])
    expect(steps()[at('stop-servers')]?.order).toBe('serial')
    expect(steps()[at('start-servers')]?.order).toBe('parallel')
  })

  it('removes kube-router before a pod gets a new address', () => {
    expect(at('kube-router-rules')).toBeLessThan(at('pods'))
  })

  it('ends where nothing is left to do', () => {
    expect(runbook.finished(predicted(order), { order })).toBe(true)
    expect(plan(runbook, { order }, predicted(order), meta).steps).toEqual([])
    expect(runbook.finished(someFacts(), { order })).toBe(false)
  })

  it('plans the same thing twice', () => {
    expect(planned(order)).toEqual(planned(order))
  })
})

it('staged: nothing is stopped before Cilium was healthy beside flannel, and flannel goes only after the pods', () => {
  const ids = planned('staged').steps.map((step) => step.stepId)
  expect(ids.indexOf('cilium-carries-nothing')).toBeLessThan(ids.indexOf('stop-agents'))
  expect(ids.indexOf('pods')).toBeLessThan(ids.indexOf('flannel-files'))
})

it('going back, pods are moved only after K3s runs with flannel, and Cilium goes only after them', () => {
  const ids = planned('staged').steps.map((step) => step.stepId)
  const back = ids.toReversed()
  expect(back.indexOf('stop-servers')).toBeLessThan(back.indexOf('cluster-way-back'))
  expect(back.indexOf('cluster-way-back')).toBeLessThan(back.indexOf('pods-way-back'))
  expect(back.indexOf('pods-way-back')).toBeLessThan(back.indexOf('cilium-beside'))
  expect(back.indexOf('cilium-beside')).toBeLessThan(back.indexOf('cilium-way-back'))
})

it('seed, going back: the tunnel is gone before flannel starts', () => {
  const back = planned('seed')
    .steps.map((step) => step.stepId)
    .toReversed()
  expect(back.indexOf('cilium-carrying')).toBeLessThan(back.indexOf('cilium-way-back'))
  expect(back.indexOf('cilium-way-back')).toBeLessThan(back.indexOf('stop-servers'))
})

describe('guards', () => {
  const guardedIn = (order: 'staged' | 'seed') =>
    planned(order).steps.flatMap(({ stepId, guard }) => (guard === undefined ? [] : [stepId]))

  it('stand wherever agents of Cilium start, and rules or links are removed', () => {
    const removals = ['kube-router-rules', 'flannel-rules', 'flannel-files']
    const others = ['cilium-on-the-rest', 'cilium-on-the-lifeboat']
    expect(guardedIn('staged')).toEqual(['cilium-beside', ...others, ...removals, 'policies-on'])
    expect(guardedIn('seed')).toEqual([...removals, 'cilium-carrying', ...others, 'policies-on'])
  })

  it('stand on every node that the step can reach, and on no other', () => {
    const { steps } = planned('staged')
    const guards = (id: string) => steps.find((step) => step.stepId === id)?.guard?.targets
    expect(guards('cilium-beside')).toEqual(['s1', 's2', 's3', 'a1'])
    const purge = steps.find((step) => step.stepId === 'kube-router-rules')
    expect(guards('kube-router-rules')).toEqual(purge?.tasks.map(({ target }) => target))
  })
})

it.each([
  'staged',
  'seed',
] as const)('%s: Cilium comes to the canary, then to the rest, to the lifeboat last', (order) => {
  const { steps } = planned(order)
  const admitting = steps.filter(({ operation }) => operation === 'cilium.admitted')
  expect(admitting.map(({ stepId, tasks }) => [stepId, tasks.map(({ target }) => target)])).toEqual([
    ['canary', ['a1']],
    ['cilium-on-the-rest', ['s1', 's2']],
    ['cilium-on-the-lifeboat', ['s3']],
  ])
  const ends = steps.find(({ operation }) => operation === 'node.labels-absent')
  expect(ends?.tasks.map(({ target }) => target)).toEqual(['s1', 's2', 's3', 'a1'])
  const ids = steps.map(({ stepId }) => stepId)
  const install = order === 'staged' ? 'cilium-beside' : 'cilium-carrying'
  const inOrder = ['canary', install, 'canary-healthy', 'cilium-on-the-rest', 'rest-healthy', 'cilium-on-the-lifeboat']
  expect(ids.filter((id) => inOrder.includes(id))).toEqual(inOrder)
})

it('of a cluster of one node that one is the canary', () => {
  const facts = someFacts()
  for (const name of ['s1', 's2', 'a1']) delete facts.nodes[name]
  facts.kube.nodes = facts.kube.nodes.filter(({ name }) => name === 's3')
  const alone = { ...someInventory, nodes: someInventory.nodes.filter(({ name }) => name === 's3'), canary: 's3' }
  const { steps } = plan(flannelToCilium(alone), { order: 'staged' }, facts, meta)
  const admitting = steps.filter(({ operation }) => operation === 'cilium.admitted')
  expect(admitting.flatMap(({ stepId, tasks }) => tasks.map(({ target }) => `${stepId} ${target}`))).toEqual([
    'canary s3',
  ])
})

it('refuses an order it does not know', () => {
  expect(() => runbook.parseParams({ order: 'quick' })).toThrow('order')
})

it('is for cluster objects as for nodes', () => {
  expect(
    planned('staged')
      .steps.find((step) => step.stepId === 'quiet')
      ?.tasks.map((task) => task.target),
  ).toEqual([CLUSTER])
})

it('where it is asked for, what policies would drop is logged before it is dropped', () => {
  const cilium = { ...someInventory.cilium, auditPolicies: true }
  const { steps } = plan(flannelToCilium({ ...someInventory, cilium }), {}, someFacts(), meta)
  const text = (id: string) => JSON.stringify(steps.find(({ stepId }) => stepId === id)?.tasks)
  expect(text('policies-audited')).toMatch(/policyEnforcementMode: default\\npolicyAuditMode: true/)
  expect(text('policies-on')).not.toMatch(/\+policyAuditMode/)
  const ids = steps.map(({ stepId }) => stepId)
  expect(ids.indexOf('policies-on') - ids.indexOf('policies-audited')).toBe(1)
  expect(planned('staged').steps.some(({ stepId }) => stepId === 'policies-audited')).toBe(false)
})
